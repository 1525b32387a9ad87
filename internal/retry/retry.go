// Package retry repeats what is known to be transient: one backoff for the
// whole program, exponential with full jitter, a cap, and respect for what
// the server asks. A cancelled context ends every wait at once.
package retry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	goretry "github.com/sethvargo/go-retry"
)

// Policy says how often and how slowly to repeat.
type Policy struct {
	Base     time.Duration // the first wait is between 0 and Base; each later one may be twice as long
	Cap      time.Duration // no wait is longer, unless the server asks for it
	Attempts int           // tries altogether; 0 means one

	// Patience is how long to keep trying a service that only says that it is
	// asked too often, however many tries that takes; 0 counts those like all
	// others.
	Patience time.Duration

	// Float returns a number in [0,1). Nil means math/rand/v2.
	Float func() float64

	// Notify, if set, is called before each wait.
	Notify func(attempt int, wait time.Duration, err error)
}

// transient marks an error after which a retry makes sense.
type transient struct {
	err   error
	after time.Duration
	busy  bool
}

func (t *transient) Error() string { return t.err.Error() }
func (t *transient) Unwrap() error { return t.err }

// Transient marks err as worth another try, not sooner than after (a
// Retry-After; 0 if the server asked for nothing). The mark must be the
// outermost wrapping: Do takes it off again.
func Transient(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &transient{err: err, after: after}
}

// Busy is Transient for the refusal of a service that is asked too often, by
// whomever: that says nothing about the call, and passes.
func Busy(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &transient{err: err, after: after, busy: true}
}

// Do calls f until it succeeds, fails with an error that is not marked
// Transient, the attempts are used up or ctx ends. It returns the last real
// error of f; where ctx ended during a wait, joined with the cause of that.
func Do(ctx context.Context, p Policy, f func(context.Context) error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	var last error
	attempt := 0
	tries := p.Begin()
	backoff := goretry.BackoffFunc(func() (time.Duration, bool) {
		attempt++
		t := &transient{}
		errors.As(last, &t)
		if !tries.Another(t.busy) {
			return 0, true
		}
		wait := max(p.Wait(attempt), t.after)
		if t.busy {
			wait = max(p.WaitBusy(attempt), t.after)
		}
		if p.Notify != nil {
			p.Notify(attempt, wait, unmark(last))
		}
		return wait, false
	})
	err := goretry.Do(ctx, backoff, func(ctx context.Context) error {
		last = f(ctx)
		if t := (*transient)(nil); errors.As(last, &t) {
			return goretry.RetryableError(last)
		}
		return last
	})
	if err == nil {
		return nil
	}
	// go-retry answers with the bare context error when the context ends in
	// a wait; what went wrong before that is what the user needs.
	if ctx.Err() != nil && last != nil && !errors.Is(last, ctx.Err()) {
		return fmt.Errorf("%w (%w)", unmark(last), context.Cause(ctx))
	}
	if last == nil {
		return context.Cause(ctx)
	}
	return unmark(last)
}

// Tries counts what Policy limits.
type Tries struct {
	p     Policy
	start time.Time
	count int
}

// Begin begins to count.
func (p Policy) Begin() *Tries { return &Tries{p: p, start: time.Now()} }

// Another reports whether a try that failed may be followed by another one;
// busy says that the service was only asked too often.
func (t *Tries) Another(busy bool) bool {
	if busy && t.p.Patience > 0 {
		return time.Since(t.start) < t.p.Patience
	}
	t.count++
	return t.count < t.p.Attempts
}

// Wait returns how long to wait after the given attempt (from 1): a random
// time below Base·2^(attempt-1), and below Cap.
func (p Policy) Wait(attempt int) time.Duration {
	limit := p.Cap
	if shift := attempt - 1; shift < 32 && p.Base<<shift < limit {
		limit = p.Base << shift
	}
	random := p.Float
	if random == nil {
		random = rand.Float64
	}
	return time.Duration(random() * float64(limit))
}

// WaitBusy is Wait for a service that is asked too often. It does not grow
// beyond a few times Base: those who had waited longest would be asking least,
// and every newcomer would overtake them.
func (p Policy) WaitBusy(attempt int) time.Duration {
	p.Cap = min(p.Cap, 8*p.Base)
	return p.Wait(attempt)
}

// Sleep waits for d, or until ctx ends, and then returns the cause.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

func unmark(err error) error {
	if t := (*transient)(nil); errors.As(err, &t) {
		return t.err
	}
	return err
}
