package cos

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/transport"
)

// The whole upload keeps to the limit, evenly, with however many parts in
// flight, parts that are sent again included; and the watchdog does not take
// a part that waits for its turn for stalled.
func TestLimitRate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ rate, size, part int64 }{
		{1 * mib, 40 * mib, 1 * mib},
		{16 << 10, 4 * mib, 64 << 10}, // the lowest: minutes
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &bucket{faults: map[string]fault{"UploadPart 3 #1": func(_ *http.Request, honest func() *http.Response) (*http.Response, error) {
				honest() // all of it, in vain
				return cosError(503, "ServiceUnavailable", "x"), nil
			}}}
			o := testOptions(b)
			o.Transport = transport.Guard(b, "")
			o.File, o.Size, o.PartSize, o.Parallel, o.LimitRate = zeros{tt.size}, tt.size, tt.part, 0, tt.rate
			start := time.Now()
			told, at := int64(0), start
			o.Progress = func(done int64) {
				now := time.Now()
				if now.Sub(at) < time.Second {
					return
				}
				if got, want := float64(done-told)/now.Sub(at).Seconds(), float64(tt.rate); got > 1.1*want {
					t.Errorf("after %v %.0f bytes a second, want %.0f", now.Sub(start), got, want)
				}
				told, at = done, now
			}
			if _, err := New(o).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := time.Duration(float64(tt.size+tt.part) / float64(tt.rate) * float64(time.Second))
			if got := time.Since(start); got < want-want/50 || got > want+want/20+4*time.Second {
				t.Errorf("%d bytes at %d a second took %v, want %v", tt.size, tt.rate, got, want)
			}
		})
	}
}

// A cancel ends the wait for a turn.
func TestLimitRateIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &limiter{rate: 1}
		if err := l.wait(t.Context(), 3600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := l.wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("wait = %v after %v, want the deadline after 1s", err, time.Since(start))
		}
	})
}
