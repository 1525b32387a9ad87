//go:build unix

package artifact

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestInspectDoesNotWaitForAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "game.zip")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Inspect(path)
	refused(t, err, NotRegular, "a pipe", "write the build to a file first")
}

func TestFindFromTheHost(t *testing.T) {
	tree(t)
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Find("/home/nobody-here/work/game.zip")
	refused(t, err, NotFound, `no folder "/home/nobody-here/work"`, "container", cwd)
}

func TestFindFromAWindowsHost(t *testing.T) {
	tree(t, "dist/game.zip")
	_, err := Find(`D:\a\work\dist\game.zip`)
	refused(t, err, NotFound, "container", `there is no folder "D:\\a\\work\\dist\\"`)
	_, err = Find(`dist\game.zip`)
	refused(t, err, NotFound, "Write / between folders")
}
