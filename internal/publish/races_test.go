package publish_test

import (
	"testing"
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
