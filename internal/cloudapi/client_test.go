package cloudapi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/grace"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

// script answers one request after the other; the last answer stays.
type script struct {
	answers  []func(*http.Request) (*http.Response, error)
	requests []*http.Request
	bodies   []string
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	s.bodies = append(s.bodies, string(body))
	s.requests = append(s.requests, req)
	return s.answers[min(len(s.requests), len(s.answers))-1](req)
}

func reply(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func refuse(code string) func(*http.Request) (*http.Response, error) {
	return reply(200, fmt.Sprintf(`{"Response":{"Error":{"Code":%q,"Message":"told so"},"RequestId":"id-1"}}`, code))
}

func broken(err error) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

var good = reply(200, `{"Response":{"Answer":42,"RequestId":"id-1"}}`)

func client(s *script, change ...func(*cloudapi.Config)) *cloudapi.Client {
	c := cloudapi.Config{
		Service: "car", Version: "2022-01-10", Endpoint: "https://car.example", Site: "china", Language: "en-US",
		Transport: transport.Guard(s, "test"),
		Credentials: func(context.Context) (cloudapi.Credentials, error) {
			return cloudapi.Credentials{SecretID: secret.New("AKID"), SecretKey: secret.New("key")}, nil
		},
		Retry: retry.Policy{Base: time.Second, Cap: 4 * time.Second, Attempts: 3},
	}
	for _, f := range change {
		f(&c)
	}
	return cloudapi.New(c)
}

func TestWhatIsRepeated(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, test := range []struct {
		name        string
		fault       func(*http.Request) (*http.Response, error)
		code        string
		safe, once  int // requests that are sent
		doubtful    bool
		wantMessage string
	}{
		{"rate limit", refuse("RequestLimitExceeded"), "RequestLimitExceeded", 3, 3, false, "told so"},
		{"rate limit of the address", refuse("RequestLimitExceeded.IPLimitExceeded"), "RequestLimitExceeded.IPLimitExceeded", 3, 3, false, ""},
		{"application lock", refuse("FailedOperation.ApplicationLockFail"), "FailedOperation.ApplicationLockFail", 3, 3, false, ""},
		{"version lock", refuse("FailedOperation.VersionLockFail"), "FailedOperation.VersionLockFail", 3, 3, false, ""},
		{"slow down", refuse("FailedOperation.SlowDown"), "FailedOperation.SlowDown", 3, 3, false, ""},
		{"in use", refuse("ResourceInUse"), "ResourceInUse", 3, 3, false, ""},
		{"unavailable", refuse("ResourceUnavailable"), "ResourceUnavailable", 3, 3, false, ""},
		{"internal error", refuse("InternalError"), "InternalError", 3, 1, true, ""},
		{"internal error, deeper", refuse("InternalError.Db"), "InternalError.Db", 3, 1, true, ""},
		{"service unavailable", refuse("ServiceUnavailable"), "ServiceUnavailable", 3, 1, true, ""},
		{"process timeout", refuse("FailedOperation.ProcessTimeout"), "FailedOperation.ProcessTimeout", 3, 1, true, ""},
		{"HTTP 502", reply(502, "<html>"), "HTTP502", 3, 1, true, "HTML"},
		{"HTTP 429", reply(429, ""), "HTTP429", 3, 3, false, "nothing"},
		{"connection reset", broken(errors.New("connection reset by peer")), cloudapi.CodeNetwork, 3, 1, true, "no answer came"},
		{"connection refused", broken(dial), cloudapi.CodeNetwork, 3, 3, false, "could not be reached"},
		{"no such host", broken(&net.DNSError{IsNotFound: true}), cloudapi.CodeNetwork, 1, 1, false, "could not be reached"},
		{"bad parameter", refuse("InvalidParameterValue"), "InvalidParameterValue", 1, 1, false, ""},
		{"wrong key", refuse("AuthFailure.SecretIdNotFound"), "AuthFailure.SecretIdNotFound", 1, 1, false, ""},
		{"denied", refuse("OperationDenied.VersionCreating"), "OperationDenied.VersionCreating", 1, 1, false, ""},
		{"not found", refuse("FailedOperation.ApplicationNotFind"), "FailedOperation.ApplicationNotFind", 1, 1, false, ""},
		{"HTML", reply(200, "<html><body>login</body></html>"), cloudapi.CodeAnswer, 1, 1, true, "HTML"},
		{"nothing", reply(200, ""), cloudapi.CodeAnswer, 1, 1, true, "nothing"},
		{"cut short", reply(200, `{"Response":{"Answer":4`), cloudapi.CodeAnswer, 1, 1, true, "cut short"},
		{"no RequestId", reply(200, `{"Response":{}}`), cloudapi.CodeAnswer, 1, 1, true, ""},
		{"another form", reply(200, `{"Response":{"Answer":"x","RequestId":"id-1"}}`), cloudapi.CodeAnswer, 1, 1, true, "field Answer"},
		{"10 MiB of junk", func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(make([]byte, 10<<20)))}, nil
		}, cloudapi.CodeAnswer, 1, 1, true, "to its end"},
		{"redirect", reply(302, "", "Location", "http://evil.example/x"), cloudapi.CodeRedirect, 1, 1, true, "evil.example"},
		{"legacy form", reply(200, `{"code":4000,"codeDesc":"InvalidParameter","message":"old"}`), "InvalidParameter", 1, 1, false, "old"},
	} {
		for _, once := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/once=%v", test.name, once), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := &script{answers: []func(*http.Request) (*http.Response, error){test.fault}}
					var out struct{ Answer int }
					_, err := client(s).Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}, Response: &out, Once: once})
					var e *cloudapi.Error
					if !errors.As(err, &e) {
						t.Fatalf("err = %v, want a *cloudapi.Error", err)
					}
					if e.Code != test.code || e.Doubtful != test.doubtful || e.Action != "Act" {
						t.Errorf("got code %s, doubtful %v, action %s; want %s, %v", e.Code, e.Doubtful, e.Action, test.code, test.doubtful)
					}
					if !strings.Contains(e.Error(), test.wantMessage) || strings.Contains(e.Error(), "\n") || len(e.Error()) > 600 {
						t.Errorf("message %q, want one line with %q", e.Error(), test.wantMessage)
					}
					if e.Hint == "" && !e.Is(cloudapi.Code("OperationDenied")) { // its hints are the service's own
						t.Errorf("no hint for %s", e.Code)
					}
					want := test.safe
					if once {
						want = test.once
					}
					if len(s.requests) != want {
						t.Errorf("sent %d requests, want %d", len(s.requests), want)
					}
				})
			})
		}
	}
}

func TestRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []func(*http.Request) (*http.Response, error){reply(503, "", "Retry-After", "7"), good}}
		start := time.Now()
		var out struct{ Answer int }
		id, err := client(s).Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}, Response: &out})
		if err != nil || id != "id-1" || out.Answer != 42 {
			t.Errorf("got %q, %v, %+v", id, err, out)
		}
		if got := time.Since(start); got != 7*time.Second {
			t.Errorf("waited %v, want the 7 s that the server asked for", got)
		}
	})
}

// The service allows 5 minutes; a request after a correction carries the
// server's time, and is signed with it.
func TestClockIsCorrectedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := time.Now().Add(3 * time.Hour)
		expired := reply(200, `{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"m"},"RequestId":"id-1"}}`,
			"Date", server.UTC().Format(http.TimeFormat))
		s := &script{answers: []func(*http.Request) (*http.Response, error){expired, good}}
		c := client(s)
		if _, err := c.Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}}); err != nil {
			t.Fatal(err)
		}
		sent, _ := strconv.ParseInt(s.requests[1].Header.Get("X-TC-Timestamp"), 10, 64)
		if got := time.Unix(sent, 0).Sub(server).Abs(); got > time.Minute {
			t.Errorf("the second request is %v off the server's clock", got)
		}
		if scope := time.Unix(sent, 0).UTC().Format("2006-01-02") + "/car/tc3_request"; !strings.Contains(s.requests[1].Header.Get("Authorization"), scope) {
			t.Errorf("Authorization %q lacks the scope %s", s.requests[1].Header.Get("Authorization"), scope)
		}

		s = &script{answers: []func(*http.Request) (*http.Response, error){expired}}
		_, err := client(s).Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}})
		if !errors.Is(err, cloudapi.Code("AuthFailure.SignatureExpire")) || len(s.requests) != 2 {
			t.Errorf("err %v after %d requests, want SignatureExpire after 2", err, len(s.requests))
		}
	})
}

