package publish_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/secret"
)

// What a publish is said to need is what it calls: over a run that goes well
// and one that must take its version back, no call more and none less.
func TestNeeds(t *testing.T) {
	t.Parallel()
	for bits := range 16 {
		url, release, named, wait := bits&1 > 0, bits&2 > 0, bits&4 > 0, bits&8 > 0
		if release && !wait { // refused by inputs
			continue
		}
		t.Run(fmt.Sprintf("url=%t release=%t named=%t wait=%t", url, release, named, wait), func(t *testing.T) {
			t.Parallel()
			var called, needed []string
			for _, faults := range [][]carsim.Fault{nil, {{Action: "CreateApplicationSnapshot", Kind: carsim.Refuse, Code: "FailedOperation"}}} {
				inBubble(t, func(t *testing.T) {
					b := newBench(t, carsim.World{ProcessingTime: time.Minute, Faults: faults})
					b.options.Release, b.options.Wait = release, wait
					if url {
						b.options.Artifact, b.options.ArtifactURL = "", secret.New("https://builds.example.com/game.zip")
					}
					if named {
						b.options.VersionName = "1.0"
					}
					if _, err := b.run(t.Context()); (err != nil) != (faults != nil) {
						t.Fatalf("error %v", err)
					}
					for _, c := range b.sim.Journal() {
						if !strings.HasPrefix(c.Action, "cos:") {
							called = append(called, c.Action)
						}
					}
					needed = nil
					for _, n := range publish.Needs(b.options) {
						needed = append(needed, n.Action)
						if strings.HasPrefix(n.Action, "Describe") == n.Changes {
							t.Errorf("%s: changes %t", n.Action, n.Changes)
						}
					}
				})
			}
			slices.Sort(called)
			slices.Sort(needed)
			if diff := cmp.Diff(slices.Compact(called), needed); diff != "" {
				t.Errorf("a publish calls other actions than Needs says (-called +said):\n%s", diff)
			}
		})
	}
}

// A publish goes on without what it is said to be able to do without, and
// fails without the rest.
func TestNeedsWithout(t *testing.T) {
	t.Parallel()
	everything := publish.Options{Release: true, Wait: true, VersionName: "1.0"}
	for _, need := range publish.Needs(everything) {
		t.Run(need.Action, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				b := newBench(t, carsim.World{ProcessingTime: time.Minute, Faults: []carsim.Fault{{Action: need.Action, Kind: carsim.Refuse, Code: "UnauthorizedOperation"}}})
				b.options.Release, b.options.VersionName = true, "1.0"
				_, err := b.run(t.Context())
				// A run that goes well, with nothing in the way, deletes nothing.
				goes := need.Without != "" || need.Action == "DeleteApplicationVersion"
				if (err == nil) != goes {
					t.Errorf("without it: error %v, said to go on with %q", err, need.Without)
				}
			})
		})
	}
}
