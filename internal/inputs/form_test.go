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
		{"secret-key", key + `\n`, `has a \ in it`},
		{"secret-key", "Ｇ" + key, "is not ASCII"},
		{"secret-key", key + "!", "no key has"},
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