func TestGrace(t *testing.T) {
	stop := errors.New("stop")
	for name, test := range map[string]struct {
		answersAfter time.Duration
		grace        time.Duration
		limitAfter   time.Duration
		wantTime     time.Duration
		wantErr      bool
	}{
		"without grace it ends at once":   {2 * time.Second, 0, time.Hour, time.Second, true},
		"an answer in the grace counts":   {2 * time.Second, 3 * time.Second, time.Hour, 2 * time.Second, false},
		"the grace ends":                  {time.Hour, 3 * time.Second, time.Hour, 4 * time.Second, true},
		"without a cancel it is no limit": {900 * time.Millisecond, time.Millisecond, time.Hour, 900 * time.Millisecond, false},
		"a limit takes it away":           {time.Hour, 3 * time.Second, 2 * time.Second, 2 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: []func(*http.Request) (*http.Response, error){func(req *http.Request) (*http.Response, error) {
					select {
					case <-req.Context().Done():
						return nil, req.Context().Err()
					case <-time.After(test.answersAfter):
						return good(req)
					}
				}}}
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(stop) })
				limit, end := context.WithCancelCause(t.Context())
				time.AfterFunc(test.limitAfter, func() { end(stop) })
				defer end(nil)
				ctx = grace.WithLimit(ctx, limit)
				start := time.Now()
				_, err := client(s).Do(ctx, cloudapi.Call{Action: "Act", Request: struct{}{}, Once: true, Grace: test.grace})
				if (err != nil) != test.wantErr || (err != nil && !errors.Is(err, stop)) {
					t.Errorf("err = %v, want one: %v", err, test.wantErr)
				}
				if got := time.Since(start); got != test.wantTime {
					t.Errorf("returned after %v, want %v", got, test.wantTime)
				}
			})
		})
	}
}

func TestHints(t *testing.T) {
	s := &script{answers: []func(*http.Request) (*http.Response, error){refuse("AuthFailure.SecretIdNotFound")}}
	for site, want := range map[string]string{"china": "site: international", "international": "site: china"} {
		_, err := client(s, func(c *cloudapi.Config) { c.Site = site }).Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}})
		var e *cloudapi.Error
		if !errors.As(err, &e) || !strings.Contains(e.Hint, want) || !strings.Contains(e.Hint, "car.example") {
			t.Errorf("%s: hint %q, want %q and the host in it", site, e.Hint, want)
		}
	}
	own := client(&script{answers: []func(*http.Request) (*http.Response, error){refuse("InvalidParameter.Sub.Sub")}},
		func(c *cloudapi.Config) { c.Hints = map[string]string{"InvalidParameter": "our own"} })
	_, err := own.Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}})
	var e *cloudapi.Error
	if !errors.As(err, &e) || e.Hint != "our own" {
		t.Errorf("hint %q, want that of the code above", e.Hint)
	}
}

func TestHostileTextStaysOnOneLine(t *testing.T) {
	s := &script{answers: []func(*http.Request) (*http.Response, error){
		reply(200, `{"Response":{"Error":{"Code":"Bad\n::error::x","Message":"a\r\nb\u2028c\u0000`+strings.Repeat("y", 5000)+`"},"RequestId":"r\n1"}}`),
	}}
	_, err := client(s).Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}})
	if text := err.Error(); strings.ContainsAny(text, "\r\n\u2028\x00") || len(text) > 600 {
		t.Errorf("text %q", text)
	}
}

// What hides a secret knows it as a whole.
func TestNoSecretIsCutInHalf(t *testing.T) {
	const key = "AKID0123456789/abc+def="
	for before := 250; before < 300; before++ {
		message := "you said " + strings.Repeat("x", before-len("you said  ")) + " " + key + "&and&more " + strings.Repeat("y", 100)
		s := &script{answers: []func(*http.Request) (*http.Response, error){reply(200, fmt.Sprintf(`{"Response":{"Error":{"Code":"Bad","Message":%q},"RequestId":"r"}}`, message))}}
		_, err := client(s).Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}})
		if text := err.Error(); strings.Contains(text, key[:4]) && !strings.Contains(text, key) {
			t.Errorf("after %d bytes: text %q", before, text)
		}
	}
}

