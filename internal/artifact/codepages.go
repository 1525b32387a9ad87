package artifact

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// codePage is an encoding of names that keeps ASCII.
type codePage struct {
	name string
	encoding.Encoding

	// common counts the characters that real names have, and the others, in a name.
	// It is nil if names are not guessed to be in this page.
	common func(name string) (common, others int)
}

// codePages are those that names may be in that are not UTF-8: first those that
// Windows packs with where players of this service live, the likeliest first, and then
// those in which an unpacker may have read the names.
var codePages = []codePage{
	{"GB18030", simplifiedchinese.GB18030, pairs(func(lead, trail byte) bool {
		return lead >= 0xb0 && lead <= 0xd7 && trail >= 0xa1 || (lead == 0xa1 || lead == 0xa3) && trail >= 0xa1
	})},
	{"Big5", traditionalchinese.Big5, pairs(func(lead, trail byte) bool {
		return lead >= 0xa4 && lead <= 0xc6 && (trail < 0x7f || trail >= 0xa1)
	})},
	{"Shift-JIS", japanese.ShiftJIS, pairs(func(lead, trail byte) bool {
		switch lead {
		case 0x81:
			return trail == 0x45 || trail == 0x5b // ・ and ー
		case 0x82:
			return trail >= 0x9f && trail <= 0xf1
		case 0x83:
			return trail >= 0x40 && trail <= 0x96
		}
		return lead >= 0x88 && lead <= 0x97
	})},
	{"CP437", charmap.CodePage437, letters},
	{"EUC-KR", korean.EUCKR, nil},
	{"EUC-JP", japanese.EUCJP, nil},
	{"CP850", charmap.CodePage850, nil},
	{"CP852", charmap.CodePage852, nil},
	{"CP866", charmap.CodePage866, nil},
	{"Windows-1250", charmap.Windows1250, nil},
	{"Windows-1251", charmap.Windows1251, nil},
	{"Windows-1252", charmap.Windows1252, nil},
	{"Windows-1254", charmap.Windows1254, nil},
	{"Windows-874", charmap.Windows874, nil},
	{"ISO 8859-1", charmap.ISO8859_1, nil},
}

// pairs counts the characters of a name in a code page of one or two bytes each.
func pairs(isCommon func(lead, trail byte) bool) func(string) (int, int) {
	return func(name string) (common, others int) {
		for i := 0; i < len(name); i++ {
			switch {
			case name[i] < 0x80:
				continue
			case i+1 < len(name) && isCommon(name[i], name[i+1]):
				common++
				i++
			case i+1 < len(name) && name[i+1] >= 0x40:
				others++
				i++
			default:
				others++
			}
		}
		return common, others
	}
}

// letters counts the letters with accents among the characters of a DOS name. One that
// has other bytes like it at its side belongs to another code page.
func letters(name string) (common, others int) {
	high := func(i int) bool { return i >= 0 && i < len(name) && name[i] >= 0x80 }
	for i := range len(name) {
		switch {
		case !high(i):
		case name[i] <= 0xa5 && !high(i-1) && !high(i+1):
			common++
		default:
			others++
		}
	}
	return common, others
}

// decode returns a name in UTF-8, and whether it can be in this code page.
func (p codePage) decode(name string) (string, bool) {
	text, err := p.NewDecoder().String(name)
	return text, err == nil && !strings.ContainsRune(text, utf8.RuneError)
}

// foreignNames are those names in an archive that are not UTF-8.
type foreignNames struct {
	count    int
	examples []string
	scores   [4]int // of the first code pages
	programs []int  // which executables have such a name
}

// maxGuessed is how many names are looked at to tell their code page.
const maxGuessed = 2000

func (f *foreignNames) add(name string) {
	if f.count++; f.count > maxGuessed {
		return
	}
	if len(f.examples) < 5 {
		f.examples = append(f.examples, strings.Clone(name))
	}
	for i, page := range codePages[:len(f.scores)] {
		common, others := page.common(name)
		f.scores[i] += common - others
		if _, fits := page.decode(name); !fits {
			f.scores[i] -= 1000
		}
	}
}

// page returns the code page that the names are in, as far as they tell.
func (f *foreignNames) page() codePage {
	return codePages[slices.Index(f.scores[:], slices.Max(f.scores[:]))]
}

// readable returns a name in UTF-8, with forward slashes if it was not. A backslash may
// be half of a character before.
func (p codePage) readable(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	text, _ := p.decode(name) // what does not fit is shown as such
	return strings.ReplaceAll(text, `\`, "/")
}

// showForeign makes names that are not UTF-8 readable, and tells of them. Spellings
// keeps them as they are written.
func (a *Artifact) showForeign(f *foreignNames) {
	if f.count == 0 {
		return
	}
	page := f.page()
	for _, i := range f.programs {
		a.Spellings = append(a.Spellings, a.Executables[i])
		a.Executables[i] = page.readable(a.Executables[i])
	}
	a.Inner = page.readable(a.Inner)
	what := "names that are not UTF-8 but seem to be " + page.name + ", so that what they are called once they are unpacked is not known; pack it with UTF-8 names"
	for _, example := range f.examples {
		a.Problems.Add(false, what, page.readable(example))
	}
	a.Problems[len(a.Problems)-1].Count = f.count
}

// spelled reports whether a name that is not UTF-8 is the wanted path in any code page,
// or once it was unpacked as if it was UTF-8. Every code page keeps ASCII, so that a
// path of ASCII alone is never one of those.
func spelled(name, want string) bool {
	for _, page := range codePages {
		if text, fits := page.decode(name); fits && fold(text) == want {
			return true
		}
	}
	return fold(strings.ToValidUTF8(name, "\ufffd")) == want || fold(string([]rune(name))) == want
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}
