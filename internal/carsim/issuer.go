package carsim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// issuerPath is where the CI's token service is on a loopback address. Its
// own host names have it without this prefix.
const issuerPath = "/_github"

// issuerDomain is GitHub's domain for tokens.
const issuerDomain = ".actions.githubusercontent.com"

// issuerService is GitHub's token service: it gives a signed ID token to a job that
// knows the request token, and the keys to verify it to everybody
// (https://docs.github.com/actions/reference/security/oidc).
type issuerService struct{ *Sim }

// What can be asked of it.
const (
	askToken   = "github:IDToken" //nolint:gosec // the name of a call
	askKeys    = "github:JWKS"
	askNothing = "github:Unknown"
)

func (i issuerService) action(r *http.Request) string {
	switch strings.TrimPrefix(r.URL.Path, issuerPath) {
	case "/idtoken":
		return askToken
	case "/.well-known/jwks":
		return askKeys
	}
	return askNothing
}

func (i issuerService) refuse(code, message string) *answer {
	return said(http.StatusBadRequest, code, map[string]string{"typeKey": code, "message": message})
}

func said(status int, code string, body any) *answer {
	text, _ := json.Marshal(body) // maps and structs of strings
	a := newAnswer(status, "application/json; charset=utf-8", text)
	a.call.Code = code
	return a
}

func (i issuerService) handle(r *http.Request) *answer {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch query := r.URL.Query(); {
	case r.Method != http.MethodGet:
		return said(http.StatusMethodNotAllowed, "MethodNotAllowed", map[string]string{"message": "GET only"})
	case i.action(r) == askKeys:
		return said(http.StatusOK, "", signingKey().jwks())
	case i.action(r) == askNothing, query.Get("api-version") == "":
		return said(http.StatusNotFound, "NotFound", map[string]string{"message": "there is nothing here"})
	case !strings.EqualFold(r.Header.Get("Authorization"), "bearer "+i.world.Issuer.RequestToken):
		return said(http.StatusUnauthorized, "Unauthorized", map[string]string{"message": "the request token is wrong"})
	default:
		audience := query.Get("audience")
		if audience == "" {
			audience = "https://github.com/octo" // the owner's page
		}
		token := i.mint(audience)
		a := said(http.StatusOK, "", struct {
			Count int    `json:"count"`
			Value string `json:"value"`
		}{len(token), token})
		a.call.Params = map[string]string{"audience": audience}
		return a
	}
}

// IDToken returns a token of the world's issuer for an audience.
func (s *Sim) IDToken(audience string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mint(audience)
}

func (s *Sim) mint(audience string) string {
	issuer := s.world.Issuer
	now := s.now().Add(issuer.ClockSkew)
	return signingKey().sign(map[string]any{
		"iss": issuer.URL, "sub": issuer.Subject, "aud": audience,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(issuer.TokenLifetime).Unix(), "jti": requestID(),
	})
}

// claims are the claims of a token that a trust policy compares.
type claims struct {
	Issuer    string    `json:"iss"`
	Subject   string    `json:"sub"`
	Audience  audiences `json:"aud"`
	Expires   int64     `json:"exp"`
	NotBefore int64     `json:"nbf"`
}

// audiences are one text or several.
type audiences []string

func (a *audiences) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = audiences{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// verify checks a token as an identity provider in CAM does: with its own copy of the
// issuer's keys, which may be out of date.
func (s *Sim) verify(token string, p Provider, now time.Time) (claims, error) {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, errors.New("it does not have three parts")
	}
	var header struct{ Alg, Kid string }
	if err := readPart(parts[0], &header); err != nil {
		return c, err
	}
	if err := readPart(parts[1], &c); err != nil {
		return c, err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return c, errors.New("its signature is not base64url")
	}
	if header.Alg != "RS256" {
		return c, fmt.Errorf("its algorithm is %q, not RS256", header.Alg)
	}
	key, err := p.key(header.Kid)
	if err != nil {
		return c, err
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch {
	case rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil:
		return c, errors.New("its signature is wrong")
	case c.Issuer != p.URL:
		return c, errors.New("its issuer is not the provider's")
	case len(p.ClientIDs) == 0 || !oneIn(p.ClientIDs, c.Audience...):
		return c, errors.New("its audience is none of the provider's client ids")
	case c.Expires == 0 || !now.Before(time.Unix(c.Expires, 0)):
		return c, errors.New("it has expired")
	case now.Before(time.Unix(c.NotBefore, 0)):
		return c, errors.New("it is not valid yet")
	}
	return c, nil
}

func readPart(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(text, into) != nil {
		return errors.New("it is no JSON Web Token")
	}
	return nil
}

// key finds a public key among those that the provider keeps.
func (p Provider) key(id string) (*rsa.PublicKey, error) {
	var kept struct{ Keys []jwk }
	if p.Keys == "" {
		kept.Keys = signingKey().jwks().Keys
	} else if err := json.Unmarshal([]byte(p.Keys), &kept); err != nil {
		return nil, errors.New("the provider's keys are no JWKS")
	}
	i := slices.IndexFunc(kept.Keys, func(k jwk) bool { return k.ID == id && k.Type == "RSA" })
	if i < 0 {
		return nil, errors.New("it is signed with a key that the provider does not have")
	}
	n, err := base64.RawURLEncoding.DecodeString(kept.Keys[i].N)
	if err != nil {
		return nil, errors.New("the provider's keys are no JWKS")
	}
	e, err := base64.RawURLEncoding.DecodeString(kept.Keys[i].E)
	if err != nil || len(e) > 4 {
		return nil, errors.New("the provider's keys are no JWKS")
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
}

// jwk is a public key as RFC 7517 writes it.
type jwk struct {
	Type      string `json:"kty"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
	ID        string `json:"kid"`
	N         string `json:"n"`
	E         string `json:"e"`
}

type jwks struct {
	Keys []jwk `json:"keys"`
}

// signer is the issuer's key.
type signer struct{ *rsa.PrivateKey }

// signingKey is made once for all simulators of a process, since making it takes
// time, and they need no secrets from each other.
var signingKey = sync.OnceValue(func() signer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(fmt.Sprintf("carsim: make the issuer's key: %v", err))
	}
	return signer{key}
})

func (k signer) id() string {
	sum := sha256.Sum256(k.N.Bytes())
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func (k signer) jwks() jwks {
	return jwks{[]jwk{{
		Type: "RSA", Algorithm: "RS256", Use: "sig", ID: k.id(),
		N: base64.RawURLEncoding.EncodeToString(k.N.Bytes()),
		E: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.E)).Bytes()),
	}}}
}

func (k signer) sign(claims map[string]any) string {
	header, _ := json.Marshal(map[string]string{"typ": "JWT", "alg": "RS256", "kid": k.id()})
	body, _ := json.Marshal(claims) // strings and numbers
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, k.PrivateKey, crypto.SHA256, sum[:])
	if err != nil {
		panic(fmt.Sprintf("carsim: sign a token: %v", err))
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}
