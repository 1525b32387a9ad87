package pack

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"testing"
)

// In the directory, the 32 bits of the offset of a member of 4 GiB or more say that it
// did not fit. Nothing else differs from what archive/zip writes, wherever its buffer
// cuts the headers.
func TestLargeMembers(t *testing.T) {
	write := func(archive *zip.Writer) {
		for i := range 500 {
			h := &zip.FileHeader{Name: fmt.Sprintf("Data/file %d.pak", i), Method: zip.Store}
			if i%7 == 3 { // as if it held that much: the directory is all that counts here
				h.CompressedSize64, h.UncompressedSize64 = 5<<30, 5<<30
			}
			w, err := archive.CreateRaw(h)
			if err == nil {
				_, err = io.WriteString(w, "content")
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var plain, ours bytes.Buffer
	archive := zip.NewWriter(&plain)
	write(archive)
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	large := &largeMembers{w: &ours}
	archive = zip.NewWriter(large)
	write(archive)
	if err := large.close(archive); err != nil {
		t.Fatal(err)
	}
	want := plain.Bytes()
	changed := 0
	for at := bytes.Index(want, []byte("PK\x01\x02")); string(want[at:at+4]) == "PK\x01\x02"; {
		if binary.LittleEndian.Uint32(want[at+20:]) == math.MaxUint32 {
			binary.LittleEndian.PutUint32(want[at+42:], math.MaxUint32)
			changed++
		}
		at += directoryHeader + int(binary.LittleEndian.Uint16(want[at+28:])) + int(binary.LittleEndian.Uint16(want[at+30:])) + int(binary.LittleEndian.Uint16(want[at+32:]))
	}
	if changed != 71 || !bytes.Equal(want, ours.Bytes()) {
		t.Errorf("%d members are large, and the archives are the same: %v", changed, bytes.Equal(want, ours.Bytes()))
	}
}
