package cos

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// Nothing that COS, or whoever answers in its place, writes can flood the
// log, begin a line of its own, or bring a secret into it.
func TestErrorsAreShortAndClean(t *testing.T) {
	t.Parallel()
	const junk = "the-secret-key\r\n::error::x\x1b[31m"
	bodies := map[string]string{
		"other elements": "<Error><Code>AccessDenied</Code><Message>no</Message><StringToSign>" + junk + "</StringToSign><AccessKeyId>the-token</AccessKeyId></Error>",
		"long":           "<Error><Code>" + strings.Repeat("C", 9999) + "</Code><Message>" + strings.Repeat("é", 9999) + "</Message><RequestId>" + strings.Repeat("r", 9999) + "</RequestId></Error>",
		"line breaks":    "<Error><Code>A\nB</Code><Message>one\r\n::error::two\t\u0085three</Message></Error>",
		"not XML":        strings.Repeat(junk, 1000),
		"JSON":           `{"code":1,"message":"the-secret-key"}`,
		"another XML":    "<Failure><Code>the-secret-key</Code></Failure>",
		"not UTF-8":      "<Error><Code>A\xff</Code><Message>\xfe</Message></Error>",
	}
	for name, body := range bodies {
		for _, status := range []int{200, 403} {
			for _, call := range []string{begin, "UploadPart 1 #1", end} {
				b := &bucket{faults: map[string]fault{call: func(*http.Request, func() *http.Response) (*http.Response, error) {
					resp := response(status, body)
					resp.Header.Set("X-Cos-Request-Id", "r"+strings.Repeat("\x00", 300))
					resp.Header.Set("Content-Type", "application/json")
					return resp, nil
				}}}
				o := testOptions(b)
				o.Policy.Attempts = 1
				var called []error
				o.Called = func(c Call) { called = append(called, c.Err) }
				_, err := New(o).Run(t.Context())
				for _, err := range append(called, err) {
					text := fmt.Sprint(err)
					if n := len([]rune(text)); n > 450 {
						t.Errorf("%s, %d: an error of %d characters", name, status, n)
					}
					if strings.ContainsAny(text, "\r\n\t\x1b\x00\u0085") || strings.Contains(text, "secret") || strings.Contains(text, "token") {
						t.Errorf("%s, %d: %q", name, status, text)
					}
				}
			}
		}
	}
}

func TestBodyCutShort(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Write([]byte("<InitiateMultipartUploadResult>"))
	}))
	defer server.Close()
	o := testOptions(nil)
	o.Transport, o.Endpoint, o.Policy.Attempts = server.Client().Transport, server.URL, 1
	_, err := New(o).Run(t.Context())
	if want := "InitiateMultipartUpload: read the answer: unexpected EOF (HTTP 200)"; err == nil || err.Error() != want {
		t.Errorf("Run() = %v, want %s", err, want)
	}
}

// permanentError is a transport's refusal, such as that of a redirect.
type permanentError struct{}

func (permanentError) Error() string   { return "redirects are not followed" }
func (permanentError) Permanent() bool { return true }

func TestErrorsWithoutAnAnswerThatStay(t *testing.T) {
	t.Parallel()
	certificate := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	for _, want := range []error{permanentError{}, certificate} {
		synctest.Test(t, func(t *testing.T) {
			b := &bucket{before: func(string, *http.Request) (*http.Response, error) { return nil, want }}
			_, err := New(testOptions(b)).Run(t.Context())
			if !errors.Is(err, want) {
				t.Errorf("Run() = %v, want %v", err, want)
			}
			wantJournal(t, b, begin)
		})
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  Error
		want string // what it must speak of; "" is no hint
	}{
		{Error{Code: "AccessDenied", HTTPStatus: 403, RequestID: "r"}, "temporary keys"},
		{Error{Code: "BucketAccelerateNotEnabled", HTTPStatus: 400, RequestID: "r"}, "cos-endpoint"},
		{Error{Code: "EntityTooLarge", HTTPStatus: 400, RequestID: "r"}, "larger"},
		{Error{Code: "PaymentRequired", HTTPStatus: 402, RequestID: "r"}, "arrears"},
		{Error{Code: "RequestTimeTooSkewed", HTTPStatus: 403, RequestID: "r"}, "clock"},
		{Error{Code: "NoSuchUpload", HTTPStatus: 404, RequestID: "r"}, "another run"},
		{Error{Code: "SlowDown", HTTPStatus: 503, RequestID: "r"}, "later"},
		{Error{Code: "Unheard", HTTPStatus: 400, RequestID: "r"}, ""},
		{Error{HTTPStatus: 403}, "firewall"},
		{Error{HTTPStatus: 404, RequestID: "r"}, ""},
		{Error{HTTPStatus: 407}, "proxy's URL"},
		{Error{Err: errReset}, "reachable"},
		{Error{Err: Final(ErrFileChanged)}, "artifact"},
		{Error{Err: fmt.Errorf("%w: x", ErrChecksum), HTTPStatus: 200}, "memory"},
		{Error{Err: &tls.CertificateVerificationError{Err: context.Canceled}}, "ca-file"},
	}
	for _, tt := range tests {
		got := tt.err.Hint()
		if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("(%v).Hint() = %q, want something about %q", &tt.err, got, tt.want)
		}
	}
}
