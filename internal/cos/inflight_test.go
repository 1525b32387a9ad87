package cos

import (
	"math/rand/v2"
	"testing"
	"time"
)

// simulatedLine is a line in numbers: how many bytes a second each connection
// carries at most, how many all of them, and how long a new one takes until it
// begins, and until it is at its full rate.
type simulatedLine struct {
	each, all    float64
	delay, climb time.Duration
	noise        float64 // how much a beat differs at most, as a share
	busy         float64 // the share of all that others may take away, now for a moment, now for seconds
	failing      float64 // chance of a part to fail
	slowDown     int     // the service asks for less above this many; 0 is never
}

// Those in flight that are too many arrive first: until then nothing is known
// of fewer.
func TestPaceWaitsForFewer(t *testing.T) {
	t.Parallel()
	p := newPace()
	at, sent := time.Unix(0, 0), int64(0)
	beats := func(n, begun int, rate int64) {
		for range n {
			at = at.Add(beat)
			sent += rate / int64(time.Second/beat)
			p.observe(at, sent, begun)
		}
	}
	beats(10, 8, 800*mib)
	p.inFlight, p.previous, p.state, p.best = 64, 0, holding, 0
	for p.inFlight == 64 { // until it finds that each carries little
		beats(1, 64, 640*mib)
	}
	beats(100, 64, 640*mib)
	if p.inFlight != 32 || p.previous != 64 {
		t.Fatalf("%d parts are in flight after %d, want 32 on trial after 64", p.inFlight, p.previous)
	}
	beats(25, 32, 320*mib)
	if p.inFlight != 64 {
		t.Errorf("%d parts are in flight, want 64 again: with 32 half was lost", p.inFlight)
	}
}

// drive lets a pace run on a line and returns the number in flight after each
// beat.
func drive(p *pace, l simulatedLine, d time.Duration, seed uint64) []int {
	random := rand.New(rand.NewPCG(seed, 2))
	taken := 0.0 // by others
	at := time.Unix(0, 0)
	var born []time.Time // of each connection
	var sent, parts float64
	var history []int
	for range int(d / beat) {
		for len(born) < p.inFlight {
			born = append(born, at)
		}
		at = at.Add(beat)
		begun, rate := 0, 0.0
		for _, b := range born[:p.inFlight] {
			age := at.Sub(b) - l.delay
			if age <= 0 {
				continue
			}
			begun++
			rate += l.each * min(1, float64(age)/float64(max(1, l.climb)))
		}
		if l.busy > 0 && random.Float64() < 0.05 { // for two seconds in the mean
			taken = l.busy * random.Float64()
		}
		rate = min(rate, l.all*(1-taken)) * (1 + l.noise*(2*random.Float64()-1))
		sent += rate * beat.Seconds()
		for ; parts < sent; parts += 16 * mib {
			switch {
			case l.slowDown > 0 && p.inFlight > l.slowDown:
				p.failed(at, true)
			case random.Float64() < l.failing:
				p.failed(at, false)
			default:
				p.succeeded()
			}
		}
		p.observe(at, int64(sent), begun)
		history = append(history, p.inFlight)
	}
	return history
}

// changes counts how often the number changed, and says how high it was in
// the mean.
func changes(history []int) (n int, mean float64) {
	sum := 0
	for i, now := range history {
		if i > 0 && history[i-1] != now {
			n++
		}
		sum += now
	}
	return n, float64(sum) / float64(len(history))
}

