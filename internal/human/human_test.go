package human_test

import (
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/human"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 2254857830: "2.1 GiB",
		5612961473: "5.2 GiB", 1 << 40: "1.0 TiB", 1<<63 - 1: "8.0 EiB",
	} {
		if got := human.Size(n); got != want {
			t.Errorf("Size(%d): got %q, want %q", n, got, want)
		}
	}
	if got, want := human.Rate(50646221.9), "48.3 MiB/s"; got != want {
		t.Errorf("Rate: got %q, want %q", got, want)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0s", 3249 * time.Millisecond: "3.2s", 9949 * time.Millisecond: "9.9s", 9950 * time.Millisecond: "10s",
		72 * time.Second: "1m12s", time.Hour - time.Millisecond: "1h", 2*time.Hour + 5*time.Minute + 20*time.Second: "2h5m",
		47 * time.Hour: "47h", 50 * time.Hour: "2 days", -time.Second: "0.0s",
	} {
		if got := human.Duration(d); got != want {
			t.Errorf("Duration(%v): got %q, want %q", d, got, want)
		}
	}
}
