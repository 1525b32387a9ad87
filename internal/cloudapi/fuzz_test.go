package cloudapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/stories"
)

// oneLine fails the test if a text of the service's could begin a line of its
// own, flood the log, or speak to the terminal.
func oneLine(t *testing.T, what, text string, most int) {
	t.Helper()
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
		t.Errorf("%s is not one clean line: %q", what, text)
	}
	if n := utf8.RuneCountInString(text); n > most {
		t.Errorf("%s has %d characters, want at most %d", what, n, most)
	}
}

// Whatever comes instead of an answer: no panic, and either all that an answer
// must have or an error that is fit for a log and says whether the call may
// have been done.
func FuzzDecode(f *testing.F) {
	for _, code := range stories.Find(f, `(?m)^fault \w+ (\S+)$`) {
		f.Add(http.StatusOK, []byte(`{"Response":{"Error":{"Code":"`+code+`","Message":"no"},"RequestId":"r-1"}}`))
	}
	for _, value := range stories.Find(f, `(?s)"Value": ("(?:\\.|[^"\\])*")`) {
		f.Add(http.StatusOK, []byte(`{"Response":{"Versions":[{"ApplicationVersionName":`+value+`}],"RequestId":`+value+`}}`))
		f.Add(http.StatusOK, []byte(`{"Response":{"Error":{"Code":`+value+`,"Message":`+value+`},"RequestId":`+value+`}}`))
	}
	f.Add(http.StatusOK, []byte(`{"code":4000,"message":"(100004)\u0085gone","codeDesc":"InternalError"}`))
	f.Add(http.StatusBadGateway, []byte("<html><body>bad\n::error::gateway</body></html>"))
	f.Add(http.StatusOK, []byte(`{"Response":{"Versions":{"x":1},"RequestId":"r"}}`))
	f.Add(http.StatusTooManyRequests, []byte(""))
	f.Add(http.StatusOK, []byte(`{"Response":null}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		var into struct {
			Versions []struct{ ApplicationVersionName string }
		}
		id, e := decode(status, body, nil, &into)
		oneLine(t, "the RequestId", id, 65)
		if e == nil {
			if status != http.StatusOK || id == "" && !strings.Contains(string(body), "RequestId") || !json.Valid(body) {
				t.Errorf("status %d and %q passed for an answer", status, body)
			}
			return
		}
		e.Action = "Act"
		oneLine(t, "the error", e.Error(), 600)
		if strings.TrimSpace(e.Code) == "" {
			t.Errorf("status %d and %q have no code: %v", status, body, e)
		}
		if status == http.StatusOK && e.Code == CodeAnswer && !e.Doubtful {
			t.Errorf("%q is no answer, and yet it is told that nothing was done", body)
		}
		if repeatable(e, true) && e.Doubtful {
			t.Errorf("%q leaves a doubt, and yet a change would be made again", body)
		}
	})
}

// What the service says of a refusal arrives: code, RequestId and message,
// as it is if it is a plain line, and as one line in any case.
func FuzzRefusal(f *testing.F) {
	for _, code := range stories.Find(f, `(?m)^fault \w+ (\S+)$`) {
		f.Add(code, "The version is being processed.", "3c140219-cfe9-470e-b241-907877d6fb03")
	}
	for _, value := range stories.Find(f, `(?s)"Value": ("(?:\\.|[^"\\])*")`) {
		var text string
		if json.Unmarshal([]byte(value), &text) == nil {
			f.Add(text, text, text)
		}
	}
	f.Add("", "refused", "r-1")
	f.Add("InternalError", strings.Repeat("游戏 ", 300), "\u2028\u0085")
	f.Fuzz(func(t *testing.T, code, message, requestID string) {
		type refusal struct{ Code, Message string }
		body, err := json.Marshal(map[string]any{"Response": map[string]any{"Error": refusal{code, message}, "RequestId": requestID}})
		if err != nil {
			t.Fatal(err)
		}
		id, e := decode(http.StatusOK, body, nil, nil)
		if e == nil {
			t.Fatalf("the refusal %q passed for an answer", code)
		}
		e.Action = "Act"
		oneLine(t, "the error", e.Error(), 600)
		plain := func(s string, most int) bool {
			return strings.Join(strings.Fields(s), " ") == s && utf8.ValidString(s) && utf8.RuneCountInString(s) <= most &&
				!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
		}
		if code == "" || !plain(code, 100) || !plain(message, 300) || !plain(requestID, 64) {
			return
		}
		if e.Code != code || e.Message != message || e.RequestID != requestID || id != requestID {
			t.Errorf("%q, %q, %q became %q, %q, %q", code, message, requestID, e.Code, e.Message, id)
		}
		if !e.Is(Code(code)) {
			t.Errorf("%v is not found by its code %q", e, code)
		}
	})
}
