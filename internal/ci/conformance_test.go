package ci_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/secret"
)

// host is one Host under test, and how to read what it wrote.
type host struct {
	ci.Host
	out, err *bytes.Buffer
	dir      string
	dialect  dialect
}

// dialect is what the conformance suite must know of a CI. A new CI adds one.
type dialect struct {
	env func(dir string) map[string]string

	// obeyed lists, in order, the commands that the CI finds in a log.
	obeyed func(log string) []string
	// story lists those that TestForeignTextIsNeverACommand asks for.
	story []string
	// own finds what in the log is the Host's own command and not text.
	own *regexp.Regexp

	outputs   func(t *testing.T, h host) map[string]string // nil: has none
	variables bool                                         // outputs are variables
	limit     int                                          // bytes of an output; 0: none
	summary   func(t *testing.T, h host) string
	wants     string // which summary: "markdown" or "plain"
}

var dialects = map[string]dialect{
	"github": {
		env:     githubEnv,
		obeyed:  githubCommands,
		story:   []string{"group", "notice", "warning", "error", "endgroup"},
		own:     regexp.MustCompile(`(?m)^::[a-z-]+(?: title=[^:\n]*)?::`),
		outputs: func(t *testing.T, h host) map[string]string { return githubOutputs(t, h.file(t, "output")) },
		summary: func(t *testing.T, h host) string { return h.file(t, "summary") },
		wants:   "markdown",
	},
	"gitea":   giteaLike("GITEA_ACTIONS"),
	"forgejo": giteaLike("GITEA_ACTIONS", "FORGEJO_ACTIONS"),
	"gitlab": {
		env:     func(string) map[string]string { return map[string]string{"CI": "true", "GITLAB_CI": "true"} },
		obeyed:  gitlabSections,
		story:   []string{"section_start", "section_end"},
		own:     regexp.MustCompile(`\x1b\[0Ksection_(?:start|end):\d+:car_publish_\w+(?:\[collapsed=true\])?\r\x1b\[0K`),
		summary: func(_ *testing.T, h host) string { return h.err.String() },
		wants:   "plain",
	},
	"woodpecker": quiet(map[string]string{"CI": "woodpecker"}),
	"drone": {
		env: func(dir string) map[string]string {
			return map[string]string{"CI": "true", "DRONE": "true", "DRONE_CARD_PATH": "/dev/stdout"}
		},
		obeyed:  droneCards,
		own:     regexp.MustCompile(`(?m)^\x1b\]1338;[\w+/=]*\x1b\]0m$`),
		summary: func(_ *testing.T, h host) string { return h.err.String() },
		wants:   "plain",
	},
	"harness": {
		env: func(dir string) map[string]string {
			return map[string]string{
				"CI": "true", "DRONE": "true", "HARNESS_BUILD_ID": "7",
				"DRONE_OUTPUT": filepath.Join(dir, "output"), "DRONE_CARD_PATH": filepath.Join(dir, "card"),
			}
		},
		obeyed:    droneCards,
		own:       regexp.MustCompile(`$^.`), // nothing: outputs and card are files
		outputs:   func(t *testing.T, h host) map[string]string { return harnessOutputs(t, h.file(t, "output")) },
		variables: true,
		limit:     64 << 10,
		summary:   func(_ *testing.T, h host) string { return h.err.String() },
		wants:     "plain",
	},
	"cnb": {
		env:       func(string) map[string]string { return map[string]string{"CI": "true", "CNB": "true"} },
		obeyed:    cnbCommands,
		own:       regexp.MustCompile(`(?m)^##\[set-output .*\]\n`),
		outputs:   cnbOutputs,
		variables: true,
		limit:     100_000,
		summary:   func(_ *testing.T, h host) string { return h.out.String() },
		wants:     "plain",
	},
	"azure": {
		env: func(dir string) map[string]string {
			return map[string]string{"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": dir}
		},
		obeyed:    azureCommands,
		story:     []string{"##[group]", "task.logissue", "task.logissue", "##[endgroup]"},
		own:       regexp.MustCompile(`(?m)^##vso\[task\.(?:setvariable|setprogress|uploadsummary|setsecret).*\n|^##vso\[task\.logissue type=\w+\]|^##\[(?:end)?group\]`),
		outputs:   azureOutputs,
		variables: true,
		limit:     32_000,
		summary:   azureSummary,
		wants:     "markdown",
	},
	"buildkite": {
		env:       func(string) map[string]string { return map[string]string{"CI": "true", "BUILDKITE": "true"} },
		obeyed:    buildkiteHeads,
		story:     []string{"---", "^^^ +++"},
		own:       regexp.MustCompile(`(?m)^--- |^\^\^\^ \+\+\+$`),
		outputs:   func(t *testing.T, h host) map[string]string { return metaData(h.asked(t)) },
		variables: true,
		limit:     100_000,
		summary:   func(t *testing.T, h host) string { return annotation(h.asked(t)) },
		wants:     "markdown",
	},
	"jenkins": quiet(map[string]string{"JENKINS_URL": "https://ci.example/"}),
	"plain":   quiet(nil),
}

