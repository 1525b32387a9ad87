package cos

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// scheduler sends the parts, as many at a time as its pace says. The first
// part that fails for good stops the others.
type scheduler struct {
	*Upload
	limiter *limiter     // nil if the rate is not limited
	sending atomic.Int64 // parts in flight of which the first bytes have been sent

	workers sync.WaitGroup
	mu      sync.Mutex
	pace    *pace
	taken   int // parts of a file that were handed out so far
	working int // workers that run

	stream *stream // nil for a file
}

// sendParts sends the parts that COS does not have yet.
func (u *Upload) sendParts(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &scheduler{Upload: u, pace: newPace()}
	if u.o.Parallel > 0 {
		s.pace.inFlight = u.o.Parallel
	}
	if u.o.LimitRate > 0 {
		s.limiter = &limiter{rate: u.o.LimitRate}
	}
	adaptive := u.o.Parallel == 0 && u.o.Size > u.o.PartSize*int64(s.pace.inFlight)
	if u.o.Stream != nil {
		s.stream = newStream(s)
		s.workers.Go(func() {
			if err := s.stream.fill(ctx); err != nil {
				cancel(Final(err))
			}
		})
	}
	s.startWorkers(ctx, cancel)
	if adaptive {
		defer every(beat, func() {
			s.mu.Lock()
			// Not the ticker's time: on a busy machine that has passed.
			s.pace.observe(time.Now(), s.sent.Load(), int(s.sending.Load()))
			s.mu.Unlock()
			s.startWorkers(ctx, cancel)
		})()
	}
	s.workers.Wait()
	return context.Cause(ctx)
}

// startWorkers starts as many workers as the pace allows and the parts need.
func (s *scheduler) startWorkers(ctx context.Context, cancel context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	needed := len(s.parts) - s.taken
	if s.stream != nil {
		needed = s.stream.mayNeed()
	}
	for s.working < min(s.pace.inFlight, needed) {
		s.working++
		s.workers.Go(func() {
			for p := s.next(ctx); p != nil; p = s.next(ctx) {
				if err := s.sendPart(ctx, p); err != nil {
					cancel(err)
				} else if s.stream != nil {
					s.stream.release(p.buffer)
				}
			}
		})
	}
}

// next returns the next part to send. nil tells the worker to end: no part is
// left, or more workers run than the pace allows.
func (s *scheduler) next(ctx context.Context) *outgoing {
	var p *outgoing
	if s.stream != nil {
		if !s.superfluous() {
			p = s.stream.next(ctx)
		}
	} else {
		p = s.nextOfFile(ctx)
	}
	if p == nil {
		s.mu.Lock()
		s.working--
		s.mu.Unlock()
	}
	return p
}

// superfluous reports whether more workers run than the pace allows.
func (s *scheduler) superfluous() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.working > s.pace.inFlight
}

func (s *scheduler) nextOfFile(ctx context.Context) *outgoing {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ctx.Err() == nil && s.working <= s.pace.inFlight && s.taken < len(s.parts) {
		s.taken++
		if p := s.parts[s.taken-1]; p.etag == "" { // otherwise an earlier attempt sent it
			return &outgoing{part: p, number: s.taken, body: s.o.File, begin: int64(s.taken-1) * s.o.PartSize}
		}
	}
	return nil
}

// observe tells the pace the outcome of an attempt to send a part.
func (s *scheduler) observe(err error) {
	if s.o.Parallel > 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var e *Error
	switch {
	case err == nil:
		s.pace.succeeded()
	case errors.As(err, &e) && e.temporary():
		s.pace.failed(time.Now(), e.Code == "SlowDown" || e.HTTPStatus == http.StatusServiceUnavailable || e.HTTPStatus == http.StatusTooManyRequests)
	}
}
