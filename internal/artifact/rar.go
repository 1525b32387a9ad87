package artifact

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/nwaples/rardecode/v2"
)

// rarName is what the archive is called towards rardecode, which derives the
// names of further volumes from it.
const rarName = "archive.rar"

// rarBuffer is how much is read for each member, in bytes. A header takes
// about 100. rardecode skips the data behind it by seeking, if it can and the
// buffer does not hold it already; with its default of 4 KiB, 50,000 members
// would cost 200 MB of reading.
const rarBuffer = 256

func (a *Artifact) readRAR(w *window) error {
	a.Format = RAR
	if large, err := a.readLargeRAR(w); large || err != nil {
		return err
	}
	// List, since a Reader would allocate each member's dictionary, which may
	// be GBs, only to get past it.
	files, err := rardecode.List(rarName, rardecode.FileSystem(rarFS{w}), rardecode.BufferSize(rarBuffer))
	switch {
	case errors.Is(err, rardecode.ErrArchiveEncrypted):
		a.Encrypted = true
		// Reading is what feeds the fingerprint. The head, read already, contributes
		// the salt. Read the end as well, so that an archive changed without a new salt
		// still gets another fingerprint.
		tail := make([]byte, min(w.size, 4<<10))
		_, err = w.ReadAt(tail, w.size-int64(len(tail)))
		return err
	case errors.Is(err, fs.ErrNotExist), // the next volume
		errors.Is(err, rardecode.ErrUnexpectedArcEnd),
		errors.Is(err, rardecode.ErrBadVolumeNumber), // this one is not the first
		errors.Is(err, rardecode.ErrInvalidFileBlock):
		return multiVolume(a.Path)
	case errors.Is(err, errCutShort), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return cutShort(a.Path, "a member's data or the end of the archive is missing")
	case err != nil:
		return err
	case len(files) == 0:
		return noMembers(a.Path)
	}
	for _, f := range files {
		a.Encrypted = a.Encrypted || f.Encrypted
		if !f.IsDir {
			name := f.Name
			if !utf8.ValidString(name) {
				// The library has made slashes of the backslashes, among them those that
				// are half of a character.
				name = strings.ReplaceAll(name, "/", `\`)
			}
			if err := a.add(w, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// rarFS is a file system that holds only the artifact, so that the library finds
// no further volumes next to it: only this one file is published.
type rarFS struct{ w *window }

func (f rarFS) Open(name string) (fs.File, error) {
	if name != rarName {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return rarFile{f.w}, nil
}

type rarFile struct{ *window }

func (rarFile) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (rarFile) Close() error               { return nil }
