// Package bombs makes archives of a few bytes, or of many small members, that made
// the libraries which read archives take all memory or all time. It is for tests and
// benchmarks alone.
package bombs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// Bomb is one of the archives.
type Bomb struct {
	Name  string
	Real  bool // no bomb: the size of a large real build
	write func(*os.File) error
}

// Write writes the archive into a folder and returns its path.
func (b Bomb) Write(folder string) (string, error) {
	path := filepath.Join(folder, b.Name)
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return path, b.write(file)
}

// All returns every bomb.
func All() []Bomb {
	const budget = 127 << 20 // bytes of a list: just below what is read at all
	long := func(i int) string {
		return fmt.Sprintf("Game/Content/Characters_and_Vehicles_%02d/Materials_Textures_Meshes_%03d/T_Some_Very_Long_Asset_Name_%06d_D.uasset", i%37, i%211, i)
	}
	return []Bomb{
		{Name: "members.7z", write: sevenZip(append(append([]byte{1, 5}, number(0xffffffff)...), 0, 0))},
		{Name: "properties.7z", write: sevenZip(append(append([]byte{1, 4, 7, 11, 1, 0, 1, 0x21, 0x21}, number(0xffffffff)...), 0))},
		{Name: "bindpairs.7z", write: sevenZip(bindPairs(300_000))},
		{Name: "emptynames.zip", write: zipOf(budget/46, func(int) string { return "" })},
		{Name: "programs.zip", write: zipOf(budget/174, func(int) string { return string(bytes.Repeat([]byte("a"), 124)) + ".exe" })},
		{Name: "sparse.zip", write: sparseZip},
		{Name: "members.rar", write: rarOf(budget/14, func(int) string { return "a" })},
		{Name: "large.zip", Real: true, write: zipOf(300_000, long)},
		{Name: "large.rar", Real: true, write: rarOf(300_000, long)},
	}
}

var little = binary.LittleEndian

// number writes a number as a 7z does.
func number(v uint64) []byte {
	first, mask := byte(0), byte(0x80)
	var rest []byte
	for i := range 8 {
		if v < 1<<(7*(i+1)) {
			return append([]byte{first | byte(v>>(8*i))}, rest...) //nolint:gosec // the lowest byte
		}
		first |= mask
		rest = append(rest, byte(v>>(8*i))) //nolint:gosec // the lowest byte
		mask >>= 1
	}
	return append([]byte{0xff}, rest...)
}

// sevenZip returns a 7z with this header and nothing else.
func sevenZip(header []byte) func(*os.File) error {
	return func(f *os.File) error {
		start := little.AppendUint64(nil, 0)
		start = little.AppendUint64(start, uint64(len(header)))
		start = little.AppendUint32(start, crc32.ChecksumIEEE(header))
		head := little.AppendUint32([]byte("7z\xbc\xaf\x27\x1c\x00\x04"), crc32.ChecksumIEEE(start))
		_, err := f.Write(append(append(head, start...), header...))
		return err
	}
}

// bindPairs is the header of a 7z with one folder of so many chained streams.
func bindPairs(k uint64) []byte {
	header := append([]byte{1, 4, 7, 11, 1, 0, 1, 0x11, 0x21}, append(number(k), number(k)...)...)
	for i := range k - 1 {
		header = append(append(header, number(i+1)...), number(i)...)
	}
	header = append(append(header, 0x0c), make([]byte, k)...)
	return append(header, 0, 0, 5, 1, 0, 0)
}

const localHeader = "PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00a"

// zipRecord is a record of the list of a zip.
func zipRecord(name string) []byte {
	r := make([]byte, 46, 46+len(name))
	copy(r, "PK\x01\x02\x14\x00\x14\x00")
	little.PutUint16(r[28:], uint16(len(name))) //nolint:gosec // all are short
	return append(r, name...)
}

// zipEnd is the end of a zip of so many members, whose list has that size and place.
func zipEnd(members, size, offset uint64) []byte {
	end := append([]byte("PK\x06\x06"), little.AppendUint64(nil, 44)...)
	end = append(end, 45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	for _, v := range []uint64{members, members, size, offset} {
		end = little.AppendUint64(end, v)
	}
	end = append(end, "PK\x06\x07\x00\x00\x00\x00"...)
	end = little.AppendUint64(end, offset+size)
	end = append(end, 1, 0, 0, 0)
	return append(end, "PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"...)
}

// zipOf returns a zip whose list has so many members, and no content.
func zipOf(members int, name func(int) string) func(*os.File) error {
	return func(f *os.File) error {
		var list bytes.Buffer
		for i := range members {
			list.Write(zipRecord(name(i)))
		}
		end := zipEnd(uint64(members), uint64(list.Len()), uint64(len(localHeader))) //nolint:gosec // not negative
		_, err := io.Copy(f, io.MultiReader(bytes.NewReader([]byte(localHeader)), &list, bytes.NewReader(end)))
		return err
	}
}

// sparseZip writes a zip that claims 2^34 members, and has room for them in a hole
// that takes no disk.
func sparseZip(f *os.File) error {
	const hole = 600 << 30
	if _, err := f.WriteString(localHeader); err != nil {
		return err
	}
	record := zipRecord("game.exe")
	_, err := f.WriteAt(append(record, zipEnd(1<<34, uint64(len(record)), hole)...), hole)
	return err
}

// rarOf returns a rar with so many empty members.
func rarOf(members int, name func(int) string) func(*os.File) error {
	vint := func(b []byte, v int) []byte { return binary.AppendUvarint(b, uint64(v)) } //nolint:gosec // not negative
	block := func(body []byte) []byte {
		body = append(vint(nil, len(body)), body...)
		return append(little.AppendUint32(nil, crc32.ChecksumIEEE(body)), body...)
	}
	return func(f *os.File) error {
		var b bytes.Buffer
		b.WriteString("Rar!\x1a\x07\x01\x00")
		b.Write(block([]byte{1, 0, 0}))
		for i := range members {
			n := name(i)
			b.Write(block(append(vint([]byte{2, 0, 0, 0, 0, 0, 0}, len(n)), n...)))
		}
		b.Write(block([]byte{5, 0, 0}))
		_, err := io.Copy(f, &b)
		return err
	}
}
