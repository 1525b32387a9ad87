package carsim

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tempKey is a temporary key for one object.
type tempKey struct {
	key     string // the only object that it opens
	secret  string
	token   string
	expires time.Time
}

// authenticate checks a COS signature
// (tencentcloud.com/document/product/436/7778) and returns the key that made
// it.
func (c cosService) authenticate(r *http.Request) (tempKey, *refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	fields := map[string]string{}
	for field := range strings.SplitSeq(r.Header.Get("Authorization"), "&") {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	if fields["q-sign-algorithm"] != "sha1" || fields["q-signature"] == "" {
		return tempKey{}, refused("AccessDenied", "Access Denied.")
	}
	key, ok := c.tempKeys[fields["q-ak"]]
	if !ok {
		return tempKey{}, refused("InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records.")
	}
	for _, name := range []string{"q-sign-time", "q-key-time"} {
		start, end, ok := window(fields[name])
		switch {
		case !ok:
			return tempKey{}, refused("AccessDenied", "The signature has no %s.", name)
		case start.Sub(now) > 15*time.Minute:
			return tempKey{}, refused("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
		case !now.Before(end):
			return tempKey{}, refused("AccessDenied", "Request has expired")
		}
	}
	wrong := refused("SignatureDoesNotMatch", "The Signature you specified is invalid.")
	params, paramNames := signedParams(r.URL.Query())
	headers, ok := signedHeaders(r, split(fields["q-header-list"]))
	// A parameter or host that is not signed could be swapped on the way.
	if !ok || !slices.Equal(split(fields["q-url-param-list"]), paramNames) ||
		!slices.Contains(split(fields["q-header-list"]), "host") {
		return tempKey{}, wrong
	}
	signKey := hmacSHA1(key.secret, fields["q-key-time"])
	canonical := strings.ToLower(r.Method) + "\n" + r.URL.Path + "\n" + params + "\n" + headers + "\n"
	sum := sha1.Sum([]byte(canonical))
	want := hmacSHA1(signKey, fmt.Sprintf("sha1\n%s\n%x\n", fields["q-sign-time"], sum))
	if !hmac.Equal([]byte(want), []byte(fields["q-signature"])) {
		return tempKey{}, wrong
	}
	switch {
	case r.Header.Get("X-Cos-Security-Token") != key.token:
		return tempKey{}, refused("AccessDenied", "The security token is wrong.")
	case !now.Before(key.expires):
		return tempKey{}, refused("ExpiredToken", "The provided token has expired.")
	}
	return key, nil
}

// window parses "start;end" in seconds.
func window(text string) (start, end time.Time, ok bool) {
	from, to, _ := strings.Cut(text, ";")
	a, errA := strconv.ParseInt(from, 10, 64)
	b, errB := strconv.ParseInt(to, 10, 64)
	return time.Unix(a, 0), time.Unix(b, 0), errA == nil && errB == nil
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ";")
}

// signedParams returns a query in its signed form, and its names.
func signedParams(query url.Values) (string, []string) {
	var pairs, names []string
	for name, values := range query {
		name = strings.ToLower(escape(name))
		for _, value := range values {
			pairs = append(pairs, name+"="+escape(value))
			names = append(names, name)
		}
	}
	slices.Sort(pairs)
	slices.Sort(names)
	return strings.Join(pairs, "&"), names
}

// signedHeaders returns the named headers in their signed form; not ok if one
// was not sent or the names are not sorted.
func signedHeaders(r *http.Request, names []string) (string, bool) {
	var pairs []string
	for _, name := range names {
		values := r.Header.Values(name)
		if name == "host" {
			values = []string{r.Host}
		}
		if len(values) == 0 {
			return "", false
		}
		for _, value := range values {
			pairs = append(pairs, name+"="+escape(value))
		}
	}
	return strings.Join(pairs, "&"), slices.IsSorted(names)
}

// escape percent-encodes all but RFC 3986's unreserved characters.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

func hmacSHA1(key, text string) string {
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}
