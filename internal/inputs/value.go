package inputs

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func (p *parser) boolean(name string, otherwise bool) bool {
	in := find(name)
	g := p.lookup(in)
	switch strings.ToLower(g.text) {
	case "":
		return otherwise
	case "true":
		return true
	case "false":
		return false
	}
	p.refuse(in, g, "is neither true nor false", "")
	return otherwise
}

func (p *parser) duration(name string) time.Duration {
	in := find(name)
	otherwise, err := time.ParseDuration(in.Default)
	if err != nil {
		panic(err) // a mistake in the table
	}
	g := p.lookup(in)
	if g.text == "" {
		return otherwise
	}
	const hint = "write a number with a unit, such as 90s, 30m or 2h"
	d, err := time.ParseDuration(g.text)
	switch {
	case err != nil:
		p.refuse(in, g, "is no duration", hint)
		return otherwise
	case d <= 0:
		p.refuse(in, g, "is no time to do anything in", hint)
		return otherwise
	}
	return d
}

// number returns a number from 1 on, 0 if none is given.
func (p *parser) number(name string) int {
	in := find(name)
	g := p.lookup(in)
	if g.text == "" {
		return 0
	}
	n, err := strconv.Atoi(g.text)
	if err != nil || n < 1 {
		p.refuse(in, g, "is no number from 1 on", "")
		return 0
	}
	return n
}

// slowest is the lowest rate that is taken for one: a typing mistake below it
// would let an upload last for weeks.
const slowest = 16 << 10

var units = map[string]float64{
	"": 0, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
}

// rate returns bytes a second, 0 if none are given. "/s" may follow the unit.
func (p *parser) rate(name string) int64 {
	in := find(name)
	g := p.lookup(in)
	if g.text == "" {
		return 0
	}
	const hint = "write a number and a unit of bytes, such as 20MiB, 8MB or 500KiB"
	number := strings.TrimRightFunc(strings.TrimSuffix(strings.ToLower(g.text), "/s"), func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	unit := strings.TrimSpace(strings.TrimSuffix(strings.ToLower(g.text)[len(number):], "/s"))
	factor, known := units[unit]
	n, err := strconv.ParseFloat(number, 64)
	switch bytes := n * factor; {
	case err != nil, !known:
		p.refuse(in, g, "is no rate", hint)
	case unit == "":
		p.refuse(in, g, "has no unit", hint)
	case bytes < slowest:
		p.refuse(in, g, "is less than 16KiB a second", hint)
	case bytes > 1<<50:
		p.refuse(in, g, "is more than any line carries", "leave it out for no limit")
	default:
		return int64(bytes)
	}
	return 0
}

// choice returns the choice as the table writes it, whatever the case it was
// given in.
func (p *parser) choice(name string) string {
	in := find(name)
	g := p.lookup(in)
	if g.text == "" {
		return in.Default
	}
	for _, choice := range in.Choices {
		if strings.EqualFold(choice, g.text) {
			return choice
		}
	}
	choices := in.Choices
	if nearest(g.text, choices) != "" {
		choices = byDistance(g.text, choices)
	}
	p.refuse(in, g, "is not a choice", "use "+oneOf(choices))
	return in.Default
}

// list splits on commas, spaces and line breaks, or reads a JSON array: that is
// what Woodpecker makes of a list that has a secret in it
// (https://woodpecker-ci.org/docs/usage/plugins/creating-plugins).
func (p *parser) list(in Input) ([]string, given) {
	g := p.lookup(in)
	if g.text == "" {
		return nil, g
	}
	var items []string
	if strings.HasPrefix(g.text, "[") && json.Unmarshal([]byte(g.text), &items) == nil {
		for i := range items {
			items[i] = strings.TrimSpace(items[i])
		}
		return slices.DeleteFunc(items, func(item string) bool { return item == "" }), g
	}
	return strings.FieldsFunc(g.text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }), g
}

func (p *parser) keep() []string {
	in := find("keep")
	globs, g := p.list(in)
	return slices.DeleteFunc(globs, func(glob string) bool {
		_, err := path.Match(glob, "")
		if err != nil {
			p.refuse(in, given{glob, g.from}, "is no pattern", `a "[" needs its "]", and a "\" something after it`)
		}
		return err != nil
	})
}

func (p *parser) runKey() string {
	in := find("run-key")
	g := p.lookup(in)
	if !isLine(g.text) {
		p.refuse(in, g, "has a line break or another control character in it", "write it on one line")
		return ""
	}
	return g.text
}

func isLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// id checks the form of an id. The service checks whether it exists.
func (p *parser) id(name, prefix, other string) string {
	in := find(name)
	g := p.lookup(in)
	rest, ok := strings.CutPrefix(g.text, prefix)
	isIDLetter := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_')
	}
	const most = 64 // letters; real ids have eight
	if g.text == "" || ok && rest != "" && len(rest) <= most && !strings.ContainsFunc(rest, func(r rune) bool { return !isIDLetter(r) }) {
		return g.text
	}
	hint := "it looks like " + prefix + "1a2b3c4d"
	if otherPrefix := map[string]string{"application-id": "app-", "version-id": "ver-"}[other]; strings.HasPrefix(g.text, otherPrefix) {
		hint = "this looks like a value for " + other
	}
	p.refuse(in, g, "is no "+strings.ReplaceAll(name, "-", " "), hint)
	return ""
}

func (p *parser) artifact() string {
	in := find("artifact")
	g := p.lookup(in)
	if scheme := strings.ToLower(g.text); strings.HasPrefix(scheme, "http://") || strings.HasPrefix(scheme, "https://") {
		p.maskURL(g.text)
		p.refuse(in, given{from: g.from}, "is a URL", "CAR downloads it itself if it is given as artifact-url")
		return ""
	}
	return g.text
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
	g := p.lookup(in)
	if g.text == "" || isFileName(g.text) {
		return g.text
	}
	p.refuse(in, g, "is no name for an artifact", "write a file name without a folder that ends in "+oneOf(extensions))
	return ""
}

func (p *parser) versionName() string {
	in := find("version-name")
	g := p.lookup(in)
	const most = 128 // runes; CAR's own limit is not documented
	switch {
	case !isLine(g.text):
		p.refuse(in, g, "has a line break or another control character in it", "write it on one line")
		return ""
	case utf8.RuneCountInString(g.text) > most:
		p.refuse(in, g, "is too long", "at most 128 characters")
		return ""
	}
	return g.text
}

func (p *parser) regions() []string {
	regions, _ := p.list(find("regions"))
	for _, region := range regions {
		if slices.Contains(knownRegions, region) {
			continue
		}
		warning := "regions: " + quote(region) + " is passed on, but is not among the regions that CAR documents"
		if meant := nearest(region, knownRegions); meant != "" {
			warning += "; did you mean " + meant + "?"
		}
		p.warn(warning)
	}
	return regions
}

// region goes into a header.
func (p *parser) region() string {
	in := find("region")
	g := p.lookup(in)
	if strings.ContainsFunc(g.text, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
		p.refuse(in, g, "is no region", "it looks like ap-guangzhou")
		return ""
	}
	return g.text
}

func (p *parser) updateMode() string {
	mode := p.choice("update-mode")
	if mode == "INCREMENT" {
		// The API's reference offers it, the vendor's own command line tool
		// took it back (github.com/tencentyun/car-cli).
		p.warn("update-mode INCREMENT: the CAR API offers it, but Tencent's own command line tool takes FULL only. If CAR refuses it, use FULL.")
	}
	return mode
}
