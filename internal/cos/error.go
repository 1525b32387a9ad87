package cos

import (
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	sdk "github.com/tencentyun/cos-go-sdk-v5"
)

// Errors that a caller may want to tell apart.
var (
	// ErrFileChanged says that the file is now shorter or longer than Size.
	ErrFileChanged = errors.New("the file changed while it was being uploaded")

	// ErrChecksum says that COS stated another checksum than that of the bytes
	// sent.
	ErrChecksum = errors.New("COS received other bytes than were sent")

	// ErrIDLost is returned by Abort if COS may hold an upload whose id was in
	// an answer that was lost. Such an upload has no parts.
	ErrIDLost = errors.New("COS may hold an upload without parts: the answer with its id was lost")
)

var errUnclear = errors.New("the answer is not what COS documents")

// Error is a call to COS that failed.
type Error struct {
	Op   string // the call, as COS names it: "UploadPart"
	Part int    // from 1; 0 where the call is not about a part

	Code, Message      string // of COS, shortened and on one line; "" if it gave none
	RequestID, TraceID string // for Tencent's support
	HTTPStatus         int    // 0 if there was no answer

	Err error // the cause, where COS gave no code

	retryAfter time.Duration // how long COS asks to wait
}

// Error returns one line that says what failed and why.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Part > 0 {
		fmt.Fprintf(&b, "upload part %d: ", e.Part)
	} else {
		b.WriteString(e.Op + ": ")
	}
	switch {
	case e.Code != "" && e.Message != "":
		b.WriteString(e.Code + ": " + e.Message)
	case e.Code != "":
		b.WriteString(e.Code)
	case e.Err != nil:
		b.WriteString(line(e.Err.Error(), 200))
	default:
		b.WriteString("refused without an error code")
	}
	var notes []string
	if e.HTTPStatus != 0 {
		notes = append(notes, "HTTP "+strconv.Itoa(e.HTTPStatus))
	}
	if e.RequestID != "" {
		notes = append(notes, "RequestId "+e.RequestID)
	}
	if len(notes) > 0 {
		b.WriteString(" (" + strings.Join(notes, ", ") + ")")
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what the user can do about the error; "" if the error itself says
// it all.
func (e *Error) Hint() string {
	if hint, ok := hints[e.Code]; ok {
		return hint
	}
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(e.Err, ErrFileChanged):
		return "Something still writes to the artifact. Publish after the build has ended, or from a copy."
	case errors.Is(e.Err, ErrChecksum):
		return "Something between this machine and COS changes the data, or this machine's memory is faulty. Try from another runner."
	case errors.As(e.Err, &certificate):
		return "This machine does not trust the certificate that COS showed. If a proxy inspects TLS here, name its root certificate with ca-file."
	case e.HTTPStatus == http.StatusProxyAuthRequired:
		return "The proxy requires a user name and a password: put them into the proxy's URL."
	case e.HTTPStatus == 0:
		return "Is the COS host reachable from this machine? Behind a firewall, set proxy."
	case e.Code == "" && e.RequestID == "":
		return "The answer has no RequestId, so it did not come from COS: look for a proxy or a firewall in between."
	}
	return ""
}

// hints are for the error codes of COS
// (cloud.tencent.com/document/product/436/7730) that need an explanation.
var hints = map[string]string{
	"AccessDenied":               "The temporary keys that CAR hands out do not allow this call on this object. Run again; if that does not help, give the RequestId to Tencent's support.",
	"AccessForbidden":            "The bucket refuses this call. It belongs to CAR: give the RequestId to Tencent's support.",
	"BucketAccelerateNotEnabled": "CAR's bucket has no global acceleration. Remove cos-endpoint.",
	"EntityTooLarge":             "The file is larger than COS stores in one object. Make the build smaller.",
	"EntityTooSmall":             "COS found a part that is too small. Run again; the upload starts from the beginning.",
	"ExpiredToken":               "The temporary keys were refused as expired, and so were fresh ones. Run again.",
	"InvalidAccessKeyId":         "COS does not know the temporary keys that CAR handed out. If cos-endpoint is set, it must belong to the same site as CAR.",
	"NoSuchBucket":               "The bucket that CAR names is not at this address. If cos-endpoint is set, remove it.",
	"NoSuchUpload":               "Somebody else ended this upload, most likely another run for the same application. Let only one run at a time publish to it.",
	"PaymentRequired":            "The Tencent Cloud account is in arrears. Top it up.",
	"RequestTimeTooSkewed":       "COS found the time of the request wrong. Set this machine's clock, then run again.",
	"SignatureDoesNotMatch":      "COS computed a different signature: a proxy may change the requests, or cos-endpoint may name the wrong host.",
	"SlowDown":                   "The bucket is busy. Run again later.",
	"UserNetworkTooSlow":         "The line to COS is too slow for a part. Use a runner nearer to the bucket, or artifact-url.",
}

