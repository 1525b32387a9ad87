package artifact

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// rawZip writes a zip with names, extra fields and sizes as they are given.
func rawZip(t testing.TB, zip64 bool, members ...*zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		m.NonUTF8 = true
		m.CompressedSize64, m.UncompressedSize64 = 3000, 3000
		w, err := z.CreateRaw(m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "%3000s", m.Name)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if !zip64 {
		return b.Bytes()
	}
	whole := b.Bytes()
	end := whole[len(whole)-endSize:]
	record := append([]byte(zip64Signature), make([]byte, zip64Size+locatorSize-4)...)
	binary.LittleEndian.PutUint64(record[4:], zip64Size-12)
	for i, v := range []uint64{uint64(u16(end, 10)), uint64(u16(end, 10)), uint64(u32(end, 12)), uint64(u32(end, 16))} {
		binary.LittleEndian.PutUint64(record[24+8*i:], v)
	}
	copy(record[zip64Size:], locatorSignature)
	binary.LittleEndian.PutUint64(record[zip64Size+8:], uint64(len(whole)-endSize))
	record[zip64Size+16] = 1
	last := append([]byte(endSignature+"\x00\x00\x00\x00"), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"...)
	return slices.Concat(whole[:len(whole)-endSize], record, last)
}

func twenty() (members []*zip.FileHeader) {
	for i := range 20 {
		members = append(members, &zip.FileHeader{Name: fmt.Sprintf("Game/%d.exe", i)})
	}
	return members
}

// What lacks a part of a zip, or has one twice, gives itself away by the places that
// the list of members and the records behind it tell.
func TestInspectAddsUpZip(t *testing.T) {
	for name, z := range map[string][]byte{"zip": rawZip(t, false, twenty()...), "zip64": rawZip(t, true, twenty()...)} {
		middle, n := len(z)/2, len(z)
		for what, test := range map[string]struct {
			content []byte
			kind    Kind
			says    string
		}{
			"hole":                      {slices.Concat(z[:middle], z[middle+20_000:]), Damaged, "20,000 bytes are missing"},
			"hole of one byte":          {slices.Concat(z[:middle], z[middle+1:]), Damaged, "1 byte"},
			"doubled piece":             {slices.Concat(z[:middle], z[middle-20_000:]), Damaged, "20,000 bytes too many"},
			"doubled beginning":         {slices.Concat(z[:20_000], z), Damaged, "20,000 bytes too many"},
			"twice":                     {slices.Concat(z, z), Damaged, digits(int64(n)) + " bytes too many"},
			"piece lost of the list":    {slices.Concat(z[:n-800], z[n-700:]), Damaged, "100 bytes are missing"},
			"piece of the list twice":   {slices.Concat(z[:n-700], z[n-800:]), Damaged, ""},
			"zeros in place of a piece": {slices.Concat(z[:10_000], make([]byte, 20_000), z[30_000:]), Damaged, "is something else"},
			"pieces in the wrong order": {slices.Concat(z[:10_000], z[22_000:34_001], z[10_000:22_000], z[34_001:]), Damaged, "is something else"},
			"far from the end":          {slices.Concat(z, make([]byte, 100_000)), Damaged, "100,000 bytes follow"},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				_, err := Inspect(write(t, "game.zip", test.content))
				refused(t, err, test.kind, test.says)
			})
		}
		for what, content := range map[string][]byte{
			"as it is":            z,
			"meant to be split":   slices.Concat([]byte("PK00"), rawZipAt(t, 4)),
			"with a long comment": commented(z, strings.Repeat("PK\x05\x06", 16_000)),
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				got, err := Inspect(write(t, "game.zip", content))
				if err != nil || len(got.Problems) > 0 {
					t.Errorf("got %+v, %v", got, err)
				}
			})
		}
		got, err := Inspect(write(t, "game.zip", append(bytes.Clone(z), make([]byte, 100)...)))
		if err != nil || !strings.Contains(got.Problems.String(), "100 bytes behind the end") {
			t.Errorf("%s with zeros behind it: got %+v, %v", name, got, err)
		}
	}
}

