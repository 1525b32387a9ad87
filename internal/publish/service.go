package publish

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/grace"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
)

// service asks CAR about one application, and waits between two questions.
type service struct {
	*recorder
	api         *car.Client
	application string // its id
	retry       retry.Policy
	float       func() float64 // randomness in [0,1)
	throttles   atomic.Int64   // how often CAR said that the account asks too often
}

// newService returns a service that reports its calls through the recorder.
func newService(o Options, d Deps, rec *recorder) *service {
	s := &service{recorder: rec, application: o.ApplicationID, retry: d.CAR.Retry, float: d.Float}
	config := d.CAR
	config.Called = func(action string, attempt int, took time.Duration, id string, err error) {
		rec.emit(record.Called{Action: action, Took: took, RequestID: id, Attempt: attempt, Err: err})
	}
	config.Retrying = func(action string, attempt int, wait time.Duration, err error) {
		if throttled(err) {
			s.throttles.Add(1)
		}
		rec.emit(record.Retrying{What: action, Attempt: attempt, Wait: wait, Err: err})
	}
	s.api = car.New(config)
	return s
}

// listVersions lists the versions of the application.
func (s *service) listVersions(ctx context.Context) ([]car.Version, error) {
	versions, id, err := s.api.DescribeApplicationVersion(ctx, s.application)
	if err != nil {
		s.recordRequest("DescribeApplicationVersion", id, err)
	}
	return versions, err
}

// watch lists the versions until decide is done with them, and waits between
// two lists. Every wait for CAR is one of these.
func (s *service) watch(ctx context.Context, wait func(context.Context) error, decide func([]car.Version) (done bool, err error)) error {
	for {
		versions, err := s.listVersions(ctx)
		if err != nil {
			return err
		}
		if done, err := decide(versions); done || err != nil {
			return err
		}
		if err := wait(ctx); err != nil {
			return err
		}
	}
}

// The time between two polls. All publishes of an account share 20 requests a
// second, so it is never shorter than the floor.
const (
	pollFloor   = 2 * time.Second
	pollCeiling = 15 * time.Second
)

// poller returns a wait for watch that grows with the time that has passed, and
// while CAR throttles. Jitter keeps many runs from polling in step.
func (s *service) poller() func(context.Context) error {
	start := time.Now()
	throttles, slower := s.throttles.Load(), time.Duration(1)
	return func(ctx context.Context) error {
		if now := s.throttles.Load(); now > throttles {
			throttles, slower = now, min(2*slower, 8)
		} else {
			slower = max(slower/2, 1)
		}
		wait := min(slower*max(time.Since(start)/8, pollFloor), pollCeiling)
		return retry.Sleep(ctx, wait+time.Duration(s.float()*float64(wait)/4))
	}
}

// steadily is a wait for watch that is always the shortest one.
func steadily(ctx context.Context) error { return retry.Sleep(ctx, pollFloor) }

// despiteCancel returns a context for a look that a cancelled run still has to
// take, because a change may have happened: it gets a few seconds more.
func despiteCancel(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return grace.Extend(ctx, car.Grace, nil)
}

// tries counts the tries of a call that the flow repeats by itself, since it
// must look at the list between two of them.
func (s *service) tries(most int) *retry.Tries {
	policy := s.retry
	policy.Attempts = most
	return policy.Begin()
}

// pause reports a failed try and waits before the next one.
func (s *service) pause(ctx context.Context, action string, attempt int, err error) error {
	wait := s.retry.Wait(attempt)
	if throttled(err) {
		wait = s.retry.WaitBusy(attempt)
	}
	if e := (*car.Error)(nil); errors.As(err, &e) {
		wait = max(wait, e.RetryAfter)
	}
	s.emit(record.Retrying{What: action, Attempt: attempt, Wait: wait, Err: err})
	return retry.Sleep(ctx, wait)
}

// isDoubtful reports whether a call may have been carried out although it
// failed.
func isDoubtful(err error) bool {
	var e *car.Error
	return errors.As(err, &e) && e.Doubtful
}

// worthRetry reports whether a call may succeed when it is sent again: it was
// refused for now, or its answer was lost. A redirect does not go away.
func worthRetry(err error) bool {
	var e *car.Error
	return errors.As(err, &e) && (e.Temporary || e.Doubtful && e.Code != car.CodeRedirect)
}

// throttled reports whether CAR refused a call because the account asks too
// often.
func throttled(err error) bool {
	var e *car.Error
	return errors.As(err, &e) && e.Throttled()
}

// isOwn reports whether an error is the flow's own, and not that of a call.
func isOwn(err error) bool { return errors.As(err, new(*Error)) }