// temporaryCodes are the codes of temporary errors. Some come with a status
// below 500, or inside an answer with HTTP 200.
var temporaryCodes = []string{
	"RequestTimeout", "UserNetworkTooSlow", "IncompleteBody", "BadDigest",
	"InternalError", "ServiceUnavailable", "SlowDown",
}

// temporary reports whether a retry may succeed.
func (e *Error) temporary() bool {
	switch {
	case isFinal(e.Err):
		return false
	case errors.Is(e.Err, ErrChecksum), slices.Contains(temporaryCodes, e.Code):
		return true
	case e.HTTPStatus == 0:
		return !permanent(e.Err)
	case e.HTTPStatus < 300:
		return e.Code == "" // cut short or unclear
	default:
		return e.HTTPStatus >= 500 || e.HTTPStatus == http.StatusTooManyRequests
	}
}

// permanent reports whether a request that got no answer will not get one
// later either: an invalid certificate, or a redirect, stays.
func permanent(err error) bool {
	var certificate *tls.CertificateVerificationError
	var p interface{ Permanent() bool }
	return errors.As(err, &certificate) || errors.As(err, &p) && p.Permanent()
}

// expired reports whether COS refused the keys because they have expired. The
// code for that may also be AccessDenied, or InvalidAccessKeyId for keys that
// expired long ago.
func (e *Error) expired() bool {
	switch e.Code {
	case "ExpiredToken", "InvalidAccessKeyId":
		return true
	case "AccessDenied":
		return strings.Contains(strings.ToLower(e.Message), "expired")
	}
	return false
}

// unaccelerated reports whether the domain for global acceleration refused
// this call, such as a deletion, or will refuse all calls. The answer to a HEAD
// has no body and therefore no code.
func (e *Error) unaccelerated() (thisCall, allCalls bool) {
	switch e.Code {
	case "BucketAccelerateNotEnabled":
		return true, true
	case "ActionAccelerateNotSupported":
		return true, e.Op == initiateUpload || e.Op == uploadPart
	}
	return e.Op == headObject && e.HTTPStatus == http.StatusBadRequest, false
}

// doubtful reports whether COS may have carried out the call in spite of the
// error.
func (e *Error) doubtful() bool {
	return e.HTTPStatus == 0 || e.HTTPStatus >= 500 || e.HTTPStatus < 300
}

// failure describes a failed call. The SDK's error is used only where there was
// no answer, because its text can hold a whole body.
func failure(op string, part int, answer *exchange, err error) *Error {
	e := &Error{
		Op: op, Part: part, HTTPStatus: answer.status,
		RequestID: answer.requestID(),
		TraceID:   line(answer.header.Get("x-cos-trace-id"), 200),
	}
	if seconds, err := strconv.Atoi(answer.header.Get("Retry-After")); err == nil {
		e.retryAfter = min(max(0, time.Duration(seconds)*time.Second), 2*time.Minute)
	}
	if isFinal(err) || errors.Is(err, ErrChecksum) || errors.Is(err, errUnclear) {
		e.Err = err
		return e
	}
	var body struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestID string `xml:"RequestId"`
		TraceID   string `xml:"TraceId"`
	}
	if xml.Unmarshal(answer.body.Bytes(), &body) == nil {
		e.Code, e.Message = line(body.Code, 80), line(body.Message, 200)
		if e.RequestID == "" {
			e.RequestID = line(body.RequestID, 100)
		}
		if e.TraceID == "" {
			e.TraceID = line(body.TraceID, 200)
		}
	}
	switch {
	case e.Code != "":
	case answer.status == 0:
		e.Err = unwrapped(err)
	case answer.bodyErr != nil:
		e.Err = fmt.Errorf("read the answer: %w", answer.bodyErr)
	case answer.status < 300:
		e.Err = errUnclear
	}
	return e
}

// unwrapped takes off two layers: the SDK's list of attempts, which hides its
// members from errors.As, and net/http's error, which repeats the URL.
func unwrapped(err error) error {
	var list *sdk.RetryError
	if errors.As(err, &list) && len(list.Errs) > 0 {
		err = list.Errs[len(list.Errs)-1]
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return err
}

// line returns a text of the service without control characters, shortened to
// at most n characters. It is cut between words, because half of a secret would
// not be recognised and masked.
func line(s string, n int) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	short := cut(s, n)
	if short != s {
		return strings.TrimRightFunc(strings.TrimSuffix(short, "…"), func(r rune) bool { return r > ' ' && r < 0x7f }) + "…"
	}
	return s
}

// cut shortens s to n characters and an ellipsis.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i] + "…"
		}
		n--
	}
	return s
}
