package artifact

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxManifest is how large a manifest inside of a package may be, in bytes.
// Those of the largest applications are well below 1 MiB.
const maxManifest = 8 << 20

func (a *Artifact) readZip(w *window) error {
	list, err := a.zipList(w)
	if err != nil {
		return err
	}
	start, err := a.start(w, list)
	switch {
	case err != nil:
		return err
	case list.size > uint64(w.most): //nolint:gosec // not negative
		return tooLarge(a.Path, list.members, int64(list.size)) //nolint:gosec // see start
	}
	a.Format = Zip
	kinds := newZipKinds(a.Name)
	places := newLayout(w, a.Path, start, list.members)
	err = eachMember(w, start, list, func(e *zipEntry) error {
		places.add(e)
		kinds.add(e.name)
		a.HoldsAPK = a.HoldsAPK || strings.EqualFold(path.Ext(e.name), ".apk")
		a.Encrypted = a.Encrypted || e.flags&1 != 0
		if rare, found := rareMethods[e.method]; found {
			w.names.Problems.Add(false, "files packed by "+rare+", which many unpackers do not know", e.name)
		}
		return a.add(w, e.name)
	})
	switch {
	case err != nil:
		return err
	case kinds.members == 0:
		return noMembers(a.Path)
	}
	if list.behind > 0 {
		w.names.Problems.Add(false, bytesText(list.behind)+" behind the end of the archive, which some unpackers refuse", "")
		a.Problems = w.names.Problems
	}
	if err := a.tellKind(w, list, kinds); err != nil || a.Format == APK {
		return err // hardened packages have members that only Android finds
	}
	return places.done()
}

// zipKinds notes the members that tell the kinds of zip apart.
type zipKinds struct {
	members int
	top     map[string]bool
	splits  bool // a set of split APKs
}

func newZipKinds(name string) *zipKinds {
	extension := strings.ToLower(path.Ext(name))
	return &zipKinds{top: map[string]bool{}, splits: extension == ".apks" || extension == ".apkm"}
}

func (k *zipKinds) add(name string) {
	k.members++
	switch name {
	case manifestAPK, manifestXAPK, configBundle, contentsSplits:
		k.top[name] = true
	}
	k.splits = k.splits || strings.HasSuffix(name, "k") && splitName.MatchString(name)
}

// splitName matches what bundletool and others call a part of an application.
var splitName = regexp.MustCompile(`^([^/]*/)?((split_)?config\.[^/]+|splits/[^/]+)\.apk$`)

// tellKind says whether a zip is a package for Android, and refuses those that cannot
// be installed.
func (a *Artifact) tellKind(w *window, list *zipList, kinds *zipKinds) error {
	switch top := kinds.top; {
	case top[manifestAPK]:
		manifest, err := contents(w, kinds.members, list.size, manifestAPK)
		if isText(manifest) {
			break // a project's sources, not a package
		}
		// Hardened packages have manifests that only Android can read. They
		// are packages all the same: what cannot be read stays empty.
		a.Format, a.Android = APK, new(Android)
		if err == nil {
			var split bool
			if *a.Android, split = parseManifest(manifest); split {
				return splitAPK(a.Path)
			}
		}
	case top[manifestXAPK] && a.HoldsAPK:
		text, err := contents(w, kinds.members, list.size, manifestXAPK)
		if a.Android = parseXAPK(text); err == nil && a.Android != nil {
			a.Format = XAPK
		}
	case top[configBundle]:
		return appBundle(a.Path)
	}
	switch {
	case a.Format != Zip:
		// Android ignores the flag for encryption, and hardened packages set
		// it to keep the curious out.
		a.Executables, a.HoldsAPK, a.Encrypted = nil, false, false
		a.Problems, a.Inner = nil, ""
	case a.HoldsAPK && len(a.Executables) == 0 && (kinds.splits || kinds.top[contentsSplits]):
		return splitAPKs(a.Path)
	}
	return nil
}

// rareMethods are those of compression that few programs unpack
// (pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.4.5).
var rareMethods = map[uint16]string{20: "Zstandard", 93: "Zstandard", 95: "XZ", 98: "PPMd"}

// zipEntry is a record of the list of members.
type zipEntry struct {
	raw           []byte // the name as it is written
	name          string // the same in UTF-8, if its encoding is certain
	flags, method uint16
	size, offset  int64 // of the packed content; where the member begins. Negative if not told
}

