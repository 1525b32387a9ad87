package ci

import (
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/secret"
)

const (
	stars = "***"

	// Secrets and lines shorter than this are too common to hide.
	minSecret = 4
)

// ordinaryWords are passwords that protect nothing. Hiding them would make our
// messages, and with a mask of the CI's every later step's, unreadable.
var ordinaryWords = strings.Fields(`
	access action admin application archive artifact build check china cleanup command create credentials default
	delete doctor dry-run dummy error example fail failed false file game github gitlab http https input inputs key
	list localhost login mask name none null output password placeholder proxy publish release role rollback root
	run secret secret-id secret-key secretid secretkey service site step test text time timeout token true upload
	user username version wait warning word`)

// canHide reports whether a text can be hidden without making a log unreadable.
func canHide(text string) bool {
	return len(text) >= minSecret && !slices.Contains(ordinaryWords, strings.ToLower(text))
}

// masks are the texts that must not be shown.
type masks struct{ texts []string }

// add adds a secret in every form in which it is likely to appear.
func (m *masks) add(s secret.String) {
	for _, text := range slices.Concat(spellings(s), encodings(s)) {
		if !slices.Contains(m.texts, text) {
			m.texts = append(m.texts, text)
		}
	}
}

// Hide implements Host. If secrets overlap, both are hidden as a whole: replacing
// one after the other would leave the rest of the second.
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

// encodings are the encoded forms of a secret that can be hidden.
func encodings(s secret.String) []string {
	if !canHide(s.Reveal()) {
		return nil
	}
	return s.Encodings()
}

// spellings are the secret and each of its lines: logs are made of lines.
func spellings(s secret.String) []string {
	if !canHide(s.Reveal()) {
		return nil
	}
	texts := []string{s.Reveal()}
	for line := range strings.FieldsFuncSeq(s.Reveal(), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); canHide(line) && line != s.Reveal() {
			texts = append(texts, line)
		}
	}
	return texts
}
