//go:build unix

package repository_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// repository is a clone of this one, as far as a release is about it.
type repository struct{ dir string }

func newRepository(t *testing.T) repository {
	t.Helper()
	r := repository{t.TempDir()}
	for _, name := range []string{".ci/release", "native/run", "CHANGELOG.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r.write(t, name, string(text))
	}
	r.write(t, "action.yml", "inputs:\n  artifact:\n    description: 'image: not this'\nruns:\n  using: docker\n  image: Dockerfile\n  post-entrypoint: /cleanup\n")
	r.write(t, "native/checksums.txt", "# empty\n")
	r.write(t, "checksums.txt", list("1.2.3"))
	r.git(t, "init", "--quiet", "--initial-branch=main")
	r.git(t, "add", ".")
	r.git(t, "commit", "--quiet", "--message=The source", "--date=2026-01-02T03:04:05Z")
	return r
}

// list is a list of checksums as goreleaser writes it.
func list(version string) string {
	var b strings.Builder
	for i, system := range []string{"linux_arm64", "windows_arm64.exe", "darwin_arm64", "linux_amd64", "windows_amd64.exe", "darwin_amd64"} {
		fmt.Fprintf(&b, "%064x  car-publish_%s_%s\n%064x  car-publish_%s_%s.cdx.json\n", i, version, system, 100+i, version, strings.TrimSuffix(system, ".exe"))
	}
	return b.String()
}

const digest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

func (r repository) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r repository) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (r repository) try(t *testing.T, name string, args ...string) (said string, ok bool) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = r.dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_COMMITTER_DATE=2026-01-02T03:04:05Z")
	out, err := command.CombinedOutput()
	return string(out), err == nil
}

func (r repository) git(t *testing.T, args ...string) string {
	t.Helper()
	said, ok := r.try(t, "git", args...)
	if !ok {
		t.Fatalf("git %v: %s", args, said)
	}
	return strings.TrimSpace(said)
}

func (r repository) release(t *testing.T, args ...string) (said string, ok bool) {
	t.Helper()
	return r.try(t, "bash", append([]string{".ci/release"}, args...)...)
}

func TestReleasePinsEveryByte(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	before := r.read(t, "action.yml")
	if said, ok := r.release(t, "pin", "1.2.3", digest, "checksums.txt"); !ok {
		t.Fatal(said)
	}
	const image = "docker://ghcr.io/car-publish/car-publish:1.2.3@" + digest
	if got, want := r.read(t, "action.yml"), strings.Replace(before, "image: Dockerfile", "image: "+image, 1); got != want {
		t.Errorf("action.yml: got\n%s\nwant\n%s", got, want)
	}
	sums := r.read(t, "native/checksums.txt")
	if n := len(regexp.MustCompile(`(?m)^[0-9a-f]{64}  car-publish_1\.2\.3_(linux|darwin|windows)_(amd64|arm64)(\.exe)?$`).FindAllString(sums, -1)); n != 6 || strings.Count(sums, "\n") != 7 {
		t.Errorf("native/checksums.txt: got %d binaries, want 6 and a title:\n%s", n, sums)
	}
	if got := r.git(t, "diff", "--name-only", "HEAD^", "HEAD"); got != "action.yml\nnative/checksums.txt" {
		t.Errorf("the commit changes %q", got)
	}
	if tag, head := r.git(t, "rev-parse", "v1.2.3"), r.git(t, "rev-parse", "HEAD"); tag != head {
		t.Errorf("v1.2.3 is %s, want %s", tag, head)
	}

	// Again, after a job that failed on the way: the same commit, so that
	// the same tag can be pushed again.
	again := newRepository(t)
	if said, ok := again.release(t, "pin", "1.2.3", digest, "checksums.txt"); !ok {
		t.Fatal(said)
	}
	if one, two := r.git(t, "rev-parse", "v1.2.3"), again.git(t, "rev-parse", "v1.2.3"); one != two {
		t.Errorf("the release was made twice, as %s and as %s", one, two)
	}
}

func TestReleasePinsNothingElse(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ version, digest, list, want string }{
		"a candidate":        {"1.2.3-rc.1", digest, list("1.2.3-rc.1"), "is not a version"},
		"a v":                {"v1.2.3", digest, list("1.2.3"), "is not a version"},
		"a leading zero":     {"1.02.3", digest, list("1.02.3"), "is not a version"},
		"no digest":          {"1.2.3", "", list("1.2.3"), "is not a digest"},
		"a short digest":     {"1.2.3", "sha256:aa", list("1.2.3"), "is not a digest"},
		"another version":    {"1.2.4", digest, list("1.2.3"), "has no line for car-publish_1.2.4_darwin_amd64"},
		"a binary too few":   {"1.2.3", digest, strings.ReplaceAll(list("1.2.3"), "_windows_arm64.exe\n", "\n"), "no line for car-publish_1.2.3_windows_arm64.exe"},
		"something in a dot": {"1.2.3", digest, strings.ReplaceAll(list("1.2.3"), "_1.2.3_", "_1a2.3_"), "has no line"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			r.write(t, "list", c.list)
			said, ok := r.release(t, "pin", c.version, c.digest, "list")
			if ok || !strings.Contains(said, c.want) {
				t.Errorf("got %t and %q, want an error with %q", ok, said, c.want)
			}
			if r.git(t, "status", "--porcelain", "--untracked-files=no") != "" || r.git(t, "tag") != "" {
				t.Error("something has changed")
			}
		})
	}
}

// The tag v1 is where the newest 1.x.y is, also when an older line gets a fix.
func TestReleaseMovesTheFloatingTag(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	for _, tag := range []string{"v1", "v1.9.0", "v1.10.0", "v1.9.1", "v2.0.0", "v10.0.0", "v1.11.0-rc.1", "release/v1.12.0"} {
		r.git(t, "tag", tag)
	}
	for version, want := range map[string]bool{"1.10.0": true, "1.9.1": false, "1.9.0": false, "2.0.0": true, "10.0.0": true, "1.12.0": false} {
		if _, got := r.release(t, "newest", version); got != want {
			t.Errorf("%s is the newest of its major: got %t, want %t", version, got, want)
		}
	}
}

func TestReleaseNotes(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.write(t, "CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n- not yet\n\n## 1.2.3 (2026-01-02)\n\n- faster\n\n## 1.2.30\n\n- other\n\n## 1.2.2\n")
	if said, ok := r.release(t, "notes", "1.2.3"); !ok || strings.TrimSpace(said) != "- faster" {
		t.Errorf("got %t and %q", ok, said)
	}
	for _, version := range []string{"1.2.2", "1.2.4"} {
		if said, ok := r.release(t, "notes", version); ok || !strings.Contains(said, "CHANGELOG.md has nothing under") {
			t.Errorf("%s: got %t and %q, want an error", version, ok, said)
		}
	}
	if said, ok := r.release(t, "pin", "1.2.3"); ok || !strings.Contains(said, "# usage: release build VERSION") {
		t.Errorf("too few arguments: got %t and %q, want the usage", ok, said)
	}
}
