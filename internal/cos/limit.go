package cos

import (
	"context"
	"sync"
	"time"

	"github.com/car-publish/car-publish/internal/retry"
)

// limiter limits the bytes per second. Unlike a token bucket it allows no
// bursts after a pause, because the line may be shared.
type limiter struct {
	rate int64 // bytes per second

	mu   sync.Mutex
	free time.Time // when all bytes that were let pass have been sent
}

// slice is how many bytes may be sent at a time. They are few, so that the
// parts in flight take turns quickly; otherwise the transport's watchdog would
// find a waiting one stalled.
func (l *limiter) slice() int64 { return max(l.rate/50, 1) }

// wait returns when n bytes may be sent.
func (l *limiter) wait(ctx context.Context, n int64) error {
	l.mu.Lock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	turn := l.free
	l.free = turn.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	l.mu.Unlock()
	if turn.Equal(now) {
		return nil
	}
	return retry.Sleep(ctx, turn.Sub(now))
}
