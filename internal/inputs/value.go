package inputs

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/ignore"
	"github.com/car-publish/car-publish/internal/member"
	"github.com/car-publish/car-publish/internal/mistyped"
)

func (p *parser) boolean(name string, otherwise bool) bool {
	in := find(name)
	given := p.lookup(in)
	switch strings.ToLower(given.text) {
	case "":
		return otherwise
	case "true":
		return true
	case "false":
		return false
	}
	flag := ""
	if strings.HasPrefix(given.from, "--") {
		flag = given.from + "="
	}
	p.refuse(in, given, "is neither true nor false", "write "+flag+cmp.Or(boolMeant(given.text), "true or "+flag+"false"))
	return otherwise
}

func (p *parser) duration(name string) time.Duration {
	in := find(name)
	otherwise, err := time.ParseDuration(in.Default)
	if err != nil {
		panic(err) // a mistake in the table
	}
	given := p.lookup(in)
	if given.text == "" {
		return otherwise
	}
	const hint = "write a number with a unit, such as 90s, 30m or 2h"
	d, err := time.ParseDuration(given.text)
	switch {
	case err != nil:
		p.refuse(in, given, "is not a duration", hint)
		return otherwise
	case d <= 0:
		p.refuse(in, given, "must be longer than 0s", hint)
		return otherwise
	}
	return d
}

// number returns a whole number, 1 or more; 0 if none is given.
func (p *parser) number(name string) int {
	in := find(name)
	given := p.lookup(in)
	if given.text == "" {
		return 0
	}
	n, err := strconv.Atoi(given.text)
	if err != nil || n < 1 {
		p.refuse(in, given, "must be a whole number, 1 or more", "")
		return 0
	}
	return n
}

// minRate is the lowest rate that is accepted: a lower one is a typing mistake that
// would make an upload take weeks.
const minRate = 16 << 10

var rateUnits = map[string]float64{
	"": 0, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
}

