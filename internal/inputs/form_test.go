package inputs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What people type as a list is read as one, or refused; never passed on as something
// else.
func TestListsAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	two := []string{"ap-tokyo", "ap-seoul"}
	for _, text := range []string{
		"ap-tokyo,ap-seoul", "ap-tokyo ap-seoul", "- ap-tokyo\n- ap-seoul", "  - ap-tokyo\r\n  - ap-seoul\r\n", "-\tap-tokyo\n-\tap-seoul",
		"- \"ap-tokyo\"\n- 'ap-seoul'", "ap-tokyo，ap-seoul", "ap-tokyo;ap-seoul", "ap-tokyo；ap-seoul", "ap-tokyo、ap-seoul", "ap-tokyo、\nap-seoul、",
		"ap-tokyo|ap-seoul", `["ap-tokyo", "ap-seoul"]`, "[ap-tokyo, ap-seoul]", "['ap-tokyo', 'ap-seoul']", "[ap-tokyo，ap-seoul]",
		`"ap-tokyo","ap-seoul"`, `"ap-tokyo，ap-seoul"`, "'- ap-tokyo\n- ap-seoul'", `“ap-tokyo”，“ap-seoul”`, "ap-tokyo,ap-seoul,", "ap-tokyo\u3000ap-seoul", "ap-tokyo\u00a0ap-seoul", "ap-tokyo, ap-seoul, ap-tokyo",
	} {
		c, warnings, problems := parse(t, "", with(complete, "CAR_REGIONS="+text))
		if diff := cmp.Diff(two, c.Regions); diff != "" || warnings != nil || problems != nil {
			t.Errorf("%q: got warnings %q, problems %q, regions (-want +got):\n%s", text, warnings, problems, diff)
		}
	}
	for text, hint := range map[string]string{
		"AP-Tokyo": "did you mean ap-tokyo?", "ap_tokyo": "did you mean ap-tokyo?", "ap-tokyo\u200b": "did you mean ap-tokyo?",
		"東京": "commas between them", "ap-tokyo/ap-seoul": "commas between them", "-": "commas between them", "ap--tokyo ": "did you mean", "ap-tokyo.": "did you mean",
		`[]`: "commas between them", "{ap-tokyo}": "did you mean", `{"a":"ap-tokyo"}`: "commas between them", ",": "commas between them",
		"${{ vars.REGIONS }}": "expression that nobody expanded", "$REGIONS": "variable that nobody expanded", "%REGIONS%": "variable that nobody expanded", "$(regions)": "variable that nobody expanded",
	} {
		c, _, problems := parse(t, "", with(complete, "CAR_REGIONS="+text))
		if len(problems) != 1 || !strings.Contains(problems[0], "can be no list of regions") || !strings.Contains(problems[0], hint) || c.Regions != nil {
			t.Errorf("%q: got regions %q, problems %q, want one that says %q", text, c.Regions, problems, hint)
		}
	}
}

func TestOtherLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		get        func(Config) []string
		want       []string
	}{
		{"keep", "- gold-*\n- ver-1", func(c Config) []string { return c.Keep }, []string{"gold-*", "ver-1"}},
		{"keep", "[ab]*", func(c Config) []string { return c.Keep }, []string{"[ab]*"}},
		{"keep", "[gold-*, 'ver-1']", func(c Config) []string { return c.Keep }, []string{"gold-*", "ver-1"}},
		{"keep", "幻想，1.2", func(c Config) []string { return c.Keep }, []string{"幻想，1.2", "幻想", "1.2"}},
		{"ignore", "- '*.pdb'\n- My Saves/", func(c Config) []string { return c.Ignore }, []string{"*.pdb", "My Saves/"}},
		{"ignore", `["素材，旧版/"]`, func(c Config) []string { return c.Ignore }, []string{"素材，旧版/"}},
		{"ignore", "[*.pdb, Saved/]", func(c Config) []string { return c.Ignore }, []string{"*.pdb", "Saved/"}},
		{"start-processes", "- Game.exe\n- My Game.exe", func(c Config) []string { return c.StartProcesses }, []string{"Game.exe", "My Game.exe"}},
		{"start-processes", "Game.exe；启动.exe", func(c Config) []string { return c.StartProcesses }, []string{"Game.exe", "启动.exe"}},
		{"start-processes", "游戏、启动.exe", func(c Config) []string { return c.StartProcesses }, []string{"游戏、启动.exe"}},
		{"start-processes", `[Game.exe, "Game-Win64-Shipping.exe"]`, func(c Config) []string { return c.StartProcesses }, []string{"Game.exe", "Game-Win64-Shipping.exe"}},
	} {
		c, _, problems := parse(t, "", with(complete, carName(tt.name)+"="+tt.text))
		if diff := cmp.Diff(tt.want, tt.get(c)); diff != "" || problems != nil {
			t.Errorf("%s %q: got problems %q (-want +got):\n%s", tt.name, tt.text, problems, diff)
		}
	}
	_, _, problems := parse(t, "", with(complete, "CAR_IGNORE=*.pdb，Saved/"))
	if len(problems) != 1 || !strings.Contains(problems[0], "commas (,) between them") {
		t.Errorf("got %q for patterns with a comma of full width", problems)
	}
}

