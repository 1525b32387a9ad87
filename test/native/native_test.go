//go:build unix

// Package native_test runs the script of the native action as a runner does.
package native_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// runner is a machine that the native action runs on, and the server that it
// downloads from.
type runner struct {
	dir, path string
	mu        sync.Mutex
	served    map[string]string // by path
	asked     atomic.Int32
	user      atomic.Value // who asked last
	url       string
}

// The six binaries of a release, and the runner that each is for. They are
// scripts that tell who they are; the list of checksums is that of a release.
var binaries = map[[2]string]string{
	{"Linux", "X64"}:     "car-publish_1.2.3_linux_amd64",
	{"Linux", "ARM64"}:   "car-publish_1.2.3_linux_arm64",
	{"macOS", "X64"}:     "car-publish_1.2.3_darwin_amd64",
	{"macOS", "ARM64"}:   "car-publish_1.2.3_darwin_arm64",
	{"Windows", "X64"}:   "car-publish_1.2.3_windows_amd64.exe",
	{"Windows", "ARM64"}: "car-publish_1.2.3_windows_arm64.exe",
}

func script(name string) string {
	return "#!/bin/sh\necho \"I am " + name + ", process $$, on blocked $INPUT_ON_BLOCKED, mirror <$MIRROR>\"\nexit 4\n"
}

// change changes what is served.
func (r *runner) change(how func(served map[string]string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	how(r.served)
}

func newRunner(t *testing.T) *runner {
	t.Helper()
	r := &runner{dir: t.TempDir(), path: os.Getenv("PATH"), served: map[string]string{}}
	text, err := os.ReadFile(filepath.Join("..", "..", "native", "run"))
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, "action/run", string(text))
	var list strings.Builder
	for _, name := range binaries {
		r.served["/v1.2.3/"+name] = script(name)
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256([]byte(script(name))), name)
	}
	r.write(t, "action/checksums.txt", list.String())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.asked.Add(1)
		name, password, _ := request.BasicAuth()
		r.user.Store(name + ":" + password)
		r.mu.Lock()
		body, ok := r.served[request.URL.Path]
		r.mu.Unlock()
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if cut, ok := strings.CutSuffix(body, "(cut)"); ok {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			body = cut
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *runner) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run is one step with the native action.
func (r *runner) run(t *testing.T, os, arch, mirror string) (said string, status, pid int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", filepath.Join(r.dir, "action", "run"))
	command.Env = []string{
		"PATH=" + r.path, "RUNNER_OS=" + os, "RUNNER_ARCH=" + arch, "RUNNER_TOOL_CACHE=" + filepath.Join(r.dir, "tools"),
		"MIRROR=" + mirror, "INPUT_ON_BLOCKED=$(echo run)",
	}
	out, err := command.CombinedOutput()
	if command.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode(), command.Process.Pid
}

func TestNativeRunsTheBinaryOfTheRunner(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	for of, name := range binaries {
		said, status, pid := r.run(t, of[0], of[1], r.url+"/")
		// The same process, so that a signal reaches it; the inputs as they
		// are; the exit status of the program.
		want := fmt.Sprintf("I am %s, process %d, on blocked $(echo run), mirror <>\n", name, pid)
		if !strings.HasSuffix(said, want) || status != 4 {
			t.Errorf("%s %s: got status %d and\n%s\nwant 4 and %s", of[0], of[1], status, said, want)
		}
	}
	r.run(t, "Linux", "X64", r.url) // the others have used the same cache, which no real runner does
	before := r.asked.Load()
	if said, status, _ := r.run(t, "Linux", "X64", r.url); status != 4 || strings.Contains(said, "Downloading") || r.asked.Load() != before {
		t.Errorf("the second run: got status %d and\n%s\nwant 4 without a download", status, said)
	}
	// What lies in the tool cache is trusted no more than a download.
	r.write(t, "tools/car-publish/1.2.3/amd64/car-publish", "#!/bin/sh\necho I am somebody else\n")
	if said, status, _ := r.run(t, "Linux", "X64", r.url); status != 4 || !strings.Contains(said, "I am car-publish_1.2.3_linux_amd64") {
		t.Errorf("a file changed in the cache: got status %d and\n%s", status, said)
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, "tools", "car-publish", "*", "*", "download*")); left != nil {
		t.Errorf("downloads are left: %v", left)
	}
}

