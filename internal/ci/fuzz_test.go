package ci_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/stories"
)

// FuzzFileCommands sets outputs and state of any content and reads the files
// as GitHub's runner does (src/Runner.Worker/FileCommandManager.cs of
// github.com/actions/runner): exactly what was set is there, and no name that
// was not written by us.
func FuzzFileCommands(f *testing.F) {
	for _, value := range stories.Find(f, `(?s)"Value": ("(?:\\.|[^"\\])*")`) {
		var text string
		if json.Unmarshal([]byte(value), &text) == nil {
			f.Add(text, "ver-a1b2c3d4")
		}
	}
	for _, line := range stories.Find(f, `(?m)^stderr '(.*)'$`) {
		f.Add(line, line)
	}
	f.Add("one\ntwo\r\nthree\rfour", "evil<<END\nx\nEND")
	f.Add("evil=1", "\n")
	f.Add("", "EOF\nevil=1\nEOF")
	dir := f.TempDir() // each worker is a process of its own
	f.Fuzz(func(t *testing.T, one, two string) {
		env := map[string]string{}
		for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STATE"} {
			env[name] = filepath.Join(dir, name)
			if err := os.WriteFile(env[name], nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		host, err := ci.Detect("github", ci.Streams{Getenv: func(name string) string { return env[name] }})
		if err != nil {
			t.Fatal(err)
		}
		for file, set := range map[string]func(string, string) error{"GITHUB_OUTPUT": host.Output, "GITHUB_STATE": host.Save} {
			if err := set("message", one); err != nil {
				t.Fatal(err)
			}
			if err := set("version", two); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(env[file])
			if err != nil {
				t.Fatal(err)
			}
			got := fileCommands(t, string(text))
			if want := [][2]string{{"message", one}, {"version", two}}; !slices.Equal(got, want) {
				t.Errorf("%s has %q, want %q", file, got, want)
			}
		}
	})
}

// fileCommands reads such a file: a line NAME=VALUE, or NAME<<DELIMITER and
// the lines up to the delimiter; whichever sign comes first counts.
func fileCommands(t *testing.T, text string) (set [][2]string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for len(lines) > 0 {
		line := lines[0]
		lines = lines[1:]
		equals, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
		switch {
		case line == "":
		case equals >= 0 && (heredoc < 0 || equals < heredoc):
			set = append(set, [2]string{line[:equals], line[equals+1:]})
		case heredoc >= 0:
			end := slices.Index(lines, line[heredoc+2:])
			if end < 0 {
				t.Fatalf("the value that begins in %q has no end", line)
			}
			set = append(set, [2]string{line[:heredoc], strings.Join(lines[:end], "\n")})
			lines = lines[end+1:]
		default:
			t.Fatalf("the runner would refuse the line %q", line)
		}
	}
	return set
}

// FuzzLog prints any text in every way that a Host knows, and no line of the
// log is a command but ours.
func FuzzLog(f *testing.F) {
	for _, value := range stories.Find(f, `(?s)"Value": ("(?:\\.|[^"\\])*")`) {
		var text string
		if json.Unmarshal([]byte(value), &text) == nil {
			f.Add(text)
		}
	}
	f.Add("a\r::error::b\n::stop-commands::x\n##[add-path]y ##vso[task.complete]")
	f.Add("\u0085::debug::\u2028::debug:: ::debug::")
	var hosts []host
	for _, name := range ci.Names() {
		hosts = append(hosts, newHost(f, name, false))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, h := range hosts {
			h.tames(t, text)
		}
	})
}
