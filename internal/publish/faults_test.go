package publish_test

import (
	"fmt"
	"strings"
	"testing"
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
