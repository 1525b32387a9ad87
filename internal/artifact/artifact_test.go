package artifact

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/member"
)

// ocean are the executables of the samples, in testdata/README.md.
var ocean = []string{"app/bin/Ocean.exe", "app/helper.EXE"}

// noProgram is what is told of an archive that a desktop application can do nothing with.
var noProgram = member.List{{What: "no .exe in it, so that a desktop application could start nothing", Count: 1}}

// foreignIn is what is told of names in a code page.
func foreignIn(page string, names ...string) member.List {
	return member.List{{
		What:  "names that are not UTF-8 but seem to be " + page + ", so that what they are called once they are unpacked is not known; pack it with UTF-8 names",
		Count: len(names), Examples: names,
	}}
}

func TestInspect(t *testing.T) {
	manifest := string(sample(t, "manifest.bin"))
	tests := map[string]struct {
		name    string
		content []byte
		want    Artifact // without path, name, size and fingerprint
	}{
		"zip": {
			"game.zip",
			makeZip(t, packed{"Game/", ""}, packed{"Game/Ocean.exe", "MZ"}, packed{"Game/data.exe/", ""}, packed{"Game/bin/crash handler.EXE", "MZ"}, packed{".exe", ""}),
			Artifact{Format: Zip, Executables: []string{"Game/Ocean.exe", "Game/bin/crash handler.EXE"}},
		},
		"zip with backslashes": {
			"game.zip", makeZip(t, packed{`Game\bin\Ocean.exe`, "MZ"}),
			Artifact{Format: Zip, Executables: []string{"Game/bin/Ocean.exe"}},
		},
		"zip with names that only their author can read": {
			"game.zip", makeZip(t, packed{"\xd3\xce\xcf\xb7.exe", "MZ"}),
			Artifact{Format: Zip, Executables: []string{"游戏.exe"}, Spellings: []string{"\xd3\xce\xcf\xb7.exe"}, Problems: foreignIn("GB18030", "游戏.exe")},
		},
		"zip with a password": {
			"game.zip", encryptedZip(t), Artifact{Format: Zip, Executables: []string{"Ocean.exe"}, Encrypted: true},
		},
		"zip with a comment that looks like an end": {
			"game.zip", commentedZip(t, "not PK\x05\x06"), Artifact{Format: Zip, Executables: []string{"Ocean.exe"}},
		},
		"zip around an apk":    {"game.zip", makeZip(t, packed{"game.apk", "PK"}), Artifact{Format: Zip, HoldsAPK: true}},
		"zip that is a jar":    {"game.jar", makeZip(t, packed{"META-INF/MANIFEST.MF", "x"}), Artifact{Format: Zip, Problems: noProgram}},
		"release number":       {"game.r12", makeZip(t, packed{"a", "x"}), Artifact{Format: Zip, Problems: noProgram}},
		"extension in capital": {"GAME.ZIP", makeZip(t, packed{"a", "x"}), Artifact{Format: Zip, Problems: noProgram}},
		"no extension":         {"build", sample(t, "plain.7z"), Artifact{Format: SevenZip, Executables: ocean}},
		"zip of a project": {
			"sources.zip", makeZip(t, packed{"AndroidManifest.xml", "\ufeff<?xml version='1.0'?>"}), Artifact{Format: Zip, Problems: noProgram},
		},
		"zip with a manifest.json of its own": {
			"game.zip", makeZip(t, packed{"manifest.json", `{"name": "web app"}`}, packed{"extras/tool.apk", "PK"}),
			Artifact{Format: Zip, HoldsAPK: true},
		},

		"7z":                       {"game.7z", sample(t, "plain.7z"), Artifact{Format: SevenZip, Executables: ocean}},
		"7z, directory not packed": {"game.7z", sample(t, "uncompressed-header.7z"), Artifact{Format: SevenZip, Executables: ocean}},
		"7z with a password":       {"game.7z", sample(t, "encrypted.7z"), Artifact{Format: SevenZip, Executables: ocean, Encrypted: true}},
		"7z, directory encrypted":  {"game.7z", sample(t, "encrypted-header.7z"), Artifact{Format: SevenZip, Encrypted: true}},

		"rar 5": {
			"game.rar", makeRAR5(rarPlain, packed{"Game/Ocean.exe", "MZ"}, packed{"Game/海.txt", "hi"}, packed{"b.exe", "MZ"}),
			Artifact{Format: RAR, Executables: []string{"Game/Ocean.exe", "b.exe"}},
		},
		"rar 4": {
			"game.rar", makeRAR4(packed{`Game\Ocean.exe`, "MZ"}, packed{"a.txt", "hi"}),
			Artifact{Format: RAR, Executables: []string{"Game/Ocean.exe"}},
		},
		"rar with a password": {
			"game.rar", makeRAR5(rarPassword, packed{"Ocean.exe", "MZ"}),
			Artifact{Format: RAR, Executables: []string{"Ocean.exe"}, Encrypted: true},
		},
		"rar, directory encrypted": {"game.rar", makeRAR5Encrypted(1), Artifact{Format: RAR, Encrypted: true}},

		"apk": {
			"ocean.apk", makeZip(t, packed{"AndroidManifest.xml", manifest}, packed{"assets/tool.exe", "MZ"}),
			Artifact{Format: APK, Android: &Android{"com.example.ocean", "1.2.3-海", 42}},
		},
		"apk without versions": {
			"ocean.apk", makeZip(t, packed{"AndroidManifest.xml", string(sample(t, "manifest-no-version.bin"))}),
			Artifact{Format: APK, Android: &Android{Package: "com.example.ocean.test"}},
		},
		"apk whose manifest only Android can read": {
			"ocean.apk", makeZip(t, packed{"AndroidManifest.xml", "\x03\x00\x08\x00\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00"}),
			Artifact{Format: APK, Android: &Android{}},
		},
		"xapk": {
			"ocean.xapk",
			makeZip(t, packed{"manifest.json", `{"package_name":"com.example.ocean","version_name":"1.2","version_code":"7"}`}, packed{"com.example.ocean.apk", "PK"}),
			Artifact{Format: XAPK, Android: &Android{"com.example.ocean", "1.2", 7}},
		},
		"xapk with a number": {
			"ocean.xapk", makeZip(t, packed{"base.apk", "PK"}, packed{"manifest.json", `{"package_name":"com.example.ocean","version_code":7}`}),
			Artifact{Format: XAPK, Android: &Android{"com.example.ocean", "", 7}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, test.name, test.content)
			got, err := Inspect(path)
			if err != nil {
				t.Fatal(err)
			}
			if got.Fingerprint == (Fingerprint{}) {
				t.Error("got no fingerprint")
			}
			want := test.want
			want.Path, want.Name, want.Size, want.Fingerprint = path, test.name, int64(len(test.content)), got.Fingerprint
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("artifact (-want +got):\n%s", diff)
			}
		})
	}
}

func encryptedZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(&zip.FileHeader{Name: "Ocean.exe", Flags: 1, CompressedSize64: 14, UncompressedSize64: 2})
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("twelve bytes:x"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func commentedZip(t *testing.T, comment string) []byte {
	t.Helper()
	content := makeZip(t, packed{"Ocean.exe", "MZ"})
	binary.LittleEndian.PutUint16(content[len(content)-2:], uint16(len(comment)))
	return append(content, comment...)
}

func TestInspectRefuses(t *testing.T) {
	archive := makeZip(t, packed{"Ocean.exe", strings.Repeat("MZ", 1000)})
	sevenZip := sample(t, "plain.7z")
	split := bytes.Clone(archive)
	binary.LittleEndian.PutUint16(split[len(split)-18:], 2) // the third disk
	unfinished := append(bytes.Clone(sevenZip[:8]), make([]byte, 200)...)
	flipped := bytes.Clone(sevenZip)
	flipped[14]++
	scrambled := bytes.Clone(archive)
	copy(scrambled[bytes.Index(scrambled, []byte("PK\x01\x02")):], "QL")
	tests := map[string]struct {
		name    string
		content []byte
		kind    Kind
		says    []string
	}{
		"empty": {"game.zip", nil, Empty, []string{"game.zip", "is empty"}},

		"7z named zip": {"game.zip", sevenZip, WrongExtension, []string{".zip", "is 7z", `rename the file to "game.7z"`}},
		"zip named 7z": {"game.7z", archive, WrongExtension, []string{`"game.zip"`}},
		"rar named apk": {
			"game.apk", makeRAR5(rarPlain, packed{"a", "x"}), WrongExtension, []string{`"game.rar"`},
		},
		"apk named zip": {
			"ocean.zip", makeZip(t, packed{"AndroidManifest.xml", string(sample(t, "manifest.bin"))}), WrongExtension, []string{`"ocean.apk"`},
		},

		"apk without manifest":          {"game.apk", archive, NoManifest, []string{"AndroidManifest.xml"}},
		"apk with a text as manifest":   {"game.apk", makeZip(t, packed{"AndroidManifest.xml", "<manifest/>"}), NoManifest, []string{"compiled"}},
		"xapk without manifest":         {"game.xapk", makeZip(t, packed{"base.apk", "PK"}), NoManifest, []string{"manifest.json"}},
		"xapk with a foreign manifest":  {"game.xapk", makeZip(t, packed{"base.apk", "PK"}, packed{"manifest.json", "[1]"}), NoManifest, []string{"package_name"}},
		"xapk with a manifest and that": {"game.xapk", makeZip(t, packed{"manifest.json", `{"package_name":"a.b"}`}), NoManifest, []string{".apk"}},

		"zip cut short":                 {"game.zip", archive[:len(archive)-30], CutShort, []string{"list of members"}},
		"zip cut in its last record":    {"game.zip", archive[:len(archive)-1], CutShort, nil},
		"zip with only its first bytes": {"game.zip", archive[:4], CutShort, nil},
		"zip with a scrambled list":     {"game.zip", scrambled, Damaged, nil},
		"apk cut short":                 {"game.apk", archive[:len(archive)/2], CutShort, nil},
		"7z cut short":                  {"game.7z", sevenZip[:len(sevenZip)-1], CutShort, []string{"list of members"}},
		"7z with half a header":         {"game.7z", sevenZip[:20], CutShort, nil},
		"7z never finished":             {"game.7z", unfinished, CutShort, []string{"was stopped"}},
		"7z with a wrong checksum":      {"game.7z", flipped, Damaged, []string{"checksum"}},
		"rar 5 cut in the data":         {"game.rar", makeRAR5(rarPlain, packed{"a", strings.Repeat("x", 5000)})[:3000], CutShort, nil},
		"rar 4 cut in the data":         {"game.rar", makeRAR4(packed{"a", strings.Repeat("x", 5000)})[:3000], CutShort, nil},
		"rar without anything":          {"game.rar", makeRAR5(rarPlain)[:8], CutShort, nil},

		"zip without members": {"game.zip", makeZip(t), Empty, []string{"without a single file"}},
		"rar without members": {"game.rar", makeRAR5(rarPlain), Empty, []string{"without a single file"}},

		"last part of a split zip": {"game.zip", split, MultiVolume, []string{"without splitting"}},
		"first part of a zip":      {"game.zip", append([]byte("PK\x07\x08"), archive...), MultiVolume, nil},
		"first part of a 7z":       {"game.7z.001", sevenZip[:100], MultiVolume, nil},
		"another part of a 7z":     {"game.7z.002", sevenZip[100:], MultiVolume, nil},
		"another part of a zip":    {"game.z02", []byte("anything"), MultiVolume, nil},
		"first part of a rar":      {"game.part1.rar", makeRAR5(rarFirstPart, packed{"a", "x"}, packed{"b", "x"}), MultiVolume, nil},
		"second part of a rar":     {"game.part2.rar", makeRAR5(rarSecondPart, packed{"b", "x"}), MultiVolume, nil},

		"program":         {"game.exe", []byte("MZ\x90\x00"), Unsupported, []string{"Windows program", "into a zip"}},
		"linux program":   {"game.zip", []byte("\x7fELF\x02"), Unsupported, []string{"Linux"}},
		"tar.gz":          {"game.zip", []byte("\x1f\x8b\x08"), Unsupported, []string{"gzip", "zip, rar or 7z"}},
		"tar":             {"game.tar", append(bytes.Repeat([]byte{'a'}, 257), "ustar\x0000"...), Unsupported, []string{"a tar archive"}},
		"web page":        {"game.zip", []byte("\n <!DOCTYPE HTML><title>Sign in"), Unsupported, []string{"web page", "downloaded"}},
		"service's error": {"game.zip", []byte(`{"message":"Not Found"}`), Unsupported, []string{"JSON"}},
		"lfs pointer":     {"game.zip", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), Unsupported, []string{"Git LFS", "git lfs pull"}},
		"zeros":           {"game.zip", make([]byte, 5000), Unsupported, []string{"zero bytes"}},
		"anything else":   {"game.zip", []byte("hello, world"), Unsupported, []string{"68 65 6c 6c 6f", "CAR takes"}},
		"bundle":          {"game.aab", makeZip(t, packed{"BundleConfig.pb", "x"}), Unsupported, []string{"App Bundle", ".apk"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := write(t, test.name, test.content)
			got, err := Inspect(path)
			refused(t, err, test.kind, append(test.says, fmt.Sprintf("%q", path))...)
			if got != nil {
				t.Errorf("got an artifact too: %+v", got)
			}
		})
	}
}

