package report

import (
	"errors"
	"os"
	"path/filepath"
)

// writeFile writes a file as a whole or not at all, so that no later step
// reads half of one. It makes no directory.
func writeFile(path, text string) (err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if info, err = os.Stat(filepath.Dir(path)); err != nil {
			return err
		}
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a directory")
	case !info.Mode().IsRegular(): // a pipe, or /dev/stdout: must not be replaced
		return os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // other users' steps read it
	default: // the file that a link leads to is replaced, not the link
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".car-publish-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil { //nolint:gosec // other users' steps read it
		return err
	}
	giveTo(f.Name(), info)
	return os.Rename(f.Name(), path)
}
