package publish

import (
	"fmt"
	"time"

	"github.com/car-publish/car-publish/internal/human"
)

// forecast warns, once, of an upload that will not end before the deadline, hours
// before the timeout would tell.
type forecast struct {
	total    int64     // bytes
	deadline time.Time // of the whole run; zero is none
	warn     func(string)

	at   time.Time // of the last forecast
	done int64     // bytes at that time
	told bool
}

// forecastSpan is the time over which the rate of the upload is measured for one
// forecast.
const forecastSpan = 30 * time.Second

func (f *forecast) update(done int64) {
	now := time.Now()
	if f.at.IsZero() {
		f.at, f.done = now, done
		return
	}
	span := now.Sub(f.at)
	if f.told || f.deadline.IsZero() || span < forecastSpan {
		return
	}
	rate := float64(done-f.done) / span.Seconds()
	f.at, f.done = now, done
	if rate <= 0 {
		return // a broken line is reported elsewhere
	}
	needs, left := time.Duration(float64(f.total-done)/rate*float64(time.Second)), f.deadline.Sub(now)
	if needs > left {
		f.told = true
		f.warn(fmt.Sprintf("At %s/s, the rest of the upload (%s) takes %s, and only %s of timeout are left.",
			human.Size(int64(rate)), human.Size(f.total-done), human.Duration(needs), human.Duration(max(left, 0))))
	}
}
