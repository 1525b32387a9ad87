package artifact

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/car-publish/car-publish/internal/human"
)

// Error says why something is not an artifact that can be published, and what
// to do about it.
type Error struct {
	Kind    Kind
	Message string // what is wrong: whole sentences
	Hint    string // what to do: whole sentences, in one line
	Err     error  // the cause, where there is one besides the file itself
}

// Error returns message and hint.
func (e *Error) Error() string { return e.Message + " " + e.Hint }

// GobEncode leaves out the cause, whose type is another package's.
func (e *Error) GobEncode() ([]byte, error) {
	return json.Marshal([]string{string(e.Kind), e.Message, e.Hint})
}

// GobDecode implements gob.GobDecoder.
func (e *Error) GobDecode(b []byte) error {
	var fields [3]string
	err := json.Unmarshal(b, &fields)
	e.Kind, e.Message, e.Hint = Kind(fields[0]), fields[1], fields[2]
	return err
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Kind is what is wrong with an artifact, in one word.
type Kind string

// The kinds.
const (
	NotFound       Kind = "ArtifactNotFound"
	Ambiguous      Kind = "ArtifactAmbiguous"  // a glob with several matches
	IsFolder       Kind = "ArtifactIsFolder"   //
	NotRegular     Kind = "ArtifactNotRegular" // a pipe, a device
	Unreadable     Kind = "ArtifactUnreadable" //
	Empty          Kind = "ArtifactEmpty"      // no bytes, or no members
	Unsupported    Kind = "ArtifactUnsupported"
	WrongExtension Kind = "ArtifactWrongExtension"
	NoManifest     Kind = "ArtifactNoManifest" // an .apk or .xapk that is only a zip
	CutShort       Kind = "ArtifactCutShort"
	Damaged        Kind = "ArtifactDamaged"
	MultiVolume    Kind = "ArtifactMultiVolume" // one of several parts
	Unpackable     Kind = "ArtifactUnpackable"  // names, links or files that no archive for CAR can hold
	TooLarge       Kind = "ArtifactTooLarge"    // too many members
)

// maxListed is how many files an error lists.
const maxListed = 10

var (
	// partName matches what 7-Zip and split call a part of an archive: game.7z.001,
	// game.zip.aa. They cut anywhere, so that the content does not tell.
	partName = regexp.MustCompile(`(?i)\.(7z|zip|rar)\.(\d{2,3}|part\d+|[a-z]{2})$`)

	// laterPartName matches what others call a part: game.z01, game.r00. That
	// may also be a release number, so ask the content first.
	laterPartName = regexp.MustCompile(`(?i)\.[zr]\d\d$`)
)

func notFound(pattern string) error {
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "."
	}
	e := &Error{
		Kind:    NotFound,
		Message: fmt.Sprintf("No file matches %q.", pattern),
		Hint:    "Check the path, and that the step that builds the file ran in this job, or its result was downloaded.",
	}
	dir, absolute := fixedFolder(pattern), filepath.IsAbs(pattern)
	if IsAbsWindows(pattern) && !absolute { // from a Windows host, seen inside of a container
		dir, absolute = pattern[:strings.LastIndexAny(pattern, `:\/`)+1], true
	}
	switch info, err := os.Lstat(pattern); {
	case pattern == "":
		e.Message = "The path is empty."
		e.Hint = "If it comes from an expression, that gave nothing."
	case err == nil && info.Mode()&fs.ModeSymlink != 0:
		e.Message = fmt.Sprintf("%q is a symbolic link to something that does not exist.", pattern)
	case absolute && !isDir(dir):
		e.Message = fmt.Sprintf("No file matches %q: there is no folder %q.", pattern, dir)
		e.Hint = fmt.Sprintf("Inside of a container only files below the working directory %q are visible: name the path relative to it.", cwd)
	case absolute:
	case strings.Contains(pattern, `\`) && filepath.Separator == '/':
		e.Hint = `Write / between folders, not \.`
		fallthrough
	default:
		e.Message = fmt.Sprintf("No file matches %q in the working directory %q.", pattern, cwd)
	}
	if other := otherCase(pattern); other != "" {
		e.Message = strings.TrimSuffix(e.Message, ".") + fmt.Sprintf(", but there is %q.", other)
		e.Hint = "Capital and small letters differ here: write the path as it is on the disk."
	} else if others := near(searched(pattern)); len(others) > 0 {
		e.Message += " Nearby there is: " + list(others) + "."
	}
	if hint := misspelt(pattern); hint != "" {
		e.Hint = hint
	}
	return e
}

func badGlob(pattern string) error {
	return &Error{
		Kind:    NotFound,
		Message: fmt.Sprintf("%q is neither a file nor a valid glob.", pattern),
		Hint:    cmp.Or(misspelt(pattern), "A glob may have *, ?, ** for folders, and [a-z] with both brackets."),
	}
}

func ambiguous(pattern string, matches []string) error {
	e := &Error{
		Kind:    Ambiguous,
		Message: fmt.Sprintf("%q matches %d files or folders: %s.", pattern, len(matches), list(matches)),
		Hint:    "One version is made of one file or folder: name it, or clean up before the build.",
	}
	if parent := filepath.Dir(pattern); isDir(parent) {
		e.Hint += fmt.Sprintf(" To publish the whole folder, set artifact to %s.", filepath.ToSlash(parent))
	}
	return e
}

func folder(path string) error {
	return &Error{
		Kind:    IsFolder,
		Message: fmt.Sprintf("%q is a folder, and was a file a moment ago.", path),
		Hint:    "Publish when the step that builds it is done.",
	}
}

func irregular(path string, mode fs.FileMode) error {
	kind := "not a regular file"
	switch {
	case mode&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&fs.ModeSocket != 0:
		kind = "a socket"
	case mode&fs.ModeDevice != 0:
		kind = "a device"
	}
	return &Error{
		Kind:    NotRegular,
		Message: fmt.Sprintf("%q is %s.", path, kind),
		Hint:    "The upload reads parts of the file side by side and again after a failure: write the build to a file first.",
	}
}

func empty(path string) error {
	return &Error{
		Kind:    Empty,
		Message: fmt.Sprintf("%q is empty (0 bytes).", path),
		Hint:    "Look at the step that writes it: it may have failed, or run out of disk space.",
	}
}

func noMembers(path string) error {
	return &Error{
		Kind:    Empty,
		Message: fmt.Sprintf("%q is an archive without a single file in it.", path),
		Hint:    "Look at the step that packs it: its pattern may match nothing.",
	}
}

func unreadable(path string, err error) error {
	e := &Error{Kind: Unreadable, Err: err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return notFound(path)
	case errors.Is(err, fs.ErrPermission):
		e.Message = fmt.Sprintf("%q cannot be read: permission denied.", path)
		e.Hint = "Another step or container may have written it as another user: make it and its folders readable (chmod -R a+rX), or run as its owner."
	default:
		cause := err
		if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
			cause = pathErr.Err // without the path, which is named already
		}
		e.Message = fmt.Sprintf("%q cannot be read: %v.", path, cause)
		e.Hint = "Look at the disk or the mount that it is on."
	}
	return e
}

func unsupported(path string, head []byte) error {
	what, hint := describe(head)
	if hint == "" {
		hint = "CAR takes zip, rar or 7z for desktop applications and apk, xapk or zip for mobile ones."
	}
	return &Error{
		Kind:    Unsupported,
		Message: fmt.Sprintf("%q is not an archive: it is %s.", path, what),
		Hint:    hint,
	}
}

func appBundle(path string) error {
	return &Error{
		Kind:    Unsupported,
		Message: fmt.Sprintf("%q is an Android App Bundle, which only stores can use.", path),
		Hint:    universal,
	}
}

// universal says how an App Bundle becomes something that can be installed.
const universal = "Build one APK that holds everything: bundletool build-apks --mode=universal makes an .apks, which is a zip; unpack universal.apk from it and publish that."

func splitAPKs(path string) error {
	return &Error{
		Kind:    Unsupported,
		Message: fmt.Sprintf("%q is a set of split APKs, of which each device gets some.", path),
		Hint:    universal,
	}
}

func splitAPK(path string) error {
	return &Error{
		Kind:    Unsupported,
		Message: fmt.Sprintf("%q is one of several split APKs and cannot be installed alone.", path),
		Hint:    universal,
	}
}

func selfExtracting(path string, inside Format) error {
	return &Error{
		Kind:    Unsupported,
		Message: fmt.Sprintf("%q is a self-extracting archive: a program with a %s in it.", path, inside),
		Hint:    "Publish the archive itself, or pack its unpacked files into a zip, rar or 7z. A game that carries its own data in this way goes into a folder or an archive like any other.",
	}
}

func installer(path, by string) error {
	return &Error{
		Kind:    Unsupported,
		Message: fmt.Sprintf("%q is not an archive: it is an installer (%s).", path, by),
		Hint:    "Publish the installed files, not an installer: pack their folder into a zip, rar or 7z.",
	}
}

func prefixed(path string, inside Format, at int64) error {
	return &Error{
		Kind:    Damaged,
		Message: fmt.Sprintf("%q does not begin as an archive: %s are in front of the %s in it.", path, bytesText(at), inside),
		Hint:    fmt.Sprintf("Look at what writes them, for example a download that was saved with its headers, and publish the %s alone.", inside),
	}
}

func appended(path string, ahead int64) error {
	return &Error{
		Kind:    Damaged,
		Message: fmt.Sprintf("%q is damaged: it has %s too many, which are in front of a whole archive.", path, bytesText(ahead)),
		Hint:    "It was appended to another archive, or to a part of itself: delete the file first, and build or download it again.",
	}
}

// shifted is about a zip whose list of members is not where it should be.
func shifted(path string, by int64) error {
	what := fmt.Sprintf("%s are missing before its list of members", bytesText(-by))
	if by > 0 {
		what = fmt.Sprintf("%s too many are before its list of members", bytesText(by))
	}
	return damaged(path, errors.New(what))
}

func needsZip64(path string, by int64) error {
	return &Error{
		Kind:    Damaged,
		Message: fmt.Sprintf("%q is larger than 4 GiB and was written without zip64, as Archive Utility of macOS does: its list of members is wrong by %s.", path, bytesText(by)),
		Hint:    "Pack it with 7z, ditto or zip 3; or give the folder itself as artifact.",
	}
}

// bytesText is an exact number of bytes: "20,000 bytes".
func bytesText(n int64) string {
	if n == 1 {
		return "1 byte"
	}
	return digits(n) + " bytes"
}

// digits is a number with commas between its thousands.
func digits(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func wrongExtension(path string, claimed, content Format) error {
	name := filepath.Base(path)
	right := strings.TrimSuffix(name, filepath.Ext(name)) + "." + string(content)
	return &Error{
		Kind:    WrongExtension,
		Message: fmt.Sprintf("%q is named .%s, but its content is %s.", path, claimed, content),
		Hint:    fmt.Sprintf("CAR goes by the name: rename the file to %q, or make a real .%s.", right, claimed),
	}
}

func noManifest(path string, claimed Format) error {
	e := &Error{
		Kind:    NoManifest,
		Message: fmt.Sprintf("%q is a zip, but not an APK: there is no compiled AndroidManifest.xml at its top.", path),
		Hint:    "Publish the .apk that the Android build makes, not the project or a zip around it.",
	}
	if claimed == XAPK {
		e.Message = fmt.Sprintf("%q is a zip, but not an XAPK: there is no manifest.json with a package_name at its top, next to an .apk.", path)
		e.Hint = "Publish the .xapk as the packing tool made it, or the .apk alone."
	}
	return e
}

func cutShort(path, what string) error {
	return &Error{
		Kind:    CutShort,
		Message: fmt.Sprintf("%q is cut short: %s.", path, what),
		Hint:    "Build or download it again; look for an interrupted step or a full disk.",
	}
}

func damaged(path string, err error) error {
	return &Error{
		Kind:    Damaged,
		Message: fmt.Sprintf("%q is damaged: %v.", path, err),
		Hint:    "Build or download it again, and test it with the program that packed it.",
		Err:     err,
	}
}

func multiVolume(path string) error {
	return &Error{
		Kind:    MultiVolume,
		Message: fmt.Sprintf("%q is one of several parts of an archive.", path),
		Hint:    "One version is made of one file: pack it without splitting.",
	}
}

// tooLarge is about a list of members that is not read to its end. Its size is 0 where
// it is not known.
func tooLarge(path string, members uint64, size int64) *Error {
	e := &Error{
		Kind:    TooLarge,
		Message: fmt.Sprintf("%q has a list of members of more than %s.", path, human.Size(maxDirectory)),
		Hint:    fmt.Sprintf("Pack it as a zip, whose list may have %s, or pack the files into fewer, larger ones.", human.Size(maxZipList)),
	}
	if size > 0 {
		e.Message = fmt.Sprintf("%q has a list of %d members that takes %s.", path, members, human.Size(size))
		e.Hint = fmt.Sprintf("At most %s are read: pack the files into fewer, larger ones.", human.Size(maxZipList))
	}
	return e
}

// exhausting is about an archive whose list of members takes more than a real one.
func exhausting(path, what string) *Error {
	return &Error{
		Kind:    TooLarge,
		Message: fmt.Sprintf("%q cannot be inspected: its list of members takes %s.", path, what),
		Hint:    "Test it with the program that packed it. If it is whole and has so many files, pack it as a zip, whose list takes no memory here.",
	}
}

// list names files with their sizes.
func list(files []string) string {
	var b strings.Builder
	for i, name := range files {
		if i == maxListed {
			fmt.Fprintf(&b, " and %d more", len(files)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(name))
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			fmt.Fprintf(&b, " (%s)", human.Size(info.Size()))
		}
	}
	return b.String()
}

const zipIt = "Set artifact to the folder that it is in, with the files that it needs; or put them into a zip, rar or 7z."

// looks are the first bytes of files that people publish by mistake.
var looks = []struct{ head, what, hint string }{
	{"MZ", "a Windows program", zipIt},
	{"\x7fELF", "a Linux program", "CAR runs Windows and Android applications: publish a build for one of them."},
	{"\xcf\xfa\xed\xfe", "a macOS program", "CAR runs Windows and Android applications: publish a build for one of them."},
	{"\xca\xfe\xba\xbe", "a macOS program or a Java class", "CAR runs Windows and Android applications: publish a build for one of them."},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Windows installer (.msi) or an old Office document", "Publish the installed files, not an installer: pack their folder into a zip, rar or 7z."},
	{"MSCF", "a Windows cabinet", "Pack the files into a zip, rar or 7z instead."},
	{"\x1f\x8b", "gzip, perhaps a .tar.gz", "Pack the files into a zip, rar or 7z instead."},
	{"BZh", "bzip2, perhaps a .tar.bz2", "Pack the files into a zip, rar or 7z instead."},
	{"\xfd7zXZ\x00", "xz, perhaps a .tar.xz", "Pack the files into a zip, rar or 7z instead."},
	{"\x28\xb5\x2f\xfd", "zstd, perhaps a .tar.zst", "Pack the files into a zip, rar or 7z instead."},
	{"version https://git-lfs.github.com/spec/", "a Git LFS pointer, a few lines of text in place of the file", "Fetch the file itself: git lfs pull, or lfs: true at actions/checkout."},
	{"%PDF-", "a PDF document", ""},
}

// texts are the same for text, in lower case and without the space in front.
var texts = []struct{ head, what string }{
	{"<!doctype html", "a web page"},
	{"<html", "a web page"},
	{"<?xml", "XML text"},
	{"{", "JSON text"},
	{"[", "JSON text"},
}

// describe says what a file that begins like this is.
func describe(head []byte) (what, hint string) {
	for _, look := range looks {
		if bytes.HasPrefix(head, []byte(look.head)) {
			return look.what, look.hint
		}
	}
	if what := mangledAs(head); what != "" {
		return what, "Look at the step that writes the file: it must copy the bytes as they are."
	}
	text := bytes.ToLower(bytes.TrimLeft(plainText(head), " \t\r\n"))
	for _, look := range texts {
		if bytes.HasPrefix(text, []byte(look.head)) {
			return look.what, "If it was downloaded, that is the answer of a server that did not give the file: look into it, and at the address and its login."
		}
	}
	switch {
	case len(head) >= 262 && string(head[257:262]) == "ustar":
		return "a tar archive", "Pack the files into a zip, rar or 7z instead."
	case len(bytes.Trim(head, "\x00")) == 0:
		return "nothing but zero bytes at its beginning", "A file that was reserved and never written looks like this: look at the step that writes it."
	}
	return fmt.Sprintf("of no format known here (it begins with % x)", head[:min(len(head), 8)]), ""
}