// Somebody who can write to the tool cache swaps the file right after it was checked:
// what runs is what was checked.
func TestNativeRunsWhatItChecked(t *testing.T) {
	r := newRunner(t)
	r.run(t, "Linux", "X64", r.url) // fills the cache
	real, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Fatal(err)
	}
	cached := filepath.Join(r.dir, "tools", "car-publish", "1.2.3", "amd64", "car-publish")
	r.write(t, "bin/sha256sum", "#!/bin/sh\n"+real+"\nprintf '#!/bin/sh\\necho I am somebody else\\n' >"+cached+"\n")
	if err := os.Chmod(filepath.Join(r.dir, "bin", "sha256sum"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.path = filepath.Join(r.dir, "bin") + ":" + r.path
	if said, status, _ := r.run(t, "Linux", "X64", r.url); status != 4 || !strings.Contains(said, "I am car-publish_1.2.3_linux_amd64") {
		t.Errorf("got status %d and\n%s", status, said)
	}
}

// A mirror may want a password.
func TestNativeHidesThePasswordOfTheMirror(t *testing.T) {
	t.Parallel()
	r := newRunner(t)
	mirror := strings.Replace(r.url, "://", "://robot:t0k%40en@", 1)
	r.path = filepath.Join(r.dir, "bin") + string(os.PathListSeparator) + r.path
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal(err)
	}
	r.write(t, "bin/curl", "#!/bin/sh\necho \"curl $*\"\nexec "+curl+" \"$@\"\n")
	if err := os.Chmod(filepath.Join(r.dir, "bin", "curl"), 0o700); err != nil {
		t.Fatal(err)
	}
	said, status, _ := r.run(t, "Linux", "X64", mirror)
	if status != 4 || r.user.Load() != "robot:t0k@en" {
		t.Errorf("got status %d and the user %v, said\n%s", status, r.user.Load(), said)
	}
	r.change(func(served map[string]string) { clear(served) })
	r.write(t, "tools/car-publish/1.2.3/amd64/car-publish", "")
	failed, status, _ := r.run(t, "Linux", "X64", mirror)
	if said += failed; status != 1 || strings.Contains(said, "t0k") || !strings.Contains(said, "Downloading "+r.url) || !strings.Contains(said, "curl -q --") {
		t.Errorf("got status %d and\n%s\nwant the password neither in the log nor in a command line", status, said)
	}
}

func TestNativeRunsNothingElse(t *testing.T) {
	t.Parallel()
	const name = "/v1.2.3/car-publish_1.2.3_linux_amd64"
	for what, c := range map[string]struct {
		os, arch, mirror string
		prepare          func(*testing.T, *runner)
		want             string
	}{
		"another system": {os: "FreeBSD", arch: "X64", want: "RUNNER_OS=FreeBSD, only for Linux, macOS and Windows"},
		"another processor": {
			os: "Linux", arch: "ARM", want: "RUNNER_ARCH=ARM, only for X64 and ARM64",
		},
		"no release": {
			prepare: func(t *testing.T, r *runner) {
				r.write(t, "action/checksums.txt", "# nothing yet\n")
			},
			want: "is no release",
		},
		"not there": {
			prepare: func(_ *testing.T, r *runner) {
				r.change(func(served map[string]string) { delete(served, name) })
			},
			want: "could not be downloaded",
		},
		"other bytes": {
			prepare: func(_ *testing.T, r *runner) {
				r.change(func(served map[string]string) { served[name] += "# and more\n" })
			},
			want: "is not the file of this release",
		},
		"cut short": {
			prepare: func(_ *testing.T, r *runner) {
				r.change(func(served map[string]string) { served[name] += "(cut)" })
			},
			want: "could not be downloaded",
		},
		"no curl": {
			prepare: func(t *testing.T, r *runner) {
				r.path = filepath.Join(r.dir, "bin")
				r.write(t, "bin/rest", "")
				for _, tool := range []string{"bash", "cp", "mkdir", "mktemp", "rm"} {
					from, err := exec.LookPath(tool)
					if err != nil {
						t.Fatal(err)
					}
					if err := os.Symlink(from, filepath.Join(r.path, tool)); err != nil {
						t.Fatal(err)
					}
				}
			},
			want: "no curl",
		},
		"plain http": {
			mirror: "http://mirror.example.com/car-publish", want: "is not an https address",
		},
		"plain http to what looks like this machine": {
			mirror: "http://localhost.example.com/", want: "is not an https address",
		},
		"plain http to a machine after this one's name": {
			mirror: "http://localhost:8@mirror.example.com/", want: "is not an https address",
		},
		"plain http to a machine before this one's name": {
			mirror: "http://mirror.example.com?@localhost/", want: "no URL of a folder has",
		},
		"a mirror without its scheme": {mirror: "mirror.example.com", want: "is not an https address"},
		"a mirror of two lines":       {mirror: "https://mirror.example.com/\n::set-env name=PATH::evil", want: "no URL of a folder has"},
		"a mirror with an option":     {mirror: "https://mirror.example.com\" -o \"/tmp/x", want: "no URL of a folder has"},
		"a file":                      {mirror: "file:///tmp", want: "is not an https address"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRunner(t)
			if c.prepare != nil {
				c.prepare(t, r)
			}
			if c.os == "" {
				c.os, c.arch = "Linux", "X64"
			}
			if c.mirror == "" {
				c.mirror = r.url
			}
			said, status, _ := r.run(t, c.os, c.arch, c.mirror)
			if status != 1 || !strings.Contains(said, "::error title=car-publish::") || !strings.Contains(said, c.want) {
				t.Errorf("got status %d and\n%s\nwant 1 and an annotation with %q", status, said, c.want)
			}
			if strings.Contains(said, "I am") || strings.Contains(said, "\n::set-env") {
				t.Errorf("something was run:\n%s", said)
			}
			if left, _ := filepath.Glob(filepath.Join(r.dir, "tools", "car-publish", "*", "*", "*")); left != nil {
				t.Errorf("files are left: %v", left)
			}
		})
	}
}
