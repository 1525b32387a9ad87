package cloudapi

import (
	"net/http"
	"testing"
	"time"
)

// A clock that is wrong by hours is corrected. A server that says it is years later
// gets no signature for then.
func TestClockOfServer(t *testing.T) {
	for ahead, known := range map[time.Duration]bool{
		0: true, 8 * time.Hour: true, -47 * time.Hour: true, 49 * time.Hour: false, 12 * 365 * 24 * time.Hour: false, -3 * 365 * 24 * time.Hour: false,
	} {
		c := New(Config{Endpoint: "http://127.0.0.1:1"})
		date := time.Now().Add(ahead).UTC().Format(http.TimeFormat)
		if got := c.correct(date); got != (known && ahead != 0) {
			t.Errorf("%v: corrected %v", ahead, got)
		}
		if skew := time.Duration(c.skew.Load()) * time.Second; !known && skew != 0 {
			t.Errorf("%v: signs %v ahead", ahead, skew)
		}
	}
}
