package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/retry"
)

var errFlaky = errors.New("flaky")

func policy() retry.Policy {
	return retry.Policy{Base: time.Second, Cap: 10 * time.Second, Attempts: 4, Float: func() float64 { return 0.5 }}
}

func TestDo(t *testing.T) {
	final := errors.New("final")
	for name, test := range map[string]struct {
		errs      []error
		wantErr   error
		wantCalls int
		wantTime  time.Duration
	}{
		"success at once":       {[]error{nil}, nil, 1, 0},
		"transient, then good":  {[]error{retry.Transient(errFlaky, 0), nil}, nil, 2, 500 * time.Millisecond},
		"final error":           {[]error{final}, final, 1, 0},
		"attempts used up":      {[]error{retry.Transient(errFlaky, 0)}, errFlaky, 4, 3500 * time.Millisecond}, // 0.5 + 1 + 2
		"server asks for 30 s":  {[]error{retry.Transient(errFlaky, 30*time.Second), nil}, nil, 2, 30 * time.Second},
		"transient, then final": {[]error{retry.Transient(errFlaky, 0), final}, final, 2, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, calls := time.Now(), 0
				err := retry.Do(t.Context(), policy(), func(context.Context) error {
					calls++
					return test.errs[min(calls, len(test.errs))-1]
				})
				if err != test.wantErr { // identity: the mark must be gone
					t.Errorf("err = %v, want %v", err, test.wantErr)
				}
				if calls != test.wantCalls {
					t.Errorf("calls = %d, want %d", calls, test.wantCalls)
				}
				if got := time.Since(start); got != test.wantTime {
					t.Errorf("took %v, want %v", got, test.wantTime)
				}
			})
		})
	}
}

func TestDoCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(100*time.Millisecond, func() { cancel(stop) })
		start := time.Now()
		err := retry.Do(ctx, policy(), func(context.Context) error { return retry.Transient(errFlaky, 0) })
		if !errors.Is(err, errFlaky) || !errors.Is(err, stop) {
			t.Errorf("err = %v, want the last real error and the cause", err)
		}
		if got := time.Since(start); got != 100*time.Millisecond {
			t.Errorf("the wait ended after %v, want at once", got)
		}
		called := false
		err = retry.Do(ctx, policy(), func(context.Context) error { called = true; return nil })
		if called || !errors.Is(err, stop) {
			t.Errorf("on an ended context: called %v, err %v", called, err)
		}
	})
}

func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		p := policy()
		p.Notify = func(attempt int, wait time.Duration, err error) {
			if attempt != len(waits)+1 || err != errFlaky {
				t.Errorf("Notify(%d, %v, %v)", attempt, wait, err)
			}
			waits = append(waits, wait)
		}
		_ = retry.Do(t.Context(), p, func(context.Context) error { return retry.Transient(errFlaky, 0) })
		if len(waits) != 3 {
			t.Errorf("told of %d waits, want 3", len(waits))
		}
	})
}

func TestWait(t *testing.T) {
	p := retry.Policy{Base: time.Second, Cap: 20 * time.Second}
	for attempt, limit := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 20 * time.Second, 90: 20 * time.Second} {
		p.Float = func() float64 { return 0.999999 }
		if got := p.Wait(attempt); got >= limit || got < limit*99/100 {
			t.Errorf("Wait(%d) = %v, want just below %v", attempt, got, limit)
		}
		p.Float = func() float64 { return 0 }
		if got := p.Wait(attempt); got != 0 {
			t.Errorf("Wait(%d) = %v at least, want 0", attempt, got)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := retry.Sleep(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("Sleep = %v after %v", err, time.Since(start))
		}
	})
}

// A service that is only asked too often is asked on, beyond the tries that
// other failures get, with waits that do not grow beyond a few seconds.
func TestBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := policy()
		p.Patience = time.Minute
		start, calls := time.Now(), 0
		var longest time.Duration
		p.Notify = func(_ int, wait time.Duration, _ error) { longest = max(longest, wait) }
		err := retry.Do(t.Context(), p, func(context.Context) error {
			calls++
			return retry.Busy(errFlaky, 0)
		})
		// 0.5 + 1 + 2 + 4 + 4 + ...
		if !errors.Is(err, errFlaky) || calls != 19 || time.Since(start) != 63500*time.Millisecond || longest != 4*time.Second {
			t.Errorf("got %v after %d calls and %v, the longest wait was %v", err, calls, time.Since(start), longest)
		}

		// They do not use up what other failures get, and heed what is asked.
		start, calls = time.Now(), 0
		errs := []error{retry.Busy(errFlaky, 30*time.Second), retry.Busy(errFlaky, 0), retry.Transient(errFlaky, 0), retry.Transient(errFlaky, 0), retry.Transient(errFlaky, 0), nil}
		err = retry.Do(t.Context(), p, func(context.Context) error {
			calls++
			return errs[calls-1]
		})
		// 30 + 1 + 2 + 4 + 5
		if err != nil || calls != 6 || time.Since(start) != 42*time.Second {
			t.Errorf("got %v after %d calls and %v", err, calls, time.Since(start))
		}

		// Without patience they count like all others.
		p.Patience, calls = 0, 0
		err = retry.Do(t.Context(), p, func(context.Context) error {
			calls++
			return retry.Busy(errFlaky, 0)
		})
		if !errors.Is(err, errFlaky) || calls != 4 {
			t.Errorf("got %v after %d calls, want 4", err, calls)
		}
	})
}
