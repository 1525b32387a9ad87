package artifact

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf16"
)

// isText reports whether a manifest is XML as people write it. Inside of a
// package it is in Android's binary form.
func isText(manifest []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(plainText(manifest), " \t\r\n"), []byte("<"))
}

// The parts of Android's binary XML that matter here, from
// frameworks/base/libs/androidfw/include/androidfw/ResourceTypes.h.
const (
	chunkStrings     = 0x0001
	chunkElement     = 0x0102
	chunkResourceIDs = 0x0180

	stringsUTF8 = 1 << 8

	valueString   = 0x03
	valueFirstInt = 0x10

	attrVersionCode      = 0x0101021b
	attrVersionName      = 0x0101021c
	attrVersionCodeMajor = 0x01010576

	attrIsSplitRequired    = 0x01010591
	attrRequiredSplitTypes = 0x0101064e

	none = 0xffffffff

	// maxText is the longest text that is believed to be a name, in bytes or
	// UTF-16 units.
	maxText = 1 << 10
)

// binaryXML is a file that should be in Android's binary form, but may hold
// anything. Reading past its end gives zeros.
type binaryXML struct {
	strings []byte // the chunk with all texts
	ids     []byte // the chunk with the resource ids of the first texts
}

// parseManifest reads the attributes of a manifest's first element. What is
// not there, or is a reference to a resource (which Gradle never writes for
// these), stays empty.
//
// The existing libraries for binary XML decode the whole file, and allocate
// memory or loop as often as the file says. Hardened packages have manifests
// made to break such libraries.
//
// Split means that the package is one of several that are installed together only.
func parseManifest(data []byte) (a Android, split bool) {
	var x binaryXML
	for at := int(u16(data, 2)); at < len(data); {
		chunk := data[at:]
		size := int(u32(chunk, 4))
		if size < 8 || size > len(chunk) {
			break
		}
		chunk = chunk[:size]
		switch u16(chunk, 0) {
		case chunkStrings:
			x.strings = chunk
		case chunkResourceIDs:
			x.ids = chunk
		case chunkElement:
			return x.application(chunk)
		}
		at += size
	}
	return Android{}, false
}

// application reads the attributes of the manifest element.
func (x *binaryXML) application(element []byte) (a Android, split bool) {
	var (
		major int64
		body  = int(u16(element, 2))
		at    = body + int(u16(element, body+8))
		size  = int(u16(element, body+10))
		count = int(u16(element, body+12))
	)
	for range count {
		name := u32(element, at+4)
		// Names may be left out or wrong: Android itself goes by the
		// resource id, which only attributes of its own have.
		switch u32(x.ids, int(u16(x.ids, 2))+4*int(name)) {
		case attrVersionCode:
			a.VersionCode = int64(u32(element, at+16))
		case attrVersionCodeMajor:
			major = int64(u32(element, at+16))
		case attrVersionName:
			a.VersionName = x.value(element, at)
		case attrIsSplitRequired:
			split = split || u32(element, at+16) != 0
		case attrRequiredSplitTypes:
			split = split || x.value(element, at) != ""
		case 0:
			switch x.string(name) {
			case "package":
				a.Package = x.value(element, at)
			case "split":
				split = split || x.value(element, at) != ""
			}
		}
		at += size
	}
	a.VersionCode |= major << 32
	return a, split
}

// value returns the text of the attribute at a place.
func (x *binaryXML) value(element []byte, at int) string {
	raw, kind, value := u32(element, at+8), u8(element, at+15), u32(element, at+16)
	switch {
	case raw != none: // as it was written, whatever it means
		return x.string(raw)
	case kind == valueString:
		return x.string(value)
	case kind >= valueFirstInt:
		return strconv.FormatUint(uint64(value), 10)
	}
	return ""
}

// string returns the text with this number in the pool of strings.
func (x *binaryXML) string(i uint32) string {
	count, flags, start := u32(x.strings, 8), u32(x.strings, 16), u32(x.strings, 20)
	if i >= count {
		return ""
	}
	at := int(start) + int(u32(x.strings, int(u16(x.strings, 2))+4*int(i)))
	if flags&stringsUTF8 != 0 {
		_, at = length8(x.strings, at) // in UTF-16, which nobody asks for
		n, at := length8(x.strings, at)
		if n > maxText {
			return ""
		}
		return string(part(x.strings, at, n))
	}
	n := int(u16(x.strings, at))
	at += 2
	if n&0x8000 != 0 {
		n = n&0x7fff<<16 | int(u16(x.strings, at))
		at += 2
	}
	if n > maxText {
		return ""
	}
	raw := part(x.strings, at, 2*n)
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}

// length8 reads a length of one or two bytes, and returns what follows it.
func length8(b []byte, at int) (n, next int) {
	n = int(u8(b, at))
	if n&0x80 == 0 {
		return n, at + 1
	}
	return n&0x7f<<8 | int(u8(b, at+1)), at + 2
}

// part returns n bytes from a place, nil if they are not there.
func part(b []byte, at, n int) []byte {
	if at < 0 || n < 0 || at > len(b) || n > len(b)-at {
		return nil
	}
	return b[at : at+n]
}

func u8(b []byte, at int) uint8 {
	if p := part(b, at, 1); p != nil {
		return p[0]
	}
	return 0
}

func u16(b []byte, at int) uint16 {
	if p := part(b, at, 2); p != nil {
		return binary.LittleEndian.Uint16(p)
	}
	return 0
}

func u32(b []byte, at int) uint32 {
	if p := part(b, at, 4); p != nil {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}
