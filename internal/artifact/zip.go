package artifact

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxManifest is how large a manifest inside of a package may be, in bytes.
// Those of the largest applications are well below 1 MiB.
const maxManifest = 8 << 20

func (a *Artifact) readZip(w *window) error {
	if err := a.checkZipEnd(w); err != nil {
		return err
	}
	a.Format = Zip
	top := map[string]bool{} // the members that tell the kinds of zip apart
	members := 0
	err := eachMember(w, func(name string, flags, method uint16) error {
		members++
		switch name {
		case manifestAPK, manifestXAPK, configBundle:
			top[name] = true
		}
		a.HoldsAPK = a.HoldsAPK || strings.EqualFold(path.Ext(name), ".apk")
		a.ForeignNames = a.ForeignNames || !utf8.ValidString(name)
		a.Encrypted = a.Encrypted || flags&1 != 0
		if rare, found := rareMethods[method]; found {
			w.names.Problems.Add(false, "files packed by "+rare+", which many unpackers do not know", name)
		}
		return a.add(w, name)
	})
	switch {
	case err != nil:
		return err
	case members == 0:
		return noMembers(a.Path)
	}
	switch {
	case top[manifestAPK]:
		manifest, err := contents(w, members, manifestAPK)
		if isText(manifest) {
			break // a project's sources, not a package
		}
		// Hardened packages have manifests that only Android can read. They
		// are packages all the same: what cannot be read stays empty.
		a.Format, a.Android = APK, new(Android)
		if err == nil {
			*a.Android = parseManifest(manifest)
		}
	case top[manifestXAPK] && a.HoldsAPK:
		text, err := contents(w, members, manifestXAPK)
		if a.Android = parseXAPK(text); err == nil && a.Android != nil {
			a.Format = XAPK
		}
	case top[configBundle]:
		return appBundle(a.Path)
	}
	if a.Format != Zip {
		// Android ignores the flag for encryption, and hardened packages set
		// it to keep the curious out.
		a.Executables, a.HoldsAPK, a.Encrypted, a.ForeignNames = nil, false, false, false
		a.Problems, a.Inner = nil, ""
	}
	return nil
}

// rareMethods are those of compression that few programs unpack
// (pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, section 4.4.5).
var rareMethods = map[uint16]string{20: "Zstandard", 93: "Zstandard", 95: "XZ", 98: "PPMd"}

// checkZipEnd looks at the record at the end of every zip, since archive/zip has
// one error for everything that can be wrong there.
func (a *Artifact) checkZipEnd(w *window) error {
	const recordSize, maxComment = 22, 1<<16 - 1
	tail := make([]byte, min(w.size, recordSize+maxComment))
	if _, err := w.ReadAt(tail, w.size-int64(len(tail))); err != nil {
		return err
	}
	const signature = "PK\x05\x06"
	at := bytes.LastIndex(tail[:max(0, len(tail)-recordSize+len(signature))], []byte(signature))
	if at < 0 {
		return cutShort(a.Path, "the list of members, which a zip has at its end, is missing")
	}
	disk := binary.LittleEndian.Uint16(tail[at+4:])
	if disk != 0 && disk != 0xffff { // 0xffff: look at the zip64 record
		return multiVolume(a.Path)
	}
	return a.checkZip64(w, w.size-int64(len(tail))+int64(at))
}

// checkZip64 compares the number of members in the zip64 record before the end, if
// there is one, with the size of the list: archive/zip makes room for all of them
// before it reads the first.
func (a *Artifact) checkZip64(w *window, end int64) error {
	const locatorSize, recordSize, entrySize = 20, 56, 46
	locator := make([]byte, locatorSize)
	if end < locatorSize {
		return nil
	}
	if _, err := w.ReadAt(locator, end-locatorSize); err != nil || string(locator[:4]) != "PK\x06\x07" {
		return err
	}
	at := binary.LittleEndian.Uint64(locator[8:])
	if at > uint64(end) {
		return cutShort(a.Path, "the list of members, which a zip has at its end, is missing")
	}
	record := make([]byte, recordSize)
	if _, err := w.ReadAt(record, int64(at)); err != nil { //nolint:gosec // not behind the end of the file
		return err
	}
	members, size := binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint64(record[40:])
	switch {
	case size > maxDirectory:
		return tooLarge(a.Path)
	case members > size/entrySize:
		return damaged(a.Path, fmt.Errorf("its list of members claims %d of them in %d bytes", members, size))
	}
	return nil
}

