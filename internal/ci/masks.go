package ci

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/car-publish/car-publish/internal/secret"
)

const (
	stars = "***"

	// Secrets, lines and encodings shorter than this are too common to hide.
	minSecret  = 4
	minEncoded = 8
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

// encodings are the forms that a secret takes in a header, an address or a
// request body.
func encodings(s secret.String) []string {
	text := s.Reveal()
	if !canHide(text) {
		return nil
	}
	quoted, _ := json.Marshal(text) // a string always has a JSON form
	inJSON := string(quoted[1 : len(quoted)-1])
	forms := []string{
		url.QueryEscape(text), lowerEscapes(url.QueryEscape(text)),
		url.PathEscape(text), lowerEscapes(url.PathEscape(text)),
		inJSON, strings.ReplaceAll(inJSON, "/", `\/`), // as PHP and some gateways write it
		strings.ReplaceAll(text, "/", `\/`),
		html.EscapeString(text), strings.ReplaceAll(text, "&", "&amp;"),
		hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text))),
		strings.Trim(strconv.Quote(text), `"`), // as our own messages quote a name

		strings.ReplaceAll(url.QueryEscape(text), "%2F", "/"),                         // Python's quote
		url.QueryEscape(url.QueryEscape(text)),                                        // an address in an address
		strings.NewReplacer("/", `\u002F`, "+", `\u002B`).Replace(text),               // JSON of .NET
		strings.NewReplacer("/", "&#x2F;", "=", "&#x3D;", "&", "&amp;").Replace(text), // templates of JavaScript
		strings.NewReplacer("+", "&#43;", "&", "&amp;").Replace(text),                 // of Go
	}
	// A secret in base64, such as a password in a header, may be encoded again.
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		once := e.EncodeToString([]byte(text))
		for shift := range 3 {
			forms = append(forms, base64Middle(base64.RawStdEncoding, once, shift), base64Middle(base64.RawURLEncoding, once, shift))
		}
	}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			forms = append(forms, base64Middle(e, text, shift))
		}
	}
	return slices.DeleteFunc(forms, func(form string) bool {
		return len(form) < minEncoded || form == text
	})
}

// percentEscape matches an escaped byte of a URL.
var percentEscape = regexp.MustCompile(`%[0-9A-F]{2}`)

// lowerEscapes writes the digits of %2F in lower case, as many programs do.
func lowerEscapes(escaped string) string {
	return percentEscape.ReplaceAllStringFunc(escaped, strings.ToLower)
}

// base64Middle is what of a text shows up in the base64 form of a longer one, where
// it begins after shift (modulo 3) other bytes: the characters that hold bits
// of its neighbours as well are left out.
func base64Middle(e *base64.Encoding, text string, shift int) string {
	coded := e.EncodeToString(append(make([]byte, shift), text...))
	first := (shift*8 + 5) / 6
	last := (shift + len(text)) * 8 / 6
	if last < first {
		return ""
	}
	return coded[first:last]
}