// Whatever came with a key on its way is told before any call, and nothing of the key.
func TestKeysOfAWrongForm(t *testing.T) {
	t.Parallel()
	const id, key = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"
	if _, _, problems := parse(t, "", with(complete, "CAR_SECRET_ID="+id, "CAR_SECRET_KEY="+key, "CAR_SESSION_TOKEN="+strings.Repeat("aB3+/=_-", 200)+"==")); problems != nil {
		t.Fatalf("got %q for a good key", problems)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"secret-id", `"` + id + `"`, "is in quotes"},
		{"secret-id", "'" + id + "'", "is in quotes"},
		{"secret-key", "“" + key + "”", "is in quotes"},
		{"secret-key", key + `"`, "has a quote at one end"},
		{"secret-id", "\ufeff" + id, "begins with an invisible character"},
		{"secret-key", key + "\u200b", "ends with an invisible character"},
		{"secret-key", key[:9] + "\u00a0" + key[9:], "has an invisible character in it"},
		{"secret-key", key[:9] + " " + key[9:], "has a blank in it"},
		{"session-token", "\u2060token", "begins with an invisible character"},
		{"secret-id", "${{ secrets.CAR_SECRET_ID }}", "an expression that nobody expanded"},
		{"secret-id", "${{secrets.CAR_SECRET_ID", "an expression that nobody expanded"},
		{"secret-key", `"$CAR_KEY"`, "that nobody expanded"},
		{"secret-key", "${CAR_KEY}", "that nobody expanded"},
		{"secret-key", "$(CAR_KEY)", "that nobody expanded"},
		{"secret-key", "%CAR_KEY%", "that nobody expanded"},
		{"secret-key", "$env:CAR_KEY", "that nobody expanded"},
		{"secret-key", "<+secrets.getValue>", "that nobody expanded"},
		{"secret-id", "TENCENTCLOUD_SECRET_ID=" + id, "has a name in front of it"},
		{"secret-id", "SecretId: " + id, "has a name in front of it"},
		{"secret-id", id + "," + key, "has more than a key in it"},
		{"secret-key", `{"SecretKey":"` + key + `"}`, "is JSON"},
		{"secret-key", "***", "is a placeholder"},
		{"secret-key", "<your secret key>", "is a placeholder"},
		{"secret-key", "undefined", "the word that a program writes for no value"},
		{"secret-id", "100012345678", "the id of an account or an APPID"},
		{"secret-id", "LTAI5tEXAMPLE", "a key of another cloud"},
		{"secret-id", "QUtJRHo4a3Jic0o1eUtCWlFwbjc0V0ZrbUxQeDNFWEFNUExF", "is in base64"},
		{"secret-key", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln", "is a JWT"},
		{"secret-key", key + `\n`, "ends with the escape of a line break"},
		{"secret-key", "Ｇ" + key, "is not ASCII"},
	} {
		for _, variable := range []string{carName(tt.name), sdkVariables[tt.name][0]} {
			environ := []string{"CAR_APPLICATION_ID=app-1", "CAR_ARTIFACT=game.zip"}
			pair := map[string]string{"secret-id": id, "secret-key": key, tt.name: tt.text}
			for name, text := range pair {
				if strings.HasPrefix(variable, "CAR_") {
					environ = append(environ, carName(name)+"="+text)
				} else {
					environ = append(environ, sdkVariables[name][0]+"="+text)
				}
			}
			_, _, problems := parse(t, "", environ)
			if len(problems) != 1 || !strings.Contains(problems[0], tt.name+" "+tt.want) && !strings.Contains(problems[0], tt.want) || !strings.Contains(problems[0], "from "+variable) {
				t.Errorf("%q in %s: got %q, want one problem that says %q", tt.text, variable, problems, tt.want)
			}
			for _, problem := range problems {
				if strings.Contains(problem, id[4:12]) || strings.Contains(problem, key[:8]) {
					t.Errorf("%q shows a part of the key", problem)
				}
			}
		}
	}
	_, warnings, problems := parse(t, "", with(complete, "CAR_SECRET_KEY="+key+"!"))
	if problems != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "secret-key has a character in it") || strings.Contains(warnings[0], key) {
		t.Errorf("got warnings %q, problems %q for an odd mark", warnings, problems)
	}
	for _, pair := range [][3]string{{key, id, "swapped"}, {id, id, "is the same as secret-id"}, {id, strings.ToLower(id[4:]), ""}} {
		_, _, problems := parse(t, "", with(complete, "CAR_SECRET_ID="+pair[0], "CAR_SECRET_KEY="+pair[1]))
		if (len(problems) == 1) != (pair[2] != "") || len(problems) == 1 && !strings.Contains(problems[0], pair[2]) {
			t.Errorf("got %q, want %q", problems, pair[2])
		}
	}
}

