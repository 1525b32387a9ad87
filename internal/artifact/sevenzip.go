package artifact

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/bodgit/sevenzip"
)

var errEncrypted = errors.New("encrypted")

// We never have a password, so the AES decoder is replaced by one that only reports
// errEncrypted. The library's own would first derive a key from an empty password, in
// as many rounds as the archive asks for, and a forged archive could ask for very many.
func init() {
	sevenzip.RegisterDecompressor([]byte{0x06, 0xf1, 0x07, 0x01}, // AES-256 and SHA-256
		func([]byte, uint64, []io.ReadCloser) (io.ReadCloser, error) { return nil, errEncrypted })
}

// readSevenZip lists a 7z. The library believes the counts in the directory,
// so that one which was forged with care, down to its checksums, can make it
// ask for more memory than there is. Damage cannot: the checksums do not fit
// then.
func (a *Artifact) readSevenZip(w *window) error {
	a.Format = SevenZip
	if err := a.checkSevenZipStart(w); err != nil {
		return err
	}
	r, err := sevenzip.NewReader(w, w.size)
	switch {
	case errors.Is(err, errEncrypted): // the directory itself; its checksum was read
		a.Encrypted = true
		return nil
	case err != nil:
		return err
	case len(r.File) == 0:
		return noMembers(a.Path)
	}
	for _, f := range r.File {
		if !f.FileInfo().IsDir() {
			if err := a.add(w, f.Name); err != nil {
				return err
			}
		}
	}
	a.Encrypted = sevenZipEncrypted(r)
	return nil
}

// sevenZipEncrypted reports whether the members are encrypted. The library
// tells only when it opens one, which sets up the decoders and reads next to
// nothing. One is enough: 7-Zip encrypts all that it adds, or nothing.
func sevenZipEncrypted(r *sevenzip.Reader) bool {
	for _, f := range r.File {
		if f.UncompressedSize == 0 {
			continue
		}
		content, err := f.Open()
		if err == nil {
			content.Close()
		}
		// Any other error is about a method that the library does not know
		// and CAR may well know.
		return errors.Is(err, errEncrypted)
	}
	return false
}

// checkSevenZipStart looks at the 32 bytes that begin every 7z and say where
// its directory is: behind all the data, so that it is the first to go when a
// file is cut short.
func (a *Artifact) checkSevenZipStart(w *window) error {
	var start [32]byte
	if _, err := w.ReadAt(start[:], 0); err != nil {
		return cutShort(a.Path, "it is shorter than the header of a 7z")
	}
	var (
		sum    = binary.LittleEndian.Uint32(start[8:])
		offset = binary.LittleEndian.Uint64(start[12:])
		size   = binary.LittleEndian.Uint64(start[20:])
		behind = uint64(w.size) - uint64(len(start)) //nolint:gosec // the size of a file is not negative
	)
	switch {
	case sum == 0 && offset == 0 && size == 0:
		return cutShort(a.Path, "7-Zip was stopped before it wrote the list of members")
	case sum != crc32.ChecksumIEEE(start[12:]):
		return errors.New("the checksum of its header is wrong")
	case offset > behind || size > behind-offset:
		missing := fmt.Sprintf("the list of members, which a 7z has at its end, is missing, with %s", bytesText(int64(min(offset, 1<<62)+min(size, 1<<61)-behind)))
		return cutShort(a.Path, missing)
	case size == 0:
		return noMembers(a.Path)
	}
	more := int64(behind - offset - size) //nolint:gosec // not negative
	switch {
	case more == 0:
	case size < 1<<20 && w.holds(32+int64(offset)+more, int64(size), u32(start[:], 28)): //nolint:gosec // as above
		return damaged(a.Path, fmt.Errorf("%s too many are before its list of members", bytesText(more)))
	default:
		w.names.Problems.Add(false, bytesText(more)+" behind the end of the archive, which some unpackers refuse", "")
	}
	return nil
}

// holds reports whether the bytes at a place have a checksum.
func (w *window) holds(at, n int64, sum uint32) bool {
	part := w.peek(at, int(n))
	return int64(len(part)) == n && crc32.ChecksumIEEE([]byte(part)) == sum
}
