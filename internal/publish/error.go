package publish

import (
	"context"
	"errors"
	"fmt"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/record"
)

// Kind is the sort of a failure; each has an exit status of its own.
type Kind int

// The kinds.
const (
	Other        Kind = iota // anything else
	BadInput                 // the caller must change an input
	Refused                  // the credentials were refused
	InTheWay                 // an unfinished version, no room, or a release that would replace a newer one
	UploadFailed             //
	NotCreated               // CAR could not make a version of the build
	TimedOut                 // the deadline passed
	Interrupted              // the context was cancelled for another reason
)

// Outcome is how a run with a failure of this kind ends.
func (k Kind) Outcome() record.Outcome {
	switch k {
	case InTheWay:
		return record.Blocked
	case Interrupted:
		return record.Cancelled
	default:
		return record.Failed
	}
}

// Error is why a run failed, for a reader.
type Error struct {
	Kind      Kind
	Code      string // the service's error code, or one of ours
	Message   string // a sentence or two: what failed, and what was not done because of it
	Hint      string // what to do about it
	RequestID string
	Err       error

	blocker string // id of the version that is in the way; "" if it is not known
}

// The codes of errors that obtain checks against a fresh list.
const (
	codeBlocked = "Blocked"
	codeFull    = "Full"
	codeChanged = "Changed"
)

// blocks reports whether something that may have changed by now keeps CAR from
// taking a new version.
func (e *Error) blocks() bool {
	return e.Code == codeBlocked || e.Code == codeFull || e.Code == codeChanged
}

func (e *Error) Error() string { return e.Message }

// Unwrap returns what the Error was made of.
func (e *Error) Unwrap() error { return e.Err }

// errTimeout is the cause of a context that ran into Options.Timeout.
var errTimeout = errors.New("the timeout passed")

// fail makes an Error.
func fail(kind Kind, code, hint, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// explain turns any error of a run into an *Error. After a cancel or a timeout
// it is about that, and not about what failed because of it.
func (r *run) explain(ctx context.Context, err error) *Error {
	if cause := context.Cause(ctx); cause != nil {
		doing := fmt.Sprintf("in the phase %q", r.current())
		if errors.Is(cause, errTimeout) {
			e := fail(TimedOut, "Timeout", "Raise timeout, or look at the phase that took so long.",
				"The timeout of %v passed %s.", r.o.Timeout, doing)
			if real := (*Error)(nil); errors.As(err, &real) {
				e.Message += " Last: " + real.Message
			} else if real := (*car.Error)(nil); errors.As(err, &real) && !errors.Is(real.Err, cause) {
				e.Message += " Last error: " + real.Error()
			}
			e.Err = err
			return e
		}
		e := fail(Interrupted, "Cancelled", "", "Stopped %s (%v).", doing, cause)
		e.Err = cause
		return e
	}
	e := Explain(err)
	if r.current() == record.Upload && e.Code == codeUnknown {
		e.Kind, e.Code = UploadFailed, "Upload"
	}
	return e
}

// codeUnknown is the code of an unexpected error.
const codeUnknown = "Failed"

// Explain turns an error of the packages below the flow into an *Error. It
// leaves its argument as it is.
func Explain(err error) *Error {
	if own := (*Error)(nil); errors.As(err, &own) {
		if own.RequestID == "" {
			return own
		}
		e := *own
		e.Message += fmt.Sprintf(" (%s, RequestId %s)", e.Code, e.RequestID)
		e.Err = own
		return &e
	}
	if api := (*car.Error)(nil); errors.As(err, &api) {
		keyless := api.Code == car.CodeCredentials
		if cause := (*car.Error)(nil); keyless && errors.As(api.Err, &cause) {
			api = cause // what STS said, not who asked for keys
		}
		e := &Error{Kind: Other, Code: api.Code, Message: api.Error(), Hint: api.Hint, RequestID: api.RequestID, Err: err}
		switch {
		case keyless && !api.Unreached():
			e.Kind = Refused
		case api.Is(car.Code("AuthFailure")), api.Is(car.Code("UnauthorizedOperation")):
			e.Kind = Refused
		case api.Is(car.Code("OperationDenied.VersionCreating")), api.Is(car.Code("OperationDenied.VersionLimitExceeded")):
			e.Kind = InTheWay
		}
		return e
	}
	if file := (*artifact.Error)(nil); errors.As(err, &file) {
		return &Error{Kind: BadInput, Code: string(file.Kind), Message: file.Message, Hint: file.Hint, Err: err}
	}
	if up := (*cos.Error)(nil); errors.As(err, &up) {
		code := up.Code
		switch {
		case code == "" && up.HTTPStatus == 0:
			code = car.CodeNetwork
		case code == "":
			code = fmt.Sprintf("HTTP%d", up.HTTPStatus)
		}
		return &Error{Kind: UploadFailed, Code: code, Message: up.Error(), Hint: up.Hint(), RequestID: up.RequestID, Err: err}
	}
	return &Error{Kind: Other, Code: codeUnknown, Message: err.Error(), Err: err}
}
