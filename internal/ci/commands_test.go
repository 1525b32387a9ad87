package ci_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/secret"
)

// scene is the same short run for every CI.
func scene(t *testing.T, h host) {
	t.Helper()
	h.Mask(secret.New("s3cr%t\nline two"))
	h.BeginGroup("Upload")
	h.Print("16 parts")
	h.Progress(ci.Progress{What: "Upload", Percent: 42, Detail: "1 s left"})
	h.BeginGroup("Wait") // ends the group before
	h.Annotate(ci.Warning, "", "w")
	h.EndGroup()
	h.EndGroup() // is not open
	for name, value := range map[string]string{"message": "Ocean: 50% [a;b]"} {
		if err := h.Output(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Summary(ci.Error, "# md\n", "all of it\n"); err != nil {
		t.Fatal(err)
	}
	h.Annotate(ci.Notice, "", "n")
	h.Annotate(ci.Error, "Ocean: no", "50% s3cr%t\nhint")
}

func TestCommands(t *testing.T) {
	const text = `Upload
  16 parts
  Upload: 42%, 1 s left
Wait
warning: w

all of it
note: n
error: Ocean: no: 50% ***
  hint
`
	for name, want := range map[string]string{
		"plain": text, "jenkins": text, "woodpecker": text, "harness": text,
		"drone": text, // and the card, which has a test of its own
		"gitea": `::add-mask::s3cr%25t%0Aline two
::add-mask::s3cr%25t
::add-mask::line two
::group::Upload
16 parts
Upload: 42%, 1 s left
::endgroup::
::group::Wait
warning: w
::endgroup::
all of it
note: n
error: Ocean: no: 50% ***
  hint
`,
		"gitlab": `<esc>[0Ksection_start:946684800:car_publish_ID_1[collapsed=true]<cr><esc>[0KUpload
16 parts
Upload: 42%, 1 s left
<esc>[0Ksection_end:946684800:car_publish_ID_1<cr><esc>[0K
<esc>[0Ksection_start:946684800:car_publish_ID_2[collapsed=true]<cr><esc>[0KWait
warning: w
<esc>[0Ksection_end:946684800:car_publish_ID_2<cr><esc>[0K

all of it
note: n
error: Ocean: no: 50% ***
  hint
`,
		"cnb": `Upload
  16 parts
  Upload: 42%, 1 s left
Wait
warning: w
##[set-output CAR_PUBLISHED_MESSAGE=base64,T2NlYW46IDUwJSBbYTtiXQ==]

all of it
note: n
error: Ocean: no: 50% ***
  hint
`,
		"azure": `##vso[task.setsecret]s3cr%AZP25t%0Aline two
##vso[task.setsecret]s3cr%AZP25t
##vso[task.setsecret]line two
##[group]Upload
16 parts
Upload: 42%, 1 s left
##vso[task.setprogress value=42]Upload
##[endgroup]
##[group]Wait
##vso[task.logissue type=warning]w
##[endgroup]
##vso[task.setvariable variable=CAR_PUBLISHED_MESSAGE;isOutput=true]Ocean: 50%AZP25 [a%3Bb%5D
##vso[task.uploadsummary]<dir>/car-publish-ID/car-publish.md
note: n
##vso[task.logissue type=error]Ocean: no: 50%AZP25 ***%0Ahint
`,
		"buildkite": `--- Upload
16 parts
Upload: 42%, 1 s left
--- Wait
warning: w
note: n
^^^ +++
error: Ocean: no: 50% ***
  hint
`,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, name, false)
			if name == "gitlab" {
				synctest.Test(t, func(t *testing.T) { scene(t, h) })
			} else {
				scene(t, h)
			}
			got := h.log()
			got = regexp.MustCompile(`(car_publish_)\w{8}(_\d)`).ReplaceAllString(got, "${1}ID$2")
			got = regexp.MustCompile(`(car-publish-)\d+`).ReplaceAllString(got, "${1}ID")
			got = regexp.MustCompile("\x1b]1338;.*\x1b]0m\n").ReplaceAllString(got, "")
			got = strings.NewReplacer("\x1b", "<esc>", "\r\n", "\n", "\r", "<cr>", h.dir, "<dir>", `\`, "/").Replace(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			// Commands are read from standard output; where the log is text,
			// standard output is the data's alone.
			toOut := slices.Contains([]string{"gitea", "cnb", "azure"}, name)
			if toOut && h.err.Len() > 0 || !toOut && name != "drone" && h.out.Len() > 0 {
				t.Errorf("got %q on stdout and %q on stderr", h.out.String(), h.err.String())
			}
		})
	}
}

func TestAzureSummaryWithoutAFolder(t *testing.T) {
	for name, dir := range map[string]string{"unset": "", "not in this container": filepath.Join(t.TempDir(), "no"), "relative": "."} {
		var out strings.Builder
		h, err := ci.Detect("azure", ci.Streams{Out: &out, Err: &out, Getenv: func(name string) string {
			return map[string]string{"AGENT_TEMPDIRECTORY": dir}[name]
		}})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Summary(ci.Notice, "# md", "plain\n"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := out.String(); got != "\nplain\n" {
			t.Errorf("%s: got %q, want the plain summary and no command, which would fail the step", name, got)
		}
	}
}

// TestOutputsReferToNothing: a CI that replaces names of variables in a value
// would give away what is in them.
func TestOutputsReferToNothing(t *testing.T) {
	const value = `$A ${B} $(C) <+secrets.getValue("d")> <$+e> $$f`
	for _, name := range []string{"azure", "cnb", "harness"} {
		h := newHost(t, name, false)
		if err := h.Output("message", value); err != nil {
			t.Fatal(err)
		}
		got := h.dialect.outputs(t, h)["CAR_PUBLISHED_MESSAGE"]
		if want := `A {B} (C) <secrets.getValue("d")> <e> f`; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// What Harness's two parsers disagree on is encoded; the plain values stay
// readable.
func TestHarnessValues(t *testing.T) {
	for value, want := range map[string]string{
		"ver-1":              "ver-1",
		`Ocean "x" is ready`: `Ocean "x" is ready`,
		`{"a":1}`:            `{"a":1}`,
		"":                   "",
		"a: b = c":           "a: b = c",
		`"quoted"`:           "__B64__InF1b3RlZCI=",
		"a # b":              "__B64__YSAjIGI=",
		" space":             "__B64__IHNwYWNl",
		"two\nlines":         "__B64__dHdvCmxpbmVz",
		"__B64__":            "__B64__X19CNjRfXw==",
	} {
		h := newHost(t, "harness", false)
		if err := h.Output("message", value); err != nil {
			t.Fatal(err)
		}
		if got := h.file(t, "output"); got != "CAR_PUBLISHED_MESSAGE="+want+"\n" {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

// card reads what Drone keeps for the page of the build.
func card(t *testing.T, text string) (data map[string]string) {
	t.Helper()
	var c struct {
		Schema string
		Data   map[string]string
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("card %q: %v", text, err)
	}
	if !strings.HasSuffix(c.Schema, "/docs/drone-card.json") {
		t.Errorf("got template %q", c.Schema)
	}
	return c.Data
}

func TestDroneCard(t *testing.T) {
	tell := func(h host, level ci.Level) {
		h.Mask(secret.New("s3cret"))
		for _, o := range [][2]string{{"outcome", "failed"}, {"message", "Ocean: s3cret"}, {"version-id", "ver-1"}} {
			if err := h.Output(o[0], o[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := h.Summary(level, "", "plain\n"); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{
		"colour": "attention", "outcome": "failed", "message": "Ocean: ***", "version_id": "ver-1", "application_name": "-",
		"version_name": "-", "version_status": "-", "previous_version_id": "-", "error_code": "-", "duration_seconds": "-",
	}

	h := newHost(t, "drone", false)
	tell(h, ci.Error)
	// The runner takes a write that begins with the mark, and no other.
	coded, begins := strings.CutPrefix(h.out.String(), "\x1b]1338;")
	coded, ends := strings.CutSuffix(coded, "\x1b]0m\n")
	text, err := base64.StdEncoding.DecodeString(coded)
	if !begins || !ends || err != nil {
		t.Fatalf("got %q, %v on stdout, want the card alone", h.out.String(), err)
	}
	if diff := cmp.Diff(want, card(t, string(text))); diff != "" {
		t.Errorf("card (-want +got):\n%s", diff)
	}

	h = newHost(t, "harness", false) // names a file
	tell(h, ci.Notice)
	want["colour"] = "good"
	if diff := cmp.Diff(want, card(t, h.file(t, "card"))); diff != "" {
		t.Errorf("card (-want +got):\n%s", diff)
	}

	template, err := os.ReadFile(filepath.Join("..", "..", "docs", "drone-card.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(template) {
		t.Error("the template of the card is no JSON")
	}
	for _, m := range regexp.MustCompile(`\$\{([^}]*)\}`).FindAllStringSubmatch(string(template), -1) {
		if _, ok := want[m[1]]; !ok {
			t.Errorf("the template shows %s, which no card has", m[1])
		}
	}
}

func TestBuildkiteAgent(t *testing.T) {
	h := newHost(t, "buildkite", false)
	t.Setenv("TENCENTCLOUD_SECRET_KEY", "s3cret")
	t.Setenv("BUILDKITE_AGENT_ACCESS_TOKEN", "the agent's")
	t.Setenv("https_proxy", "http://me:pr0xy@proxy:3128")
	h.Mask(secret.New("s3cret"))
	// A run with a role has asked for its token with the one; the input proxy
	// may have the password of the other.
	h.Mask(secret.New("the agent's"))
	h.Mask(secret.New("pr0xy"))
	for _, o := range [][2]string{{"outcome", ""}, {"version-id", "ver-1"}, {"message", "first"}, {"message", "Ocean: s3cret"}} {
		if err := h.Output(o[0], o[1]); err != nil {
			t.Fatal(err)
		}
	}
	if h.asked(t) != nil {
		t.Error("the agent was asked while the run goes on")
	}
	if err := h.Summary(ci.Error, "### failed s3cret\n", "plain"); err != nil {
		t.Fatal(err)
	}
	if h.log() != "" {
		t.Errorf("got %q in the log", h.log())
	}
	calls := h.asked(t)
	if got := annotation(calls); got != "### failed ***\n" {
		t.Errorf("got annotation %q", got)
	}
	if diff := cmp.Diff(map[string]string{"CAR_PUBLISHED_VERSION_ID": "ver-1", "CAR_PUBLISHED_MESSAGE": "Ocean: ***"}, metaData(calls)); diff != "" {
		t.Errorf("meta-data (-want +got):\n%s", diff)
	}
	if got := calls[0].Args; len(got) != 5 || !slices.Equal(got[:4], []string{"annotate", "--style", "error", "--context"}) || !regexp.MustCompile(`^car-publish-\w{26}$`).MatchString(got[4]) {
		t.Errorf("got arguments %q", got)
	}
	for _, c := range calls {
		if strings.Contains(strings.Join(c.Args, " "), "ver-1") {
			t.Errorf("got a value in the arguments %q", c.Args)
		}
		if env := strings.Join(c.Env, "\n"); strings.Contains(env, "s3cret") || !strings.Contains(env, "BUILDKITE_AGENT_ACCESS_TOKEN=the agent's") || !strings.Contains(env, "https_proxy=http://me:pr0xy@") {
			t.Errorf("want the environment of the agent without our secret, got\n%s", env)
		}
	}
}

func TestBuildkiteAgentFails(t *testing.T) {
	h := newHost(t, "buildkite", false)
	if err := os.WriteFile(filepath.Join(h.dir, "asked.fails"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.Output("outcome", "failed"); err != nil {
		t.Fatal(err)
	}
	err := h.Summary(ci.Notice, "### md", "plain\n")
	if err == nil || !strings.Contains(err.Error(), "buildkite-agent annotate: exit status 3") || !strings.Contains(err.Error(), "meta-data") {
		t.Errorf("got error %v, want what the agent did", err)
	}
	if got := h.log(); got != "+++ Summary\n\nplain\n" {
		t.Errorf("got log %q, want the summary in it", got)
	}
}

func TestBuildkiteWithoutAgent(t *testing.T) {
	h := newHost(t, "plain", false) // no agent in PATH
	var err error
	if h.Host, err = ci.Detect("buildkite", ci.Streams{Out: h.out, Err: h.err, Getenv: func(string) string { return "" }}); err != nil {
		t.Fatal(err)
	}
	if err := h.Output("outcome", "ready"); err != nil {
		t.Fatal(err)
	}
	if err := h.Summary(ci.Notice, "### md", "plain\n"); err != nil {
		t.Fatal(err)
	}
	if got := h.log(); got != "+++ Summary\n\nplain\n" {
		t.Errorf("got log %q, want an open group with the summary", got)
	}
}

// Several problems of one input need one group to be open.
func TestBuildkiteUnfoldsOnce(t *testing.T) {
	h := newHost(t, "buildkite", false)
	h.Annotate(ci.Error, "", "a")
	h.Annotate(ci.Error, "", "b")
	h.BeginGroup("Upload")
	h.Annotate(ci.Warning, "", "c")
	h.Annotate(ci.Error, "", "d")
	if got, want := h.log(), "^^^ +++\nerror: a\nerror: b\n--- Upload\nwarning: c\n^^^ +++\nerror: d\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHarmless(t *testing.T) {
	const text = "ver-1  a\x1b[31mb\nver-2  ##[set-output x=y]\n::error::c\n--- d\n"
	want := "ver-1  a [31mb\nver-2  # #[set-output x=y]\n: :error::c\n-- - d\n"
	if got := ci.Harmless(text); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
