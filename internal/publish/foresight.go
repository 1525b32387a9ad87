package publish

import (
	"fmt"
	"time"
)

// foresight warns, once, of an upload that will not end in time. Whoever
// learns that from the timeout, hours later, has learnt it too late.
type foresight struct {
	total    int64     // bytes
	deadline time.Time // of the whole run; zero is none
	warn     func(string)

	at   time.Time // of the last look
	done int64     // then
	told bool
}

// outlook is how long an upload is watched before it is judged, and from then
// on between two judgements.
const outlook = 30 * time.Second

func (f *foresight) update(done int64) {
	now := time.Now()
	if f.at.IsZero() {
		f.at, f.done = now, done
		return
	}
	span := now.Sub(f.at)
	if f.told || f.deadline.IsZero() || span < outlook {
		return
	}
	rate := float64(done-f.done) / span.Seconds()
	f.at, f.done = now, done
	if rate <= 0 {
		return // a line that is broken is told of in another way
	}
	needs, left := time.Duration(float64(f.total-done)/rate*float64(time.Second)), f.deadline.Sub(now)
	if needs > left {
		f.told = true
		f.warn(fmt.Sprintf("At %s/s, the rest of the upload (%s) takes %s, and only %s of timeout are left.",
			bytesText(int64(rate)), bytesText(f.total-done), roughly(needs), roughly(max(left, 0))))
	}
}

// roughly is a duration as one would say it.
func roughly(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Seconds()))
}
