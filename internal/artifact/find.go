package artifact

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Find resolves a path or a glob to the one file or folder that it names. In a glob, **
// stands for any number of folders. A file that exists under the very name is
// taken, whatever that would mean as a glob.
func Find(pattern string) (string, error) {
	_, err := os.Stat(pattern)
	if err == nil {
		return pattern, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return "", unreadable(pattern, err)
	}
	matches, err := glob(pattern)
	if err != nil {
		return "", badGlob(pattern)
	}
	matches = slices.DeleteFunc(matches, func(name string) bool {
		_, err := os.Stat(name)
		return err != nil // a link to nowhere
	})
	switch len(matches) {
	case 0:
		return "", notFound(pattern)
	case 1:
		return matches[0], nil
	}
	return "", ambiguous(pattern, matches)
}

// glob is filepath.Glob that also knows **.
func glob(pattern string) ([]string, error) {
	segments := strings.Split(path.Clean(filepath.ToSlash(pattern)), "/")
	if !slices.Contains(segments, "**") {
		return filepath.Glob(pattern)
	}
	fixed := slices.IndexFunc(segments, func(s string) bool { return strings.ContainsAny(s, globSpecial) })
	root, segments := fixedFolder(pattern), segments[fixed:]
	var matches []string
	// os.DirFS follows a root that is a symbolic link; filepath.WalkDir does not.
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return nil //nolint:nilerr // a folder that cannot be read holds nothing for us
		}
		matched, err := matchSegments(segments, strings.Split(name, "/"))
		if matched {
			matches = append(matches, filepath.Join(root, filepath.FromSlash(name)))
		}
		return err
	})
	return matches, err
}

// matchSegments is path.Match, segment by segment, where ** is any number of
// them.
func matchSegments(pattern, name []string) (bool, error) {
	if len(pattern) == 0 {
		return len(name) == 0, nil
	}
	if pattern[0] == "**" {
		for skipped := range len(name) + 1 {
			if matched, err := matchSegments(pattern[1:], name[skipped:]); matched || err != nil {
				return matched, err
			}
		}
		return false, nil
	}
	if len(name) == 0 {
		return false, nil
	}
	if matched, err := path.Match(pattern[0], name[0]); !matched || err != nil {
		return false, err
	}
	return matchSegments(pattern[1:], name[1:])
}

// globSpecial are the characters that make a pattern of a name.
const globSpecial = "*?["

// fixedFolder returns the folder in which every match of a pattern lies, as
// deep as can be said without looking.
func fixedFolder(pattern string) string {
	dir := filepath.ToSlash(pattern)
	if special := strings.IndexAny(dir, globSpecial); special >= 0 {
		dir = dir[:special]
	}
	dir = dir[:strings.LastIndex(dir, "/")+1]
	switch {
	case dir == "":
		return "."
	case strings.Trim(dir, "/") == "":
		return filepath.FromSlash("/")
	}
	folder := filepath.FromSlash(strings.TrimRight(dir, "/"))
	if folder == filepath.VolumeName(folder) {
		folder += string(filepath.Separator) // C: alone is wherever one is on that drive
	}
	return folder
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// otherCase returns the file that a path would name on a system that ignores the
// case of letters, such as Windows, where the path may have been written.
func otherCase(path string) string {
	path = filepath.Clean(path)
	found := filepath.VolumeName(path)
	if filepath.IsAbs(path) {
		found += string(filepath.Separator)
	}
	for part := range strings.SplitSeq(strings.Trim(path[len(filepath.VolumeName(path)):], string(filepath.Separator)), string(filepath.Separator)) {
		next := filepath.Join(found, part)
		if _, err := os.Lstat(next); err == nil {
			found = next
			continue
		}
		entries, _ := os.ReadDir(cmp.Or(found, ".")) // none, if it cannot be read
		i := slices.IndexFunc(entries, func(entry os.DirEntry) bool { return strings.EqualFold(entry.Name(), part) })
		if i < 0 {
			return ""
		}
		found = filepath.Join(found, entries[i].Name())
	}
	if found == path || isDir(found) {
		return ""
	}
	return found
}

// near returns archives that the user may have meant: those in the folder, else in
// the nearest folder above that has any, up to the working directory or the root.
func near(dir string) []string {
	dir = filepath.Clean(dir)
	for {
		entries, _ := os.ReadDir(dir) // none, if it cannot be read
		var found []string
		for _, entry := range entries {
			if _, ok := claimedFormat(entry.Name()); ok && !entry.IsDir() {
				found = append(found, filepath.Join(dir, entry.Name()))
			}
		}
		parent := filepath.Dir(dir)
		if len(found) > 0 || parent == dir {
			return found
		}
		dir = parent
	}
}
