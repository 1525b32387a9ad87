// Package outfile writes the files that inputs name, and says before a run whether that
// will work: at the end a version may be online, and it is too late to find out.
package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Check tries whether a file can be written, and leaves everything as it is. A pipe or a
// device is not opened: that could wait for a reader.
func Check(path string) error {
	target, info, err := resolve(path)
	switch {
	case err != nil:
		return err
	case info == nil:
		return tryBeside(target)
	case !info.Mode().IsRegular():
		return nil
	}
	existing, err := os.OpenFile(target, os.O_WRONLY, 0)
	if err == nil {
		return existing.Close()
	}
	if !replaceable(target, info) {
		return err
	}
	return tryBeside(target)
}

// tryBeside tries whether a file can be made in the folder of another one.
func tryBeside(file string) error {
	trial, err := os.CreateTemp(filepath.Dir(file), temporary)
	if err != nil {
		return err
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}

// temporary is the pattern of the names of files that take another's place when they are
// complete.
const temporary = ".car-publish-*"

// replaceable reports whether another file may take the place of this one. In a folder
// such as /tmp only its owner may do that, and the owner of the folder. Only an owner
// can set the mode, here to what it is; nobody can on a disk that is read-only.
func replaceable(file string, info fs.FileInfo) bool {
	dir := filepath.Dir(file)
	folder, err := os.Stat(dir)
	if err != nil || folder.Mode()&fs.ModeSticky == 0 {
		return err == nil
	}
	return os.Chmod(file, info.Mode()) == nil || os.Chmod(dir, folder.Mode()) == nil
}

// Write writes a file as a whole or not at all where it can be replaced, so that no
// later step reads half of one. It makes no directory.
func Write(path, text string) (err error) {
	target, info, err := resolve(path)
	switch {
	case err != nil:
		return err
	case info == nil:
		if info, err = os.Stat(filepath.Dir(target)); err != nil { // whose owner gets the file
			return err
		}
	case info.IsDir():
		return errors.New("it is a directory")
	case !info.Mode().IsRegular(): // a pipe, or /dev/stdout: must not be replaced
		return writeInto(path, text)
	}
	f, err := os.CreateTemp(filepath.Dir(target), temporary)
	if err != nil {
		return inPlace(target, text, info, err)
	}
	_, err = f.WriteString(text)
	// By the open file, since another user of the folder could put something else
	// under its name.
	err = errors.Join(err, f.Chmod(0o644)) // other users' steps read it
	giveTo(f, info)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if err = os.Rename(f.Name(), target); err != nil {
		_ = os.Remove(f.Name())
		return inPlace(target, text, info, err)
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

// resolve returns where a path leads, through all links, and what is there; nil if
// nothing is. Root follows no link out of the working directory: whoever may write in
// the workspace could have root write anywhere. A path outside of it was named so, and
// may only be a link to a neighbour.
func resolve(path string) (target string, info os.FileInfo, err error) {
	if info, err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		info, err = nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	target = filepath.Join(folder, filepath.Base(path))
	isFile := info == nil || info.Mode().IsRegular()
	if info != nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			target = real
		} else if isFile { // /dev/stdout leads to a pipe without a path
			return "", nil, err
		}
	}
	if !isRoot() {
		return target, info, nil
	}
	named, err := inWork(path, false)
	if err != nil {
		return "", nil, err
	}
	inside, err := inWork(target, true)
	if err != nil {
		return "", nil, err
	}
	if !inside && (named || isFile && filepath.Dir(target) != folder) {
		return "", nil, fmt.Errorf("it leads to %q, outside of the working directory, and root follows no link there", target)
	}
	return target, info, nil
}

// inWork reports whether a path is below the working directory, by its name or, if it is
// real, without the links of that.
func inWork(path string, real bool) (bool, error) {
	work, err := os.Getwd()
	if err == nil && real {
		work, err = filepath.EvalSymlinks(work)
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return false, err
	}
	inside, err := filepath.Rel(work, path)
	return err == nil && filepath.IsLocal(inside), nil
}
