package artifact

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// maxStub is how much of a file is searched for an archive that does not begin with
// the file. The programs in front of self-extracting archives take below 1 MiB.
const maxStub = 16 << 20

// installers are the texts by which programs that install others are known.
var installers = []struct{ text, name string }{
	{"\xef\xbe\xad\xdeNullsoftInst", "NSIS"},
	{"Inno Setup Setup Data", "Inno Setup"},
	{".wixburn", "WiX"},
}

// wrapped is about a file that does not begin as an archive but holds one, nil if it
// holds none.
func (a *Artifact) wrapped(w *window, head []byte) error {
	program := bytes.HasPrefix(head, []byte("MZ")) || bytes.HasPrefix(head, []byte("\x7fELF")) || bytes.HasPrefix(head, []byte("#!"))
	if _, hint := describe(head); hint != "" && !program {
		return nil // known by its first bytes
	}
	format, at := w.inside()
	switch {
	case w.lastPart():
		return multiVolume(a.Path)
	case at <= 0 && program:
		return a.installer(w)
	case at <= 0:
		return nil
	case program:
		return selfExtracting(a.Path, format)
	}
	return prefixed(a.Path, format, at)
}

func (a *Artifact) installer(w *window) error {
	for _, i := range installers {
		if w.search([]byte(i.text), func(int64) bool { return true }) >= 0 {
			return installer(a.Path, i.name)
		}
	}
	return nil
}

// inside finds an archive within a file, and returns its format and where it begins;
// 0 if there is none.
func (w *window) inside() (Format, int64) {
	if at := w.zipInside(); at > 0 {
		return Zip, at
	}
	// The signatures alone are in every program that unpacks archives, so look at
	// what follows them too.
	if at := w.search([]byte("7z\xbc\xaf\x27\x1c"), func(at int64) bool {
		start := []byte(w.peek(at, 32))
		return len(start) == 32 && binary.LittleEndian.Uint32(start[8:]) == crc32.ChecksumIEEE(start[12:])
	}); at > 0 {
		return SevenZip, at
	}
	if at := w.search([]byte("Rar!\x1a\x07"), func(at int64) bool { return isRAR([]byte(w.peek(at, 80))) }); at > 0 {
		return RAR, at
	}
	return "", 0
}

// isRAR reports whether these are the first bytes of a rar, with a header whose
// checksum is right.
func isRAR(start []byte) bool {
	switch {
	case len(start) < 20:
		return false
	case start[6] == 0: // up to 4
		size := int(u16(start, 12))
		return start[9] == 0x73 && size >= 13 && size <= len(start)-7 &&
			u16(start, 7) == uint16(crc32.ChecksumIEEE(start[9:7+size])&0xffff)
	}
	size := int(start[12]) // of the header; the first one is short
	return size < 60 && 13+size <= len(start) && u32(start, 8) == crc32.ChecksumIEEE(start[12:13+size])
}

// lastPart reports whether the file ends as the last of several parts of a zip.
func (w *window) lastPart() bool {
	tail := []byte(w.peek(w.size-min(w.size, endSize+maxComment), endSize+maxComment))
	at := endAt(tail)
	return at >= 0 && u16(tail, at+4) != 0 && u16(tail, at+4) != 0xffff && at+endSize+int(u16(tail, at+20)) == len(tail)
}

// zipInside returns where a zip begins whose end is that of the file.
func (w *window) zipInside() int64 {
	tail := []byte(w.peek(w.size-min(w.size, endSize+maxComment), endSize+maxComment))
	at := endAt(tail)
	if at < 0 {
		return 0
	}
	before := w.size - int64(len(tail)) + int64(at)
	size, offset := int64(u32(tail, at+12)), int64(u32(tail, at+16))
	if u32(tail, at+16) == 0xffffffff || u16(tail, at+10) == 0xffff { // zip64
		record := w.lastBefore(zip64Signature, before)
		if record < 0 {
			return 0
		}
		text := []byte(w.peek(record, zip64Size))
		size, offset, before = int64(u32(text, 40)), int64(u32(text, 48))|int64(u32(text, 52))<<32, record
	}
	for _, list := range []int64{before - size, offset} {
		if entry := []byte(w.peek(list, entrySize)); bytes.HasPrefix(entry, []byte(entrySignature)) {
			first := max(0, list-offset) + int64(u32(entry, 42))
			if w.peek(first, 4) == memberSignature {
				return first
			}
		}
	}
	return 0
}

// search returns the first place of a text within the first part of the file that is
// the right one, negative if there is none. It does not count as read.
func (w *window) search(text []byte, right func(at int64) bool) int64 {
	const step = 1 << 20
	for from := int64(0); from < min(w.size, maxStub); from += step {
		part := []byte(w.peek(from, step+len(text)-1))
		for at := 0; ; at++ {
			next := bytes.Index(part[at:], text)
			if next < 0 {
				break
			}
			if at += next; right(from + int64(at)) {
				return from + int64(at)
			}
		}
	}
	return -1
}

// lastBefore returns the last place of a text that ends before another place, within
// 32 MiB; negative if there is none. It does not count as read.
func (w *window) lastBefore(text string, before int64) int64 {
	const step, most = 1 << 20, 32 << 20
	for end := before; end > max(0, before-most); end -= step {
		from := max(0, end-step)
		part := w.peek(from, int(min(end+int64(len(text))-1, before)-from))
		if at := bytes.LastIndex([]byte(part), []byte(text)); at >= 0 {
			return from + int64(at)
		}
	}
	return -1
}

// mangled are the first bytes of archives that were made text by mistake.
var mangled = []struct{ head, what string }{
	{"\xff\xfeP\x00K\x00", "a zip that was written as UTF-16 text, as > in PowerShell does"},
	{"UEsDB", "a zip as base64 text"},
	{"N3q8ryccA", "a 7z as base64 text"},
	{"UmFyIRoH", "a rar as base64 text"},
}

func mangledAs(head []byte) string {
	// Bytes that are no UTF-8 become this character. It is not by chance in a file.
	if bytes.Count(head, []byte("\ufffd")) >= 8 && slices.ContainsFunc([]string{"PK\x03\x04", "Rar!\x1a\x07", "7z\ufffd"}, func(s string) bool { return bytes.HasPrefix(head, []byte(s)) }) {
		return "an archive that was written as UTF-8 text, in which most of its bytes are lost"
	}
	i := slices.IndexFunc(mangled, func(m struct{ head, what string }) bool { return bytes.HasPrefix(head, []byte(m.head)) })
	if i < 0 {
		return ""
	}
	return mangled[i].what
}
