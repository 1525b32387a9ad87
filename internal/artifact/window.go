package artifact

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"

	"github.com/car-publish/car-publish/internal/member"
)

// maxDirectory is how much of a file may be read to know what is in it, in
// bytes: enough for more than half a million members, and a bound on the
// memory that a forged directory can take (but see readSevenZip).
const maxDirectory = 128 << 20

// maxZipList is the same for the list of members of a zip, of which nothing is kept:
// enough for ten million members.
const maxZipList = 2 << 30

var (
	errDirectoryTooLarge = errors.New("the directory is too large")
	errCutShort          = errors.New("the file ends too early")
)

// window is the file as the archive readers see it. It hashes what they read,
// and stops them when they read too much.
type window struct {
	file io.ReaderAt
	size int64
	pos  int64 // of Read and Seek
	left int64 // bytes that may still be read
	full bool  // an attempt was made to read more
	most int64 // bytes that the list of members of a zip may take
	hash hash.Hash

	names    member.Names // of the members that were found
	files    int          // members that are not folders
	foreign  foreignNames // those that are not UTF-8
	archives member.List  // those that are archives themselves
}

func newWindow(file io.ReaderAt, size int64) *window {
	w := &window{file: file, size: size, left: maxDirectory, most: maxZipList, hash: sha256.New()}
	w.note(size)
	return w
}

// ReadAt implements io.ReaderAt.
func (w *window) ReadAt(p []byte, off int64) (int, error) {
	if w.left < int64(len(p)) {
		w.full = true
		return 0, errDirectoryTooLarge
	}
	n, err := w.file.ReadAt(p, off)
	w.left -= int64(n)
	w.note(off)
	w.note(int64(n))
	w.hash.Write(p[:n])
	return n, err
}

// peek returns up to n bytes from a place, fewer if the file ends. They do not count as
// read, so that the fingerprint depends on the list of members alone.
func (w *window) peek(at int64, n int) string {
	if at < 0 || at >= w.size || n <= 0 {
		return ""
	}
	part := make([]byte, min(int64(n), w.size-at))
	got, _ := w.file.ReadAt(part, at) // what cannot be read is not there
	return string(part[:got])
}

// Read implements io.Reader.
func (w *window) Read(p []byte) (int, error) {
	n, err := w.ReadAt(p, w.pos)
	w.pos += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker. Unlike a file's it refuses to go past the end:
// a reader that skips data which is not there must not take the end of the
// file for the end of the archive.
func (w *window) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += w.pos
	case io.SeekEnd:
		offset += w.size
	}
	if offset < 0 || offset > w.size {
		return 0, errCutShort
	}
	w.pos = offset
	return offset, nil
}

func (w *window) note(n int64) {
	w.hash.Write(binary.LittleEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // offsets and sizes are not negative
}

func (w *window) fingerprint() Fingerprint {
	return Fingerprint(w.hash.Sum(nil))
}
