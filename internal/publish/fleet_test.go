package publish_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/record"
)

// The limit of 20 requests a second of each action is the account's: what a
// run meets of it is the doing of others. Sixty publishes at once all succeed,
// and none waits much longer than the others.
func TestFleet(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const ships = 60
		world := carsim.World{ProcessingTime: 30 * time.Second, RateLimit: 20}
		for n := range ships {
			world.Projects = append(world.Projects, carsim.Project{ID: fmt.Sprintf("cap-%d", n), Application: fmt.Sprintf("app-%d", n), Amount: 1})
			world.Applications = append(world.Applications, carsim.Application{ID: fmt.Sprintf("app-%d", n), StartPath: `Game\Game.exe`})
		}
		sim := carsim.New(world)
		start := time.Now()
		took := make([]time.Duration, ships)
		var wait sync.WaitGroup
		for n := range ships {
			b := newBench(t, carsim.World{})
			b.sim, b.random = sim, rand.New(rand.NewPCG(uint64(n), 0))
			b.options.ApplicationID, b.options.Release = fmt.Sprintf("app-%d", n), true
			wait.Go(func() {
				result, err := b.run(t.Context())
				took[n] = time.Since(start)
				if err != nil || result.Outcome != record.Released || len(result.Warnings) > 0 {
					t.Errorf("ship %d: %v, outcome %s, warnings %q", n, err, result.Outcome, result.Warnings)
				}
			})
		}
		wait.Wait()
		refused := 0
		for _, c := range sim.Journal() {
			if c.Code == "RequestLimitExceeded" {
				refused++
			}
		}
		slices.Sort(took)
		t.Logf("%d refusals; the fastest took %v, the median %v, the slowest %v", refused, took[0], took[ships/2], took[ships-1])
		if refused == 0 {
			t.Error("the service refused nothing: this tests nothing")
		}
		if took[ships-1] > 3*took[ships/2] {
			t.Errorf("the slowest took %v, and the median %v", took[ships-1], took[ships/2])
		}
	})
}

// Some calls are repeated with a look in between. That the service is asked too
// often uses up no tries, there or elsewhere.
func TestThrottledForLong(t *testing.T) {
	for _, action := range []string{"SetApplicationVersionOnline", "CreateApplicationSnapshot", "CreateApplicationVersion", "DescribeCosCredential"} {
		t.Run(action, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				world := carsim.World{}
				for n := range 12 {
					world.Faults = append(world.Faults, carsim.Fault{Action: action, Nth: n + 1, Kind: carsim.Refuse, Code: "RequestLimitExceeded"})
				}
				b := newBench(t, world)
				b.options.Release = true
				if result, err := b.run(t.Context()); err != nil || result.Outcome != record.Released {
					t.Errorf("got %v, outcome %s", err, result.Outcome)
				}
				if got := b.count(action); got != 13 {
					t.Errorf("%s was called %d times, want 13", action, got)
				}
			})
		})
	}
}