func rawZipAt(t testing.TB, offset int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.SetOffset(offset)
	if _, err := z.Create("Game.exe"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func commented(z []byte, comment string) []byte {
	z = bytes.Clone(z)
	binary.LittleEndian.PutUint16(z[len(z)-2:], uint16(len(comment)))
	return append(z, comment...)
}

// Programs that do not know zip64 keep the lower half of each size and place.
func TestInspectNeedsZip64(t *testing.T) {
	at := int64(6 << 30)
	entry := func(name string, size, offset int64) []byte {
		e := append([]byte(entrySignature), make([]byte, entrySize-4)...)
		binary.LittleEndian.PutUint32(e[20:], uint32(size))
		binary.LittleEndian.PutUint32(e[24:], uint32(size))
		binary.LittleEndian.PutUint16(e[28:], uint16(len(name)))
		binary.LittleEndian.PutUint32(e[42:], uint32(offset))
		return append(e, name...)
	}
	list := slices.Concat(entry("Game.exe", 6<<30, 0), entry("b.bin", 0, at-35))
	end := append([]byte(endSignature), make([]byte, endSize-4)...)
	end[8], end[10] = 2, 2
	binary.LittleEndian.PutUint32(end[12:], uint32(len(list)))
	binary.LittleEndian.PutUint32(end[16:], uint32(at&0xffffffff))
	file := sparse{0: []byte(memberSignature), at - 35: []byte(memberSignature), at: append(bytes.Clone(list), end...)}
	_, err := inspect("mac.zip", newWindow(file, at+int64(len(list)+len(end))))
	refused(t, err, Damaged, "without zip64", "4,294,967,296 bytes", "zip 3")

	// The same with a zip64 record, but sizes of members that lack their upper half.
	record := append([]byte(zip64Signature), make([]byte, zip64Size+locatorSize-4)...)
	binary.LittleEndian.PutUint64(record[4:], zip64Size-12)
	first := entry("Game.exe", 1<<30, 0)
	second := append(entry("b.bin", 0, 0xffffffff), 1, 0, 8, 0)
	second[30] = 12
	second = binary.LittleEndian.AppendUint64(second, 5<<30+38)
	list = slices.Concat(first, second)
	for i, v := range []uint64{2, 2, uint64(len(list)), uint64(at)} {
		binary.LittleEndian.PutUint64(record[24+8*i:], v)
	}
	copy(record[zip64Size:], locatorSignature)
	binary.LittleEndian.PutUint64(record[zip64Size+8:], uint64(at)+uint64(len(list)))
	last := append([]byte(endSignature+"\x00\x00\x00\x00"), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"...)
	file = sparse{0: []byte(memberSignature), 5<<30 + 38: []byte(memberSignature), at: slices.Concat(list, record, last)}
	_, err = inspect("half.zip", newWindow(file, at+int64(len(list)+len(record)+len(last))))
	refused(t, err, Damaged, "without zip64", "4,294,967,296 bytes")
}

func TestInspectAddsUpSevenZip(t *testing.T) {
	z := sample(t, "plain.7z")
	_, err := Inspect(write(t, "a.7z", slices.Concat(z[:40], z[50:])))
	refused(t, err, CutShort, "with 10 bytes")
	_, err = Inspect(write(t, "a.7z", slices.Concat(z[:50], z[40:])))
	refused(t, err, Damaged, "10 bytes too many")
	got, err := Inspect(write(t, "a.7z", append(bytes.Clone(z), make([]byte, 9)...)))
	if err != nil || !strings.Contains(got.Problems.String(), "9 bytes behind") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestInspectNamesWhatIsWrapped(t *testing.T) {
	z, z64, rar, seven := makeZip(t, packed{"Game.exe", "MZ"}), rawZip(t, true, twenty()...), makeRAR5(rarPlain, packed{"Game.exe", "MZ"}), sample(t, "plain.7z")
	stub := append([]byte("MZ"), make([]byte, 300_000)...)
	const self = "self-extracting archive"
	text16 := make([]byte, 0, 2*len(z))
	for _, c := range z {
		text16 = append(text16, c, 0)
	}
	split := bytes.Clone(z)
	binary.LittleEndian.PutUint16(split[len(split)-18:], 1)
	for name, test := range map[string]struct {
		content []byte
		kind    Kind
		says    []string
	}{
		"zip":                      {slices.Concat(stub, z), Unsupported, []string{self, "a zip", "unpacked files"}},
		"zip that was adjusted":    {slices.Concat(stub, rawZipAt(t, int64(len(stub)))), Unsupported, []string{self}},
		"zip64":                    {slices.Concat(stub, z64), Unsupported, []string{self}},
		"signed zip":               {slices.Concat(stub, z, make([]byte, 9000)), Unsupported, []string{self}},
		"rar 5":                    {slices.Concat(stub, rar), Unsupported, []string{self, "a rar"}},
		"rar with its list locked": {slices.Concat(stub, makeRAR5Encrypted(1)), Unsupported, []string{self, "a rar"}},
		"7z":                       {slices.Concat(stub, []byte(";!@Install@!UTF-8!"), seven), Unsupported, []string{self, "a 7z"}},
		"7z for Linux":             {slices.Concat([]byte("\x7fELF"), stub, seven), Unsupported, []string{self}},
		"script":                   {slices.Concat([]byte("#!/bin/sh\n"), z), Unsupported, []string{self}},
		"program that knows 7z":    {slices.Concat(stub, []byte("7z\xbc\xaf\x27\x1c Rar!\x1a\x07\x01\x00"), stub), Unsupported, []string{"a Windows program"}},
		"installer":                {slices.Concat(stub, []byte("\xef\xbe\xad\xdeNullsoftInst")), Unsupported, []string{"installer (NSIS)", "installed files"}},
		"answer of a server":       {slices.Concat([]byte("--x\r\nContent-Type: a/zip\r\n\r\n"), z), Damaged, []string{"28 bytes are in front of the zip"}},
		"byte order mark":          {slices.Concat([]byte("\ufeff"), rar), Damaged, []string{"3 bytes are in front of the rar"}},
		"UTF-16":                   {slices.Concat([]byte("\xff\xfe"), text16), Unsupported, []string{"UTF-16", "PowerShell"}},
		"base64":                   {[]byte(base64.StdEncoding.EncodeToString(z)), Unsupported, []string{"base64"}},
		"UTF-8":                    {[]byte("PK\x03\x04" + strings.Repeat("a\ufffd", 100)), Unsupported, []string{"UTF-8 text"}},
		"last of several parts":    {split[5:], MultiVolume, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, as := range []string{"game.exe", "game.zip"} {
				_, err := Inspect(write(t, as, test.content))
				refused(t, err, test.kind, test.says...)
			}
		})
	}
	_, err := Inspect(write(t, "game.zip.ab", z[9:]))
	refused(t, err, MultiVolume)
}

// A start path is found whatever the code page of the names, and readable names are
// shown.
func TestInspectReadsForeignNames(t *testing.T) {
	for _, test := range []struct {
		page  string
		in    encoding.Encoding
		names []string
	}{
		{"GB18030", simplifiedchinese.GBK, []string{"游戏/启动器.exe", "说明.txt"}},
		{"GB18030", simplifiedchinese.GB18030, []string{"海洋/海洋.exe"}},
		{"Big5", traditionalchinese.Big5, []string{"遊戲/啟動.exe", "成功說明.txt", "功/許.exe"}},
		{"Shift-JIS", japanese.ShiftJIS, []string{"ゲーム/ソフト表.exe", "説明.txt"}},
		{"CP437", charmap.CodePage437, []string{"Pokémon/Spiel für alle.exe", "café.txt"}},
		{"", korean.EUCKR, []string{"게임/게임.exe"}},
		{"", charmap.Windows1251, []string{"Игра/Игра.exe"}},
	} {
		var members []*zip.FileHeader
		var rars []packed
		for _, name := range append(test.names, "Game/data.bin") {
			raw, err := test.in.NewEncoder().String(name)
			if err != nil {
				t.Fatal(err)
			}
			members, rars = append(members, &zip.FileHeader{Name: raw}), append(rars, packed{raw, "x"})
		}
		for file, content := range map[string][]byte{"a.zip": rawZip(t, false, members...), "a.rar": makeRAR4(rars...)} {
			got, err := Inspect(write(t, file, content))
			if err != nil {
				t.Fatal(err)
			}
			if test.page != "" && (got.Executables[0] != test.names[0] || !strings.Contains(got.Problems.String(), test.page) || !strings.Contains(got.Problems.String(), test.names[0])) {
				t.Errorf("%s in %s: got %q, %v", file, test.page, got.Executables, got.Problems)
			}
			if !got.Contains(strings.ReplaceAll(strings.ToUpper(test.names[0]), "/", `\`)) {
				t.Errorf("%s in %s: %q was not found", file, test.page, test.names[0])
			}
			if got.Contains("Game/Game.exe") || got.Contains("别的/启动器.exe") {
				t.Errorf("%s in %s: found what is not there", file, test.page)
			}
		}
	}
}

func TestInspectReadsUnicodePath(t *testing.T) {
	raw, want := "\xd3\xce\xcf\xb7/a.exe", "游戏/启动器.exe"
	field := func(sum uint32) []byte {
		f := binary.LittleEndian.AppendUint32([]byte{0x75, 0x70, byte(5 + len(want)), 0, 1}, sum)
		return append([]byte{0x99, 0x99, 1, 0, 0}, append(f, want...)...) // behind another field
	}
	got, err := Inspect(write(t, "a.zip", rawZip(t, false, &zip.FileHeader{Name: raw, Extra: field(crc32.ChecksumIEEE([]byte(raw)))})))
	if err != nil || !got.Contains(want) || len(got.Problems) > 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	// The field is of a name that was changed since.
	got, err = Inspect(write(t, "a.zip", rawZip(t, false, &zip.FileHeader{Name: raw, Extra: field(1)})))
	if err != nil || got.Contains(want) || !got.Contains("游戏/a.exe") || len(got.Problems) == 0 {
		t.Errorf("with the checksum of another name: got %+v, %v", got, err)
	}
}

func TestInspectReadsManifestsOfWindows(t *testing.T) {
	const manifest = `{"package_name":"com.example.ocean","version_name":1.2,"version_code":7}`
	units := func(order binary.AppendByteOrder, text string) (b []byte) {
		for _, u := range utf16.Encode([]rune(text)) {
			b = order.AppendUint16(b, u)
		}
		return b
	}
	for name, text := range map[string][]byte{
		"UTF-8 with a mark":         []byte("\ufeff" + manifest),
		"UTF-16 with a mark":        units(binary.LittleEndian, "\ufeff"+manifest),
		"UTF-16":                    units(binary.LittleEndian, manifest),
		"the other UTF-16 and mark": units(binary.BigEndian, "\ufeff"+manifest),
		"with a zero at the end":    []byte(manifest + "\x00"),
	} {
		got, err := Inspect(write(t, "a.xapk", makeZip(t, packed{"manifest.json", string(text)}, packed{"a.apk", "PK"})))
		if err != nil || *got.Android != (Android{"com.example.ocean", "1.2", 7}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	sources := makeZip(t, packed{"AndroidManifest.xml", string(units(binary.LittleEndian, "\ufeff<manifest/>"))})
	if _, err := Inspect(write(t, "a.apk", sources)); err == nil {
		t.Error("a manifest in UTF-16 text passed for a compiled one")
	}
}

// splitManifest writes a manifest in Android's binary form with one attribute.
func splitManifest(id uint32, name, value string, number uint32) string {
	texts := "\x00" + string(rune(len(name))) + name + "\x00" + "\x00" + string(rune(len(value))) + value + "\x00"
	chunk := func(kind, header uint16, body []byte) []byte {
		b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, kind), header)
		return append(binary.LittleEndian.AppendUint32(b, uint32(8+len(body))), body...)
	}
	numbers := func(n ...uint32) (b []byte) {
		for _, v := range n {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		return b
	}
	pool := append(numbers(2, 0, stringsUTF8, 36, 0, 0, uint32(3+len(name))), texts...)
	raw, kind := uint32(1), uint32(0x03000008)
	if value == "" {
		raw, kind = none, 0x12000008
	}
	element := append(numbers(0, none, none, 0), 20, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0)
	element = append(element, numbers(none, 0, raw, kind, number)...)
	body := slices.Concat(chunk(chunkStrings, 28, pool), chunk(chunkResourceIDs, 8, numbers(id)), chunk(chunkElement, 16, element))
	return string(chunk(3, 8, body))
}

func TestInspectRefusesSplitAPKs(t *testing.T) {
	for name, manifest := range map[string]string{
		"part":                splitManifest(0, "split", "config.arm64_v8a", 1),
		"base":                splitManifest(attrIsSplitRequired, "isSplitRequired", "", none),
		"base of later tools": splitManifest(attrRequiredSplitTypes, "requiredSplitTypes", "base__abi", 1),
	} {
		_, err := Inspect(write(t, "a.apk", makeZip(t, packed{"AndroidManifest.xml", manifest})))
		if err == nil {
			t.Errorf("%s: was taken", name)
			continue
		}
		refused(t, err, Unsupported, "one of several split APKs", "universal.apk")
	}
	if _, err := Inspect(write(t, "a.apk", makeZip(t, packed{"AndroidManifest.xml", splitManifest(attrIsSplitRequired, "isSplitRequired", "", 0)}))); err != nil {
		t.Errorf("an APK that is whole: %v", err)
	}
	for _, names := range [][]string{{"toc.pb", "splits/base-master.apk"}, {"toc.pb", "universal.apk"}, {"base.apk", "split_config.xxhdpi.apk"}, {"info.json", "base.apk", "config.zh.apk"}} {
		var members []packed
		for _, name := range names {
			members = append(members, packed{name, "x"})
		}
		_, err := Inspect(write(t, "a.zip", makeZip(t, members...)))
		refused(t, err, Unsupported, "set of split APKs", "universal.apk")
	}
}

// What the library for RAR reads and what is read here must be the same.
func TestEachRARAgreesWithTheLibrary(t *testing.T) {
	members := []packed{{"Game/Ocean.exe", "MZ"}, {"Game/海.txt", strings.Repeat("x", 9000)}, {"b.exe", "MZ"}, {strings.Repeat("n", 5000), "x"}}
	for _, kind := range []int{rarPlain, rarPassword} {
		content := makeRAR5(kind, members...)
		var names []string
		encrypted := false
		err := eachRAR(newWindow(bytes.NewReader(content), int64(len(content))), func(_ []byte, m *rarMember) error {
			if m != nil {
				names, encrypted = append(names, m.name), encrypted || m.encrypted
			}
			return nil
		})
		if err != nil || len(names) != len(members) || names[1] != members[1].name || names[3] != members[3].name || encrypted != (kind == rarPassword) {
			t.Errorf("kind %d: got %.50q, encrypted %v, %v", kind, names, encrypted, err)
		}
		for n := range len(content) {
			if n%7 != 0 { // all of them take long
				continue
			}
			if err := eachRAR(newWindow(bytes.NewReader(content[:n]), int64(n)), func([]byte, *rarMember) error { return nil }); err == nil {
				t.Errorf("kind %d cut to %d bytes passed for a whole one", kind, n)
			}
		}
	}
	for name, content := range map[string][]byte{
		"first part": makeRAR5(rarFirstPart, members...), "second part": makeRAR5(rarSecondPart, members...),
		"locked": makeRAR5Encrypted(1), "older": makeRAR4(members...),
	} {
		if err := eachRAR(newWindow(bytes.NewReader(content), int64(len(content))), func([]byte, *rarMember) error { return nil }); err == nil {
			t.Errorf("%s: is not plain", name)
		}
	}
}

func TestInspectTakesLargeRAR(t *testing.T) {
	members := make([]packed, manyRAR+1)
	for i := range members {
		members[i].name = fmt.Sprintf("Game/%d.bin", i)
	}
	members[manyRAR].name = "Game/Game.exe"
	content := makeRAR5(rarPlain, members...)
	got, err := Inspect(write(t, "a.rar", content))
	if err != nil || !got.Contains("Game/Game.exe") || len(got.Problems) > 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	members[7].name = "Game/8.BIN"
	other, err := Inspect(write(t, "a.rar", makeRAR5(rarPlain, members...)))
	if err != nil || len(other.Problems) != 1 || other.Fingerprint == got.Fingerprint {
		t.Errorf("with a twin: got %v, %v", other, err)
	}
}
