package carsim

import (
	"slices"
	"time"
)

// tooFast counts a call and reports whether it exceeds the limit, which is 20
// calls a second for each action (tencentcloud.com/document/product/1158/49958)
// unless the World has another.
func (s *Sim) tooFast(action string, now time.Time) bool {
	recent := slices.DeleteFunc(s.calls[action], func(t time.Time) bool { return now.Sub(t) >= time.Second })
	if s.world.RateLimit > 0 && len(recent) >= s.world.RateLimit {
		s.calls[action] = recent
		return true
	}
	s.calls[action] = append(recent, now)
	return false
}