// refused checks that an error is for people.
func refused(t *testing.T, err error, kind Kind, says ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if e.Kind != kind {
		t.Errorf("got kind %s, want %s: %v", e.Kind, kind, err)
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("got %q, want it to say %q", err, s)
		}
	}
	for _, sentence := range []string{e.Message, e.Hint} {
		if !strings.HasSuffix(sentence, ".") || strings.Contains(sentence, "\n") {
			t.Errorf("got %q, want whole sentences in one line", sentence)
		}
	}
}

func TestInspectRefusesWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "game.zip"), []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Inspect(dir)
	refused(t, err, IsFolder, "is a folder")
	_, err = Inspect(os.DevNull)
	refused(t, err, NotRegular, "a device")
	_, err = Inspect(filepath.Join(dir, "other.zip"))
	refused(t, err, NotFound, "other.zip", "game.zip")
	// Not by way of a real file: tests may run as root, who may read all.
	denied := &fs.PathError{Op: "open", Path: "game.zip", Err: fs.ErrPermission}
	refused(t, unreadable("game.zip", denied), Unreadable, "permission denied", "chmod")
	refused(t, unreadable("game.zip", &fs.PathError{Op: "read", Path: "game.zip", Err: errors.New("input/output error")}), Unreadable, `"game.zip" cannot be read: input/output error`)
}

