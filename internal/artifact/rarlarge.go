package artifact

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// The library for RAR keeps half a kilobyte of each member, so that an archive of very
// many is read here. Whatever is not as plain as those are is left to the library.
const (
	manyRAR    = 250_000   // members
	maxRAR     = 5_000_000 // members
	maxHeader  = 2 << 20   // bytes, as the format says
	startRAR5  = "Rar!\x1a\x07\x01\x00"
	headerFile = 2
	headerEnd  = 5
)

// errNotPlain means that an archive is damaged, encrypted, in parts or of the older
// format.
var errNotPlain = errors.New("not a plain RAR 5")

// rarMember is a file or folder in a rar.
type rarMember struct {
	name              string
	folder, encrypted bool
}

// eachRAR calls visit for each header of a plain RAR 5, with the member if it is one.
func eachRAR(w *window, visit func(header []byte, m *rarMember) error) error {
	if w.peek(0, len(startRAR5)) != startRAR5 {
		return errNotPlain
	}
	var ahead []byte
	for at, from := int64(len(startRAR5)), int64(0); ; {
		if at-from+64 > int64(len(ahead)) {
			ahead, from = []byte(w.peek(at, rarBuffer)), at
		}
		size := headerSize(ahead[min(at-from, int64(len(ahead))):])
		if size == 0 {
			return errNotPlain
		}
		if at-from+int64(size) > int64(len(ahead)) {
			ahead, from = []byte(w.peek(at, max(size, rarBuffer))), at
		}
		header := part(ahead, int(at-from), size)
		if header == nil || u32(header, 0) != crc32.ChecksumIEEE(header[4:]) {
			return errNotPlain
		}
		kind, data, m := readHeader(header)
		if kind == 0 || data > w.size-at-int64(size) {
			return errNotPlain
		}
		if err := visit(header, m); err != nil || kind == headerEnd {
			return err
		}
		at += int64(size) + data
	}
}

// headerSize returns how long a header is, 0 if it cannot be one.
func headerSize(b []byte) int {
	if len(b) < 7 {
		return 0
	}
	size, n := binary.Uvarint(b[4:])
	if n <= 0 || n > 3 || size > maxHeader {
		return 0
	}
	return 4 + n + int(size)
}

// readHeader returns the kind of a header, 0 if it is not a plain one, the size of the
// data behind it and the member that it is about.
func readHeader(header []byte) (kind int, data int64, m *rarMember) {
	const hasExtra, hasData, parts = 1, 2, 8 | 16
	r := vints{b: header[4:]}
	r.next() // the size
	k, flags := r.next(), r.next()
	var extra uint64
	if flags&hasExtra != 0 {
		extra = r.next()
	}
	if flags&hasData != 0 {
		data = int64(min(r.next(), 1<<62))
	}
	switch k {
	case 1: // of the archive
		if r.next()&1 != 0 { // one of several parts
			return 0, 0, nil
		}
	case headerFile:
		if flags&parts != 0 {
			return 0, 0, nil
		}
		m = r.member(extra)
	case 3, headerEnd: // a service, and the end
	default:
		return 0, 0, nil
	}
	if r.bad {
		return 0, 0, nil
	}
	return int(k), data, m //nolint:gosec // see above
}

// vints are the numbers in a header.
type vints struct {
	b   []byte
	bad bool
}

func (r *vints) next() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *vints) skip(n int) {
	r.bad = r.bad || n > len(r.b)
	r.b = r.b[min(n, len(r.b)):]
}

// member reads the rest of the header of a file. Its extra area has that many bytes.
func (r *vints) member(extra uint64) *rarMember {
	const isFolder, hasTime, hasSum, encryption = 1, 2, 4, 1
	flags := r.next()
	r.next() // the size
	r.next() // the attributes
	if flags&hasTime != 0 {
		r.skip(4)
	}
	if flags&hasSum != 0 {
		r.skip(4)
	}
	r.next() // the compression
	r.next() // the system
	n := r.next()
	if n > uint64(len(r.b)) || extra > uint64(len(r.b))-n {
		r.bad = true
		return nil
	}
	m := &rarMember{name: string(r.b[:n]), folder: flags&isFolder != 0}
	for rest := (vints{b: r.b[uint64(len(r.b))-extra:]}); len(rest.b) > 0 && !rest.bad; {
		size := rest.next()
		record := vints{b: rest.b}
		m.encrypted = m.encrypted || record.next() == encryption
		rest.skip(int(min(size, maxHeader)))
	}
	return m
}

// readLargeRAR reads a plain RAR 5 of very many members, and reports whether it is one.
func (a *Artifact) readLargeRAR(w *window) (bool, error) {
	members, bytes := uint64(0), int64(0)
	err := eachRAR(w, func(header []byte, _ *rarMember) error {
		members++
		bytes += int64(len(header))
		return nil
	})
	switch {
	case err != nil || members <= manyRAR:
		return false, nil //nolint:nilerr // what it is, the library finds out
	case members > maxRAR:
		return true, &Error{
			Kind:    TooLarge,
			Message: tooLarge(a.Path, members, bytes).Message,
			Hint:    "At most " + digits(maxRAR) + " members of a rar are read: pack the files into fewer, larger ones.",
		}
	}
	return true, eachRAR(w, func(header []byte, m *rarMember) error {
		w.note(int64(len(header)))
		w.hash.Write(header)
		if m == nil || m.folder {
			return nil
		}
		a.Encrypted = a.Encrypted || m.encrypted
		return a.add(w, m.name)
	})
}