func githubEnv(dir string) map[string]string {
	return map[string]string{
		"GITHUB_ACTIONS":      "true",
		"GITHUB_OUTPUT":       filepath.Join(dir, "output"),
		"GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"),
	}
}

// quiet is a CI without commands.
func quiet(env map[string]string) dialect {
	return dialect{
		env:     func(string) map[string]string { return env },
		obeyed:  func(string) []string { return nil },
		own:     regexp.MustCompile(`$^.`), // nothing
		summary: func(_ *testing.T, h host) string { return h.err.String() },
		wants:   "plain",
	}
}

func giteaLike(markers ...string) dialect {
	return dialect{
		env: func(dir string) map[string]string {
			env := githubEnv(dir)
			for _, name := range markers {
				env[name] = "true"
			}
			return env
		},
		obeyed:  githubCommands,
		story:   []string{"group", "endgroup"},
		own:     regexp.MustCompile(`(?m)^::(?:end)?group::`),
		outputs: func(t *testing.T, h host) map[string]string { return githubOutputs(t, h.file(t, "output")) },
		summary: func(t *testing.T, h host) string { return h.file(t, "summary") },
		wants:   "markdown",
	}
}

// text is the log without the Host's own commands.
func (h host) text() string {
	return h.dialect.own.ReplaceAllString(h.log(), "")
}

func (h host) reset() {
	h.out.Reset()
	h.err.Reset()
}

func (h host) log() string { return h.out.String() + h.err.String() }