// eachMember calls visit for each record of the list of members. archive/zip would
// keep them all, which for a real build takes hundreds of MB.
func eachMember(w *window, visit func(name string, flags, method uint16) error) error {
	list, records, err := membersOf(w)
	if err != nil {
		return err
	}
	const headerSize = 46
	in := bufio.NewReaderSize(list, 256<<10)
	var header [headerSize]byte
	count := uint64(0)
	for ; ; count++ {
		if _, err := io.ReadFull(in, header[:]); err == io.EOF || err == nil && string(header[:4]) != "PK\x01\x02" {
			break
		} else if err != nil {
			return zip.ErrFormat
		}
		length := func(at int) int { return int(binary.LittleEndian.Uint16(header[at:])) }
		name := make([]byte, length(28))
		if _, err := io.ReadFull(in, name); err != nil {
			return zip.ErrFormat
		}
		if _, err := in.Discard(length(30) + length(32)); err != nil { // the extra field and the comment
			return zip.ErrFormat
		}
		if err := visit(string(name), binary.LittleEndian.Uint16(header[8:]), binary.LittleEndian.Uint16(header[10:])); err != nil {
			return err
		}
	}
	if uint16(count) != uint16(records) { //nolint:gosec // without zip64 the record has the lower bits
		return zip.ErrFormat
	}
	return nil
}

// membersOf returns the list of members and how many the record at the end claims.
func membersOf(w *window) (list io.Reader, records uint64, err error) {
	const recordSize, maxComment = 22, 1<<16 - 1
	tail := make([]byte, min(w.size, recordSize+maxComment))
	if _, err := w.ReadAt(tail, w.size-int64(len(tail))); err != nil {
		return nil, 0, err
	}
	at := bytes.LastIndex(tail[:max(0, len(tail)-recordSize+4)], []byte("PK\x05\x06")) // a comment may follow
	if at < 0 {
		return nil, 0, zip.ErrFormat
	}
	end := tail[at:]
	records = uint64(binary.LittleEndian.Uint16(end[10:]))
	size, offset := uint64(binary.LittleEndian.Uint32(end[12:])), uint64(binary.LittleEndian.Uint32(end[16:]))
	before := uint64(w.size) - uint64(len(tail)-at) //nolint:gosec // the size of a file is not negative
	if records == 0xffff || size == 0xffffffff || offset == 0xffffffff {
		locator := make([]byte, 20)
		record := make([]byte, 56)
		if before >= uint64(len(locator)) {
			if _, err := w.ReadAt(locator, int64(before)-int64(len(locator))); err != nil { //nolint:gosec // as above
				return nil, 0, err
			}
		}
		if string(locator[:4]) == "PK\x06\x07" {
			before = binary.LittleEndian.Uint64(locator[8:])
			if before > uint64(w.size) { //nolint:gosec // as above
				return nil, 0, zip.ErrFormat
			}
			if _, err := w.ReadAt(record, int64(before)); err != nil { //nolint:gosec // as above
				return nil, 0, err
			}
			records, size, offset = binary.LittleEndian.Uint64(record[32:]), binary.LittleEndian.Uint64(record[40:]), binary.LittleEndian.Uint64(record[48:])
		}
	}
	// The recorded offset does not count bytes put in front of the archive (a
	// self-extractor). So assume that the list lies directly before the end record.
	// Only if a list entry starts at the recorded offset, because there is a gap before
	// the end record, use that offset.
	if size > before {
		return nil, 0, zip.ErrFormat
	}
	start := before - size
	if offset < start {
		signature := make([]byte, 4)
		if _, err := w.ReadAt(signature, int64(offset)); err == nil && string(signature) == "PK\x01\x02" { //nolint:gosec // below the size of the file
			start = offset
		}
	}
	return io.NewSectionReader(w, int64(start), int64(size)), records, nil //nolint:gosec // below the size of the file
}

// The members that tell the kinds of zip apart.
const (
	manifestAPK  = "AndroidManifest.xml"
	manifestXAPK = "manifest.json"
	configBundle = "BundleConfig.pb"
)

// maxPackage is how many members a package may have whose manifest is read.
const maxPackage = 100_000

// contents reads a small member of a package.
func contents(w *window, members int, name string) ([]byte, error) {
	if members > maxPackage {
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
	var manifest struct {
		Package     string          `json:"package_name"`
		VersionName string          `json:"version_name"`
		VersionCode json.RawMessage `json:"version_code"` // a number, or one in quotes
	}
	if json.Unmarshal(text, &manifest) != nil || manifest.Package == "" {
		return nil
	}
	code, _ := strconv.ParseInt(strings.Trim(string(manifest.VersionCode), `"`), 10, 64) // none is 0
	return &Android{manifest.Package, manifest.VersionName, code}
}
