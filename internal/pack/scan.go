package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/ignore"
	"github.com/car-publish/car-publish/internal/member"
)

// maxMembers is how many files a folder may hold. Links to folders could multiply
// them without end.
const maxMembers = 1_000_000

// maxLinked is how many files and folders may be reached by links to folders. Links that
// fan out lead to millions, and to walk there takes minutes.
const maxLinked = 200_000

// How long a name may be, and all names together, in bytes: links to folders could
// multiply long names, too.
const (
	maxName      = 4 << 10
	maxNameBytes = 128 << 20
)

// Scan walks through the folder at root and reads its files once. The error is an
// [artifact.Error] that names everything that cannot be packed, or the cause of the
// context's end.
func Scan(ctx context.Context, root string, o Options) (*Tree, error) {
	w, err := newWalk(ctx, root, o)
	if err != nil {
		return nil, err
	}
	defer w.root.Close()
	if err := w.folder(".", "."); err != nil {
		return nil, err
	}
	t := w.tree
	slices.SortFunc(t.members, func(a, b archived) int { return strings.Compare(a.name, b.name) })
	for _, m := range t.members {
		w.names.Add(m.name)
	}
	problems := append(w.problems, w.names.Problems...)
	t.Doubts = problems.Certain(false)
	problems = problems.Certain(true)
	if t.Files == 0 && len(problems) == 0 {
		return nil, emptyFolder(root, t.LeftOut)
	}
	// Where something is wrong already, the files are only opened: that tells the rest
	// of it, and does not take as long as to read them.
	if err := t.readFiles(ctx, w.root, len(problems) == 0, &problems); err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, unpackable(root, problems)
	}
	t.NothingMatched = w.rules.NothingMatched()
	t.Fingerprint = t.fingerprint()
	return t, nil
}

const longName = "paths of more than 4,096 bytes"

// What is wrong with a folder, where the remedy is another than to rename or remove.
const (
	cannotBeRead = "cannot be read"
	changedNow   = "files that were changed while they were read"
	lfsPointers  = "pointers of Git LFS in place of files"
)

// unpackable is the error for a folder with which something is wrong.
func unpackable(root string, problems member.List) error {
	hints := map[string]bool{}
	for _, p := range problems {
		switch {
		case strings.Contains(p.What, cannotBeRead):
			hints["Let this user read what cannot be read."] = true
		case p.What == changedNow:
			hints["Publish when nothing writes there any more."] = true
		case p.What == lfsPointers:
			hints["Fetch the files themselves: git lfs pull, or lfs: true at actions/checkout."] = true
		default:
			hints["Rename or remove what does not belong there, or leave it out with the input ignore."] = true
		}
	}
	return &artifact.Error{
		Kind:    artifact.Unpackable,
		Message: fmt.Sprintf("%q cannot be packed for CAR. It has %s.", root, problems),
		Hint:    strings.Join(slices.Sorted(maps.Keys(hints)), " "),
	}
}

// unread is the problem with something that cannot be read.
func unread(what string, err error) string {
	var changed *ChangedError
	if errors.As(err, &changed) {
		return changedNow
	}
	var place *fs.PathError
	if errors.As(err, &place) {
		err = place.Err
	}
	return what + " that " + cannotBeRead + " (" + err.Error() + ")"
}

func emptyFolder(root string, out LeftOut) error {
	e := &artifact.Error{
		Kind:    artifact.Empty,
		Message: fmt.Sprintf("The folder %q holds no files.", root),
		Hint:    "Check that the step that builds it ran in this job, or its result was downloaded.",
	}
	if out.Files > 0 {
		e.Message = fmt.Sprintf("The folder %q holds no files but those that are left out: %s.", root, strings.Join(out.Names, ", "))
		e.Hint = "Check the inputs ignore and ignore-defaults."
	}
	return e
}

// walk is a walk through a folder.
type walk struct {
	ctx         context.Context //nolint:containedctx // it lives as long as one call of Scan
	root        *os.Root
	real        string   // path of the root, without links
	above       []string // places of the folders that are being walked through
	rules       ignore.Rules
	own         map[string]bool // places of files that the run itself writes
	names       member.Names
	problems    member.List
	linked      int // how many of the visited were reached by a link to a folder
	behindLinks int // links to folders that were followed to where the walk is now
	nameBytes   int
	visited     int // files and folders, also by a link
	tree        *Tree
}

func newWalk(ctx context.Context, root string, o Options) (*walk, error) {
	failed := func(err error) error {
		return &artifact.Error{
			Kind: artifact.Unreadable, Message: fmt.Sprintf("The folder %q cannot be read: %v.", root, err),
			Hint: "Check its permissions.", Err: err,
		}
	}
	absolute, err := filepath.Abs(root)
	if err != nil {
		return nil, failed(err)
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return nil, failed(err)
	}
	if err := leadsOut(root, resolved); err != nil {
		return nil, err
	}
	opened, err := os.OpenRoot(resolved)
	if err != nil {
		return nil, failed(err)
	}
	name := filepath.Base(absolute)
	if name == string(filepath.Separator) || name == "." {
		name = "build" // the root of a drive has no name
	}
	return &walk{
		ctx: ctx, root: opened, real: resolved, rules: ignore.New(o.Ignore, !o.NoDefaultIgnores), own: placesOf(o.Own),
		tree: &Tree{Path: root, Name: name, options: o},
	}, nil
}

