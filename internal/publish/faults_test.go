package publish_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/publish"
)

// faults are what may happen to any call.
var faults = []carsim.Fault{
	{Kind: carsim.DropBefore},
	{Kind: carsim.DropAfter},
	{Kind: carsim.CutBody},
	{Kind: carsim.HTML},
	{Kind: carsim.HTML, After: true},
	{Kind: carsim.StatusCode, Status: 503},
	{Kind: carsim.StatusCode, Status: 503, After: true},
	{Kind: carsim.Refuse, Code: "InternalError"},
	{Kind: carsim.Refuse, Code: "InternalError", After: true},
	{Kind: carsim.Refuse, Code: "OperationDenied"},
	{Kind: carsim.Refuse, Code: "AccessDenied"},
}

// Whatever happens to whichever call of a publish, and whether it passes or
// stays: what the run says is what the service shows, there is at most one
// new version, and nothing undelivered is left without a word.
func TestFaultAtEveryCall(t *testing.T) {
	world := carsim.World{ProcessingTime: 5 * time.Second}
	prepare := func(t *testing.T) *bench {
		b := newBench(t, world)
		b.options.Release = true
		b.options.VersionName = "1.2.3"
		return b
	}
	var calls []carsim.Call // the clean run's, so that a new call is covered by itself
	inBubble(t, func(t *testing.T) {
		b := prepare(t)
		if _, err := b.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls = b.sim.Journal()
	})
	nth := map[string]int{}
	for _, call := range calls {
		nth[call.Action]++
		for _, fault := range faults {
			for _, always := range []bool{false, true} {
				fault.Action, fault.Nth = call.Action, nth[call.Action]
				if always {
					if fault.Nth > 1 {
						continue // it is the same as from the first on
					}
					fault.Nth = 0
				}
				t.Run(fmt.Sprintf("%s/%d/%s%s/after=%v", call.Action, fault.Nth, fault.Kind, fault.Code, fault.After), func(t *testing.T) {
					inBubble(t, func(t *testing.T) {
						b := prepare(t)
						faulty := world
						faulty.Faults = []carsim.Fault{fault}
						if err := b.sim.SetWorld(faulty); err != nil {
							t.Fatal(err)
						}
						result, err := b.run(t.Context())
						b.keepsItsPromises(t, result, err)
					})
				})
			}
		}
	}
}

// keepsItsPromises compares what a run said with what the service shows.
func (b *bench) keepsItsPromises(t *testing.T, result publish.Result, err *publish.Error) {
	t.Helper()
	told := func(id string) bool {
		for _, l := range result.Left {
			if strings.Contains(l.What+l.Command, id) || strings.Contains(l.What, "may have been created") {
				return true
			}
		}
		for _, c := range result.Next {
			if strings.Contains(c.Purpose+c.Line, id) {
				return true
			}
		}
		return false
	}
	fresh, online := 0, ""
	for _, v := range b.sim.Versions(b.options.ApplicationID) {
		isNew := !strings.HasPrefix(v.ID, "ver-desktop")
		if isNew {
			fresh++
		}
		if v.Status == carsim.Inuse {
			online = v.ID
		}
		unfinished := v.Status == carsim.Creating || v.Status == carsim.CreateFailed || v.Status == carsim.Normal
		if isNew && unfinished && !told(v.ID) {
			t.Errorf("%s is left as %s, and nothing says so: %+v", v.ID, v.Status, result.Left)
		}
	}
	if fresh > 1 {
		t.Errorf("%d new versions", fresh)
	}
	if (err == nil) != result.Outcome.Succeeded() {
		t.Errorf("err = %v, outcome %s", err, result.Outcome)
	}
	switch {
	case err == nil && (result.Outcome != publish.Released || online != result.VersionID):
		t.Errorf("outcome %s of %s, and %s is online", result.Outcome, result.VersionID, online)
	case err != nil && online != "ver-desktop2" && !told(online):
		t.Errorf("%v, and %s is online without a word", err, online)
	}
	if err != nil && (err.Message == "" || err.Code == "") {
		t.Errorf("an error without a reason: %+v", err)
	}
	if uploads := b.sim.Uploads(); len(uploads) > 0 && len(result.Warnings)+len(result.Left) == 0 {
		t.Errorf("unfinished uploads %v without a word", uploads)
	}
}

