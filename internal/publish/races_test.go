package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/secret"
)

// What an earlier attempt let CAR download has a size, which nobody here can
// compare with anything.
func TestLaterAttemptByURL(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{ProcessingTime: time.Minute})
		b.options.Artifact, b.options.ArtifactURL, b.options.KeyComplete = "", secret.New("https://builds.example.com/game-7.zip?sign=x"), true
		b.options.Attempt, b.options.Wait = 1, false
		if _, err := b.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.options.Attempt, b.options.Wait, b.options.Release = 2, true, true
		result, err := b.run(t.Context())
		if err != nil || result.Outcome != publish.Released || b.statuses() != "Usable Usable Inuse" {
			t.Errorf("%s: %v; versions %s", result.Outcome, err, b.statuses())
		}
	})
}

// A release that CAR has refused, though only for now, has not happened: who
// is stopped then removes his version, and who gives up tells of it, as
// everywhere before the release.
func TestReleaseRefusedForNow(t *testing.T) {
	for _, code := range []string{"RequestLimitExceeded", "FailedOperation.ApplicationLockFail"} {
		for _, stopped := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, stopped %v", code, stopped), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					b := newBench(t, carsim.World{ProcessingTime: time.Minute, Faults: []carsim.Fault{{Action: "SetApplicationVersionOnline", Kind: carsim.Refuse, Code: code}}})
					b.options.Release = true
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					if stopped {
						b.when("SetApplicationVersionOnline", 2, func() { cancel(errors.New("stop")) })
					}
					result, err := b.run(ctx)
					synctest.Wait()
					if want := map[bool]string{true: "Usable Inuse", false: "Usable Inuse Normal"}[stopped]; err == nil || b.statuses() != want {
						t.Errorf("err = %v; versions %s, want %s", err, b.statuses(), want)
					}
					if !stopped && (len(result.Left) != 1 || !strings.Contains(result.Left[0].Command, "delete")) {
						t.Errorf("left %v, next %v", result.Left, result.Next)
					}
				})
			})
		}
	}
}

// when calls f once an action has been called n times.
func (b *bench) when(action string, n int, f func()) {
	go func() {
		for range 600_000 {
			time.Sleep(time.Millisecond)
			if b.count(action) >= n {
				f()
				return
			}
		}
	}()
}
