package ci_test

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// call is how somebody asked the fake agent of Buildkite.
type call struct {
	Args  []string
	Input string
	Env   []string
}

const agentLog = "FAKE_BUILDKITE_AGENT_LOG"

// TestMain is the fake agent, too, if it is run by that name.
func TestMain(m *testing.M) {
	if !strings.HasPrefix(filepath.Base(os.Args[0]), "buildkite-agent") {
		os.Exit(m.Run())
	}
	input, _ := io.ReadAll(os.Stdin)
	line, _ := json.Marshal(call{os.Args[1:], string(input), os.Environ()})
	f, err := os.OpenFile(os.Getenv(agentLog), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		os.Exit(1)
	}
	_, _ = f.Write(append(line, '\n'))
	if _, err := os.Stat(os.Getenv(agentLog) + ".fails"); err == nil {
		os.Exit(3)
	}
	os.Exit(0)
}

// putAgent puts a folder in PATH, alone, with the agent in it or not.
func putAgent(t testing.TB, dir string, there bool) {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	if !there {
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := "buildkite-agent"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Link(self, filepath.Join(bin, name)); err != nil {
		b, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bin, name), b, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv(agentLog, filepath.Join(dir, "asked"))
}

// asked are the calls to the agent so far.
func (h host) asked(t *testing.T) (calls []call) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(h.dir, "asked")); err != nil {
		return nil
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(h.file(t, "asked"), "\n"), "\n") {
		var c call
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	return calls
}

// metaData is the build's meta-data after those calls.
func metaData(calls []call) map[string]string {
	values := map[string]string{}
	for _, c := range calls {
		if len(c.Args) == 3 && slices.Equal(c.Args[:2], []string{"meta-data", "set"}) && strings.TrimSpace(c.Input) != "" {
			values[c.Args[2]] = c.Input
		}
	}
	return values
}

// annotation is the text of the last annotation.
func annotation(calls []call) string {
	var text string
	for _, c := range calls {
		if c.Args[0] == "annotate" {
			text = c.Input
		}
	}
	return text
}
