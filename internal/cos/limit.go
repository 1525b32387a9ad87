package cos

import (
	"context"
	"sync"
	"time"

	"github.com/car-publish/car-publish/internal/retry"
)

// limiter lets a number of bytes a second pass, evenly: nothing is saved up
// while nobody sends, so that a line that is shared sees no bursts.
type limiter struct {
	rate int64 // bytes a second

	mu   sync.Mutex
	free time.Time // when all that has been let pass is through
}

// slice is how much is let pass at a time, in bytes: so little that the parts
// in flight take turns quickly, or the watchdog would take the one that waits
// for stalled.
func (l *limiter) slice() int64 { return max(l.rate/50, 1) }

// wait returns when n bytes may pass.
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
