package carsim_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"

	"github.com/car-publish/car-publish/internal/carsim"
)

// trade sends AssumeRoleWithWebIdentity as bytes on the wire, with changes to
// the headers and the request; nil removes one.
func trade(t *testing.T, sim *carsim.Sim, host, token string, headers map[string]string, changes map[string]any) map[string]any {
	t.Helper()
	request := map[string]any{
		"ProviderId": carsim.ProviderName, "WebIdentityToken": token, "RoleArn": carsim.RoleARN, "RoleSessionName": "octo.ocean@42@1",
	}
	maps.Copy(request, changes)
	maps.DeleteFunc(request, func(_ string, value any) bool { return value == nil })
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+host+"/", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"Content-Type": "application/json", "Authorization": "SKIP", "X-TC-Action": "AssumeRoleWithWebIdentity", "X-TC-Version": "2018-08-13",
		"X-TC-Timestamp": strconv.FormatInt(time.Now().Unix(), 10), "X-TC-Region": "ap-guangzhou", "X-TC-Language": "en-US",
	}
	maps.Copy(all, headers)
	for name, value := range all {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	resp, err := sim.Transport().RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Response map[string]any }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got HTTP %d and %v, want an answer of API 3.0", resp.StatusCode, err)
	}
	return answer.Response
}

func refusal(answer map[string]any) string {
	e, _ := answer["Error"].(map[string]any)
	code, _ := e["Code"].(string)
	return code
}

