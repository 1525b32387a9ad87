package ci_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/ci"
)

func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"", nil, "plain"},
		{"", map[string]string{"GITHUB_ACTIONS": "true"}, "github"},
		{"", map[string]string{"GITHUB_ACTIONS": "false"}, "plain"},
		{"", map[string]string{"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, "gitea"},
		{"", map[string]string{"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true", "FORGEJO_ACTIONS": "true"}, "forgejo"},
		{"", map[string]string{"CI": "true", "GITLAB_CI": "true"}, "gitlab"},
		{"", map[string]string{"CI": "woodpecker", "DRONE": "true"}, "woodpecker"},
		{"", map[string]string{"CI": "true", "DRONE": "true"}, "drone"},
		{"", map[string]string{"CI": "true", "DRONE": "true", "HARNESS_BUILD_ID": "7"}, "harness"},
		{"", map[string]string{"CI": "true", "CNB": "true"}, "cnb"},
		{"", map[string]string{"TF_BUILD": "True"}, "azure"},
		{"", map[string]string{"CI": "true", "BUILDKITE": "true"}, "buildkite"},
		{"", map[string]string{"JENKINS_URL": "https://ci.example/"}, "jenkins"},
		{"", map[string]string{"JENKINS_HOME": "/var/jenkins_home", "BUILD_TAG": "jenkins-game-7"}, "jenkins"},
		{"", map[string]string{"JENKINS_HOME": "/var/jenkins_home"}, "plain"},
		{"", map[string]string{"CI": "true"}, "plain"},
		{"gitlab", map[string]string{"GITLAB_CI": "false"}, "gitlab"},
		{"github", nil, "github"},
		{"plain", map[string]string{"GITHUB_ACTIONS": "true"}, "plain"},
	} {
		h, err := ci.Detect(tt.name, ci.Streams{Getenv: func(name string) string { return tt.env[name] }})
		if err != nil {
			t.Errorf("Detect(%q) with %v: %v", tt.name, tt.env, err)
			continue
		}
		if got := h.Name(); got != tt.want {
			t.Errorf("Detect(%q) with %v: got %q, want %q", tt.name, tt.env, got, tt.want)
		}
	}
	_, err := ci.Detect("jenkis", ci.Streams{})
	if err == nil {
		t.Fatal("want an error for an unknown name")
	}
	for _, want := range append(ci.Names(), `"jenkis"`) {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got error %q, want it to name %s", err, want)
		}
	}
}

func TestPlain(t *testing.T) {
	story := func(h ci.Host) {
		h.Print("header")
		h.BeginGroup("Upload")
		h.Print("16 parts")
		h.EndGroup()
		h.Annotate(ci.Warning, "", "w")
		h.Annotate(ci.Error, "Ocean", "it failed\ndo this")
		_ = h.Summary(ci.Notice, "# md", "all is well\n")
	}
	const text = "header\nUpload\n  16 parts\nwarning: w\nerror: Ocean: it failed\n  do this\n\nall is well\n"
	const coloured = "header\n\x1b[1mUpload\x1b[0m\n  16 parts\n\x1b[33mwarning:\x1b[0m w\n" +
		"\x1b[31merror:\x1b[0m Ocean: it failed\n  do this\n\nall is well\n"
	for name, tt := range map[string]struct {
		terminal bool
		env      map[string]string
		want     string
	}{
		"a log file":      {false, nil, text},
		"a terminal":      {true, nil, coloured},
		"NO_COLOR":        {true, map[string]string{"NO_COLOR": "1"}, text},
		"a dumb terminal": {true, map[string]string{"TERM": "dumb"}, text},
	} {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			h, err := ci.Detect("plain", ci.Streams{
				Out: &out, Err: &log, Terminal: tt.terminal, Getenv: func(name string) string { return tt.env[name] },
			})
			if err != nil {
				t.Fatal(err)
			}
			story(h)
			if diff := cmp.Diff(tt.want, log.String()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if out.Len() > 0 {
				t.Errorf("got %q on stdout, which belongs to data", out.String())
			}
		})
	}
}

func TestPlainBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHost(t, "plain", true)
		show := func(want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, screen(h.err.String())); diff != "" {
				t.Errorf("screen (-want +got):\n%s", diff)
			}
		}
		for i := range 43 {
			h.Progress(ci.Progress{What: "Upload", Percent: i, Detail: "x of 2.1 GiB, 48.3 MiB/s, 1m2s left"})
			time.Sleep(time.Second)
		}
		show("  42% |████████            |  Upload, x of 2.1 GiB, 48.3 MiB/s, 1m2s left")

		h.Print("part 7 is sent again")
		show("part 7 is sent again", "")

		h.Progress(ci.Progress{What: "Upload", Percent: 50, Detail: "1 s left"})
		show("part 7 is sent again", "  50% |██████████          |  Upload, 1 s left")

		h.Progress(ci.Progress{What: "Upload", Percent: 100, Detail: "2.1 GiB"})
		h.Progress(ci.Progress{What: "Upload", Percent: 100, Detail: "2.1 GiB"})
		show("part 7 is sent again", "Upload: 100%, 2.1 GiB", "")

		h.Progress(ci.Progress{What: "ver-a is Creating", Percent: ci.Unknown, Detail: "12s"})
		time.Sleep(time.Second)
		h.Progress(ci.Progress{What: "ver-a is Creating", Percent: ci.Unknown, Detail: "13s"})
		lines := screen(h.err.String())
		if got := lines[len(lines)-1]; !strings.HasSuffix(got, "ver-a is Creating, 13s") || strings.Contains(got, "12s") {
			t.Errorf("got %q for what cannot be measured", got)
		}

		h.EndGroup()
		show("part 7 is sent again", "Upload: 100%, 2.1 GiB", "")
	})
}

// A bar fits into any terminal, and is drawn once for each change.
func TestBarFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for width := range 130 {
			for _, what := range []string{"Upload", "ver-7xfru677 \"幻想游戏\" is Creating"} {
				for _, measured := range []bool{true, false} {
					var log bytes.Buffer
					h, err := ci.Detect("plain", ci.Streams{Err: &log, Terminal: true, Width: func() int { return width }, Getenv: func(string) string { return "" }})
					if err != nil {
						t.Fatal(err)
					}
					const changes = 5
					for i := range changes {
						now := ci.Progress{What: what, Percent: i * 10, Detail: fmt.Sprintf("%d.0 MiB of 24.0 MiB, 12.0 MiB/s, 1.0s left", i)}
						if !measured {
							now.Percent, now.Detail = ci.Unknown, fmt.Sprintf("%ds", i)
						}
						for range 3 {
							h.Progress(now)
							if measured {
								time.Sleep(time.Second)
							}
						}
						time.Sleep(time.Second)
					}
					drawn := 0
					for _, line := range strings.FieldsFunc(log.String(), func(r rune) bool { return r == '\r' }) {
						if strings.Contains(line, "\n") { // without a bar
							continue
						}
						if n := utf8.RuneCountInString(line) + len(regexp.MustCompile(`\p{Han}`).FindAllString(line, -1)); n >= max(width, 80*(1-min(1, width))) {
							t.Errorf("width %d: %q has %d columns", width, line, n)
						}
						if strings.TrimSpace(line) != "" {
							drawn++
						}
					}
					if drawn != 0 && drawn != changes || drawn == 0 && (width >= 26 || width == 0) {
						t.Errorf("width %d: drawn %d times, want %d: %q", width, drawn, changes, log.String())
					}
				}
			}
		}
	})
}

// screen is what a terminal shows after a text: a carriage return goes back,
// and what follows overwrites.
func screen(text string) []string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		var shown []rune
		at := 0
		for _, r := range line {
			if r == '\r' {
				at = 0
				continue
			}
			shown = append(shown[:at], append([]rune{r}, shown[min(at+1, len(shown)):]...)...)
			at++
		}
		lines[i] = strings.TrimRight(string(shown), " ")
	}
	return lines
}
