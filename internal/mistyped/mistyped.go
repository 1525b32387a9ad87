// Package mistyped finds in a value what came along with it on its way here: quotes,
// invisible characters, variables and expressions that nobody has read.
package mistyped

import (
	"strings"
	"unicode"
)

// Quotes are all the marks of QuotePairs.
var Quotes = strings.Join(QuotePairs, "")

// QuotePairs are the marks that people put around a value: those of a shell, and those
// that a word processor or a Chinese keyboard makes of them.
var QuotePairs = []string{`""`, "''", "``", "“”", "‘’", "«»", "「」", "『』", "„“", "＂＂", "＇＇"}

// Unquoted takes one pair of quotes from around a text.
func Unquoted(text string) string {
	for _, pair := range QuotePairs {
		runes := []rune(pair)
		if inner, ok := strings.CutPrefix(text, string(runes[0])); ok {
			if inner, ok := strings.CutSuffix(inner, string(runes[1])); ok {
				return strings.TrimSpace(inner)
			}
		}
	}
	return text
}

// IsInvisible finds what cannot be seen and is no ordinary blank: a byte order mark, a
// space without width, a non-breaking space.
func IsInvisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) && r > unicode.MaxASCII || r == '\u3164' || r == '\u2800'
}
