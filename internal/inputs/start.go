package inputs

import (
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/member"
)

// maxApplicationName is how many characters CAR allows. Its API does not say; its
// command line tool does (github.com/tencentyun/car-cli, create-application).
const maxApplicationName = 16

func (p *parser) applicationName() string {
	in := find("application-name")
	given := p.lookup(in)
	odd := strings.IndexFunc(given.text, func(r rune) bool {
		return r != '-' && !unicode.Is(unicode.Han, r) && (r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
	switch {
	case odd >= 0:
		p.refuse(in, given, "is not a name that CAR takes", "write letters, digits, hyphens and Chinese characters; it is "+quote(string([]rune(given.text[odd:])[:1]))+" that does not go")
		return ""
	case utf8.RuneCountInString(given.text) > maxApplicationName:
		p.refuse(in, given, "is too long", "at most 16 characters")
		return ""
	}
	return given.text
}

// startPath is a path inside of a build, with slashes.
func (p *parser) startPath() string {
	in := find("start-path")
	given := p.lookup(in)
	if given.text == "" {
		return ""
	}
	const hint = "write its path in the build, such as Game/Game.exe"
	name := strings.TrimPrefix(strings.ReplaceAll(given.text, `\`, "/"), "./")
	var names member.Names
	names.Add(name)
	switch {
	case strings.HasPrefix(name, "/"), len(name) > 1 && name[1] == ':':
		p.refuse(in, given, "is an absolute path", hint)
	case !strings.EqualFold(path.Ext(name), ".exe"):
		p.refuse(in, given, "is not an .exe", hint+"; parameters go into start-parameters")
	case !utf8.ValidString(name), len(names.Problems) > 0, path.Clean(name) != name:
		p.refuse(in, given, "is not a path inside of a build", hint)
	default:
		return name
	}
	return ""
}

func (p *parser) startParameters() string {
	in := find("start-parameters")
	given := p.lookup(in)
	if !isLine(given.text) {
		p.refuse(in, given, "has a line break or another control character in it", "write it on one line")
		return ""
	}
	return given.text
}

// startProcesses are names of programs, separated by commas, by "|" as CAR writes
// them, or by line breaks. A name may have blanks, and on Windows even the separators
// of other lists: they separate only where programs stand on both sides.
func (p *parser) startProcesses() []string {
	in := find("start-processes")
	given := p.lookup(in)
	names, ok := jsonList(given.text)
	if !ok {
		isProgram := func(name string) bool { return strings.EqualFold(path.Ext(name), ".exe") }
		for _, name := range bare(strings.FieldsFunc(flatList(given.text), func(r rune) bool { return strings.ContainsRune(",|\n\r", r) })) {
			pieces := bare(strings.FieldsFunc(name, isForeignSeparator))
			if !slices.ContainsFunc(pieces, func(piece string) bool { return !isProgram(piece) }) {
				names = append(names, pieces...)
			} else {
				names = append(names, name)
			}
		}
	}
	var valid []string
	for _, name := range names {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
		case strings.ContainsAny(name, `/\`), !strings.EqualFold(path.Ext(name), ".exe"), !isLine(name):
			p.refuse(in, setting{name, given.from}, "is not the name of a process", "write names without folders, such as Game.exe, with commas between them")
		case !slices.ContainsFunc(valid, func(other string) bool { return strings.EqualFold(other, name) }):
			valid = append(valid, name)
		}
	}
	return valid
}
