package publish

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An artifact that another build replaces, changes or removes stops the upload within
// one part; one that nobody touches is read to its end.
func TestWatchedArtifact(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(path string) error{
		"nothing":      func(string) error { return nil },
		"another mode": func(path string) error { return os.Chmod(path, 0o640) },
		"replaced": func(path string) error {
			info, err := os.Stat(path)
			return errors.Join(err, sparse(path+".new", 4*betweenLooks), os.Chtimes(path+".new", info.ModTime(), info.ModTime()), os.Rename(path+".new", path))
		},
		"longer":    func(path string) error { return os.Truncate(path, 5*betweenLooks) },
		"later":     func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
		"removed":   os.Remove,
		"moved off": func(path string) error { return os.Rename(path, path+".old") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "game.zip")
			if err := sparse(path, 4*betweenLooks); err != nil {
				t.Fatal(err)
			}
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			info, err := file.Stat()
			if err != nil {
				t.Fatal(err)
			}
			stop := errors.New("stop")
			w := &watched{File: file, path: path, inspected: info, changed: stop}
			piece := make([]byte, 64<<10)
			var offset, changedAt int64
			for ; offset < info.Size(); offset += int64(len(piece)) {
				if changedAt == 0 && offset >= betweenLooks+betweenLooks/2 {
					changedAt = offset
					if err := change(path); err != nil {
						t.Fatal(err)
					}
				}
				if _, err = w.ReadAt(piece, offset); err != nil {
					break
				}
			}
			switch same := what == "nothing" || what == "another mode"; {
			case same && err != nil:
				t.Errorf("got %v at %d", err, offset)
			case !same && (!errors.Is(err, stop) || offset-changedAt > betweenLooks):
				t.Errorf("got %v, %d bytes after the change", err, offset-changedAt)
			}
		})
	}
}

func sparse(path string, size int64) error {
	return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size))
}
