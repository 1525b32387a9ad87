package cloudapi

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/transport"
)

// Codes of our own, for what went wrong outside the service.
const (
	CodeNetwork     = "NetworkError"    // no answer came
	CodeAnswer      = "InvalidAnswer"   // what came is not an answer of API 3.0
	CodeRequest     = "InvalidRequest"  // ours: the request could not be made
	CodeCredentials = "NoCredentials"   // the keys could not be had
	CodeRedirect    = "RefusedRedirect" // the server sent us elsewhere
)

// Error is a call that failed.
type Error struct {
	Action     string
	Code       string // the service's, or one of the constants above, or "HTTP502"
	Message    string // one line
	RequestID  string // "" when no answer came
	HTTPStatus int    // 0 when no answer came
	Hint       string // what to do about it; may be ""

	// Doubtful says that the service may have done what it was asked to,
	// although no answer says so.
	Doubtful bool

	// Temporary says that the same call may succeed a little later. RetryAfter is how
	// long the service asks to wait until then; 0 if it does not say.
	Temporary  bool
	RetryAfter time.Duration

	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Action, e.Code)
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + clean(e.Err.Error(), 300)) // net/http quotes what a server sends
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (RequestId %s)", e.RequestID)
	}
	return b.String()
}

// Unreached reports whether the request failed before the service: in the network
// or at something in between.
func (e *Error) Unreached() bool {
	return e.Code == CodeNetwork || e.Code == CodeAnswer || e.Code == CodeRedirect || strings.HasPrefix(e.Code, "HTTP")
}

// Unwrap returns the error beneath, of the network for example.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the code is the target's, so that
// errors.Is(err, cloudapi.Code("X.Y")) asks for a code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && (e.Code == string(code) || strings.HasPrefix(e.Code, string(code)+"."))
}

// Code is an error code as a target for errors.Is. It stands for its
// subcodes, too: Code("OperationDenied") is OperationDenied.VersionCreating.
type Code string

func (c Code) Error() string { return string(c) }

// Refused codes say that the service did nothing and may do it later.
var refused = []Code{
	"RequestLimitExceeded",
	"ResourceInUse",
	"ResourceUnavailable",
	"FailedOperation.ApplicationLockFail",
	"FailedOperation.VersionLockFail",
	"FailedOperation.SlowDown",
	"InvalidParameter.OverLimit", // of STS: called too often
	"HTTP429",
}

// throttled are those of them that mean too many requests.
var throttled = []Code{"RequestLimitExceeded", "FailedOperation.SlowDown", "HTTP429"}

// Throttled reports whether the service refused only because of too many requests.
// The limit is the account's, so it says nothing about this call.
func (e *Error) Throttled() bool { return isAny(e, throttled) }

// Unsettled codes may come after the service did what it was asked to.
var unsettled = []Code{
	"InternalError",
	"ServiceUnavailable",
	"FailedOperation.ProcessTimeout",
}

func doubtfulCode(code string) bool { return isAny(&Error{Code: code}, unsettled) }

// repeatable says whether the same call may be sent again.
func repeatable(e *Error, once bool) bool {
	switch {
	case isAny(e, refused):
		return true
	case e.Code == CodeNetwork && !e.Doubtful:
		return retryableNetwork(e.Err)
	case e.Is(Code("InternalError.GetRoleError")): // of STS: there is no such role
		return false
	case e.Code == CodeAnswer, e.Code == CodeRedirect: // HTML today is HTML again in a second
		return false
	}
	return e.Doubtful && !once
}

func isAny(e *Error, codes []Code) bool {
	for _, c := range codes {
		if e.Is(c) {
			return true
		}
	}
	return false
}

// networkError tells what is known when no answer came. Only a failure to
// connect proves that the service did not see the request.
func networkError(err error) *Error {
	e := &Error{Code: CodeNetwork, Message: "no answer came", Doubtful: true, Err: err}
	var dial *net.OpError
	var dns *net.DNSError
	var redirect *transport.RedirectError
	switch {
	case errors.As(err, &redirect):
		e.Code, e.Message, e.HTTPStatus = CodeRedirect, "", redirect.Status
	case errors.As(err, new(transport.Refusal)):
		e.Code, e.Message = CodeAnswer, "the answer was not taken"
	case errors.As(err, &dns), errors.As(err, &dial) && (dial.Op == "dial" || dial.Op == "proxyconnect"), isCertificate(err):
		e.Message = "the server could not be reached"
		e.Doubtful = false
	}
	return e
}

// retryableNetwork says whether a failure to connect may pass: a certificate
// that is not trusted will not become so.
func retryableNetwork(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return false
	}
	return !isCertificate(err)
}

func isCertificate(err error) bool {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid)
}