// net/http quotes what a server says in its own errors.
func TestHostileNetworkErrorIsShort(t *testing.T) {
	for name, err := range map[string]error{
		"header":   fmt.Errorf("malformed MIME header line: \x00%s", strings.Repeat("z", 1<<20)),
		"redirect": &transport.RedirectError{Status: 302, Host: strings.Repeat("z", 1<<20)},
	} {
		s := &script{answers: []func(*http.Request) (*http.Response, error){broken(err)}}
		_, err := client(s, func(c *cloudapi.Config) { c.Retry.Attempts = 1 }).Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}})
		if text := err.Error(); strings.ContainsAny(text, "\r\n\x00") || len(text) > 600 {
			t.Errorf("%s: %d bytes of text: %.200q", name, len(text), text)
		}
	}
}

// Answers that are made to break a decoder: an error or a plain answer, soon,
// and never a repetition of what was not asked for.
func TestHostileAnswers(t *testing.T) {
	deep := func(open, middle, end string) string {
		return strings.Repeat(open, 100_000) + middle + strings.Repeat(end, 100_000)
	}
	for name, test := range map[string]struct{ body, code string }{
		"nested lists":          {`{"Response":` + deep("[", "", "]") + `}`, cloudapi.CodeAnswer},
		"nested objects":        {`{"Response":` + deep(`{"a":`, "1", "}") + `}`, cloudapi.CodeAnswer},
		"nested beside":         {`{"Response":{"Answer":1,"RequestId":"r","x":` + deep("[", "", "]") + `}}`, cloudapi.CodeAnswer},
		"nested and not closed": {`{"Response":` + strings.Repeat("[", 100_000), cloudapi.CodeAnswer},
		"an answer of lists":    {deep("[", "", "]"), cloudapi.CodeAnswer},
		"the last of two":       {`{"Response":{"Answer":1,"RequestId":"r"},"Response":{"Answer":2,"RequestId":"r"}}`, ""},
		"error, then none":      {`{"Response":{"Error":{"Code":"Bad"},"Error":null,"Answer":2,"RequestId":"r"}}`, ""},
		"none, then error":      {`{"Response":{"Answer":2,"Error":null,"Error":{"Code":"Bad"},"RequestId":"r"}}`, "Bad"},
		"another case":          {`{"response":{"answer":2,"requestid":"r"}}`, ""},
		"too large a number":    {`{"Response":{"Answer":1e400,"RequestId":"r"}}`, cloudapi.CodeAnswer},
		"larger than an int":    {`{"Response":{"Answer":9223372036854775808,"RequestId":"r"}}`, cloudapi.CodeAnswer},
		"a million digits":      {`{"Response":{"Answer":` + strings.Repeat("9", 1_000_000) + `,"RequestId":"r"}}`, cloudapi.CodeAnswer},
		"no UTF-8":              {"{\"Response\":{\"Error\":{\"Code\":\"B\xffd\",\"Message\":\"\xc3\x28\xed\xa0\x80\"},\"RequestId\":\"\xfe\"}}", "B\uFFFDd"},
		"NUL":                   {`{"Response":{"Error":{"Code":"B\u0000d","Message":"\u0000"},"RequestId":"\u0000"}}`, "B d"},
		"a NUL outside":         {"{\"Response\":\x00{\"Answer\":2,\"RequestId\":\"r\"}}", cloudapi.CodeAnswer},
		"two answers":           {`{"Response":{"Answer":2,"RequestId":"r"}}{"Response":{}}`, cloudapi.CodeAnswer},
		"a list as an error":    {`{"Response":{"Error":["Bad"],"RequestId":"r"}}`, cloudapi.CodeAnswer},
		"an object as an id":    {`{"Response":{"Answer":2,"RequestId":{"a":1}}}`, cloudapi.CodeAnswer},
		"null":                  {`{"Response":null}`, cloudapi.CodeAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: []func(*http.Request) (*http.Response, error){reply(200, test.body)}}
			var out struct{ Answer int }
			_, err := client(s).Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}, Response: &out})
			var e *cloudapi.Error
			switch {
			case test.code == "" && (err != nil || out.Answer != 2):
				t.Errorf("got %d and %v, want the last answer", out.Answer, err)
			case test.code != "" && (!errors.As(err, &e) || e.Code != test.code):
				t.Errorf("got %v, want code %q", err, test.code)
			case err != nil && (len(err.Error()) > 600 || strings.ContainsAny(err.Error(), "\n\x00") || !utf8.ValidString(err.Error())):
				t.Errorf("text %.700q", err.Error())
			case len(s.requests) != 1:
				t.Errorf("asked %d times", len(s.requests))
			}
		})
	}
}