// rate returns a number of bytes per second, 0 if none is given. "/s" may follow the
// unit.
func (p *parser) rate(name string) int64 {
	in := find(name)
	given := p.lookup(in)
	if given.text == "" {
		return 0
	}
	const hint = "write a number and a unit of bytes, such as 20MiB, 8MB or 500KiB"
	number := strings.TrimRightFunc(strings.TrimSuffix(strings.ToLower(given.text), "/s"), func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	unit := strings.TrimSpace(strings.TrimSuffix(strings.ToLower(given.text)[len(number):], "/s"))
	factor, known := rateUnits[unit]
	n, err := strconv.ParseFloat(number, 64)
	switch bytes := n * factor; {
	case err != nil, !known:
		p.refuse(in, given, "is not a rate", hint)
	case unit == "":
		p.refuse(in, given, "has no unit", hint)
	case bytes < minRate:
		p.refuse(in, given, "is less than 16KiB a second", hint)
	case bytes > 1<<50:
		p.refuse(in, given, "is more than any line carries", "leave it out for no limit")
	default:
		return int64(bytes)
	}
	return 0
}

// choice returns the choice as the table spells it. Upper and lower case are the
// same in what is given.
func (p *parser) choice(name string) string {
	in := find(name)
	given := p.lookup(in)
	if given.text == "" {
		return in.Default
	}
	for _, choice := range in.Choices {
		if strings.EqualFold(choice, given.text) {
			return choice
		}
	}
	choices := in.Choices
	if nearest(given.text, choices) != "" {
		choices = byDistance(given.text, choices)
	}
	p.refuse(in, given, "is not a choice", "use "+oneOf(choices))
	return in.Default
}

// keep are globs that protect versions. A name may hold a separator of full width, so
// that a text with one is taken both as a whole and in pieces: it protects too much
// rather than too little.
func (p *parser) keep() []string {
	in := find("keep")
	globs, given := p.list(in, "")
	for _, glob := range slices.Clone(globs) {
		for _, piece := range bare(strings.FieldsFunc(glob, isForeignSeparator)) {
			if !slices.Contains(globs, piece) {
				globs = append(globs, piece)
			}
		}
	}
	return slices.DeleteFunc(globs, func(glob string) bool {
		_, err := path.Match(glob, "")
		if err != nil {
			p.refuse(in, setting{glob, given.from}, "is not a pattern", `a "[" needs its "]", and a "\" something after it`)
		}
		return err != nil
	})
}

// archivePrefix is a path of folders with slashes, such as Windows can have.
func (p *parser) archivePrefix() string {
	in := find("archive-prefix")
	given := p.lookup(in)
	prefix := strings.TrimSuffix(strings.ReplaceAll(given.text, `\`, "/"), "/")
	if prefix == "" {
		return ""
	}
	var names member.Names
	names.Add(prefix + "/")
	if !utf8.ValidString(prefix) || len(names.Problems) > 0 || path.Clean(prefix) != prefix || prefix == "." {
		p.refuse(in, given, "is not a folder inside of an archive", "write a name such as Game or Game/Windows")
		return ""
	}
	return prefix
}

// ignore are the patterns of what is left out of a folder, one on each line, or
// separated by commas on a single one.
func (p *parser) ignore() []string {
	in := find("ignore")
	given := p.lookup(in)
	patterns, ok := jsonList(given.text)
	if !ok { // a pattern may have blanks, as in a .gitignore
		patterns = ignoreLines(given.text)
		// A file may have such a name. Whoever wants to leave out that one writes JSON,
		// and nothing is left out by a guess.
		if len(patterns) == 1 && strings.ContainsFunc(patterns[0], isForeignSeparator) {
			p.refuse(in, given, "is one pattern, since only commas and line breaks separate", "write each on a line of its own, or with commas (,) between them; if it is one name, write it as JSON: [\"name\"]")
			return nil
		}
	}
	return slices.DeleteFunc(patterns, func(pattern string) bool {
		valid := ignore.Valid(pattern)
		switch {
		case !valid && strings.Contains(pattern, `\`):
			p.refuse(in, setting{pattern, given.from}, "is not a pattern", `write / between folders`)
		case !valid:
			p.refuse(in, setting{pattern, given.from}, "is not a pattern", `write one as in a .gitignore: *.pdb, Saved/ or !keep.log. A "[" needs its "]"`)
		}
		return !valid
	})
}

// ignoreLines returns the patterns of a text that is no JSON.
func ignoreLines(text string) []string {
	text = flatList(text)
	separator := "\n"
	if !strings.Contains(text, "\n") {
		separator = ","
	}
	var patterns []string
	for line := range strings.SplitSeq(text, separator) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	return bare(patterns)
}

func (p *parser) runKey() string {
	in := find("run-key")
	given := p.lookup(in)
	if !isLine(given.text) {
		p.refuse(in, given, "has a line break or another control character in it", "write it on one line")
		return ""
	}
	return given.text
}

func isLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// ids are the inputs that hold an id, with what it begins with and what a message
// calls it.
var ids = map[string]struct{ prefix, noun string }{
	"application-id": {"app-", "an application id"},
	"version-id":     {"ver-", "a version id"},
}

// id checks the form of an id. Only the service knows whether it exists.
func (p *parser) id(name string) string {
	in, want := find(name), ids[name]
	given := p.lookup(in)
	rest, ok := strings.CutPrefix(given.text, want.prefix)
	isIDLetter := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_')
	}
	const maxLength = 64 // CAR itself uses eight letters and digits
	if given.text == "" || ok && rest != "" && len(rest) <= maxLength && !strings.ContainsFunc(rest, func(r rune) bool { return !isIDLetter(r) }) {
		return given.text
	}
	hint := "it looks like " + want.prefix + "1a2b3c4d"
	for other, id := range ids {
		if other != name && strings.HasPrefix(given.text, id.prefix) {
			hint = "this looks like a value for " + other
		}
	}
	p.refuse(in, given, "is not "+want.noun, hint)
	return ""
}

func (p *parser) artifact() string {
	in := find("artifact")
	given := p.lookup(in)
	if scheme := strings.ToLower(given.text); strings.HasPrefix(scheme, "http://") || strings.HasPrefix(scheme, "https://") {
		p.maskURL(given.text)
		p.refuse(in, setting{from: given.from}, "is a URL", "CAR downloads it itself if it is given as artifact-url")
		return ""
	}
	return given.text
}

// extensions are those of the formats that CAR takes.
var extensions = []string{".zip", ".rar", ".7z", ".apk", ".xapk"}

// isFileName reports whether CAR could make a version of a file of that name.
func isFileName(name string) bool {
	ext := path.Ext(name)
	return len(ext) < len(name) && isLine(name) && !strings.ContainsAny(name, `/\`) &&
		slices.ContainsFunc(extensions, func(known string) bool { return strings.EqualFold(known, ext) })
}

func (p *parser) artifactName() string {
	in := find("artifact-name")
	given := p.lookup(in)
	if given.text == "" || isFileName(given.text) {
		return given.text
	}
	p.refuse(in, given, "is not a name for an artifact", "write a file name without a folder that ends in "+oneOf(extensions))
	return ""
}

func (p *parser) versionName() string {
	in := find("version-name")
	given := p.lookup(in)
	const most = 128 // runes; CAR's own limit is not documented
	switch {
	case !isLine(given.text):
		p.refuse(in, given, "has a line break or another control character in it", "write it on one line")
		return ""
	case utf8.RuneCountInString(given.text) > most:
		p.refuse(in, given, "is too long", "at most 128 characters")
		return ""
	}
	return given.text
}

// regionForm is what every region looks like that CAR documents.
var regionForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// regions refuses what can be no region: to make room for a version, another one may
// be deleted before CAR says so. A region that is not known here may be a new one.
func (p *parser) regions() []string {
	in := find("regions")
	regions, given := p.list(in, foreignSeparators+"|")
	odd := slices.ContainsFunc(regions, func(region string) bool { return !regionForm.MatchString(region) })
	if given.text != "" && (odd || len(regions) == 0) {
		hint := "write names of the letters a-z, digits and hyphens, with commas between them: ap-tokyo, ap-seoul"
		if meant := p.regionsMeant(regions); meant != "" {
			hint = "did you mean " + meant + "?"
		}
		p.refuse(in, given, "can be no list of regions", hint)
		return nil
	}
	var distinct []string
	for _, region := range regions {
		if slices.Contains(distinct, region) {
			continue
		}
		distinct = append(distinct, region)
		if slices.Contains(knownRegions, region) {
			continue
		}
		warning := "regions: " + quote(region) + " is passed on, but is not among the regions that CAR documents"
		if meant := nearest(region, knownRegions); meant != "" {
			warning += "; did you mean " + meant + "?"
		}
		p.warn(warning)
	}
	return distinct
}

// regionsMeant returns the list that was meant, if that can be said of every region.
func (p *parser) regionsMeant(regions []string) string {
	var meant []string
	for _, region := range regions {
		visible := strings.Map(func(r rune) rune {
			if mistyped.IsInvisible(r) {
				return -1
			}
			return r
		}, region)
		name := nearest(visible, knownRegions)
		if name == "" {
			return ""
		}
		meant = append(meant, name)
	}
	return strings.Join(meant, ", ")
}

// region accepts only what may stand in an HTTP header as it is.
func (p *parser) region() string {
	in := find("region")
	given := p.lookup(in)
	if strings.ContainsFunc(given.text, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		p.refuse(in, given, "is not a region", "it looks like ap-guangzhou")
		return ""
	}
	return given.text
}

func (p *parser) updateMode() string {
	mode := p.choice("update-mode")
	if mode == "INCREMENT" {
		// The API's reference offers it; Tencent's own command line tool no
		// longer does (github.com/tencentyun/car-cli).
		p.warn("update-mode INCREMENT: the CAR API offers it, but Tencent's own command line tool takes FULL only. If CAR refuses it, use FULL.")
	}
	return mode
}