// leadsOut refuses a path below the working directory that leads out of it by a link. A
// build script, perhaps of a fork, could have put it there to ship files of the runner.
func leadsOut(root, resolved string) error {
	work, err := os.Getwd()
	if err == nil {
		work, err = filepath.EvalSymlinks(work)
	}
	if err != nil || !filepath.IsLocal(root) {
		return nil //nolint:nilerr // who gives another path means it
	}
	if inside, err := filepath.Rel(work, resolved); err == nil && filepath.IsLocal(inside) {
		return nil
	}
	return &artifact.Error{
		Kind:    artifact.Unpackable,
		Message: fmt.Sprintf("%q is a link, or lies behind one, that leads out of the working directory, to %q.", root, resolved),
		Hint:    "If that folder is meant, set artifact to its own path.",
	}
}

// placesOf returns the places of files that may not be there yet, without links.
func placesOf(files []string) map[string]bool {
	places := map[string]bool{}
	for _, file := range files {
		absolute, err := filepath.Abs(file)
		if file == "" || err != nil {
			continue
		}
		if folder, err := filepath.EvalSymlinks(filepath.Dir(absolute)); err == nil {
			places[filepath.Join(folder, filepath.Base(absolute))] = true
		}
	}
	return places
}

// folder notes what a folder holds. Its name is the path below the root by which it
// was reached, and place the path without links.
func (w *walk) folder(name, place string) error {
	if len(name) > maxName {
		w.problems.Add(true, longName, name[:64]+"...")
		return nil
	}
	entries, err := w.list(place)
	if err != nil {
		w.problems.Add(true, unread("folders", err), name)
		return nil
	}
	if len(entries) == 0 && name != "." {
		w.tree.Folders++
		return w.add(archived{name: w.archiveName(name) + "/"})
	}
	w.above = append(w.above, place)
	defer func() { w.above = w.above[:len(w.above)-1] }()
	for _, entry := range entries {
		if w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if err := w.entry(path.Join(name, entry.Name()), filepath.Join(place, entry.Name()), entry); err != nil {
			return err
		}
	}
	return nil
}

