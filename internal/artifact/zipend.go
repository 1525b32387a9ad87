package artifact

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// The records at the end of a zip (pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT,
// sections 4.3.14 to 4.3.16).
const (
	endSize     = 22 // of the end record, without its comment
	maxComment  = 1<<16 - 1
	locatorSize = 20
	zip64Size   = 56
	entrySize   = 46 // of a record of the list, without its name

	endSignature     = "PK\x05\x06"
	locatorSignature = "PK\x06\x07"
	zip64Signature   = "PK\x06\x06"
	entrySignature   = "PK\x01\x02"
	memberSignature  = "PK\x03\x04"
)

// zipList is the list of members as the records at the end of a zip describe it.
type zipList struct {
	members uint64 // modulo 2^16 without zip64
	size    uint64 // bytes
	offset  uint64 // where the list should be
	zip64   bool

	before int64 // where the records behind the list begin
	behind int64 // bytes behind the end of the archive
}

// endAt returns where the end record begins in the last bytes of a file, negative if
// it is not there. The last one whose comment ends with the file is the one; if there
// is none, something follows the archive or the comment is cut.
func endAt(tail []byte) int {
	last := -1
	for limit := len(tail) - endSize + len(endSignature); limit >= len(endSignature); {
		at := bytes.LastIndex(tail[:limit], []byte(endSignature))
		if at < 0 {
			break
		}
		if at+endSize+int(u16(tail, at+20)) == len(tail) {
			return at
		}
		last = max(last, at)
		limit = at + len(endSignature) - 1
	}
	return last
}

// zipList reads the records at the end of every zip.
func (a *Artifact) zipList(w *window) (*zipList, error) {
	tail := make([]byte, min(w.size, endSize+maxComment))
	if _, err := w.ReadAt(tail, w.size-int64(len(tail))); err != nil {
		return nil, err
	}
	at := endAt(tail)
	if at < 0 {
		return nil, a.noEnd(w)
	}
	end := tail[at:]
	behind := int64(len(end)) - endSize - int64(u16(end, 20))
	disk := u16(end, 4)
	switch {
	case disk != 0 && disk != 0xffff: // 0xffff: look at the zip64 record
		return nil, multiVolume(a.Path)
	case behind < 0:
		return nil, cutShort(a.Path, fmt.Sprintf("%s are missing at its end", bytesText(-behind)))
	}
	l := &zipList{
		members: uint64(u16(end, 10)), size: uint64(u32(end, 12)), offset: uint64(u32(end, 16)),
		before: w.size - int64(len(end)), behind: behind,
	}
	return l, a.zip64(w, l)
}

// zip64 reads the zip64 record, if there is one.
func (a *Artifact) zip64(w *window, l *zipList) error {
	locator := make([]byte, locatorSize)
	if l.before < locatorSize {
		return nil
	}
	if _, err := w.ReadAt(locator, l.before-locatorSize); err != nil || string(locator[:4]) != locatorSignature {
		return err
	}
	if disks := u32(locator, 16); disks > 1 && disks != 0xffffffff {
		return multiVolume(a.Path)
	}
	at := int64(min(binary.LittleEndian.Uint64(locator[8:]), 1<<62))
	record := []byte(w.peek(at, zip64Size))
	whole := len(record) == zip64Size && bytes.HasPrefix(record, []byte(zip64Signature)) && binary.LittleEndian.Uint64(record[4:]) == uint64(l.before-locatorSize-at-12) //nolint:gosec // compared only
	if !whole {                                                                                                                                                          // it should end where the locator begins
		found := w.lastBefore(zip64Signature, l.before-locatorSize)
		if found < 0 {
			return cutShort(a.Path, "the list of members, which a zip has at its end, is missing")
		}
		if found != at {
			return shifted(a.Path, found-at)
		}
	}
	record = make([]byte, zip64Size)
	if _, err := w.ReadAt(record, at); err != nil {
		return err
	}
	if l.members == 0xffff || l.size == 0xffffffff || l.offset == 0xffffffff {
		l.zip64 = true
		l.members, l.size, l.offset = binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint64(record[40:]), binary.LittleEndian.Uint64(record[48:])
	}
	l.before = at
	if l.zip64 && l.members > l.size/entrySize {
		return damaged(a.Path, fmt.Errorf("its list of members claims %d of them in %d bytes", l.members, l.size))
	}
	return nil
}

