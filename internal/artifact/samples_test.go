package artifact

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts a file into a folder of its own and returns its path.
func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// packed is a file to pack. A name with a final slash is a folder.
type packed struct{ name, content string }

func makeZip(t testing.TB, members ...packed) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.Create(m.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rar5 options.
const (
	rarPlain      = iota
	rarPassword   // members are encrypted
	rarFirstPart  // the last member goes on in the next volume
	rarSecondPart // the first member began in the volume before
)

// makeRAR5 writes a RAR 5 archive of stored members, after
// https://www.rarlab.com/technote.htm.
func makeRAR5(kind int, members ...packed) []byte {
	out := []byte("Rar!\x1a\x07\x01\x00")
	block := func(header []byte, data string) {
		out = append(append(out, rar5Block(header)...), data...)
	}
	vints := func(numbers ...uint64) (b []byte) {
		for _, n := range numbers {
			b = binary.AppendUvarint(b, n)
		}
		return b
	}
	switch kind {
	case rarFirstPart:
		block(vints(1, 0, 1), "")
	case rarSecondPart:
		block(vints(1, 0, 3, 1), "") // volume number 1
	default:
		block(vints(1, 0, 0), "")
	}
	for i, m := range members {
		const hasExtra, hasData, fromBefore, goesOn = 1, 2, 8, 16
		flags := uint64(hasData)
		var extra []byte
		switch {
		case kind == rarPassword:
			flags |= hasExtra
			record := append(vints(1, 0, 0), 15)
			record = append(record, make([]byte, 32)...) // salt and vector
			extra = append(vints(uint64(len(record))), record...)
		case kind == rarFirstPart && i == len(members)-1:
			flags |= goesOn
		case kind == rarSecondPart && i == 0:
			flags |= fromBefore
		}
		header := vints(2, flags)
		if extra != nil {
			header = append(header, vints(uint64(len(extra)))...)
		}
		header = append(header, vints(uint64(len(m.content)), 4, uint64(len(m.content)), 0)...)
		header = binary.LittleEndian.AppendUint32(header, crc32.ChecksumIEEE([]byte(m.content)))
		header = append(header, vints(0, 0, uint64(len(m.name)))...)
		header = append(append(header, m.name...), extra...)
		block(header, m.content)
	}
	end := uint64(0)
	if kind == rarFirstPart {
		end = 1
	}
	block(vints(5, 0, end), "")
	return out
}

// rar5Block puts checksum and size in front of a header.
func rar5Block(header []byte) []byte {
	sized := append(binary.AppendUvarint(nil, uint64(len(header))), header...)
	return append(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(sized)), sized...)
}

// makeRAR5Encrypted writes a RAR 5 archive with encrypted headers, or what
// anybody without the password can see of one.
func makeRAR5Encrypted(salt byte) []byte {
	header := append([]byte{4, 0, 0, 0, 15}, bytes.Repeat([]byte{salt}, 16)...)
	out := append([]byte("Rar!\x1a\x07\x01\x00"), rar5Block(header)...)
	return append(out, strings.Repeat("noise", 1000)...)
}

// makeRAR4 writes an archive of the older format.
func makeRAR4(members ...packed) []byte {
	out := []byte("Rar!\x1a\x07\x00")
	block := func(kind byte, flags uint16, body []byte, data string) {
		header := binary.LittleEndian.AppendUint16([]byte{kind}, flags)
		header = binary.LittleEndian.AppendUint16(header, uint16(7+len(body)))
		header = append(header, body...)
		out = binary.LittleEndian.AppendUint16(out, uint16(crc32.ChecksumIEEE(header)))
		out = append(append(out, header...), data...)
	}
	block(0x73, 0, make([]byte, 6), "")
	for _, m := range members {
		body := binary.LittleEndian.AppendUint32(nil, uint32(len(m.content)))
		body = binary.LittleEndian.AppendUint32(body, uint32(len(m.content)))
		body = append(body, 2) // Windows
		body = binary.LittleEndian.AppendUint32(body, crc32.ChecksumIEEE([]byte(m.content)))
		body = append(body, 0, 0, 0, 0x52, 29, 0x30)
		body = binary.LittleEndian.AppendUint16(body, uint16(len(m.name)))
		body = append(body, 0x20, 0, 0, 0)
		block(0x74, 0x8000, append(body, m.name...), m.content)
	}
	block(0x7b, 0x4000, nil, "")
	return out
}

// sparse is a huge file of zeros with something at a few places.
type sparse map[int64][]byte

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	for at, content := range s {
		if from := max(at, off); from < min(at+int64(len(content)), off+int64(len(p))) {
			copy(p[from-off:], content[from-at:])
		}
	}
	return len(p), nil
}