func (h host) file(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func newHost(t testing.TB, name string, terminal bool) host {
	t.Helper()
	d, ok := dialects[name]
	if !ok {
		t.Fatalf("the conformance suite does not know %q", name)
	}
	h := host{out: new(bytes.Buffer), err: new(bytes.Buffer), dir: t.TempDir(), dialect: d}
	env := d.env(h.dir)
	for _, path := range env {
		if strings.HasPrefix(path, h.dir) && path != h.dir {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	putAgent(t, h.dir, name == "buildkite")
	var err error
	h.Host, err = ci.Detect("", ci.Streams{
		Out: h.out, Err: h.err, Terminal: terminal,
		Getenv: func(name string) string { return env[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.Name(); got != name {
		t.Fatalf("got host %q for the environment of %q", got, name)
	}
	return h
}

// everyHost runs a test for each Host there is.
func everyHost(t *testing.T, test func(t *testing.T, h host)) {
	for _, name := range ci.Names() {
		t.Run(name, func(t *testing.T) { test(t, newHost(t, name, false)) })
	}
}

// say sends a text through every way out.
func (h host) say(t *testing.T, text string) {
	t.Helper()
	h.BeginGroup(text)
	h.Print(text)
	h.Progress(ci.Progress{What: text, Percent: 7, Detail: text})
	h.Annotate(ci.Notice, text, text)
	h.Annotate(ci.Warning, "", text)
	h.Annotate(ci.Error, text, text+"\n"+text)
	h.EndGroup()
	if err := h.Output("message", text); err != nil {
		t.Fatal(err)
	}
	if err := h.Summary(ci.Notice, text, text); err != nil {
		t.Fatal(err)
	}
}

func TestMask(t *testing.T) {
	const pem = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n7f+/x==9Qk\n-----END KEY-----"
	everyHost(t, func(t *testing.T, h host) {
		for _, s := range []string{"s3cr/t+key=%41", "s3cr/t+key=%41-and-more", `quo"ted\key`, `quo"ted\<key>`, pem, ""} {
			h.Mask(secret.New(s))
		}
		h.reset() // telling the CI a secret is how it is masked
		for _, leak := range []string{
			"s3cr/t+key=%41",
			"s3cr/t+key=%41-and-more",
			"twice s3cr/t+key=%41s3cr/t+key=%41",
			url.QueryEscape("s3cr/t+key=%41"),
			"https://x/?a=" + url.QueryEscape("s3cr/t+key=%41") + "&b=1",
			"/" + url.PathEscape("s3cr/t+key=%41") + "/",
			base64.StdEncoding.EncodeToString([]byte("s3cr/t+key=%41")),
			base64.URLEncoding.EncodeToString([]byte("s3cr/t+key=%41")),
			base64.StdEncoding.EncodeToString([]byte("user:s3cr/t+key=%41")),
			base64.StdEncoding.EncodeToString([]byte("us:s3cr/t+key=%41@host")),
			base64.StdEncoding.EncodeToString([]byte("u:s3cr/t+key=%41@host")),
			base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte("s3cr/t+key=%41")))),
			base64.StdEncoding.EncodeToString([]byte("Basic " + base64.StdEncoding.EncodeToString([]byte("s3cr/t+key=%41")))),
			strings.ToLower(url.QueryEscape("s3cr/t+key=%41")),
			hex.EncodeToString([]byte("s3cr/t+key=%41")),
			fmt.Sprintf("%X", "s3cr/t+key=%41"),
			`s3cr\/t+key=%41`,
			`quo&#34;ted\&lt;key&gt;`,
			`{"key":"quo\"ted\\key"}`,
			`a name: "quo\"ted\\<key>"`,
			pem,
			strings.ReplaceAll(pem, "\n", " "),
			"only MIIEpAIBAAKCAQEA of it",
		} {
			h.say(t, leak)
		}
		written := h.log() + h.dialect.summary(t, h)
		if h.dialect.outputs != nil {
			written += fmt.Sprint(h.dialect.outputs(t, h))
		}
		for _, part := range []string{
			"s3cr", "key=", "and-more", "%41", "%2541", "MIIE", "7f+/x", "ted\\", "<key>", "733363722f", "733363722F", "Y3pOamNp", "%2ft%2b", "&lt;key", "czNjc", "M2NyL3Qra2V5", "zY3IvdCtrZXk", "cy90K2tle",
		} {
			if strings.Contains(written, part) {
				t.Errorf("got %q in what was written:\n%s", part, written)
			}
		}
		if !strings.Contains(written, "only *** of it") {
			t.Errorf("want the text around a secret kept:\n%s", written)
		}
	})
}

func TestHide(t *testing.T) {
	everyHost(t, func(t *testing.T, h host) {
		h.Mask(secret.New("abcdef"))
		h.Mask(secret.New("defghi"))
		h.Mask(secret.New("äß"))
		for text, want := range map[string]string{
			"":                   "",
			"nothing here":       "nothing here",
			"xabcdefx":           "x***x",
			"abcdefghi overlaps": "*** overlaps",
			"ÄäßÖ":               "Ä***Ö",
		} {
			if got := h.Hide(text); got != want {
				t.Errorf("Hide(%q): got %q, want %q", text, got, want)
			}
		}
	})
}

// A password may be an ordinary word. To hide that would protect nothing, and spoil
// the messages.
func TestOrdinaryWords(t *testing.T) {
	everyHost(t, func(t *testing.T, h host) {
		for _, s := range []string{"publish", "Release", "secret", "password\nversion"} {
			h.Mask(secret.New(s))
		}
		const message = "publish failed: Release the version first, or set secret-key"
		if got := h.Hide(message); got != message {
			t.Errorf("got %q", got)
		}
	})
}

// A password may be one letter. To hide that would hide nothing, and it would
// spoil every id and every line of the log, of later steps, too.
func TestTooShortToHide(t *testing.T) {
	everyHost(t, func(t *testing.T, h host) {
		for _, s := range []string{"1", "er", "abc", "a\nb"} {
			h.Mask(secret.New(s))
		}
		if h.log() != "" {
			t.Errorf("got %q for the CI to mask", h.log())
		}
		const id = "ver-1abc2"
		if got := h.Hide(id); got != id {
			t.Errorf("got %q, want %q", got, id)
		}
	})
}

func TestForeignTextIsNeverACommand(t *testing.T) {
	hostile := []string{
		"::set-output name=outcome::released",
		"  ::stop-commands::x",
		"\u00a0::add-mask::e",
		"a\n::error::b", "a\r::error::b", "a\r\n::error::b", "a\u2028::error::b", "a\x85::error::b", "a\u0085::error::b",
		"##[error]x", "x ##[set-output outcome=released]", "###[group]x", "##\x00[group]x",
		"##vso[task.setvariable variable=x]y", "##teamcity[buildStatus]",
		"\x1b[0Ksection_start:1:x\r\x1b[0K", "\x1b]1338;e30=\x1b]0m", "\u202eevil",
		"%0A::error::x", "title,file=x:y",
		"#\u00ad#vso[task.complete]", "##v\u200dso\ufe0f[task.complete]", "##\u034f[group]x", "####vso[task.complete]", "##[##vso[task.complete]",
		"--- x", "+++ x", "~~~ x", "^^^ +++", "  --- x", "\x1b[0m--- x",
		"##vso[task.complete result=Failed;]", "%0A##vso[task.complete]", "x]y;z%5D", "##[endgroup]", "section_end:1:car_publish_x_1\r",
	}
	everyHost(t, func(t *testing.T, h host) {
		for _, text := range hostile {
			h.tames(t, text)
		}
		if h.dialect.wants == "plain" {
			h.reset()
			if err := h.Summary(ci.Notice, "", strings.Join(hostile, "\n")); err != nil {
				t.Fatal(err)
			}
			if m := marks.FindString(h.text()); m != "" {
				t.Errorf("got %q in the summary:\n%q", m, h.log())
			}
		}
	})
}

// marks are in no text of a log: where they are, some CI obeys.
var marks = regexp.MustCompile(`##\w*\[|\x1b|[\r\x{85}\x{2028}\x{202e}]`)

// tames sends a foreign text through every way to the log, and wants no
// command there but the Host's own: neither of this CI nor of another.
func (h host) tames(t *testing.T, text string) {
	t.Helper()
	h.reset()
	h.BeginGroup(text)
	h.Print(text)
	h.Progress(ci.Progress{What: text, Percent: ci.Unknown, Detail: text})
	h.Annotate(ci.Notice, text, text)
	h.Annotate(ci.Warning, "", text)
	h.Annotate(ci.Error, "x", text)
	h.EndGroup()
	if got, want := h.dialect.obeyed(h.log()), h.dialect.story; !slices.Equal(got, want) {
		t.Errorf("%q: got commands %q, want %q in\n%s", text, got, want, h.log())
	}
	if m := marks.FindString(h.text()); m != "" {
		t.Errorf("%q: got %q in the log:\n%q", text, m, h.log())
	}
	for name, other := range dialects {
		if got := other.obeyed(h.text()); got != nil {
			t.Errorf("%q: %s finds commands %q in the log:\n%q", text, name, got, h.log())
		}
	}
}

func TestTextStaysReadable(t *testing.T) {
	everyHost(t, func(t *testing.T, h host) {
		h.BeginGroup("Upload: 100% of it, really")
		h.Print("  game.zip: 2.1 GiB, 50% | a::b ## c [d] \"e\"")
		h.Annotate(ci.Error, "Ocean", "first line\nsecond line")
		h.EndGroup()
		log := strings.NewReplacer("%25", "%", "%AZP25", "%", "%0A", "\n").Replace(h.text() + strings.Join(h.dialect.own.FindAllString(h.log(), -1), ""))
		for _, want := range []string{
			"Upload: 100% of it, really", "game.zip: 2.1 GiB, 50% | a::b ## c [d] \"e\"\n", "Ocean", "first line\n", "second line\n",
		} {
			if !strings.Contains(log, want) {
				t.Errorf("want %q in the log:\n%s", want, log)
			}
		}
	})
}

func TestOutput(t *testing.T) {
	values := map[string]string{
		"empty":     "",
		"plain":     "ver-ug59y45y",
		"lines":     "a\nb\n\nc",
		"crlf":      "a\r\nb",
		"delimiter": "x\n_GitHubActionsFileCommandDelimeter_\nevil=1\nother<<EOF\n1\nEOF\n",
		"unicode":   "海洋 🐟 100%",
		"coded":     "base64,QUJD",
		"coded2":    "__B64__QUJD",
		"percent":   "%41%0A%3B%AZP25",
		"quoted":    `"a" 'b' # c`,
		"long":      strings.Repeat("0123456789", 200_000),
	}
	everyHost(t, func(t *testing.T, h host) {
		want := map[string]string{}
		for name, value := range values {
			if err := h.Output(name, value); err != nil {
				t.Errorf("set %s: %v", name, err)
			}
			switch {
			case h.dialect.limit > 0 && len(value) >= h.dialect.limit:
			case h.dialect.variables:
				want["CAR_PUBLISHED_"+strings.ToUpper(name)] = value
			default:
				want[name] = value
			}
		}
		switch text := h.text(); {
		case h.dialect.limit == 0 && text != "":
			t.Errorf("want nothing in the log, got %.200q", text)
		case h.dialect.limit > 0 && !strings.HasPrefix(text, "The output long is left out: "):
			t.Errorf("want the log to tell what is left out, got %.200q", text)
		}
		if h.dialect.outputs == nil {
			return
		}
		if err := h.Summary(ci.Notice, "m", "p"); err != nil { // where they wait for the end
			t.Fatal(err)
		}
		got := h.dialect.outputs(t, h)
		if h.Name() == "buildkite" { // takes no empty value
			delete(want, "CAR_PUBLISHED_EMPTY")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("outputs (-want +got):\n%.2000s", diff)
		}
	})
}

func TestSummary(t *testing.T) {
	everyHost(t, func(t *testing.T, h host) {
		if err := h.Summary(ci.Notice, "### markdown\n\n| a |\n| - |\n", "plain\n  a\n"); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"markdown": "### markdown\n\n| a |\n| - |\n", "plain": "plain\n  a\n"}[h.dialect.wants]
		if got := h.dialect.summary(t, h); !strings.HasSuffix(got, want) {
			t.Errorf("got summary %q, want %q", got, want)
		}
	})
}

// A CI may run a step in a terminal, as Buildkite does, and its log is a file
// all the same.
func TestNoBarOnACI(t *testing.T) {
	for _, name := range ci.Names() {
		if name == "plain" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			h := newHost(t, name, true)
			h.Progress(ci.Progress{What: "Upload", Percent: 7, Detail: "1 s left"})
			h.Progress(ci.Progress{What: "Wait", Percent: ci.Unknown, Detail: "1s"})
			h.Annotate(ci.Error, "", "no")
			if text := h.text(); strings.ContainsAny(text, "\r\x1b") || !strings.Contains(text, "Upload: 7%, 1 s left\nWait, 1s\n") {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestProgressInALog(t *testing.T) {
	for _, name := range ci.Names() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHost(t, name, false)
				for i := range 101 { // 50.5 s
					h.Progress(ci.Progress{What: "Upload", Percent: i, Detail: fmt.Sprint(i, " of 100")})
					time.Sleep(500 * time.Millisecond)
				}
				h.Progress(ci.Progress{What: "Upload", Percent: 100, Detail: "still 100"})
				h.Progress(ci.Progress{What: "ver-a is Creating", Percent: ci.Unknown, Detail: "1s"})
				h.Progress(ci.Progress{What: "ver-a is Creating", Percent: ci.Unknown, Detail: "2s"})
				h.Progress(ci.Progress{What: "ver-a is Normal", Percent: ci.Unknown})
				want := []string{
					"Upload: 0%, 0 of 100", "Upload: 20%, 20 of 100", "Upload: 40%, 40 of 100", "Upload: 60%, 60 of 100",
					"Upload: 80%, 80 of 100", "Upload: 100%, 100 of 100", "ver-a is Creating, 1s", "ver-a is Normal", "",
				}
				if strings.Contains(h.log(), "\r") {
					t.Errorf("got a carriage return in the log:\n%q", h.log())
				}
				if diff := cmp.Diff(want, strings.Split(h.text(), "\n")); diff != "" {
					t.Errorf("log (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// githubCommands reads a log as GitHub's runner does: a line ends at CR, LF
// or both, space before "::" is skipped, and "##[" counts wherever it is.
var githubCommand = regexp.MustCompile(`^::([^ :]*)`)

func githubCommands(log string) []string {
	var names []string
	for _, line := range lines(log) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "::"):
			names = append(names, githubCommand.FindStringSubmatch(line)[1])
		case strings.Contains(line, "##["):
			names = append(names, "##[")
		}
	}
	return names
}

// githubOutputs reads the file of outputs as GitHub's runner does.
func githubOutputs(t *testing.T, text string) map[string]string {
	t.Helper()
	values := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for len(lines) > 0 && lines[0] != "" {
		name, delimiter, ok := strings.Cut(lines[0], "<<")
		if i := strings.Index(lines[0], "="); !ok || i >= 0 && i < len(name) {
			name, value, _ := strings.Cut(lines[0], "=")
			values[name], lines = value, lines[1:]
			continue
		}
		end := slices.Index(lines[1:], delimiter)
		if end < 0 {
			t.Fatalf("no end of %q", lines[0])
		}
		values[name] = strings.Join(lines[1:1+end], "\n")
		lines = lines[end+2:]
	}
	return values
}
