package summary

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Size is a number of bytes for a reader: "2.1 GiB".
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

// Rate is a number of bytes a second for a reader: "48.3 MiB/s".
func Rate(bytesPerSecond float64) string { return Size(int64(bytesPerSecond)) + "/s" }

// Duration is a duration for a reader: "3.2s", "1m12s", "2h5m".
func Duration(d time.Duration) string {
	switch {
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour-time.Second/2:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// oneLine makes one line of a text. Characters that no reader sees, or that
// turn the direction of writing, become spaces as well.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}
