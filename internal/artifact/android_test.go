package artifact

import (
	"encoding/binary"
	"testing"
)

// aapt writes the texts of manifests in UTF-16; other tools write UTF-8.
func TestManifestInUTF8(t *testing.T) {
	long := string(make([]byte, 200)) // its length takes two bytes
	pool := make([]byte, 28+3*4)
	binary.LittleEndian.PutUint16(pool[2:], 28)
	binary.LittleEndian.PutUint32(pool[8:], 3)
	binary.LittleEndian.PutUint32(pool[16:], stringsUTF8)
	binary.LittleEndian.PutUint32(pool[20:], uint32(len(pool)))
	texts := "\x00\x00\x00" + // ""
		"\x02\x06海洋\x00" +
		"\x80\xc8\x80\xc8" + long + "\x00"
	for i, at := range []uint32{0, 3, 12} {
		binary.LittleEndian.PutUint32(pool[28+4*i:], at)
	}
	x := binaryXML{strings: append(pool, texts...)}
	for i, want := range []string{"", "海洋", long, ""} {
		if got := x.string(uint32(i)); got != want {
			t.Errorf("text %d: got %q, want %q", i, got, want)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add(sample(f, "manifest.bin"))
	f.Add(sample(f, "manifest-no-version.bin"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, _ := parseManifest(data)
		if n := max(len(a.Package), len(a.VersionName)); n > 4*maxText {
			t.Errorf("got a text of %d bytes out of a manifest of %d", n, len(data))
		}
	})
}