// What the reviewers of the first version found. Each left something behind
// without a word.
func TestNothingIsLeftWithoutAWord(t *testing.T) {
	for name, test := range map[string]struct {
		world   carsim.World
		options func(*publish.Options)
		cancel  time.Duration // after the start
		within  time.Duration // of the cancel
	}{
		"a lost create that the list shows late": {
			world: carsim.World{ListLag: 10 * time.Second, Faults: []carsim.Fault{{Action: "CreateApplicationVersion", Nth: 1, Kind: carsim.DropAfter}}},
		},
		"a create that answers with no id": {
			world: carsim.World{Faults: []carsim.Fault{{Action: "CreateApplicationVersion", Nth: 1, Kind: carsim.Override, Field: "Version.ApplicationVersionId", Value: "$(rm -rf /)"}}},
		},
		"a cancel before the list shows the version": {
			world: carsim.World{ListLag: 40 * time.Second}, cancel: time.Second, within: 7 * time.Second,
		},
		"a cancel when everything is slow": {
			world: carsim.World{Faults: []carsim.Fault{
				{Action: "CreateApplicationVersion", Kind: carsim.DropAfter, Delay: 3500 * time.Millisecond},
				{Action: "DescribeApplicationVersion", Nth: 2, Kind: carsim.Delay, Delay: 2 * time.Second},
				{Action: "DeleteApplicationVersion", Kind: carsim.Delay, Delay: time.Minute},
			}},
			cancel: time.Second, within: 7 * time.Second,
		},
		"a lost delete of a version that got ready meanwhile": {
			world:  carsim.World{ProcessingTime: 1500 * time.Millisecond, Faults: []carsim.Fault{{Action: "DeleteApplicationVersion", Nth: 1, Kind: carsim.DropBefore, Delay: time.Second}}},
			cancel: time.Second, within: 7 * time.Second,
		},
		"a create that was to wait": {
			world:   carsim.World{},
			options: func(o *publish.Options) { o.Command, o.ArtifactName = "create", "a.zip" },
			cancel:  time.Second, within: 7 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBench(t, test.world)
				b.options.Release = true
				if test.options != nil {
					test.options(&b.options)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				start := time.Now()
				if test.cancel > 0 {
					time.AfterFunc(test.cancel, func() { cancel(errors.New("stop")) })
				}
				result, err := b.run(ctx)
				if took := time.Since(start) - test.cancel; test.within > 0 && took > test.within {
					t.Errorf("took %v after the cancel, want at most %v", took, test.within)
				}
				synctest.Wait()
				b.keepsItsPromises(t, result, err)
			})
		})
	}
}

// A version that somebody released while we asked for its deletion is neither
// deleted nor said to be.
func TestLostDeleteOfAReleasedVersion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{
			Faults:     []carsim.Fault{{Action: "DeleteApplicationVersion", Nth: 1, Kind: carsim.DropBefore}},
			Intrusions: []carsim.Intrusion{{Action: "DeleteApplicationVersion", Nth: 1, Does: "releases-version", Application: "app-waiting", Version: "ver-waiting2"}},
		})
		b.options.ApplicationID, b.options.OnBlocked = "app-waiting", "replace-unreleased"
		result, err := b.run(t.Context())
		if err == nil || err.Kind != publish.InTheWay || len(result.DeletedVersionIDs) > 0 {
			t.Errorf("err = %v, deleted %v", err, result.DeletedVersionIDs)
		}
	})
}

// What is uploaded is what was inspected.
func TestReplacedArtifact(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{Faults: []carsim.Fault{{Action: "CreateApplicationVersion", Kind: carsim.Delay, Delay: time.Minute}}})
		time.AfterFunc(time.Second, func() {
			other := b.options.Artifact + ".new"
			info, err := os.Stat(b.options.Artifact)
			if err == nil {
				err = os.WriteFile(other, make([]byte, info.Size()), 0o600)
			}
			if err == nil {
				err = os.Rename(other, b.options.Artifact)
			}
			if err != nil {
				t.Error(err)
			}
		})
		result, err := b.run(t.Context())
		if err == nil || err.Code != "ArtifactChanged" || err.Kind != publish.UploadFailed {
			t.Errorf("err = %v", err)
		}
		b.keepsItsPromises(t, result, err)
	})
}
