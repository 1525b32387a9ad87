// Package artifact finds the build and inspects it: which file it is, its format
// by its content, which programs or which Android application are inside, and a
// fingerprint.
//
// It reads only the archive's directory and unpacks nothing, so a build of many
// GB is inspected within a second. A file that cannot be published
// is refused here, before the first call to the service; each reason is an
// [Error] that says what to do.
package artifact

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/member"
)

// Artifact is what there is to know about a build without unpacking it.
type Artifact struct {
	Path string
	Name string // the path's last element
	Size int64  // bytes

	Format Format

	// Encrypted means that a password is needed to unpack members, or even to list
	// them; in that case Executables is empty.
	Encrypted bool

	// Executables are the members of a zip, rar or 7z that end in .exe, in
	// the order of the directory, with forward slashes. Apart from the
	// slashes they are as the archive spells them, so they may hold anything.
	// Names that are not UTF-8 are read in the code page that they seem to be in.
	Executables []string

	// Spellings are those of the executables whose names are not UTF-8, byte for byte.
	Spellings []string

	// Problems are what the names of the members, and the methods by which they are
	// packed, make of the archive on Windows.
	Problems member.List

	// Inner is the member of an archive that holds nothing but another archive.
	Inner string

	// HoldsAPK means that a member of a zip is an .apk, which CAR requires of a
	// zip for a mobile application.
	HoldsAPK bool

	Android *Android // of an apk or xapk; nil otherwise

	Fingerprint Fingerprint
}

// Format is the kind of a package, by its content. Its text is CAR's word for
// it, and the file name extension without the dot.
type Format string

// The formats that CAR takes: zip, rar and 7z for desktop applications; apk,
// xapk and zip for mobile ones.
const (
	Zip      Format = "zip"
	RAR      Format = "rar"
	SevenZip Format = "7z"
	APK      Format = "apk"
	XAPK     Format = "xapk"
)

// Formats are all of them.
var Formats = []Format{Zip, RAR, SevenZip, APK, XAPK}

// Android is what an Android package says of itself.
type Android struct {
	Package     string // "com.example.game"
	VersionName string // for people: "1.2.3". Empty if there is none
	VersionCode int64  // for Android: 42. 0 if there is none
}

// Fingerprint tells one build from another. It is a hash of the file's size
// and of every byte that Inspect has read: the archive's directory, which
// holds each member's name, size, time and checksum. Two files with the same
// fingerprint hold the same content, although nobody has read that.
//
// Where the directory is encrypted, the parameters of the encryption, drawn
// at random whenever an archive is made, take its place.
type Fingerprint [sha256.Size]byte

// Inspect says what the file is. It reads the archive's directory, and of an
// Android package also the manifest, and nothing else.
func Inspect(path string) (*Artifact, error) {
	// Check the kind of the file first: opening a pipe waits until somebody writes.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, unreadable(path, err)
	case info.IsDir():
		return nil, folder(path)
	case !info.Mode().IsRegular():
		return nil, irregular(path, info.Mode())
	case info.Size() == 0:
		return nil, empty(path)
	}
	file, err := Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer file.Close()
	return inspect(path, newWindow(file, info.Size()))
}

func inspect(path string, w *window) (a *Artifact, err error) {
	// The archive libraries were not written for forged files and may panic on
	// one. That must become an error like any other.
	defer func() {
		if r := recover(); r != nil {
			a, err = nil, damaged(path, fmt.Errorf("its list of members makes no sense: %v", r))
		}
	}()
	a = &Artifact{Path: path, Name: filepath.Base(path), Size: w.size}
	if err := a.read(w); err != nil {
		var known *Error
		switch {
		case errors.As(err, &known):
			return nil, known
		case w.full:
			return nil, tooLarge(path, 0, 0)
		}
		return nil, damaged(path, err)
	}
	if err := a.checkExtension(); err != nil {
		return nil, err
	}
	a.conclude(w)
	a.Fingerprint = w.fingerprint()
	return a, nil
}

