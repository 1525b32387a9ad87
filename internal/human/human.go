// Package human writes sizes, rates and durations for a reader. Whatever a
// user sees of those goes through it, so that a value looks the same in the
// log, in the summary and in an error.
package human

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Size is a number of bytes: "512 B", "2.1 GiB".
func Size(bytes int64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	size, unit := float64(bytes)/1024, 0
	for units := "KMGTPE"; size >= 1023.95 && unit < len(units)-1; unit++ {
		size /= 1024 // 1023.95 would be shown as 1024.0
	}
	return fmt.Sprintf("%.1f %ciB", size, "KMGTPE"[unit])
}

// Count is a number of things: "1 file", "12 files".
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Ratio is what became of a number of bytes: "to 41% of that".
func Ratio(after, before int64) string {
	return fmt.Sprintf("to %d%% of that", int64(math.Round(100*float64(after)/float64(max(before, 1)))))
}

// Rate is a number of bytes a second: "48.3 MiB/s".
func Rate(bytesPerSecond float64) string { return Size(int64(bytesPerSecond)) + "/s" }

// Duration is a span of time: "3.2s", "1m12s", "2h5m", "3 days". A negative
// one, as clocks that differ give it, counts as none.
func Duration(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour-time.Second/2:
		return trim(d.Round(time.Second))
	case d < 48*time.Hour:
		return trim(d.Round(time.Minute))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// trim leaves out the smaller units that are zero: "1h" for 1h0m0s.
func trim(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
