package artifact

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
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
	r, err := zip.NewReader(w, w.size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // nothing is unpacked here, so no path is insecure
		return err
	}
	if len(r.File) == 0 {
		return noMembers(a.Path)
	}
	a.Format = Zip
	top := map[string]*zip.File{} // the members that tell the kinds of zip apart
	for _, f := range r.File {
		switch f.Name {
		case "AndroidManifest.xml", "manifest.json", "BundleConfig.pb":
			top[f.Name] = f
		}
		a.HoldsAPK = a.HoldsAPK || strings.EqualFold(path.Ext(f.Name), ".apk")
		a.ForeignNames = a.ForeignNames || !utf8.ValidString(f.Name)
		a.Encrypted = a.Encrypted || f.Flags&1 != 0
		a.add(f.Name)
	}
	switch {
	case top["AndroidManifest.xml"] != nil:
		manifest, err := contents(top["AndroidManifest.xml"])
		if isText(manifest) {
			break // a project's sources, not a package
		}
		// Hardened packages have manifests that only Android can read. They
		// are packages all the same: what cannot be read stays empty.
		a.Format, a.Android = APK, new(Android)
		if err == nil {
			*a.Android = parseManifest(manifest)
		}
	case top["manifest.json"] != nil && a.HoldsAPK:
		if a.Android = parseXAPK(top["manifest.json"]); a.Android != nil {
			a.Format = XAPK
		}
	case top["BundleConfig.pb"] != nil:
		return appBundle(a.Path)
	}
	if a.Format != Zip {
		// Android ignores the flag for encryption, and hardened packages set
		// it to keep the curious out.
		a.Executables, a.HoldsAPK, a.Encrypted, a.ForeignNames = nil, false, false, false
	}
	return nil
}

// checkZipEnd looks at the record that ends every zip, since archive/zip has
// but one error for all that can be wrong with it.
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
	return nil
}

// contents reads a small member.
func contents(f *zip.File) ([]byte, error) {
	if f.UncompressedSize64 > maxManifest {
		return nil, fmt.Errorf("%q is larger than %d MiB", f.Name, maxManifest>>20)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, maxManifest))
}

// parseXAPK returns what a manifest.json says, nil if it is not that of an
// xapk: many a zip has a file of this name.
func parseXAPK(f *zip.File) *Android {
	text, err := contents(f)
	if err != nil {
		return nil
	}
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
