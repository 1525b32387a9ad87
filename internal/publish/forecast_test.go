package publish

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestForecast(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	tests := []struct {
		name  string
		rate  func(at time.Duration) int64 // bytes a second
		total int64
		limit time.Duration
		after time.Duration // of the warning; 0 is none
		text  string
	}{
		{"in time", func(time.Duration) int64 { return 10 * mib }, 600 * mib, 2 * time.Minute, 0, ""},
		{"too slow", func(time.Duration) int64 { return 2 * mib }, 4000 * mib, 30 * time.Minute, 30 * time.Second, "At 2.0 MiB/s, the rest of the upload (3.8 GiB) takes 32m50s, and only 29m30s of timeout are left."},
		{"far too slow", func(time.Duration) int64 { return mib / 64 }, 20000 * mib, 5 * time.Hour, 30 * time.Second, "takes 14 days, and only 5h of timeout are left."},
		{"slow at first", func(at time.Duration) int64 {
			if at < 20*time.Second {
				return mib / 10
			}
			return 10 * mib
		}, 600 * mib, 5 * time.Minute, 0, ""},
		{"slow later", func(at time.Duration) int64 {
			if at < time.Minute {
				return 10 * mib
			}
			return mib
		}, 900 * mib, 3 * time.Minute, 90 * time.Second, "takes 4m32s, and only 1m30s of timeout are left."},
		{"stands still", func(time.Duration) int64 { return 0 }, 600 * mib, 3 * time.Minute, 0, ""},
		{"no deadline", func(time.Duration) int64 { return 1 }, 600 * mib, 0, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var warned []time.Duration
				var text string
				f := &forecast{total: tt.total, warn: func(s string) { warned, text = append(warned, time.Since(start)), s }}
				if tt.limit > 0 {
					f.deadline = start.Add(tt.limit)
				}
				for done := int64(0); done < tt.total && time.Since(start) < 10*time.Minute; {
					f.update(done)
					time.Sleep(200 * time.Millisecond)
					done += tt.rate(time.Since(start)) / 5
				}
				switch {
				case tt.after == 0 && len(warned) > 0:
					t.Errorf("warned after %v: %s", warned, text)
				case tt.after > 0 && (len(warned) != 1 || warned[0] != tt.after):
					t.Errorf("warned after %v, want once after %v", warned, tt.after)
				}
				if !strings.Contains(text, tt.text) {
					t.Errorf("the warning is %q, want %q in it", text, tt.text)
				}
			})
		})
	}
}
