package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

// Claims are the claims of an OIDC token that a trust policy compares. They are
// not verified, so they are only good for explanations, and are foreign text.
type Claims struct {
	Issuer   string
	Subject  string
	Audience []string

	Expires, NotBefore time.Time // zero if the token does not say
}

// maxToken is how long a token may be, in bytes. Real ones have one or two
// thousand.
const maxToken = 16 << 10

// ParseClaims reads the claims of a token. Its errors never show the token.
func ParseClaims(token secret.String) (Claims, error) {
	parts := strings.Split(token.Reveal(), ".")
	switch {
	case len(token.Reveal()) > maxToken:
		return Claims{}, fmt.Errorf("it is longer than %d bytes", maxToken)
	case len(parts) != 3 || slices.Contains(parts, ""):
		return Claims{}, errors.New("it does not have three parts with dots between them")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Claims{}, errors.New("its middle part is not base64url")
	}
	var claims struct {
		Issuer    string   `json:"iss"`
		Subject   string   `json:"sub"`
		Audience  oneOrAll `json:"aud"`
		Expires   moment   `json:"exp"`
		NotBefore moment   `json:"nbf"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return Claims{}, errors.New("its middle part does not hold the claims of a token")
	}
	return Claims{
		Issuer: claims.Issuer, Subject: claims.Subject, Audience: claims.Audience,
		Expires: claims.Expires.Time, NotBefore: claims.NotBefore.Time,
	}, nil
}

// String is the three claims that a trust policy compares, harmless in a log.
func (c Claims) String() string {
	quoted := make([]string, len(c.Audience))
	for i, aud := range c.Audience {
		quoted[i] = quote(aud)
	}
	if len(quoted) > 3 {
		quoted = append(quoted[:3], "...")
	}
	return "iss " + quote(c.Issuer) + ", aud " + strings.Join(quoted, " and ") + ", sub " + quote(c.Subject)
}

// oneOrAll is a text or a list of them: RFC 7519 has both for "aud".
type oneOrAll []string

func (o *oneOrAll) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrAll{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

// moment is RFC 7519's NumericDate: seconds, with or without a fraction.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	var seconds float64
	if err := json.Unmarshal(b, &seconds); err != nil {
		return err
	}
	const last = 253402300799 // the end of the year 9999
	if seconds > 0 && seconds <= last && !math.IsNaN(seconds) {
		m.Time = time.Unix(int64(seconds), 0)
	}
	return nil
}

// quote makes one short, visible word of a foreign text.
func quote(text string) string {
	const most = 200 // runes: a subject names owner, repository and branch
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return strconv.QuoteToGraphic(text)
}