// jwt signs claims with a key of the test's.
func jwt(t *testing.T, key *rsa.PrivateKey, header, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestSTSRefuses(t *testing.T) {
	const host = "sts.tencentcloudapi.com"
	with := func(change func(*carsim.World)) carsim.World {
		w := carsim.World{Providers: carsim.DefaultProviders(), Roles: carsim.DefaultRoles()}
		change(&w)
		return w
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	published := `{"keys":[{"kty":"RSA","kid":"mine","n":"` + base64.RawURLEncoding.EncodeToString(key.N.Bytes()) + `","e":"AQAB"}]}`
	mine := with(func(w *carsim.World) { w.Providers[0].Keys = published })
	claims := func(changes map[string]any) map[string]any {
		c := map[string]any{
			"iss": carsim.IssuerURL, "aud": []string{"another", carsim.Audience}, "sub": carsim.Subject, "exp": time.Now().Add(time.Minute).Unix(),
		}
		maps.Copy(c, changes)
		maps.DeleteFunc(c, func(_ string, value any) bool { return value == nil })
		return c
	}
	header := map[string]any{"alg": "RS256", "kid": "mine"}
	tampered := func(token string) string {
		parts := strings.Split(token, ".")
		other, err := json.Marshal(claims(map[string]any{"sub": "repo:evil/ocean:ref:refs/heads/main"}))
		if err != nil {
			t.Fatal(err)
		}
		parts[1] = base64.RawURLEncoding.EncodeToString(other)
		return strings.Join(parts, ".")
	}
	const badToken, param, untrusted = "InvalidParameter.WebIdentityTokenError", "InvalidParameter.ParamError", "UnauthorizedOperation"

	for name, test := range map[string]struct {
		world   carsim.World
		host    string
		token   string // "" is a good one of the simulator's issuer
		headers map[string]string
		changes map[string]any
		want    string // code; "" is done
	}{
		"nothing":                    {},
		"a foreign issuer's token":   {world: mine, token: jwt(t, key, header, claims(nil))},
		"the longest session":        {world: with(func(w *carsim.World) { w.Roles[0].MaxSession = 12 * time.Hour }), changes: map[string]any{"DurationSeconds": 43200}},
		"another subject that is ok": {world: with(func(w *carsim.World) { w.Roles[0].Subject = []string{"x", carsim.Subject} })},
		"a role without conditions":  {world: with(func(w *carsim.World) { w.Roles[0].Subject = nil })},

		"no region":            {headers: map[string]string{"X-TC-Region": ""}, want: "MissingParameter"},
		"no authorization":     {headers: map[string]string{"Authorization": ""}, want: "AuthFailure.InvalidAuthorization"},
		"a signature":          {headers: map[string]string{"Authorization": "TC3-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=x"}, want: "AuthFailure.InvalidAuthorization"},
		"a token header":       {headers: map[string]string{"X-TC-Token": "x"}, want: "AuthFailure.InvalidAuthorization"},
		"CAR's version":        {headers: map[string]string{"X-TC-Version": "2022-01-10"}, want: "NoSuchVersion"},
		"an unknown action":    {headers: map[string]string{"X-TC-Action": "AssumeRole"}, want: "InvalidAction"},
		"no timestamp":         {headers: map[string]string{"X-TC-Timestamp": ""}, want: "MissingParameter"},
		"an old timestamp":     {headers: map[string]string{"X-TC-Timestamp": "1600000000"}},
		"an old one, checked":  {world: carsim.World{UnsignedClock: carsim.ClockChecked}, headers: map[string]string{"X-TC-Timestamp": "1600000000"}, want: "AuthFailure.SignatureExpire"},
		"another content type": {headers: map[string]string{"Content-Type": "text/plain"}, want: "InvalidRequest"},

		"no provider":            {changes: map[string]any{"ProviderId": nil}, want: "MissingParameter"},
		"no token":               {changes: map[string]any{"WebIdentityToken": nil}, want: "MissingParameter"},
		"no role":                {changes: map[string]any{"RoleArn": nil}, want: "MissingParameter"},
		"no session name":        {changes: map[string]any{"RoleSessionName": nil}, want: "MissingParameter"},
		"an unknown parameter":   {changes: map[string]any{"Policy": "x"}, want: "UnknownParameter"},
		"a duration in words":    {changes: map[string]any{"DurationSeconds": "7200"}, want: "InvalidParameter"},
		"a session name with /":  {changes: map[string]any{"RoleSessionName": "octo/ocean"}, want: param},
		"a session name of one":  {changes: map[string]any{"RoleSessionName": "x"}, want: param},
		"a session name of 129":  {changes: map[string]any{"RoleSessionName": strings.Repeat("x", 129)}, want: param},
		"a session of 0 s":       {changes: map[string]any{"DurationSeconds": 0}, want: param},
		"a session of 12 h":      {changes: map[string]any{"DurationSeconds": 43200}, want: param},
		"more than 12 h":         {world: with(func(w *carsim.World) { w.Roles[0].MaxSession = 99 * time.Hour }), changes: map[string]any{"DurationSeconds": 43201}, want: param},
		"an unknown provider":    {changes: map[string]any{"ProviderId": "gitlab"}, want: param},
		"an unknown role":        {changes: map[string]any{"RoleArn": carsim.RoleARN + "s"}, want: "InternalError.GetRoleError"},
		"a role of another site": {host: "sts.intl.tencentcloudapi.com", want: "InternalError.GetRoleError"},

		"no JWT":                  {token: "carsim", want: badToken},
		"a JWT of nothing":        {token: "..", want: badToken},
		"changed claims":          {world: mine, token: tampered(jwt(t, key, header, claims(nil))), want: badToken},
		"no algorithm":            {world: mine, token: jwt(t, key, map[string]any{"alg": "none", "kid": "mine"}, claims(nil)), want: badToken},
		"another algorithm":       {world: mine, token: jwt(t, key, map[string]any{"alg": "HS256", "kid": "mine"}, claims(nil)), want: badToken},
		"new keys":                {world: mine, want: badToken},
		"broken keys":             {world: with(func(w *carsim.World) { w.Providers[0].Keys = "x" }), want: badToken},
		"another issuer":          {world: mine, token: jwt(t, key, header, claims(map[string]any{"iss": "https://example.com"})), want: badToken},
		"another audience":        {world: mine, token: jwt(t, key, header, claims(map[string]any{"aud": "sts.example.com"})), want: badToken},
		"no audience":             {world: mine, token: jwt(t, key, header, claims(map[string]any{"aud": nil})), want: badToken},
		"expired":                 {world: mine, token: jwt(t, key, header, claims(map[string]any{"exp": time.Now().Unix() - 1})), want: badToken},
		"no expiry":               {world: mine, token: jwt(t, key, header, claims(map[string]any{"exp": nil})), want: badToken},
		"not yet":                 {world: mine, token: jwt(t, key, header, claims(map[string]any{"nbf": time.Now().Unix() + 60})), want: badToken},
		"born expired":            {world: carsim.World{Issuer: carsim.Issuer{TokenLifetime: -time.Second}}, want: badToken},
		"an issuer that is ahead": {world: carsim.World{Issuer: carsim.Issuer{ClockSkew: time.Minute}}, want: badToken},

		"another subject":          {world: carsim.World{Issuer: carsim.Issuer{Subject: "repo:octo/ocean:pull_request"}}, want: untrusted},
		"a subject that is longer": {world: carsim.World{Issuer: carsim.Issuer{Subject: carsim.Subject + "s"}}, want: untrusted},
		"a trust in another":       {world: with(func(w *carsim.World) { w.Roles[0].Issuer = []string{"https://example.com"} }), want: untrusted},
		"a trust in another aud":   {world: with(func(w *carsim.World) { w.Roles[0].Audience = []string{"x"} }), want: untrusted},
		"a trust in another name":  {world: with(func(w *carsim.World) { w.Roles[0].Provider = "gitlab" }), want: untrusted},
	} {
		t.Run(name, func(t *testing.T) {
			sim := carsim.New(test.world)
			token := test.token
			if token == "" {
				token = sim.IDToken(carsim.Audience)
			}
			if test.host == "" {
				test.host = host
			}
			answer := trade(t, sim, test.host, token, test.headers, test.changes)
			if got := refusal(answer); got != test.want {
				t.Errorf("got %q, want %q: %v", got, test.want, answer)
			}
			if _, keys := answer["Credentials"]; keys != (test.want == "") {
				t.Errorf("got keys %v, want %v", keys, test.want == "")
			}
		})
	}
}

// The keys sign calls of CAR, at their own site, until they end.
func TestSessionKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := carsim.New(carsim.World{Roles: []carsim.Role{{ARN: carsim.RoleARN, Provider: carsim.ProviderName, Denied: []string{"DeleteApplicationVersion"}}}})
		answer := trade(t, sim, "sts.tencentcloudapi.com", sim.IDToken(carsim.Audience), nil, map[string]any{"DurationSeconds": 900})
		given := answer["Credentials"].(map[string]any)
		expires := time.Unix(int64(answer["ExpiredTime"].(float64)), 0)
		if got := time.Until(expires).Round(time.Minute); got != 15*time.Minute {
			t.Errorf("the keys end in %v, want 15m", got)
		}
		if answer["Expiration"] != expires.UTC().Format(time.RFC3339) {
			t.Errorf("got Expiration %v, want %v in words", answer["Expiration"], expires)
		}
		text := func(name string) string { return given[name].(string) }
		c := &client{t: t, sim: sim, transport: sim.Transport(), host: "car.tencentcloudapi.com"}
		list := func(id, key, token string) string {
			c.keys = common.NewTokenCredential(id, key, token)
			return c.refused("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-desktop"})
		}
		id, key, token := text("TmpSecretId"), text("TmpSecretKey"), text("Token")
		check := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
		check("the keys", list(id, key, token), "")
		check("what the role may not do", c.refused("DeleteApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": "ver-desktop1"}), "UnauthorizedOperation")
		check("no token", list(id, key, ""), "AuthFailure.TokenFailure")
		check("another token", list(id, key, token+"x"), "AuthFailure.TokenFailure")
		check("another key", list(id, key+"x", token), "AuthFailure.SignatureFailure")
		c.host = "car.intl.tencentcloudapi.com"
		check("the other site", list(id, key, token), "AuthFailure.SecretIdNotFound")
		c.host = "car.tencentcloudapi.com"
		time.Sleep(time.Until(expires) - time.Second)
		check("a second before the end", list(id, key, token), "")
		time.Sleep(time.Second)
		check("the end", list(id, key, token), "AuthFailure.TokenFailure")
	})
}

