package inputs

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"github.com/car-publish/car-publish/internal/mistyped"
)

// foreignSeparators are what people put between the items of a list besides a comma: a
// Chinese keyboard gives the commas and the semicolon of full width.
const foreignSeparators = ";，、；﹐､"

func isForeignSeparator(r rune) bool { return strings.ContainsRune(foreignSeparators, r) }

// list splits on commas, spaces and line breaks, or reads an array of JSON or YAML, or
// a list of YAML with its dashes, which becomes text under a "|". Woodpecker makes a
// JSON array of a list that has a secret in it
// (https://woodpecker-ci.org/docs/usage/plugins/creating-plugins). Where no item can
// hold them, further separators count too.
func (p *parser) list(in Input, further string) ([]string, setting) {
	given := p.lookup(in)
	if items, ok := jsonList(given.text); ok {
		return items, given
	}
	var items []string
	for line := range strings.SplitSeq(flatList(given.text), "\n") {
		items = append(items, strings.FieldsFunc(line, func(r rune) bool { return r == ',' || unicode.IsSpace(r) || strings.ContainsRune(further, r) })...)
	}
	return bare(items), given
}

// jsonList returns the items of a JSON array of texts.
func jsonList(text string) (items []string, ok bool) {
	if !strings.HasPrefix(text, "[") || json.Unmarshal([]byte(text), &items) != nil {
		return nil, false
	}
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return slices.DeleteFunc(items, func(item string) bool { return item == "" }), true
}

// flatList takes the marks of YAML from a text: quotes around all of it, the brackets
// around [a, b], and the dashes if every line begins with one. A glob has brackets too, but nothing that
// separates between them.
func flatList(text string) string {
	if inner := mistyped.Unquoted(text); !strings.ContainsAny(inner, mistyped.Quotes) {
		text = inner
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok := strings.CutSuffix(inner, "]"); ok && !strings.ContainsAny(inner, "[]") && strings.ContainsAny(inner, `,"'`+foreignSeparators) {
			return inner
		}
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		line = strings.TrimSpace(line)
		rest, ok := strings.CutPrefix(line, "-")
		switch {
		case line == "":
		case !ok, rest != "" && !unicode.IsSpace(rune(rest[0])):
			return text
		default:
			lines[i] = strings.TrimSpace(rest)
		}
	}
	return strings.Join(lines, "\n")
}

// bare takes the quotes from around items, and leaves out what is then empty.
func bare(items []string) []string {
	var plain []string
	for _, item := range items {
		if item = mistyped.Unquoted(strings.TrimSpace(item)); item != "" {
			plain = append(plain, item)
		}
	}
	return plain
}
