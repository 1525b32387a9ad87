//go:build unix

package textfile_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/car-publish/car-publish/internal/textfile"
)

func TestRead(t *testing.T) {
	folder := t.TempDir()
	plain, silent, pipe := filepath.Join(folder, "plain"), filepath.Join(folder, "silent"), filepath.Join(folder, "pipe")
	if err := os.WriteFile(plain, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{silent, pipe} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("stop")
	stopped, cancel := context.WithCancelCause(t.Context())
	cancel(stop)

	for _, tt := range []struct {
		name string
		ctx  context.Context
		most int64
		want string
		err  error
	}{
		{plain, t.Context(), 4, "text", nil},
		{plain, t.Context(), 3, "", textfile.ErrTooLarge},
		{"/dev/zero", t.Context(), 1 << 20, "", textfile.ErrTooLarge},
		{filepath.Join(folder, "none"), t.Context(), 4, "", os.ErrNotExist},
		{silent, stopped, 4, "", stop},
	} {
		content, err := textfile.Read(tt.ctx, tt.name, tt.most)
		if string(content) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v; want %q, %v", tt.name, content, err, tt.want, tt.err)
		}
	}
	go func() {
		if err := os.WriteFile(pipe, []byte("from a vault"), 0); err != nil {
			t.Error(err)
		}
	}()
	if content, err := textfile.Read(t.Context(), pipe, 100); string(content) != "from a vault" || err != nil {
		t.Errorf("a pipe: %q, %v", content, err)
	}
}