func TestKeyFilesOfEditors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\ufeffkey-1\r\n": "begins with an invisible character", "k\x00e\x00y\x00": "UTF-16", `"key-1"` + "\n": "is in quotes",
		"-----BEGIN KEY-----\nx\n": "more than one line",
	} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, problems := parse(t, "", with(without(complete, "CAR_SECRET_KEY"), "CAR_SECRET_KEY_FILE="+file))
		if len(problems) != 1 || !strings.Contains(problems[0], want) {
			t.Errorf("%q: got %q, want %q", text, problems, want)
		}
	}
}

// Nothing that names a proxy is read in another way than it was meant, and no part of
// one is shown.
func TestProxiesOfAWrongForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"http://proxy:3128", "proxy:3128", "http://proxy:3128/", "https://proxy", "socks5://10.0.0.1:1080", "SOCKS5H://[::1]:1080",
		"http://user:p%40ss%2F%23@proxy:3128", "http://user:a:b!$&'()*+,;=@proxy.example.com:3128", "http://token@proxy",
	} {
		for _, name := range []string{"CAR_PROXY", "HTTPS_PROXY", "http_proxy"} {
			if _, warnings, problems := parse(t, "", with(complete, name+"="+text)); warnings != nil || problems != nil {
				t.Errorf("%s=%s: got warnings %q, problems %q, want none", name, text, warnings, problems)
			}
		}
	}
	for text, want := range map[string]string{
		"http://user:100%sure246@127.0.0.1:3128":    "%25 %23 %2F %3F %40",
		"http://user:sure246#word@127.0.0.1:3128":   "%25 %23 %2F %3F %40",
		"http://user:p@sure246/word@127.0.0.1:3128": "%25 %23 %2F %3F %40",
		"http://user:p@sure246@127.0.0.1:3128":      "%25 %23 %2F %3F %40",
		"http://user:sure246?x@proxy":               "%25 %23 %2F %3F %40",
		"http://user:sure246\\x@proxy":              "two digits of base 16",
		"http://user:sure246#word":                  "more than a host and a port",
		"http://proxy:3128/sure246":                 "more than a host and a port",
		"http://proxy:3128?sure246":                 "more than a host and a port",
		"http://user:sure246":                       "is not the URL of a proxy",
		"http://proxy:99999":                        "is not the URL of a proxy",
		"http://proxy:":                             "is not the URL of a proxy",
		"http://":                                   "is not the URL of a proxy",
		"ftp://user:sure246@proxy":                  "http, https, socks5 or socks5h",
		"socks4://proxy":                            "http, https, socks5 or socks5h",
		`"http://proxy:3128"`:                       "is in quotes",
		"http://user:sure 246@proxy":                "has a blank",
		"\ufeffhttp://proxy":                        "has a blank",
		"${{ secrets.PROXY }}":                      "expression that nobody expanded",
		"$PROXY":                                    "variable that nobody expanded",
		"http:/proxy:3128":                          "more than a host and a port",
	} {
		for _, name := range []string{"CAR_PROXY", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"} {
			_, warnings, problems := parse(t, "", with(complete, name+"="+text))
			if len(problems) != 1 || !strings.Contains(problems[0], want) || !strings.Contains(problems[0], "from "+name) || warnings != nil {
				t.Errorf("%s=%s: got warnings %q, problems %q, want one that says %q", name, text, warnings, problems, want)
			}
			if strings.Contains(strings.Join(problems, ""), "sure") {
				t.Errorf("%q shows a part of the password", problems)
			}
		}
	}
	// net/http does not trim a variable: it would ignore this one.
	if _, _, problems := parse(t, "", with(complete, "HTTPS_PROXY=http://proxy:3128\r")); len(problems) != 1 {
		t.Errorf("got %q for a line break at the end", problems)
	}
	// What is not in force does no harm.
	for _, environ := range [][]string{{"CAR_PROXY=proxy:1", "HTTPS_PROXY=a/b"}, {"HTTPS_PROXY=proxy:1", "https_proxy=a/b"}, {"HTTPS_PROXY=proxy:1", "ALL_PROXY=a/b"}, {"NO_PROXY=a;b"}} {
		if _, warnings, problems := parse(t, "", with(complete, environ...)); warnings != nil || problems != nil {
			t.Errorf("%q: got warnings %q, problems %q, want none", environ, warnings, problems)
		}
	}
}

