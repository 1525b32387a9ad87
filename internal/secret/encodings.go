package secret

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
)

// minEncoded is how long an encoded form must be to be hidden: shorter ones come up by
// chance.
const minEncoded = 8

// Encodings are the forms that the secret takes in a header, an address or a request
// body: what must not show in a log either.
func (s String) Encodings() []string {
	text := s.Reveal()
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