// read fills in what the content tells.
func (a *Artifact) read(w *window) error {
	head := make([]byte, min(w.size, 4<<10))
	if _, err := w.ReadAt(head, 0); err != nil {
		return unreadable(a.Path, err)
	}
	starts := func(signature string) bool { return strings.HasPrefix(string(head), signature) }
	switch {
	case partName.MatchString(a.Name):
		return multiVolume(a.Path)
	case mangledAs(head) != "":
		return unsupported(a.Path, head)
	case starts("PK\x03\x04"), starts("PK\x05\x06"), starts("PK00PK\x03\x04"): // the last was meant to be split, and fitted into one part
		return a.readZip(w)
	case starts("PK\x07\x08"): // how the first part of a split zip begins
		return multiVolume(a.Path)
	case starts("Rar!\x1a\x07"):
		return a.readRAR(w)
	case starts("7z\xbc\xaf\x27\x1c"):
		return a.readSevenZip(w)
	case laterPartName.MatchString(a.Name):
		return multiVolume(a.Path)
	}
	if err := a.wrapped(w, head); err != nil {
		return err
	}
	return unsupported(a.Path, head)
}

// add notes a member of a desktop archive.
func (a *Artifact) add(w *window, name string) error {
	w.names.Add(name)
	a.Problems = w.names.Problems
	foreign := !utf8.ValidString(name)
	if foreign {
		w.foreign.add(name)
	}
	if !strings.HasSuffix(name, "/") && !strings.HasSuffix(name, `\`) && !isLitter(name) {
		w.files++
		a.Inner = ""
		if f, _ := claimedFormat(name); w.files == 1 && (f == Zip || f == RAR || f == SevenZip) {
			a.Inner = name
		}
		if len(a.Executables) == 0 && archiveName.MatchString(name) {
			w.archives.Add(false, onlyArchives, name)
		}
	}
	if len(name) > 4 && strings.EqualFold(name[len(name)-4:], ".exe") {
		if foreign { // a backslash may be half of a character
			w.foreign.programs = append(w.foreign.programs, len(a.Executables))
		} else {
			name = strings.ReplaceAll(name, `\`, "/") // as .NET before 4.6.1 wrote them
		}
		a.Executables = append(a.Executables, name)
		if len(a.Executables) > maxExecutables {
			return &Error{
				Kind:    TooLarge,
				Message: fmt.Sprintf("%q holds more than %d programs (.exe).", a.Path, maxExecutables),
				Hint:    "No real build does: the archive is damaged or forged.",
			}
		}
	}
	return nil
}

// archiveName matches the names of archives that CAR does not unpack when they are in
// another one.
var archiveName = regexp.MustCompile(`(?i)\.(zip|rar|7z|tar|tgz|gz|bz2|xz|zst|iso|cab|xapk|apks|apkm|aab|(7z|zip|rar)\.\d{3}|[zr]\d\d)$`)

const onlyArchives = "no .exe in it but archives, which CAR does not unpack: publish the one that is the build"

// isLitter reports whether a name is one of those that systems leave in folders.
func isLitter(name string) bool {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	return strings.HasPrefix(name, "__MACOSX/") || strings.HasPrefix(base, "._") ||
		strings.EqualFold(base, ".DS_Store") || strings.EqualFold(base, "Thumbs.db") || strings.EqualFold(base, "desktop.ini")
}

// conclude adds what only all of the members together tell.
func (a *Artifact) conclude(w *window) {
	if a.Format == APK || a.Format == XAPK {
		return
	}
	a.showForeign(&w.foreign)
	if len(a.Executables) > 0 || a.HoldsAPK || a.Inner != "" || w.files == 0 {
		return
	}
	if len(w.archives) > 0 {
		page := w.foreign.page()
		for i, example := range w.archives[0].Examples {
			w.archives[0].Examples[i] = page.readable(example)
		}
		a.Problems = append(a.Problems, w.archives[0])
		return
	}
	a.Problems = append(a.Problems, member.Problem{What: "no .exe in it, so that a desktop application could start nothing", Count: 1})
}

// maxExecutables is how many programs an archive may hold. A real one has a handful.
const maxExecutables = 10_000

// checkExtension compares the name with the content. CAR goes by the name, so
// a wrong one would fail much later, without a reason. A name with any other
// extension, or none, claims nothing.
func (a *Artifact) checkExtension() error {
	claimed, ok := claimedFormat(a.Name)
	switch {
	case !ok, claimed == a.Format:
		return nil
	case a.Format == Zip && (claimed == APK || claimed == XAPK):
		return noManifest(a.Path, claimed)
	}
	return wrongExtension(a.Path, claimed, a.Format)
}

// claimedFormat returns the format that a file's name stands for, if any.
func claimedFormat(name string) (Format, bool) {
	f := Format(strings.ToLower(strings.TrimPrefix(filepath.Ext(name), ".")))
	return f, slices.Contains(Formats, f)
}