// list returns the entries of a folder.
func (w *walk) list(place string) ([]fs.DirEntry, error) {
	folder, err := w.root.Open(place)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	entries, err := folder.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// entry notes a file, or what a folder holds.
func (w *walk) entry(name, place string, entry fs.DirEntry) error {
	if w.visited++; w.visited > 2*maxMembers { // empty folders and what is left out count here, too
		return w.tooMany()
	}
	if w.behindLinks > 0 {
		if w.linked++; w.linked > maxLinked {
			return w.tooMany()
		}
	}
	isLink, isFolder := entry.Type()&fs.ModeSymlink != 0, entry.IsDir()
	switch {
	case w.rules.LeaveOut(name, isFolder):
		w.leaveOut(name, place, isFolder)
		return nil
	case !isFolder && w.own[filepath.Join(w.real, place)]:
		w.leaveOut(name, place, false)
		return nil
	case strings.Contains(entry.Name(), `\`):
		w.problems.Add(true, "names with a backslash, which Windows takes for a folder", name)
		return nil
	case !utf8.ValidString(name):
		w.problems.Add(true, "names that are not UTF-8", name)
		return nil
	case isLink:
		var ok bool
		if place, isFolder, ok = w.follow(name, place); !ok {
			return nil
		}
		if isFolder && w.rules.LeaveOut(name, true) {
			w.leaveOut(name, place, true)
			return nil
		}
	}
	if isFolder {
		if isLink {
			w.behindLinks++
			defer func() { w.behindLinks-- }()
		}
		return w.folder(name, place)
	}
	info, err := w.root.Lstat(place)
	switch {
	case err != nil:
		w.problems.Add(true, unread("files", err), name)
		return nil
	case !info.Mode().IsRegular():
		w.problems.Add(true, "sockets, pipes or devices", name)
		return nil
	}
	return w.file(name, place, info)
}

// follow returns the place to which a link leads, and whether that is a folder. It
// is not ok if the link must not be followed.
func (w *walk) follow(name, link string) (place string, isFolder, ok bool) {
	target, err := filepath.EvalSymlinks(filepath.Join(w.real, link))
	var info fs.FileInfo
	if err == nil {
		info, err = os.Stat(target)
	}
	if err != nil {
		w.problems.Add(true, "links that lead nowhere or in a circle", name)
		return "", false, false
	}
	place, err = filepath.Rel(w.real, target)
	if err != nil || !filepath.IsLocal(place) {
		w.problems.Add(true, "links that lead out of the folder", name)
		return "", false, false
	}
	if info.IsDir() && slices.ContainsFunc(w.above, func(ancestor string) bool { return within(ancestor, place) }) {
		w.problems.Add(true, "links that lead nowhere or in a circle", name)
		return "", false, false
	}
	return place, info.IsDir(), true
}

// within reports whether a place is that of a folder or below it.
func within(place, folder string) bool {
	rest, err := filepath.Rel(folder, place)
	return err == nil && filepath.IsLocal(rest)
}

// file notes a file that is packed.
func (w *walk) file(name, place string, info fs.FileInfo) error {
	t := w.tree
	if len(name) > maxName {
		w.problems.Add(true, longName, name[:64]+"...")
		return nil
	}
	m := archived{name: w.archiveName(name), path: place, size: info.Size(), time: info.ModTime()}
	t.Files++
	t.Size += m.size
	t.Inner = ""
	extension := strings.ToLower(path.Ext(name))
	switch extension {
	case ".exe":
		t.Executables = append(t.Executables, m.name)
		if m.size == 0 {
			w.problems.Add(false, "programs (.exe) of 0 bytes", name)
		}
	case ".apk", ".xapk":
		t.APK = filepath.Join(t.Path, m.path)
	case ".pdb", ".debug":
		t.Symbols.Files++
		t.Symbols.Size += m.size
	}
	if f := artifact.Format(strings.TrimPrefix(extension, ".")); t.Files == 1 && (f == artifact.Zip || f == artifact.RAR || f == artifact.SevenZip) {
		t.Inner = filepath.Join(t.Path, m.path)
	}
	if extension != ".debug" && extension != ".pdb" && strings.Contains(strings.ToLower(name), ".dsym/") {
		t.Symbols.Files++
		t.Symbols.Size += m.size
	}
	return w.add(m)
}

func (w *walk) add(m archived) error {
	w.tree.members = append(w.tree.members, m)
	w.nameBytes += len(m.name)
	if len(w.tree.members) > maxMembers || w.nameBytes > maxNameBytes {
		return w.tooMany()
	}
	return nil
}

func (w *walk) tooMany() error {
	return &artifact.Error{
		Kind:    artifact.TooLarge,
		Message: fmt.Sprintf("The folder %q holds more than %d files, or names of more than %d MB, or more than %d files by way of links.", w.tree.Path, maxMembers, maxNameBytes>>20, maxLinked),
		Hint:    "Check that it is the folder of the build; leave out what does not belong to it with the input ignore.",
	}
}

// archiveName is the name in the archive of what has that path below the root.
func (w *walk) archiveName(name string) string { return path.Join(w.tree.options.Prefix, name) }

// leaveOut counts what a pattern leaves out. Nothing of it has to be readable.
func (w *walk) leaveOut(name, place string, isFolder bool) {
	out := &w.tree.LeftOut
	if len(out.Names) < maxLeftOutNames {
		shown := name
		if isFolder {
			shown += "/"
		}
		out.Names = append(out.Names, shown)
	} else {
		out.More++
	}
	_ = fs.WalkDir(w.root.FS(), filepath.ToSlash(place), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil //nolint:nilerr // it is left out, whatever it is
		}
		out.Files++
		if w.visited++; w.visited > 2*maxMembers {
			return fs.SkipAll
		}
		if info, err := entry.Info(); err == nil {
			out.Size += info.Size()
		}
		return w.ctx.Err()
	})
}

const maxLeftOutNames = 10

// open opens a file of the tree, unless it is not the one that was found.
func (m archived) open(root *os.Root) (*os.File, error) {
	file, err := root.OpenFile(m.path, os.O_RDONLY|dontWait, 0)
	if err != nil {
		if _, gone := root.Lstat(m.path); errors.Is(err, fs.ErrNotExist) || gone != nil && !errors.Is(gone, fs.ErrPermission) || isLink(root, m.path) {
			return nil, &ChangedError{m.name}
		}
		return nil, &ReadError{m.name, err}
	}
	if info, err := file.Stat(); err != nil || m.changed(info) {
		file.Close()
		return nil, &ChangedError{m.name}
	}
	return file, nil
}

// ChangedError says that a file is not what it was when the folder was scanned.
type ChangedError struct{ Name string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%q was changed or removed after the folder was scanned", e.Name)
}

// isLink reports whether there is a link now where a file was: it may lead out of the
// folder, and then it is not opened.
func isLink(root *os.Root, path string) bool {
	info, err := root.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// ReadError says that a file could be read when the folder was scanned, and cannot now.
type ReadError struct {
	Name string
	Err  error
}

func (e *ReadError) Error() string { return fmt.Sprintf("%q cannot be read: %v", e.Name, e.Err) }
func (e *ReadError) Unwrap() error { return e.Err }

// readBlock reads a block of a file, and checks that the file is long enough.
func (m archived) readBlock(file io.ReaderAt, buffer []byte, offset int64) error {
	_, err := file.ReadAt(buffer, offset)
	if err == io.EOF {
		return &ChangedError{m.name}
	}
	return err
}