// eachMember calls visit for each record of the list of members. archive/zip would
// keep them all, which for a real build takes hundreds of MB.
func eachMember(w *window, start int64, list *zipList, visit func(*zipEntry) error) error {
	size := int64(list.size) //nolint:gosec // see maxZipList
	w.left = max(w.left, size+1<<20)
	in := bufio.NewReaderSize(io.NewSectionReader(w, start, size), 256<<10)
	var header [entrySize]byte
	var rest []byte // the name and the extra field
	count := uint64(0)
	for ; ; count++ {
		if _, err := io.ReadFull(in, header[:]); err == io.EOF || err == nil && string(header[:4]) != entrySignature {
			break
		} else if err != nil {
			return zip.ErrFormat
		}
		name, extra := int(u16(header[:], 28)), int(u16(header[:], 30))
		rest = slices.Grow(rest[:0], name+extra)[:name+extra]
		if _, err := io.ReadFull(in, rest); err != nil {
			return zip.ErrFormat
		}
		if _, err := in.Discard(int(u16(header[:], 32))); err != nil { // the comment
			return zip.ErrFormat
		}
		if err := visit(newZipEntry(header[:], rest[:name], rest[name:])); err != nil {
			return err
		}
	}
	if uint16(count) != uint16(list.members) { //nolint:gosec // without zip64 the record has the lower bits
		return fmt.Errorf("its list of members ends after %d of the %d that it claims", count, list.members)
	}
	return nil
}

func newZipEntry(header, name, extra []byte) *zipEntry {
	const utf8Names = 1 << 11
	e := &zipEntry{
		raw: name, name: string(name), flags: u16(header, 8), method: u16(header, 10),
		size: int64(u32(header, 20)), offset: int64(u32(header, 42)),
	}
	zip64, unicode := extraField(extra, 0x0001), extraField(extra, 0x7075)
	// The zip64 field has those of the values, in this order, for which there was no room.
	for _, value := range []struct {
		has bool
		to  *int64
	}{{u32(header, 24) == 0xffffffff, new(int64)}, {e.size == 0xffffffff, &e.size}, {e.offset == 0xffffffff, &e.offset}} {
		switch {
		case !value.has:
		case len(zip64) < 8:
			*value.to = -1
		default:
			*value.to = int64(min(binary.LittleEndian.Uint64(zip64), 1<<62))
			zip64 = zip64[8:]
		}
	}
	// The Unicode Path field is about the name only as long as that has this checksum.
	if e.flags&utf8Names == 0 && len(unicode) > 5 && unicode[0] == 1 && u32(unicode, 1) == crc32.ChecksumIEEE(name) && utf8.Valid(unicode[5:]) {
		e.name = string(unicode[5:])
	}
	return e
}

// extraField returns a field of the extra field of a member, nil if it is not there.
func extraField(extra []byte, id uint16) []byte {
	for len(extra) >= 4 {
		size := int(u16(extra, 2))
		if size > len(extra)-4 {
			return nil
		}
		if u16(extra, 0) == id {
			return extra[4 : 4+size]
		}
		extra = extra[4+size:]
	}
	return nil
}

// The members that tell the kinds of zip apart.
const (
	manifestAPK  = "AndroidManifest.xml"
	manifestXAPK = "manifest.json"
	configBundle = "BundleConfig.pb"

	contentsSplits = "toc.pb" // of a set of split APKs
)

// What a package may have whose manifest is read: archive/zip keeps all of the list.
const (
	maxPackage     = 100_000  // members
	maxPackageList = 48 << 20 // bytes of the list
)

// contents reads a small member of a package.
func contents(w *window, members int, list uint64, name string) ([]byte, error) {
	if members > maxPackage || list > maxPackageList {
		return nil, fmt.Errorf("%q is one of more than %d members", name, maxPackage)
	}
	r, err := zip.NewReader(w, w.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // nothing is unpacked here, so no path is insecure
		return nil, err
	}
	i := slices.IndexFunc(r.File, func(f *zip.File) bool { return f.Name == name })
	if i < 0 {
		return nil, fs.ErrNotExist
	}
	f := r.File[i]
	if f.UncompressedSize64 > maxManifest {
		return nil, fmt.Errorf("%q is larger than %d MiB", name, maxManifest>>20)
	}
	content, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.LimitReader(content, maxManifest))
}

// parseXAPK returns what a manifest.json says, nil if it is not that of an
// xapk: many a zip has a file of this name.
func parseXAPK(text []byte) *Android {
	var manifest struct { // numbers may be in quotes, and texts that look like numbers without
		Package     string          `json:"package_name"`
		VersionName json.RawMessage `json:"version_name"`
		VersionCode json.RawMessage `json:"version_code"`
	}
	if json.Unmarshal(plainText(text), &manifest) != nil || manifest.Package == "" {
		return nil
	}
	var name string
	if json.Unmarshal(manifest.VersionName, &name) != nil {
		name = string(manifest.VersionName)
	}
	code, _ := strconv.ParseInt(strings.Trim(string(manifest.VersionCode), `"`), 10, 64) // none is 0
	return &Android{manifest.Package, name, code}
}

// plainText returns a text in UTF-8 without a byte order mark, as which Windows
// programs write UTF-16 and UTF-8.
func plainText(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	first, second := u8(text, 0), u8(text, 1)
	var order binary.ByteOrder
	switch {
	case first == 0xff && second == 0xfe, first != 0 && second == 0 && len(text) > 2:
		order = binary.LittleEndian
	case first == 0xfe && second == 0xff, first == 0 && second != 0:
		order = binary.BigEndian
	default:
		return bytes.TrimRight(text, "\x00")
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16(text[2*i:])
	}
	return []byte(strings.Trim(string(utf16.Decode(units)), "\ufeff\x00"))
}