func TestPace(t *testing.T) {
	t.Parallel()
	const second = time.Second
	tests := []struct {
		name     string
		line     simulatedLine
		after    time.Duration // from when on the number lies between low and high
		low      int
		high     int
		lasting  time.Duration
		steps    int // changes at most
		smallest int // ever
	}{
		{"a long line with a limit for each connection", simulatedLine{each: 20 * mib, all: 1e12, delay: second / 5, noise: 0.1}, 2 * second, 64, 64, 10 * time.Minute, 3, 8},
		{"the same, and connections begin slowly", simulatedLine{each: 20 * mib, all: 1e12, delay: second / 5, climb: 2 * second, noise: 0.1}, 8 * second, 64, 64, 10 * time.Minute, 3, 8},
		{"a network that one process fills", simulatedLine{each: 1e12, all: 800 * mib, noise: 0.2}, 3 * second, 8, 10, 10 * time.Minute, 30, 8},
		{"a slow line", simulatedLine{each: 1e12, all: 2 * mib, delay: second / 10, noise: 0.1}, 3 * second, 8, 10, 10 * time.Minute, 30, 8},
		{"a line that 20 connections fill", simulatedLine{each: 5 * mib, all: 100 * mib, delay: second / 10, noise: 0.05}, 10 * second, 16, 40, 10 * time.Minute, 30, 8},
		{"one part in a hundred fails", simulatedLine{each: 20 * mib, all: 1e12, delay: second / 5, failing: 0.01}, 3 * second, 64, 64, 10 * time.Minute, 3, 8},
		{"half of the parts fail", simulatedLine{each: 20 * mib, all: 1e12, failing: 0.5}, 20 * second, 2, 3, 5 * time.Minute, 60, 2},
		{"the service asks for less above 20", simulatedLine{each: 20 * mib, all: 1e12, delay: second / 5, slowDown: 20}, 3 * second, 8, 26, 10 * time.Minute, 60, 8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			history := drive(newPace(), tt.line, tt.lasting, 1)
			for i, now := range history {
				if at := time.Duration(i) * beat; at >= tt.after && (now < tt.low || now > tt.high) || now < tt.smallest || now > maxInFlight {
					t.Errorf("after %v %d parts are in flight, want %d to %d: %v", at, now, tt.low, tt.high, history[:min(i+20, len(history))])
					break
				}
			}
			if n, mean := changes(history); n > tt.steps {
				t.Errorf("the number changed %d times, want at most %d; it is %.1f in the mean", n, tt.steps, mean)
			}
		})
	}
}

// What broke together counts once: a router that restarts is no reason to go
// down to the fewest.
func TestPaceStepsDownOnce(t *testing.T) {
	t.Parallel()
	p := newPace()
	p.inFlight = 64
	at := time.Unix(0, 0)
	for range 64 {
		p.failed(at, true)
	}
	if p.inFlight != 32 {
		t.Errorf("after 64 failures at once %d parts are in flight, want 32", p.inFlight)
	}
	p.failed(at.Add(settleTime), true)
	if p.inFlight != 16 {
		t.Errorf("after another one, later, %d parts are in flight, want 16", p.inFlight)
	}
}

// Where others use the machine or the line, now for a moment and now for
// seconds, rates go up and down whatever the number is. That must not lead
// upwards step by step, on none of a hundred such days.
func TestPaceAmongOthers(t *testing.T) {
	t.Parallel()
	for name, l := range map[string]simulatedLine{
		"a fast network, a very busy machine": {each: 1e12, all: 2000 * mib, noise: 0.3, busy: 0.9},
		"a fast network, a busy machine":      {each: 1e12, all: 2000 * mib, noise: 0.3, busy: 0.6},
		"a shared slow line":                  {each: 1e12, all: 20 * mib, delay: time.Second / 10, noise: 0.3, busy: 0.9},
	} {
		for _, lasting := range []time.Duration{150 * time.Second, 10 * time.Minute} {
			for day := range uint64(100) {
				history := drive(newPace(), l, lasting, day)
				if end := history[len(history)-1]; end > 24 {
					t.Errorf("%s: after %v of day %d %d parts are in flight, want at most 24", name, lasting, day, end)
				}
				if _, mean := changes(history); mean > 20 {
					t.Errorf("%s: on day %d %.1f parts are in flight in the mean of %v, want at most 20", name, day, mean, lasting)
				}
			}
		}
	}
}

// Wherever chance has led, it goes back when fewer do as well, and stays where
// they do not.
func TestPaceStepsBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		line      simulatedLine
		low, high int
	}{
		{"a fast network, a busy machine", simulatedLine{each: 1e12, all: 2000 * mib, noise: 0.3, busy: 0.6}, 8, 16},
		{"a slow line", simulatedLine{each: 1e12, all: 2 * mib, delay: time.Second / 10, noise: 0.1}, 8, 10},
		{"a long line with a limit for each connection", simulatedLine{each: 20 * mib, all: 1e12, delay: time.Second / 5, noise: 0.1}, 64, 64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPace()
			drive(p, tt.line, 3*time.Second, 1) // to know what a connection carries
			p.inFlight, p.previous, p.state = 64, 0, holding
			history := drive(p, tt.line, 4*time.Minute, 1)
			if end := history[len(history)-1]; end < tt.low || end > tt.high {
				t.Errorf("%d parts are in flight after four minutes, want %d to %d", end, tt.low, tt.high)
			}
		})
	}
}
