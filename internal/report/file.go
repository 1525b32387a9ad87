package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// writeFile writes a file as a whole or not at all where it can be replaced, so that no
// later step reads half of one. It makes no directory.
func writeFile(path, text string) (err error) {
	if err := staysInside(path); err != nil {
		return err
	}
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
		return writeInto(path, text)
	default: // the file that a link leads to is replaced, not the link
		link := path
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
		if err := mayFollow(link, path); err != nil {
			return err
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".car-publish-*")
	if err != nil {
		return inPlace(path, text, info, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(text)
	// By the open file, since another user of the folder could put something else
	// under its name.
	err = errors.Join(err, f.Chmod(0o644)) // other users' steps read it
	giveTo(f, info)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		_ = os.Remove(f.Name())
		return inPlace(path, text, info, err)
	}
	return nil
}

// inPlace writes a file that cannot be replaced: its folder may not be written, or it is
// mounted into a container by itself. why is the error that led here; it is returned also
// if the file cannot be opened.
func inPlace(path, text string, info os.FileInfo, why error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return why
	}
	now, err := f.Stat()
	if err == nil && !os.SameFile(info, now) {
		err = why // another file has come into its place
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteString(text)
	}
	return errors.Join(err, f.Close())
}

// pipeTime is how long the reader of a pipe may take.
const pipeTime = 2 * time.Second

// writeInto writes into a pipe or a device. For the reader of a pipe it waits only for a
// time: longer would keep the run from ending.
func writeInto(path, text string) error {
	deadline := time.Now().Add(pipeTime)
	f, err := os.OpenFile(path, os.O_WRONLY|dontWait, 0)
	for errors.Is(err, noReader) && time.Now().Before(deadline) {
		time.Sleep(pipeTime / 200)
		f, err = os.OpenFile(path, os.O_WRONLY|dontWait, 0)
	}
	if err != nil {
		return err
	}
	_ = f.SetWriteDeadline(deadline) // fails where a write cannot be made to wait less
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// staysInside refuses, if we are root, a path below the working directory that leads out
// of it by a link to a folder, or to something that is no file: whoever may write in the
// workspace could have root write anywhere.
func staysInside(path string) error {
	if !isRoot() {
		return nil
	}
	work, err := os.Getwd()
	if err != nil {
		return err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if inside, err := filepath.Rel(work, absolute); err != nil || !filepath.IsLocal(inside) {
		return nil //nolint:nilerr // it was named so, and not by a link
	}
	if work, err = filepath.EvalSymlinks(work); err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks(filepath.Dir(absolute))
	if err != nil {
		return err
	}
	if info, err := os.Stat(absolute); err == nil && !info.Mode().IsRegular() {
		if target, err = filepath.EvalSymlinks(absolute); err != nil {
			return err
		}
	}
	if inside, err := filepath.Rel(work, target); err != nil || !filepath.IsLocal(inside) {
		return fmt.Errorf("it leads to %q, outside of the working directory, and root follows no link there", target)
	}
	return nil
}

// mayFollow refuses a link that leads out of its folder and out of the working
// directory if we are root: in a folder that others may write, it could lead to any
// file of the machine.
func mayFollow(link, target string) error {
	if !isRoot() {
		return nil
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		return err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(link))
	if err != nil {
		return err
	}
	if filepath.Dir(target) == folder {
		return nil
	}
	work, err := os.Getwd()
	if err == nil {
		work, err = filepath.EvalSymlinks(work)
	}
	if err != nil {
		return err
	}
	if target, err = filepath.Abs(target); err != nil {
		return err
	}
	if inside, err := filepath.Rel(work, target); err != nil || !filepath.IsLocal(inside) {
		return fmt.Errorf("it is a link to %q, outside of the working directory, and root follows none of those", target)
	}
	return nil
}
