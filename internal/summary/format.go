package summary

import (
	"strings"
	"time"
	"unicode"
)

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// oneLine makes one line of a text. Each run of spaces, control characters and
// characters that change the direction of writing becomes one space.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}