// GitHub's token service and the metadata of a machine, as bytes on the wire.
func TestGivers(t *testing.T) {
	const tokens = "https://pipelines.actions.githubusercontent.com/idtoken?api-version=2.0"
	bearer := "bearer " + carsim.RequestToken
	const metadata = "http://metadata.tencentyun.com/latest/meta-data/cam/security-credentials/"
	bound := carsim.World{InstanceRole: "builder"}
	for name, test := range map[string]struct {
		world      carsim.World
		url, token string
		status     int
		want       string // in the body, or in the claims
	}{
		"a token":            {url: tokens + "&audience=sts.example.com", token: bearer, status: 200, want: `"aud":"sts.example.com"`},
		"the owner's page":   {url: tokens, token: "Bearer " + carsim.RequestToken, status: 200, want: `"aud":"https://github.com/`},
		"a subject":          {world: carsim.World{Issuer: carsim.Issuer{Subject: "repo:o@1/r@2:environment:live"}}, url: tokens, token: bearer, status: 200, want: `"sub":"repo:o@1/r@2:environment:live"`},
		"no request token":   {url: tokens, status: 401},
		"another":            {url: tokens, token: bearer + "x", status: 401},
		"no version":         {url: strings.Split(tokens, "?")[0], token: bearer, status: 404},
		"elsewhere":          {url: "https://pipelines.actions.githubusercontent.com/else", token: bearer, status: 404},
		"the keys":           {url: "https://token.actions.githubusercontent.com/.well-known/jwks", status: 200, want: `"kty":"RSA"`},
		"on loopback":        {url: "http://127.0.0.1:8080/_github/.well-known/jwks", status: 200, want: `"alg":"RS256"`},
		"no role":            {url: metadata, status: 404},
		"a role":             {world: bound, url: metadata, status: 200, want: "builder"},
		"its keys":           {world: bound, url: metadata + "builder", status: 200, want: `"Code":"Success"`},
		"another role":       {world: bound, url: metadata + "root", status: 404},
		"other metadata":     {world: bound, url: "http://metadata.tencentyun.com/latest/meta-data/uuid", status: 404},
		"a fault":            {world: carsim.World{Faults: []carsim.Fault{{Action: "github:IDToken", Kind: carsim.StatusCode}}}, url: tokens, token: bearer, status: 503},
		"a refusal":          {world: carsim.World{Faults: []carsim.Fault{{Action: "github:IDToken", Kind: carsim.Refuse, Code: "Busy"}}}, url: tokens, token: bearer, status: 400, want: "Busy"},
		"no metadata for it": {world: carsim.World{InstanceRole: "builder", Faults: []carsim.Fault{{Action: "metadata:Role", Kind: carsim.Refuse}}}, url: metadata, status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			if test.token != "" {
				r.Header.Set("Authorization", test.token)
			}
			resp, err := carsim.New(test.world).Transport().RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			text := string(body)
			var value struct{ Value string }
			if json.Unmarshal(body, &value) == nil && value.Value != "" {
				claims, err := base64.RawURLEncoding.DecodeString(strings.Split(value.Value, ".")[1])
				if err != nil {
					t.Fatal(err)
				}
				text = string(claims)
			}
			if resp.StatusCode != test.status || !strings.Contains(text, test.want) {
				t.Errorf("got HTTP %d and %s, want %d and %q", resp.StatusCode, text, test.status, test.want)
			}
		})
	}
}
