package publish_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
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
		if err != nil || result.Outcome != record.Released || b.statuses() != "Usable Usable Inuse" {
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

// What the first list shows in the way of a later attempt may be gone in the
// next: it was an earlier attempt's, or somebody has made room. What is still
// there is believed, however it came.
func TestBlockerThatGoes(t *testing.T) {
	does := func(deed carsim.Deed, list int, version string) carsim.Intrusion {
		return carsim.Intrusion{Action: "DescribeApplicationVersion", Nth: list, Does: deed, Application: "app-waiting", Version: version}
	}
	goes := does(carsim.DeletesVersion, 1, "ver-waiting2")
	for _, tt := range []struct {
		name       string
		attempt    int
		intrusions []carsim.Intrusion
		code       string
		want       string
	}{
		{"first attempt", 1, []carsim.Intrusion{goes}, "Blocked", "Inuse"},
		{"later attempt", 2, []carsim.Intrusion{goes}, "", "Usable Inuse"},
		{"and another comes", 2, []carsim.Intrusion{goes, does(carsim.CreatesVersion, 1, "")}, "Blocked", "Inuse Creating"},
		{"it stays", 2, nil, "Blocked", "Inuse Normal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBench(t, carsim.World{Intrusions: tt.intrusions})
				b.options.ApplicationID, b.options.Attempt, b.options.KeyComplete, b.options.Release = "app-waiting", tt.attempt, true, true
				_, err := b.run(t.Context())
				if b.statuses() != tt.want || (err == nil) != (tt.code == "") || err != nil && err.Code != tt.code {
					t.Errorf("err = %v; versions %s, want %s", err, b.statuses(), tt.want)
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

// The runner of an earlier attempt was only out of sight: it lives, and is
// stopped, fails or goes on while the later attempt works on the same version.
// That one ends well, and the earlier one touches nothing of it.
func TestTwoAttemptsAlive(t *testing.T) {
	slow := func(action string, nth int) carsim.Fault {
		return carsim.Fault{Action: action, Nth: nth, Kind: carsim.Delay, Delay: 40 * time.Second}
	}
	for name, tt := range map[string]struct {
		faults []carsim.Fault
		stop   time.Duration // of the earlier attempt; 0 never
	}{
		"stopped in its upload":       {[]carsim.Fault{slow("cos:UploadPart", 1), slow("cos:UploadPart", 2)}, 20 * time.Second},
		"goes on with its upload":     {[]carsim.Fault{slow("cos:UploadPart", 1), slow("cos:UploadPart", 2)}, 0},
		"is slower in its upload":     {[]carsim.Fault{slow("cos:UploadPart", 1)}, 0},
		"stopped before its upload":   {[]carsim.Fault{slow("cos:InitiateMultipartUpload", 1), slow("cos:UploadPart", 1)}, 20 * time.Second},
		"goes on after its create":    {[]carsim.Fault{slow("DescribeCosCredential", 1)}, 0},
		"goes on with its completion": {[]carsim.Fault{slow("cos:CompleteMultipartUpload", 1)}, 0},
		"stopped in its completion":   {[]carsim.Fault{slow("cos:CompleteMultipartUpload", 1), slow("cos:HeadObject", 1)}, 20 * time.Second},
		"stopped in its snapshot":     {[]carsim.Fault{slow("CreateApplicationSnapshot", 1)}, 20 * time.Second},
		"goes on with its snapshot":   {[]carsim.Fault{slow("CreateApplicationSnapshot", 1)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				one := newBench(t, carsim.World{ProcessingTime: time.Minute, Faults: tt.faults})
				one.options.Release, one.options.KeyComplete, one.options.Attempt = true, true, 1
				two := &bench{sim: one.sim, world: one.world, options: one.options}
				two.options.Attempt = 2
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.stop > 0 {
					time.AfterFunc(tt.stop, func() { cancel(errors.New("stop")) })
				}
				var first *publish.Error
				ended := make(chan struct{})
				go func() {
					_, first = one.run(ctx)
					close(ended)
				}()
				time.Sleep(10 * time.Second)
				result, err := two.run(t.Context())
				<-ended
				if err != nil || result.Outcome != record.Released || one.statuses() != "Usable Usable Inuse" || len(one.sim.Uploads()) > 0 {
					t.Errorf("the later attempt: %s, %v; versions %s; uploads %v; the earlier one: %v", result.Outcome, err, one.statuses(), one.sim.Uploads(), first)
				}
			})
		})
	}
}

// Whose age CAR does not tell is neither the oldest nor older than another.
func TestUnknownAge(t *testing.T) {
	for _, field := range []string{"Versions.4.CreateTime", "Versions.*.CreateTime"} {
		for _, command := range []string{"publish", "rollback"} {
			t.Run(field+" "+command, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					b := newBench(t, carsim.World{Faults: []carsim.Fault{{Action: "DescribeApplicationVersion", Kind: carsim.Override, Field: field, Value: "23/12/2024"}}})
					b.options.ApplicationID, b.options.Command, b.options.OnFull = "app-full", publish.Command(command), "delete-oldest"
					_, err := b.run(t.Context())
					if command == "rollback" && field == "Versions.4.CreateTime" { // the others are known
						if err != nil || b.statuses() != "Usable Inuse Usable Usable Usable" {
							t.Errorf("err = %v; versions %s", err, b.statuses())
						}
						return
					}
					if err == nil || err.Kind != publish.InTheWay || b.statuses() != "Usable Usable Inuse Usable Usable" {
						t.Errorf("err = %v; versions %s", err, b.statuses())
					}
				})
			})
		}
	}
}

