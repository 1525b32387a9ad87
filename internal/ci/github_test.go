package ci_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/secret"
)

func github(t *testing.T, env map[string]string) (ci.Host, *bytes.Buffer) {
	t.Helper()
	out := new(bytes.Buffer)
	h, err := ci.Detect("github", ci.Streams{Out: out, Err: out, Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	return h, out
}

func TestGitHubCommands(t *testing.T) {
	h, out := github(t, nil)
	h.Mask(secret.New("one: 50%\nline two"))
	h.BeginGroup("Upload")
	h.BeginGroup("Wait") // ends the group before
	h.EndGroup()
	h.EndGroup() // is not open
	h.Annotate(ci.Error, "a: b, c", "50%\nhint")
	h.Annotate(ci.Warning, "", "w")
	want := `::add-mask::one: 50%25%0Aline two
::add-mask::one: 50%25
::add-mask::line two
::group::Upload
::endgroup::
::group::Wait
::endgroup::
::error title=a%3A b%2C c::50%25%0Ahint
::warning::w
`
	if diff := cmp.Diff(want, strings.ReplaceAll(out.String(), "\r\n", "\n")); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestGitHubRun(t *testing.T) {
	env := map[string]string{
		"GITHUB_RUN_ID": "42", "GITHUB_JOB": "build", "GITHUB_ACTION": "__run", "GITHUB_RUN_ATTEMPT": "3",
		"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "o/r", "GITHUB_ACTOR": "me",
		"GITHUB_SHA": "abc", "GITHUB_REF": "refs/heads/main", "RUNNER_DEBUG": "1",
	}
	h, _ := github(t, env)
	want := ci.Run{
		Key: "42/build/__run", Attempt: 3, Repository: "https://github.example/o/r", Actor: "me", Commit: "abc",
		Ref: "refs/heads/main", URL: "https://github.example/o/r/actions/runs/42", Debug: true,
	}
	if diff := cmp.Diff(want, h.Run()); diff != "" {
		t.Errorf("run (-want +got):\n%s", diff)
	}
	env["GITHUB_RUN_ATTEMPT"] = "4"
	if again := h.Run(); again.Key != want.Key || again.Attempt != 4 {
		t.Errorf("got key %q, attempt %d for the next attempt, want %q, 4", again.Key, again.Attempt, want.Key)
	}
}

// What the environment does not tell is not made up.
func TestGitHubRunUnknown(t *testing.T) {
	for _, env := range []map[string]string{nil, {"GITHUB_SERVER_URL": "https://github.example"}, {"GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "42"}} {
		h, _ := github(t, env)
		if run := h.Run(); run.Repository != "" || run.URL != "" {
			t.Errorf("got repository %q and URL %q of %v", run.Repository, run.URL, env)
		}
	}
}

func TestGitHubWithoutFiles(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone")
	for name, env := range map[string]map[string]string{
		"unset": nil,
		"gone":  {"GITHUB_OUTPUT": gone, "GITHUB_STEP_SUMMARY": gone},
	} {
		t.Run(name, func(t *testing.T) {
			h, out := github(t, env)
			if err := h.Output("outcome", "ready"); err == nil || !strings.Contains(err.Error(), "GITHUB_OUTPUT") {
				t.Errorf("got error %v, want one that names GITHUB_OUTPUT", err)
			}
			if err := h.Summary(ci.Notice, "# markdown", "plain one\nplain two"); err != nil {
				t.Errorf("got error %v, want none", err)
			}
			if got := out.String(); !strings.Contains(got, "GITHUB_STEP_SUMMARY") || !strings.Contains(got, "\nplain one\nplain two\n") {
				t.Errorf("got log %q, want the reason and the plain summary", got)
			}
			if _, err := os.Stat(gone); err == nil {
				t.Error("a file was made that no runner reads")
			}
		})
	}
}

func TestGitHubSummaryIsCut(t *testing.T) {
	const limit = 1 << 20
	paragraphs := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "paragraph %06d 海\nsecond line\n\n", i)
		}
		return b.String()
	}
	for name, tt := range map[string]struct {
		before, markdown string
		whole            bool
	}{
		"fits":              {"", paragraphs(1000), true},
		"too long":          {"", paragraphs(40000), false},
		"little room":       {strings.Repeat("x\n", (limit-500)/2), paragraphs(1000), false},
		"no room":           {strings.Repeat("x\n", limit/2), paragraphs(2), false},
		"no paragraph ends": {"", strings.Repeat("line 海\n", 200_000), false},
		"one line":          {"", strings.Repeat("海", 500_000), false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "summary")
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			h, _ := github(t, map[string]string{"GITHUB_STEP_SUMMARY": path})
			if err := h.Summary(ci.Notice, tt.markdown, ""); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := string(b)
			if len(got) > limit {
				t.Errorf("got %d bytes, want at most %d", len(got), limit)
			}
			head, ok := strings.CutPrefix(got, tt.before)
			if !ok {
				t.Fatal("what was there before is gone")
			}
			if tt.whole || head == "" {
				if want := map[bool]string{true: strings.TrimRight(tt.markdown, "\n") + "\n"}[tt.whole]; head != want {
					t.Errorf("got %.80q, want %.80q", head, want)
				}
				return
			}
			head, note, ok := strings.Cut(head, "\n\n_")
			if !ok || !strings.Contains(note, "cut off") {
				t.Fatalf("want it to say that it was cut, got the end %q", got[len(got)-100:])
			}
			if !strings.HasPrefix(tt.markdown, head) || head != "" && !strings.HasPrefix(tt.markdown[len(head):], "\n") {
				t.Errorf("want a cut at the end of a line, got %q", head[max(0, len(head)-50):])
			}
		})
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestNobodyReadsTheLog(t *testing.T) {
	for _, name := range ci.Names() {
		path := filepath.Join(t.TempDir(), "output")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := ci.Detect(name, ci.Streams{Out: broken{}, Err: broken{}, Terminal: true, Getenv: func(string) string { return path }})
		if err != nil {
			t.Fatal(err)
		}
		h.Mask(secret.New("secret"))
		host{Host: h}.say(t, "text") // must neither panic nor fail
	}
}