func TestProxyWarnings(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]string{
		"NO_PROXY=a.example, b.example,.c.example,*.d.example,10.0.0.0/8,[::1]": "", "NO_PROXY=*": "",
		"NO_PROXY=a.example;b.example": "only commas separate", "no_proxy=a.example b.example": "only commas separate", "NO_PROXY=a，b": "only commas separate",
		"NO_PROXY=http://a.example": "holds a URL", `NO_PROXY="a.example"`: "has quotes in it", "NO_PROXY=$NO": "nobody expanded", "NO_PROXY=10.0.*": "has a * in it",
	} {
		_, warnings, problems := parse(t, "", with(complete, "HTTPS_PROXY=proxy:1", variable))
		if problems != nil || (len(warnings) == 0) != (want == "") || !strings.Contains(strings.Join(warnings, "\n"), want) {
			t.Errorf("%s: got warnings %q, problems %q, want %q", variable, warnings, problems, want)
		}
	}
	if _, warnings, _ := parse(t, "", with(complete, "ALL_PROXY=socks5://proxy:1")); len(warnings) != 1 || !strings.Contains(warnings[0], "ALL_PROXY is set, but only HTTPS_PROXY") {
		t.Errorf("got %q for ALL_PROXY alone", warnings)
	}
}

func TestURLsThatCARCannotReach(t *testing.T) {
	t.Parallel()
	environ := with(without(complete, "CAR_ARTIFACT"), "CAR_ARTIFACT_NAME=a.zip")
	for host, out := range map[string]bool{
		"10.0.0.5": true, "172.16.3.4:8081": true, "192.168.1.2": true, "127.0.0.1": true, "[::1]:80": true, "169.254.169.254": true, "[fe80::1%25eth0]": true,
		"[fd00::1]": true, "0.0.0.0": true, "100.64.1.1": true, "[::ffff:10.0.0.1]": true, "localhost": true, "nexus": true, "nexus.local": true, "NEXUS.LOCAL.": true,
		"host.docker.internal": true, "minio.svc.cluster.local": true, "files.lan": true, "gitlab.corp": true, "2130706433": true, "127.1": true, "0x7f.1": true, "me:secretpart@nexus": true,
		"8.8.8.8": false, "[2606:4700::1111]": false, "example.com": false, "172.32.0.1": false, "local.example.com": false, "notlocal.com": false, "b-1.cos.ap-tokyo.myqcloud.com:443": false,
	} {
		_, warnings, problems := parse(t, "", with(environ, "CAR_ARTIFACT_URL=https://"+host+"/Game.zip"))
		if problems != nil || (len(warnings) > 0) != out || out && !strings.Contains(warnings[0], "CAR downloads from the Internet") || strings.Contains(strings.Join(warnings, ""), "secretpart") {
			t.Errorf("%s: got warnings %q, problems %q, want a warning: %t", host, warnings, problems, out)
		}
	}
	for text, want := range map[string]string{
		"https://example.com/a b/Game.zip":                                   "https://example.com/a%20b/Game.zip",
		"https://example.com/游戏.zip?name=a b":                                "https://example.com/%E6%B8%B8%E6%88%8F.zip?name=a%20b",
		"https://example.com/a%20b/Game.zip?x=%2F":                           "https://example.com/a%20b/Game.zip?x=%2F",
		"https://example.com/Game.zip?to=https://other.example.com/x&copy=1": "https://example.com/Game.zip?to=https://other.example.com/x&copy=1",
	} {
		c, warnings, problems := parse(t, "", with(environ, "CAR_ARTIFACT_URL="+text))
		if c.ArtifactURL.Reveal() != want || warnings != nil || problems != nil {
			t.Errorf("%s: got %q, warnings %q, problems %q, want %q", text, c.ArtifactURL.Reveal(), warnings, problems, want)
		}
	}
	for text, want := range map[string]string{
		"https://example.com/Game.zip?a=1&amp;sign=secretpart":                 "write & in place of &amp;",
		`https://example.com/Game.zip?a=1\u0026sign=secretpart`:                "write & in place of &amp;",
		`"https://example.com/Game.zip?sign=secretpart"`:                       "is in quotes",
		"${{ steps.b.outputs.url }}":                                           "expression that nobody expanded",
		"$URL":                                                                 "variable that nobody expanded",
		"https://example.com/a.zip?sign=secretpart\nhttps://example.com/b.zip": "on one line",
		"https://example.com/a.zip, https://example.com/b.zip":                 "is more than one URL",
		"https://example.com/a.zip\u200b":                                      "invisible character",
		"https:///Game.zip":                                                    "is not an http or https URL",
	} {
		_, _, problems := parse(t, "", with(environ, "CAR_ARTIFACT_URL="+text))
		if len(problems) != 1 || !strings.Contains(problems[0], want) || strings.Contains(problems[0], "secretpart") {
			t.Errorf("%s: got %q, want one that says %q", text, problems, want)
		}
	}
}

// A report that could not be written at the end is refused now, and nothing is changed
// by looking.
func TestReportsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	inside, outside := filepath.Join(dir, "real.env"), filepath.Join(t.TempDir(), "outside.env")
	for _, file := range []string{inside, outside} {
		if err := os.WriteFile(file, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"in.env": inside, "out.env": outside, "dangling.env": filepath.Join(dir, "later.env")} {
		if err := os.Symlink(target, link); err != nil {
			return // no links on this system
		}
	}
	for file, want := range map[string]bool{"new.env": true, "real.env": true, "in.env": true, "dangling.env": true, "out.env": os.Geteuid() != 0} {
		for _, name := range []string{"output-file", "json-file", "summary-file"} {
			_, _, problems := parse(t, "--"+name+" "+file, complete)
			if (problems == nil) != want || !want && !strings.Contains(problems[0], "outside of the working directory, and root follows no link there") {
				t.Errorf("%s %s: got %q, want it taken: %t", name, file, problems, want)
			}
		}
	}
	entries, err := os.ReadDir(dir)
	if text, _ := os.ReadFile(inside); err != nil || len(entries) != 4 || string(text) != "before" {
		t.Errorf("got %v, %q in the file, %v", entries, text, err)
	}
}