// A build that was cut anywhere, by a full disk or a broken download, must
// never pass for a whole one.
func TestInspectRefusesEveryPrefix(t *testing.T) {
	for name, whole := range map[string][]byte{
		"a.zip": makeZip(t, packed{"Ocean.exe", "MZ"}, packed{"b.txt", "hi"}),
		"a.7z":  sample(t, "plain.7z"),
		"b.7z":  sample(t, "encrypted-header.7z"),
		"a.rar": makeRAR5(rarPlain, packed{"Ocean.exe", "MZ"}, packed{"b.txt", "hi"}),
		"a.apk": makeZip(t, packed{"AndroidManifest.xml", string(sample(t, "manifest.bin"))}),
	} {
		for n := range len(whole) {
			_, err := inspect(name, newWindow(bytes.NewReader(whole[:n]), int64(n)))
			if known := (*Error)(nil); !errors.As(err, &known) {
				t.Errorf("%s cut to %d of %d bytes: got %v, want an *Error", name, n, len(whole), err)
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	of := func(name string, content []byte) Fingerprint {
		t.Helper()
		a, err := Inspect(write(t, name, content))
		if err != nil {
			t.Fatal(err)
		}
		return a.Fingerprint
	}
	builders := map[string]func(...packed) []byte{
		"zip":   func(m ...packed) []byte { return makeZip(t, m...) },
		"rar 5": func(m ...packed) []byte { return makeRAR5(rarPlain, m...) },
		"rar 4": makeRAR4,
	}
	for name, build := range builders {
		t.Run(name, func(t *testing.T) {
			// Large enough that the contents are not read by chance.
			filler := strings.Repeat("x", 100_000)
			one := build(packed{"first.bin", filler}, packed{"a.exe", "1" + filler}, packed{"last.bin", filler})
			if of("a.bin", one) != of("b.bin", bytes.Clone(one)) {
				t.Error("the same content under another name has another fingerprint")
			}
			for change, other := range map[string][]byte{
				"one character of a member": build(packed{"first.bin", filler}, packed{"a.exe", "2" + filler}, packed{"last.bin", filler}),
				"one character of a name":   build(packed{"first.bin", filler}, packed{"b.exe", "1" + filler}, packed{"last.bin", filler}),
				"the order of members":      build(packed{"a.exe", "1" + filler}, packed{"first.bin", filler}, packed{"last.bin", filler}),
				"a byte at the end":         append(bytes.Clone(one), 0),
			} {
				if name == "zip" && change == "a byte at the end" {
					continue // is refused
				}
				if of("a.bin", one) == of("a.bin", other) {
					t.Errorf("%s has changed, and the fingerprint has not", change)
				}
			}
		})
	}
	if of("a.rar", makeRAR5Encrypted(1)) == of("a.rar", makeRAR5Encrypted(2)) {
		t.Error("two encrypted archives have the same fingerprint")
	}
}

func TestInspectReadsOnlyTheDirectory(t *testing.T) {
	const far = 5 << 30 // where 32 bits do not reach

	var b bytes.Buffer
	z := zip.NewWriter(&b)
	z.SetOffset(far)
	if _, err := z.Create("Ocean.exe"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}

	rar := makeRAR5(rarPlain, packed{"Ocean.exe", ""}, packed{"after.exe", "MZ"})
	// Give the first member 5 GiB of data: its header again, with the size.
	header := binary.AppendUvarint([]byte{2, 2}, far)
	header = append(binary.AppendUvarint(append(header, 0), far), 0, 0, 0, 9)
	header = append(header, "Ocean.exe"...)
	const mainEnd = 8 + 4 + 1 + 3
	first := append(bytes.Clone(rar[:mainEnd]), rar5Block(header)...)
	rest := rar[mainEnd+4+1+int(rar[mainEnd+4]):]

	for name, test := range map[string]struct {
		file sparse
		size int64
		want []string
	}{
		"zip": {sparse{0: []byte("PK\x03\x04"), far: b.Bytes()}, far + int64(b.Len()), []string{"Ocean.exe"}},
		"rar": {sparse{0: first, far + int64(len(first)): rest}, far + int64(len(first)+len(rest)), []string{"Ocean.exe", "after.exe"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWindow(test.file, test.size)
			got, err := inspect("game", w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Executables); diff != "" || got.Size != test.size {
				t.Errorf("got %d bytes with executables (-want +got):\n%s", got.Size, diff)
			}
			if read := maxDirectory - w.left; read > 256<<10 {
				t.Errorf("read %d bytes, want the directory only", read)
			}
		})
	}
}

// A forged directory must not take all memory.
func TestInspectStopsAtAHugeDirectory(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := range 2000 {
		if _, err := z.CreateRaw(&zip.FileHeader{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	w := newWindow(bytes.NewReader(b.Bytes()), int64(b.Len()))
	w.most = 64 << 10
	_, err := inspect("game.zip", w)
	refused(t, err, TooLarge, "2000 members", "2.0 GiB")
}
