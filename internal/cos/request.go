package cos

import (
	"context"
	"errors"
	"fmt"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/retry"
)

// Call is one HTTP request to COS and its outcome, for the log.
type Call struct {
	Action    string // as COS names it, with the part's number: "UploadPart 7"
	Attempt   int    // from 1
	Took      time.Duration
	RequestID string // "" if no answer came
	Err       error
}

// request is one call to the API of COS.
type request struct {
	action  string // as COS names it: "UploadPart"
	part    int    // from 1; 0 where the call is not about a part
	attempt int    // from 1

	// cleanup marks a call of Abort. It is repeated for some seconds only, as
	// long as CIs leave after a cancel, and uses the keys in force: asking for
	// new ones would delay the deletion of the version.
	cleanup bool

	// send makes the call with the SDK, and reads the answer's header.
	send func(ctx context.Context, client *sdk.Client, answer *exchange) error
}

// do makes a request, and repeats it while it fails with a temporary error.
func (u *Upload) do(ctx context.Context, r request) error {
	policy := u.o.Policy
	if r.cleanup {
		policy = retry.Policy{Base: 250 * time.Millisecond, Cap: 2 * time.Second, Attempts: 8, Float: u.o.Policy.Float}
	}
	return u.repeat(ctx, r.action, policy, func(ctx context.Context, attempt int) error {
		r.attempt = attempt
		return u.attempt(ctx, r)
	})
}

// repeat calls f until it succeeds, fails with a lasting error, or the
// attempts are used up. The caller of the package is told what is repeated.
func (u *Upload) repeat(ctx context.Context, what string, policy retry.Policy, f func(ctx context.Context, attempt int) error) error {
	policy.Notify = func(attempt int, wait time.Duration, err error) {
		if u.o.Retrying != nil {
			u.notify(func() { u.o.Retrying(what, attempt, wait, err) })
		}
	}
	attempt := 0
	return retry.Do(ctx, policy, func(ctx context.Context) error {
		attempt++
		err := f(ctx, attempt)
		var e *Error
		if ctx.Err() == nil && errors.As(err, &e) && e.temporary() {
			return retry.Transient(err, e.retryAfter)
		}
		return err
	})
}

// attempt makes a request. If COS says that the keys have expired, the
// request is made again with new ones.
func (u *Upload) attempt(ctx context.Context, r request) error {
	if r.cleanup {
		keys, _ := u.keys.held()
		return u.send(ctx, keys, r)
	}
	keys, err := u.keys.current(ctx)
	if err != nil {
		return err
	}
	err = u.send(ctx, keys, r)
	var e *Error
	if ctx.Err() != nil || !errors.As(err, &e) || !e.expired() {
		return err
	}
	keys, renewErr := u.keys.replace(ctx, keys)
	if renewErr != nil {
		return fmt.Errorf("%w (after %w)", renewErr, err)
	}
	return u.send(ctx, keys, r)
}

// send makes a request to the accelerated domain while that is in use. What
// this domain does not accept goes to the bucket's own domain.
func (u *Upload) send(ctx context.Context, keys *Keys, r request) error {
	accelerated := u.accelerated.Load()
	if accelerated == nil {
		return u.sendTo(ctx, u.bucket, keys, r)
	}
	err := u.sendTo(ctx, accelerated, keys, r)
	var e *Error
	if ctx.Err() != nil || !errors.As(err, &e) {
		return err
	}
	thisCall, allCalls := e.unaccelerated()
	if allCalls && u.accelerated.CompareAndSwap(accelerated, nil) && u.o.Unaccelerated != nil {
		u.notify(func() { u.o.Unaccelerated(err) })
	}
	if thisCall || allCalls {
		return u.sendTo(ctx, u.bucket, keys, r)
	}
	return err
}

// sendTo makes one HTTP request. It returns nil, an *Error, or an error that
// wraps the cause of the context's end.
func (u *Upload) sendTo(ctx context.Context, bucket *sdk.BaseURL, keys *Keys, r request) error {
	answer := &exchange{next: u.o.Transport, keys: keys}
	start := time.Now()
	err := r.send(ctx, answer.client(bucket), answer)
	switch {
	case err == nil:
	case ctx.Err() != nil && !isFinal(err):
		// The failure of another part may have ended the context.
		err = fmt.Errorf("stopped: %w", context.Cause(ctx))
	default:
		err = failure(r.action, r.part, answer, err)
	}
	if u.o.Called != nil {
		c := Call{Action: r.action, Attempt: r.attempt, Took: time.Since(start), RequestID: answer.requestID(), Err: err}
		if r.part > 0 {
			c.Action = fmt.Sprintf("%s %d", r.action, r.part)
		}
		u.notify(func() { u.o.Called(c) })
	}
	return err
}

// notify calls one of the caller's functions, never two at a time.
func (u *Upload) notify(f func()) {
	u.notifying.Lock()
	defer u.notifying.Unlock()
	f()
}
