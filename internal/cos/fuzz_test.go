package cos

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/stories"
)

// Whatever COS, or something in its place, answers to a call that failed: no
// panic, and an error that is one clean line, has its code, and never holds
// more of the answer than its documented elements.
func FuzzFailure(f *testing.F) {
	for _, code := range stories.Find(f, `"Action": "cos:\w+",[^}]*"Code": "(\w+)"`) {
		f.Add(http.StatusForbidden, "NjI4", "trace", "3", []byte("<Error><Code>"+code+"</Code><Message>no</Message><RequestId>NjI4</RequestId></Error>"))
	}
	for _, value := range stories.Find(f, `(?s)"Value": ("(?:\\.|[^"\\])*")`) {
		var text string
		if json.Unmarshal([]byte(value), &text) == nil {
			f.Add(http.StatusForbidden, text, text, text, []byte("<Error><Code>"+text+"</Code><Message>"+text+"</Message></Error>"))
		}
	}
	f.Add(http.StatusOK, "", "", "-1", []byte("   \n<Error><Code>InternalError</Code></Error>"))
	f.Add(http.StatusServiceUnavailable, "", "", "99999999999", []byte("<html>"))
	f.Add(http.StatusForbidden, "", "", "", []byte("<Error><Code>A\nB</Code><Message>\u2028::error::\u0085</Message><AccessKeyId>kept</AccessKeyId></Error>"))
	f.Fuzz(func(t *testing.T, status int, requestID, trace, after string, body []byte) {
		const canary = "cAnArY-of-a-key"
		ex := &exchange{status: status, header: http.Header{
			"X-Cos-Request-Id": {requestID}, "X-Cos-Trace-Id": {trace}, "Retry-After": {after},
		}}
		ex.body.Write(body)
		e := failure("UploadPart", 1, ex, errors.New("of the SDK: "+canary))
		for what, text := range map[string]string{"the error": e.Error(), "the code": e.Code, "the RequestId": e.RequestID, "the TraceId": e.TraceID} {
			if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) || !utf8.ValidString(text) {
				t.Errorf("%s is not one clean line: %q", what, text)
			}
			if n := utf8.RuneCountInString(text); n > 500 {
				t.Errorf("%s has %d characters", what, n)
			}
			if status != 0 && strings.Contains(text, canary) {
				t.Errorf("%s tells what the SDK made of the answer: %q", what, text)
			}
		}
		if e.retryAfter < 0 || e.retryAfter > 2*60e9 {
			t.Errorf("Retry-After %q became a wait of %v", after, e.retryAfter)
		}
		if e.Code == "" && e.Err == nil && status < 300 {
			t.Errorf("status %d has neither a code nor a cause", status)
		}
		_, _, _ = e.temporary(), e.expired(), e.Hint()
	})
}

// An error of COS's own form arrives as it is, if it is plain.
func FuzzCOSError(f *testing.F) {
	for _, code := range stories.Find(f, `"Action": "cos:\w+",[^}]*"Code": "(\w+)"`) {
		f.Add(code, "Access Denied.", "NjI4ZmU0")
	}
	f.Add("ExpiredToken", "Request has <expired> & more", "a b")
	f.Add("A", "游戏", "r")
	f.Fuzz(func(t *testing.T, code, message, requestID string) {
		plain := func(s string, most int) bool {
			return strings.Join(strings.Fields(s), " ") == s && utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
				return !unicode.IsPrint(r) || r == utf8.RuneError
			})
		}
		if code == "" || !plain(code, 80) || !plain(message, 200) || !plain(requestID, 100) {
			return
		}
		type answer struct {
			XMLName   xml.Name `xml:"Error"`
			Code      string
			Message   string
			RequestID string `xml:"RequestId"`
		}
		body, err := xml.Marshal(answer{Code: code, Message: message, RequestID: requestID})
		if err != nil {
			t.Fatal(err)
		}
		ex := &exchange{status: http.StatusForbidden, header: http.Header{}, body: *bytes.NewBuffer(body)}
		e := failure("UploadPart", 1, ex, nil)
		if e.Code != code || e.Message != message || e.RequestID != requestID {
			t.Errorf("%q, %q, %q became %q, %q, %q", code, message, requestID, e.Code, e.Message, e.RequestID)
		}
	})
}