func TestNoKeys(t *testing.T) {
	s := &script{}
	c := client(s, func(c *cloudapi.Config) {
		c.Credentials = func(context.Context) (cloudapi.Credentials, error) {
			return cloudapi.Credentials{}, errors.New("no keys")
		}
	})
	_, err := c.Do(t.Context(), cloudapi.Call{Action: "Act", Request: struct{}{}})
	if !errors.Is(err, cloudapi.Code(cloudapi.CodeCredentials)) || len(s.requests) != 0 {
		t.Errorf("err = %v after %d requests", err, len(s.requests))
	}
}

// Temporary keys that the service does not take any more are replaced once,
// if they can be.
func TestRefusedKeys(t *testing.T) {
	for name, test := range map[string]struct {
		replaced *bool // nil: nobody is told
		answers  []func(*http.Request) (*http.Response, error)
		requests int
		code     string
	}{
		"nobody to tell":  {nil, []func(*http.Request) (*http.Response, error){refuse("AuthFailure.TokenFailure")}, 1, "AuthFailure.TokenFailure"},
		"no others":       {new(false), []func(*http.Request) (*http.Response, error){refuse("AuthFailure.TokenFailure")}, 1, "AuthFailure.TokenFailure"},
		"others":          {new(true), []func(*http.Request) (*http.Response, error){refuse("AuthFailure.TokenFailure"), good}, 2, ""},
		"others, refused": {new(true), []func(*http.Request) (*http.Response, error){refuse("AuthFailure.TokenFailure")}, 2, "AuthFailure.TokenFailure"},
		"another reason":  {new(true), []func(*http.Request) (*http.Response, error){refuse("AuthFailure.SignatureFailure")}, 1, "AuthFailure.SignatureFailure"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: test.answers}
				told := ""
				c := client(s, func(c *cloudapi.Config) {
					if test.replaced != nil {
						c.Refused = func(keys cloudapi.Credentials) bool {
							told += keys.SecretID.Reveal()
							return *test.replaced
						}
					}
				})
				_, err := c.Do(t.Context(), cloudapi.Call{Action: "Create", Once: true, NoRetry: true})
				if (err == nil) != (test.code == "") || err != nil && !errors.Is(err, cloudapi.Code(test.code)) || len(s.requests) != test.requests {
					t.Errorf("got %v after %d requests, want %q after %d", err, len(s.requests), test.code, test.requests)
				}
				if test.code != "AuthFailure.SignatureFailure" && test.replaced != nil && told != "AKID" {
					t.Errorf("told of %q, want of the keys once", told)
				}
			})
		})
	}
}

// A call without keys asks nobody for them, and says so to the service.
func TestUnsigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{answers: []func(*http.Request) (*http.Response, error){
			reply(200, `{"Response":{"RequestId":"id-1"}}`, "Date", time.Now().Add(90*time.Minute).UTC().Format(http.TimeFormat)),
		}}
		c := client(s, func(c *cloudapi.Config) { c.Credentials = nil })
		if _, err := c.Do(t.Context(), cloudapi.Call{Action: "Trade", Request: map[string]string{"Token": "t"}, Unsigned: true}); err != nil {
			t.Fatal(err)
		}
		header := s.requests[0].Header
		if got := header.Get("Authorization"); got != "SKIP" || header.Get("X-TC-Token") != "" || s.bodies[0] != `{"Token":"t"}` {
			t.Errorf("got authorization %q, token %q, body %s", got, header.Get("X-TC-Token"), s.bodies[0])
		}
		if ahead := time.Until(c.Now()).Round(time.Minute); ahead != 90*time.Minute {
			t.Errorf("the service's clock is %v ahead, want 90m", ahead)
		}
	})
}
