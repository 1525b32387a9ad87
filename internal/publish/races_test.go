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

// The oldest version goes only while a fresh list shows that it is to spare:
// not once somebody has made room, and it is the only way back.
func TestOldestBecomesTheWayBack(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprintf("request lost %v", lost), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				after := carsim.Intrusion{Action: "DescribeApplicationVersion", Nth: 1, Does: carsim.DeletesVersion, Application: "app-full"}
				w := carsim.World{}
				if lost {
					w.Faults = []carsim.Fault{{Action: "DeleteApplicationVersion", Nth: 1, Kind: carsim.DropBefore}}
					after.Action = "DeleteApplicationVersion"
				}
				for _, id := range []string{"ver-full2", "ver-full4", "ver-full5"} {
					after.Version = id
					w.Intrusions = append(w.Intrusions, after)
				}
				b := newBench(t, w)
				b.options.ApplicationID, b.options.OnFull = "app-full", "delete-oldest"
				_, err := b.run(t.Context())
				if b.sim.Versions("app-full")[0].ID != "ver-full1" {
					t.Errorf("the way back is gone; err = %v", err)
				}
				if lost != (err != nil && err.Kind == publish.InTheWay) {
					t.Errorf("err = %v", err)
				}
			})
		})
	}
}

// A rollback whose answer was lost is not sent again once somebody has put a
// third version online.
func TestLostRollbackThatSomebodyOverrides(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{
			Faults:     []carsim.Fault{{Action: "SetApplicationVersionOnline", Nth: 1, Kind: carsim.DropAfter}},
			Intrusions: []carsim.Intrusion{{Action: "SetApplicationVersionOnline", Nth: 1, Does: carsim.ReleasesVersion, Application: "app-full", Version: "ver-full5"}},
		})
		b.options.Command, b.options.ApplicationID = "rollback", "app-full"
		_, err := b.run(t.Context())
		if err == nil || err.Code != "NotOnline" || b.statuses() != "Usable Usable Usable Usable Inuse" {
			t.Errorf("err = %v; versions %s", err, b.statuses())
		}
	})
}