// A clean-up that comes late leaves what a later attempt has just claimed.
func TestCleanUpOfWhatIsClaimed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{Faults: []carsim.Fault{{Action: "cos:UploadPart", Nth: 1, Kind: carsim.Refuse, Code: "AccessDenied"}}})
		b.options.OnFailure, b.options.KeyComplete, b.options.Attempt = "keep", true, 1
		left, err := b.run(t.Context())
		if err == nil {
			t.Fatal("no failure")
		}
		marked := left.VersionName[:strings.LastIndexByte(left.VersionName, '-')] // without the proof
		claimed := marked[:len(marked)-4] + "caaa"                                // by the second attempt
		other := car.New(carConfig(transport.Guard(b.sim.Transport(), "another"), func() float64 { return 0.5 }))
		b.when("cos:ListMultipartUploads", 1, func() {
			if _, err := other.ModifyApplicationVersion(t.Context(), "app-desktop", left.VersionID, claimed); err != nil {
				t.Error(err)
			}
		})
		if err := b.sim.SetWorld(carsim.World{Faults: []carsim.Fault{{Action: "cos:ListMultipartUploads", Kind: carsim.Delay, Delay: time.Second}}}); err != nil {
			t.Fatal(err)
		}
		b.options.Command = "cleanup"
		_, err = b.run(t.Context())
		if b.statuses() != "Usable Inuse Creating" || err == nil || err.Kind != publish.InTheWay {
			t.Errorf("versions %s; err = %v", b.statuses(), err)
		}
	})
}

// A run whose version another one has taken over, delivered and released, learns of
// that when its own upload is complete. It must not write into the name of that version
// the proof that it holds its build: its next attempt would believe it.
func TestNoProofForAnothersBuild(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		world := carsim.World{DeleteCreating: carsim.Denied, Faults: []carsim.Fault{{Action: "cos:InitiateMultipartUpload", Nth: 1, Kind: carsim.Delay, Delay: time.Minute}}}
		first := newBench(t, world)
		first.options.KeyComplete = true
		second := &bench{sim: first.sim, world: world, options: first.options}
		second.options.Artifact, second.options.RunKey, second.options.OnBlocked = build(t, "more.bin"), "run/2", "replace"
		second.options.Release, second.options.VersionName = true, "theirs"
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(10 * time.Second)
			if result, err := second.run(t.Context()); err != nil || result.Outcome != record.Released {
				t.Errorf("the run that takes over ends as %s: %v", result.Outcome, err)
			}
		}()
		_, err := first.run(t.Context())
		<-done
		if err == nil || err.Code != "Displaced" {
			t.Errorf("the first run ends with %v, want that it was displaced", err)
		}
		versions := first.sim.Versions("app-desktop")
		if last := versions[len(versions)-1]; last.Status != carsim.Inuse || last.Name != "theirs" {
			t.Errorf("the version of the second run is %s and called %q", last.Status, last.Name)
		}
	})
}

// Another compression makes another archive: a later attempt does not take the version
// of an earlier one for its own, whose size is another one.
func TestLaterAttemptPacksOtherwise(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{ProcessingTime: time.Minute})
		b.options.Artifact, b.options.KeyComplete, b.options.Release = buildFolder(t), true, true
		b.timesOut()
		b.options.Attempt, b.options.Pack.Compression = 2, pack.None
		result, err := b.run(t.Context())
		if err != nil || result.Outcome != record.Released || len(result.DeletedVersionIDs) != 1 || b.statuses() != "Usable Usable Inuse" {
			t.Errorf("%s, deleted %v: %v; versions %s", result.Outcome, result.DeletedVersionIDs, err, b.statuses())
		}
	})
}
