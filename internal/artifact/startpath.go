package artifact

import (
	"path"
	"slices"
	"strings"
)

// Holds reports whether one of these executables is that of a start path.
func Holds(executables []string, startPath string) bool {
	return (&Artifact{Executables: executables}).Contains(startPath)
}

// Contains reports whether the archive has the executable at a start path,
// which Windows compares without regard to case or to the kind of slashes.
func (a *Artifact) Contains(startPath string) bool {
	want := fold(startPath)
	return slices.ContainsFunc(a.Executables, func(have string) bool { return fold(have) == want }) ||
		!isASCII(want) && slices.ContainsFunc(a.Spellings, func(have string) bool { return spelled(have, want) })
}

// IsAbsWindows reports whether a start path names a place outside of the
// package: C:\Games\game.exe, \\server\share\game.exe.
func IsAbsWindows(p string) bool {
	p = strings.ReplaceAll(p, `\`, "/")
	if len(p) >= 2 && p[1] == ':' {
		drive := p[0] | 0x20 // in lower case
		return 'a' <= drive && drive <= 'z'
	}
	return strings.HasPrefix(p, "//")
}

// Nearest returns the paths in the order of their likeness to the wanted one:
// first those with the same last element, then by the number of edits between
// them. Equally near ones stay in their order.
func Nearest(want string, have []string) []string {
	want = fold(want)
	type candidate struct {
		path      string
		otherName bool
		edits     int
	}
	candidates := make([]candidate, len(have))
	for i, p := range have {
		folded := fold(p)
		candidates[i] = candidate{p, path.Base(folded) != path.Base(want), edits(folded, want)}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int {
		if a.otherName != b.otherName {
			if b.otherName {
				return -1
			}
			return 1
		}
		return a.edits - b.edits
	})
	nearest := make([]string, len(have))
	for i, c := range candidates {
		nearest[i] = c.path
	}
	return nearest
}

// CleanStartPath returns a start path with forward slashes and without what says
// nothing.
func CleanStartPath(p string) string {
	return strings.TrimPrefix(path.Clean(strings.ReplaceAll(p, `\`, "/")), "/")
}

// fold brings a path into the form in which equal ones are equal.
func fold(p string) string {
	return strings.ToLower(CleanStartPath(p))
}

// maxCompared is how much of a path is looked at to tell how near it is: the
// names come from outside, and the work grows with the product of both
// lengths.
const maxCompared = 128

// edits returns the Levenshtein distance of the ends of two paths.
func edits(a, b string) int {
	from, to := tail([]rune(a)), tail([]rune(b))
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, s := range to {
			change := diagonal
			if r != s {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}

func tail(runes []rune) []rune {
	return runes[max(0, len(runes)-maxCompared):]
}
