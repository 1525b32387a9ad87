package pack

import (
	"archive/zip"
	"encoding/binary"
	"io"
	"math"
)

// largeMembers is the io.Writer between archive/zip and the real one; it corrects the
// zip's central directory. For a member whose size needs zip64, archive/zip writes the
// offset into the zip64 extra field, and also as a real number into the 32-bit field if
// it fits there. The extra field may hold the offset only if the 32-bit field is
// 0xFFFFFFFF (APPNOTE.TXT, section 4.5.3), and 7-Zip warns otherwise. So pass sets that
// field to 0xFFFFFFFF.
type largeMembers struct {
	w      io.Writer
	inside bool                  // the directory is being written
	header [directoryHeader]byte // of the member that is being written
	have   int                   // bytes of it
	skip   int                   // bytes of the name and the rest that follow it
}

const directoryHeader = 46 // bytes

// close ends the archive.
func (l *largeMembers) close(archive *zip.Writer) error {
	if err := archive.Flush(); err != nil {
		return err
	}
	l.inside = true
	if err := archive.Close(); err != nil {
		return err
	}
	_, err := l.w.Write(l.header[:l.have]) // the end of the archive is shorter than a header
	return err
}

func (l *largeMembers) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		rest := p[written:]
		switch {
		case !l.inside:
			n, err := l.w.Write(rest)
			return written + n, err
		case l.skip > 0:
			n, err := l.w.Write(rest[:min(l.skip, len(rest))])
			l.skip, written = l.skip-n, written+n
			if err != nil {
				return written, err
			}
		default:
			n := copy(l.header[l.have:], rest)
			l.have, written = l.have+n, written+n
			if l.have == directoryHeader {
				if err := l.pass(); err != nil {
					return written, err
				}
			}
		}
	}
	return written, nil
}

// pass writes the header of a member, or the beginning of what follows the last one.
func (l *largeMembers) pass() error {
	h := l.header[:]
	number := func(at int) uint32 { return binary.LittleEndian.Uint32(h[at:]) }
	length := func(at int) int { return int(binary.LittleEndian.Uint16(h[at:])) }
	switch {
	case string(h[:4]) != "PK\x01\x02":
		l.inside = false // the directory has ended
	case number(20) == math.MaxUint32 || number(24) == math.MaxUint32:
		binary.LittleEndian.PutUint32(h[42:], math.MaxUint32)
		fallthrough
	default:
		l.skip = length(28) + length(30) + length(32)
	}
	l.have = 0
	_, err := l.w.Write(h)
	return err
}
