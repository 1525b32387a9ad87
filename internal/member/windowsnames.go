// Package member judges the names of the members of an archive by what becomes of
// them on Windows, where CAR unpacks the builds of desktop applications.
package member

import (
	"fmt"
	"hash/maphash"
	"path"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Problem is something that is wrong with some of the names.
type Problem struct {
	Certain  bool     // the build fails for sure; otherwise it may work
	What     string   // "names that Windows reserves"
	Count    int      // how many names have it
	Examples []string // the first of them, at most five
}

const maxExamples = 5

// String tells of the problem, with the examples. A problem with the archive rather
// than with names has none.
func (p Problem) String() string {
	if len(p.Examples) == 0 {
		return p.What
	}
	quoted := make([]string, len(p.Examples))
	for i, e := range p.Examples {
		quoted[i] = strconv.Quote(e)
	}
	more := ""
	if rest := p.Count - len(p.Examples); rest > 0 {
		more = fmt.Sprintf(" and %d more", rest)
	}
	return p.What + ": " + strings.Join(quoted, ", ") + more
}

// List collects problems of several kinds.
type List []Problem

// Add notes that a name has a problem. Without a name it is one of the archive.
func (l *List) Add(certain bool, what, name string) {
	for i := range *l {
		if p := &(*l)[i]; p.What == what {
			if p.Count++; len(p.Examples) < maxExamples {
				p.Examples = append(p.Examples, name)
			}
			return
		}
	}
	p := Problem{Certain: certain, What: what, Count: 1}
	if name != "" {
		p.Examples = []string{name}
	}
	*l = append(*l, p)
}

// Certain returns those problems with which a build fails for sure, or the others.
func (l List) Certain(certain bool) (of List) {
	for _, p := range l {
		if p.Certain == certain {
			of = append(of, p)
		}
	}
	return of
}

// String tells of all the problems.
func (l List) String() string {
	texts := make([]string, len(l))
	for i, p := range l {
		texts[i] = p.String()
	}
	return strings.Join(texts, "; ")
}

// Names looks at the names of an archive, one after the other. The zero value is
// ready for use.
type Names struct {
	Problems List

	seed   maphash.Seed
	folder string     // of the last name
	seen   [][]uint64 // what is kept of a name, see below
	count  int        // of the kept names
}

// An archive may have millions of names, so that eight bytes are kept of each: of the
// hash of the name in lower case, which also chooses the bucket, the upper bits, and
// in the lower bits a part of the hash of the name as it is.
const (
	buckets   = 1 << 16
	exactBits = 20
	exactMask = 1<<exactBits - 1

	// maxNames is how many names are compared with each other. The buckets have room
	// for 128 each by then, which takes 64 MiB. Twins among further names are not found,
	// which is better than to refuse what other programs list.
	maxNames = 6 << 20
)

// maxPath is how long a path may be, in UTF-16 units. Windows programs take 260, and
// CAR unpacks into a folder of its own (learn.microsoft.com/windows/win32/fileio/maximum-file-path-limitation).
const maxPath = 240

// reserved are the names of devices, with any extension
// (learn.microsoft.com/windows/win32/fileio/naming-a-file).
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$`)

// drive is how an absolute path of Windows begins.
var drive = regexp.MustCompile(`^[A-Za-z]:(/|$)`)

// Add looks at a name. The name of a folder ends with a slash.
func (n *Names) Add(name string) {
	problem := func(certain bool, what string) { n.Problems.Add(certain, what, name) }
	if !utf8.ValidString(name) {
		return // what it is called once it is unpacked is not known
	}
	forward := strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(forward, "/") || drive.MatchString(forward) || hasElement(forward, "..") {
		problem(true, "names that lead out of the archive's folder")
		return
	}
	whole := strings.TrimSuffix(forward, "/")
	for element := range strings.SplitSeq(whole, "/") {
		switch {
		case hasForbidden(element):
			problem(true, `names with characters that Windows does not allow (<>:"|?* and control characters)`)
		case isDevice(element):
			problem(true, "names that Windows reserves for devices")
		case element != "." && (strings.HasSuffix(element, ".") || strings.HasSuffix(element, " ")):
			problem(true, "names that end with a dot or a blank, which Windows drops")
		default:
			continue
		}
		break
	}
	if len(whole) > maxPath && len(utf16.Encode([]rune(whole))) > maxPath {
		problem(false, fmt.Sprintf("paths of more than %d characters, which many Windows programs cannot open", maxPath))
	}
	if n.seen == nil {
		n.seed, n.seen = maphash.MakeSeed(), make([][]uint64, buckets)
	}
	clean := path.Clean(whole)
	if _, twin := n.see(clean); twin {
		problem(true, "names that differ from another one only in case, so that Windows keeps only one of the two")
	}
	// A folder and a file may differ only in case as well. The folders above one that
	// was seen already were seen with it.
	for folder := path.Dir(clean); folder != "." && folder != n.folder; folder = path.Dir(folder) {
		if seen, twin := n.see(folder); twin {
			problem(true, "names that differ from another one only in case, so that Windows keeps only one of the two")
			break
		} else if seen {
			break
		}
	}
	n.folder = path.Dir(clean)
}

// see notes a name, and reports whether it was seen before, or is the twin of one that
// was: the same but for the case.
func (n *Names) see(clean string) (seen, twin bool) {
	lower := maphash.String(n.seed, strings.ToLower(clean))
	kept := lower&^exactMask | maphash.String(n.seed, clean)&exactMask
	// The bits that choose the bucket are those that are not kept, as far as there are any.
	bucket := &n.seen[lower%buckets]
	for _, other := range *bucket {
		if (other^kept)&^exactMask == 0 {
			return other == kept, other != kept
		}
	}
	if n.count < maxNames {
		n.count++
		*bucket = append(*bucket, kept)
	}
	return false, false
}

// hasForbidden reports whether an element has a character that Windows does not allow.
func hasForbidden(element string) bool {
	for i := range len(element) {
		switch c := element[i]; c {
		case '<', '>', ':', '"', '|', '?', '*':
			return true
		default:
			if c < ' ' {
				return true
			}
		}
	}
	return false
}

// isDevice reports whether an element is reserved for a device. The expression is slow,
// and there may be millions of names, so look at the length first.
func isDevice(element string) bool {
	stem, _, _ := strings.Cut(element, ".")
	return len(stem) >= 3 && len(stem) <= len("com¹") && reserved.MatchString(element)
}

func hasElement(p, element string) bool {
	return p == element || strings.HasPrefix(p, element+"/") || strings.HasSuffix(p, "/"+element) || strings.Contains(p, "/"+element+"/")
}
