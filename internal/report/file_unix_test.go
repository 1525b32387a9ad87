//go:build unix

package report_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/report"
)

func owner(t *testing.T, path string) (uid uint32, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid, info.Mode()
}

// TestFileOwner means most when root runs it, as in a container action: only
// then can the workspace be another's.
func TestFileOwner(t *testing.T) {
	dir := t.TempDir()
	_ = os.Chown(dir, 1234, 1234)
	path := filepath.Join(dir, "car.md")
	for _, which := range []string{"new", "replaced"} {
		if err := newStage(t, report.Options{SummaryFile: path}).Finish(record.Result{Outcome: record.Planned}, nil); err != nil {
			t.Fatal(err)
		}
		got, mode := owner(t, path)
		if want, _ := owner(t, dir); got != want {
			t.Errorf("%s file: got owner %d, want the workspace's, %d", which, got, want)
		}
		if mode != 0o644 {
			t.Errorf("%s file: got mode %v, want 0644", which, mode)
		}
	}
}

func TestFileThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDWR, 0) // does not wait for a writer
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if err := newStage(t, report.Options{SummaryFile: path}).Finish(record.Result{Outcome: record.Planned}, nil); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1024)
	n, err := reader.Read(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "### ") {
		t.Errorf("got %q, %v from the pipe, want the summary", b[:n], err)
	}
	if _, mode := owner(t, path); mode.Type() != os.ModeNamedPipe {
		t.Errorf("got mode %v, want the pipe kept", mode)
	}
}

// Root follows no link out of the working directory: in a folder of others it could
// lead anywhere.
func TestRootAndLinks(t *testing.T) {
	work, outside := t.TempDir(), t.TempDir()
	t.Chdir(work)
	for target, refused := range map[string]bool{filepath.Join(outside, "precious"): os.Geteuid() == 0, filepath.Join(work, "mine"): false} {
		if err := os.WriteFile(target, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(work, "car.md")
		_ = os.Remove(link)
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		err := newStage(t, report.Options{SummaryFile: link}).Finish(record.Result{Outcome: record.Planned}, nil)
		text, _ := os.ReadFile(target)
		if kept := string(text) == "before"; kept != refused || (err != nil) != refused {
			t.Errorf("link to %s: kept %v, %v", target, kept, err)
		}
	}
}

// A pipe that nobody reads is an error, and not a wait without end.
func TestPipeWithoutAReader(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "out")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newStage(t, report.Options{SummaryFile: pipe}).Finish(record.Result{Outcome: record.Planned}, nil); err == nil {
		t.Error("written to nobody")
	}
}

// Root follows no link of the workspace out of it, whether it is one to a folder or to
// something that is no file.
func TestRootAndLinkedFolders(t *testing.T) {
	root := os.Geteuid() == 0 // nobody else is refused anything
	outside := t.TempDir()
	t.Chdir(t.TempDir())
	if err := errors.Join(os.Symlink(outside, "out"), os.Symlink("/dev/full", "full"), os.Mkdir("in", 0o700), os.Symlink("in", "fine")); err != nil {
		t.Fatal(err)
	}
	for path, allowed := range map[string]bool{"out/result.json": !root, "full": false, "fine/result.json": true, filepath.Join(outside, "named.json"): true} {
		err := newStage(t, report.Options{SummaryFile: path}).Finish(record.Result{Outcome: record.Planned}, nil)
		if (err == nil) != allowed {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "result.json")); root && err == nil {
		t.Error("a file was made outside")
	}
}