// start returns where the list of members begins. What the records at the end say must
// add up with where they are: a file that lacks a part, or has one twice, gives itself
// away here, and nobody can unpack it. The members are then not where the list says.
func (a *Artifact) start(w *window, l *zipList) (int64, error) {
	if l.size > 1<<62 || l.offset > 1<<62 {
		return 0, errors.New("its list of members is at a place that cannot be")
	}
	size, offset := int64(l.size), int64(l.offset)
	shift, adjoining := l.before-size-offset, []byte(w.peek(l.before-size, entrySize))
	isList := bytes.HasPrefix(adjoining, []byte(entrySignature))
	switch {
	case shift == 0, l.members == 0 && size == 0:
		return l.before - size, nil
	case shift > 0 && isList && w.peek(shift+int64(u32(adjoining, 42)), 4) == memberSignature:
		return 0, appended(a.Path, shift)
	case shift > 0 && w.peek(offset, 4) == entrySignature: // an APK's signature or other data follows the list
		return offset, nil
	case !l.zip64 && l.before-size > 1<<32-1:
		return 0, needsZip64(a.Path, shift)
	case !l.zip64 && offset == 1<<32-1:
		return 0, errors.New("the zip64 record, which should say where its list of members is, is missing")
	default:
		return 0, shifted(a.Path, shift)
	}
}

// noEnd is about a zip whose last bytes hold no end record. It may be further ahead,
// if so much follows the archive that no program looks for it.
func (a *Artifact) noEnd(w *window) error {
	const far = 32 << 20
	limit := w.size
	for limit > max(0, w.size-far) {
		at := w.lastBefore(endSignature, limit)
		if at < 0 {
			break
		}
		record := []byte(w.peek(at, endSize))
		behind := w.size - at - endSize - int64(u16(record, 20))
		start := at - int64(u32(record, 12))
		whole := u16(record, 10) > 0 && start == int64(u32(record, 16)) && w.peek(start, 4) == entrySignature
		if behind > 0 && (whole || w.peek(at-locatorSize, 4) == locatorSignature) {
			return damaged(a.Path, fmt.Errorf("%s follow the end of the archive, so many that programs do not find it", bytesText(behind)))
		}
		limit = at
	}
	return cutShort(a.Path, "the list of members, which a zip has at its end, is missing")
}

// layout compares the places and sizes of members, in the order of the list.
type layout struct {
	w     *window
	path  string // of the file
	list  int64  // where the list of members begins
	every uint64 // of so many members, one is looked at

	members uint64
	next    int64 // where the last member ends at the least; negative if that is not known
	last    int64 // where the last member begins
	fault   error // the first thing that is wrong
}

// maxLooks is how many members are looked at in the file itself.
const maxLooks = 500

func newLayout(w *window, path string, list int64, members uint64) *layout {
	return &layout{w: w, path: path, list: list, every: members/maxLooks + 1, next: -1}
}

// add looks at a member.
func (l *layout) add(e *zipEntry) {
	look := l.members%l.every == 0
	l.members++
	switch {
	case l.fault != nil:
	case e.offset < 0 || e.size < 0: // not told
		l.next = -1
	case e.offset > l.list || e.size > l.list-e.offset:
		l.fault = damaged(l.path, fmt.Errorf("%q in it would have to end %s behind the last member", e.name, bytesText(e.offset+e.size-l.list)))
	case look && l.w.peek(e.offset, 4) != memberSignature:
		l.fault = damaged(l.path, fmt.Errorf("at byte %s, where %q should begin, is something else", digits(e.offset), e.name))
	default:
		l.gap(e.offset)
		l.next, l.last = e.offset+30+int64(len(e.raw))+e.size, e.offset
	}
}

// gap looks at what is between the last member and a place behind it. Where a size
// has lost its upper 32 bits, as without zip64, that is a multiple of 4 GiB and what a
// member has besides its name and content.
func (l *layout) gap(to int64) {
	const most = maxComment + 24 // the extra field and the data descriptor
	if gap := to - l.next; l.next >= 0 && to > l.last && gap >= 1<<32 && gap%(1<<32) <= most {
		l.fault = needsZip64(l.path, gap)
	}
}

// done looks at what is behind the last member.
func (l *layout) done() error {
	if l.fault == nil {
		l.gap(l.list)
	}
	return l.fault
}
