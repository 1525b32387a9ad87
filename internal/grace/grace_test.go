package grace_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/grace"
)

var errOver, errStop, errLimit = errors.New("over"), errors.New("stop"), errors.New("limit")

func TestExtend(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		limit time.Duration // when the limit ends; 0 is never
		cause error
		ends  time.Duration
		why   error
	}{
		"after the extra time":      {0, errOver, 13 * time.Second, errOver},
		"with the context's cause":  {0, nil, 13 * time.Second, errStop},
		"with the limit":            {11 * time.Second, errOver, 11 * time.Second, errLimit},
		"not before the context":    {time.Second, errOver, 10 * time.Second, errLimit},
		"a later limit has no part": {time.Minute, errOver, 13 * time.Second, errOver},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, stop := context.WithCancelCause(t.Context())
				time.AfterFunc(10*time.Second, func() { stop(errStop) })
				if test.limit > 0 {
					limit, end := context.WithCancelCause(t.Context())
					time.AfterFunc(test.limit, func() { end(errLimit) })
					ctx = grace.WithLimit(ctx, limit)
				}
				extended, done := grace.Extend(ctx, 3*time.Second, test.cause)
				defer done()
				<-extended.Done()
				if took := time.Since(start); took != test.ends || !errors.Is(context.Cause(extended), test.why) {
					t.Errorf("got the end after %v because of %v, want it after %v because of %v", took, context.Cause(extended), test.ends, test.why)
				}
			})
		})
	}
}

// Work that is done before leaves no timer and no watcher behind: synctest
// fails on a goroutine that is still there.
func TestDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		extended, done := grace.Extend(ctx, time.Hour, errOver)
		stop()
		done()
		if !errors.Is(extended.Err(), context.Canceled) {
			t.Errorf("got %v after the work was done, want a cancelled context", extended.Err())
		}
	})
}
