package ci

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/car-publish/car-publish/internal/secret"
)

const (
	stars = "***"

	// Secrets, lines and encodings shorter than this are too common to hide.
	shortestLine    = 4
	shortestEncoded = 8
)

// masks are the texts that must not be shown.
type masks struct{ texts []string }

// add learns a secret, and every form that it is likely to take.
func (m *masks) add(s secret.String) {
	for _, text := range slices.Concat(spellings(s), encodings(s)) {
		if !slices.Contains(m.texts, text) {
			m.texts = append(m.texts, text)
		}
	}
}

// Hide implements Host. Where secrets overlap, all of both is hidden: to
// replace one after the other would leave the rest of the second.
func (m *masks) Hide(text string) string {
	hidden := make([]bool, len(text))
	found := false
	for _, s := range m.texts {
		for from := 0; ; {
			i := strings.Index(text[from:], s)
			if i < 0 {
				break
			}
			found = true
			at := from + i
			for j := range len(s) {
				hidden[at+j] = true
			}
			from = at + 1
		}
	}
	if !found {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(stars)
		}
	}
	return b.String()
}

// spellings are the secret and each of its lines: logs are made of lines.
func spellings(s secret.String) []string {
	if len(s.Reveal()) < shortestLine {
		return nil
	}
	texts := []string{s.Reveal()}
	for line := range strings.FieldsFuncSeq(s.Reveal(), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); len(line) >= shortestLine && line != s.Reveal() {
			texts = append(texts, line)
		}
	}
	return texts
}

// encodings are the forms that a secret takes in a header, an address or a
// request body.
func encodings(s secret.String) []string {
	text := s.Reveal()
	if len(text) < shortestLine {
		return nil
	}
	quoted, _ := json.Marshal(text) // a string always has a JSON form
	forms := []string{
		url.QueryEscape(text),
		url.PathEscape(text),
		string(quoted[1 : len(quoted)-1]),
		strings.Trim(strconv.Quote(text), `"`), // as our own messages quote a name
	}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			forms = append(forms, inside(e, text, shift))
		}
	}
	return slices.DeleteFunc(forms, func(form string) bool {
		return len(form) < shortestEncoded || form == text
	})
}

// inside is what of a text shows up in the base64 form of a longer one, where
// it begins after shift (modulo 3) other bytes: the characters that hold bits
// of its neighbours as well are left out.
func inside(e *base64.Encoding, text string, shift int) string {
	coded := e.EncodeToString(append(make([]byte, shift), text...))
	first := (shift*8 + 5) / 6
	last := (shift + len(text)) * 8 / 6
	if last < first {
		return ""
	}
	return coded[first:last]
}
