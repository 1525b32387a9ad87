//go:build unix

package artifact

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe that nobody writes to is looked at without a wait: this test would never end.
func TestPipeIsNotWaitedFor(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "game.zip")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if startsLike(pipe, "PK") {
		t.Error("an empty pipe begins like a zip")
	}
	_, err := Inspect(pipe)
	refused(t, err, NotRegular, "is a pipe")
}
