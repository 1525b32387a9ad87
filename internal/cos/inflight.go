package cos

import "time"

// Limits of the number of parts in flight.
const (
	minInFlight     = 2
	initialInFlight = 8
	maxInFlight     = 64
)

const (
	beat          = 100 * time.Millisecond // between two observations
	patience      = 2 * time.Second        // time for a new number to show its rate: connections start slowly
	minProbePause = 15 * time.Second       // between two probes
	maxProbePause = 2 * time.Minute        // the same, after probes that did not help
	settleTime    = 2 * time.Second        // after a step down: failures of parts that were in flight then do not count
)

// minShare is how much each connection must carry, as a share of the best
// rate that one has reached, for more connections to be of use.
const minShare = 0.6

// state says what a pace does next.
type state int

const (
	doubling   state = iota // tries twice as many, again and again
	holding                 // keeps the number until the next probe
	probing                 // tries a few more, or half as many
	backingOff              // keeps the number after failures; no probes
)

// pace decides how many parts are in flight. It is hill climbing on the
// observed rate: try another number, measure, keep it or return. It knows time
// and rates only from its arguments, so that it can be tested without a network.
//
// It starts by doubling. On a line that limits each connection, such as a long
// one, every step pays, up to the maximum. Where a step does not pay, the number
// before it is right; a quarter more is probed from time to time.
//
// Rates also vary by chance, the more so on a shared machine or line, and
// chance must not lead to the maximum. So where each connection carries much less
// than one has carried before, half as many are probed instead, and kept if
// they do as well.
//
// SlowDown from the service halves the number, and so do several failures
// within a short time; a single failure does not.
type pace struct {
	inFlight int
	state    state

	previous    int        // the number to return to; 0 while no other number is being tried
	best        float64    // the highest rate at the number kept, in bytes a second
	meanBefore  float64    // the mean rate at the previous number, in bytes a second
	bestPerConn float64    // the highest rate of one connection at any number, in bytes a second
	tried       reading    // when the current number was first tried
	latest      [2]reading // of the last two beats, the older one first
	idleSince   reading    // when the last try ended

	settledBeats int           // consecutive beats at which every part in flight had begun to send
	probePause   time.Duration // from idleSince to the next probe

	trouble   float64   // recent failures, less a tenth for each success
	backedOff time.Time // the last step down
}

// reading is a number of bytes sent, and when it was read.
type reading struct {
	at   time.Time
	sent int64
}

// rate is the mean rate since the reading, in bytes a second.
func (r reading) rate(at time.Time, sent int64) float64 {
	return float64(sent-r.sent) / max(at.Sub(r.at).Seconds(), 1e-3)
}

func newPace() *pace { return &pace{inFlight: initialInFlight, probePause: minProbePause} }

// observe is called at each beat with the bytes sent so far, and the number of
// parts in flight that have begun to send. Until all of them have, the
// effect of a new number is not yet visible.
func (p *pace) observe(at time.Time, sent int64, begun int) {
	rate := p.latest[0].rate(at, sent)
	first := p.latest[0].at.IsZero()
	p.latest[0], p.latest[1] = p.latest[1], reading{at, sent}
	if p.settledBeats++; begun < p.inFlight {
		p.settledBeats = 0
	}
	settled := p.settledBeats > len(p.latest) // for the whole time that rate covers
	if first {
		p.tried, p.idleSince = p.latest[1], p.latest[1]
		return
	}
	if settled {
		// Halves in six minutes, because lines change.
		p.bestPerConn = max(p.bestPerConn*0.9998, rate/float64(p.inFlight))
	}
	switch {
	case p.previous > p.inFlight && begun > p.inFlight:
		p.tried = p.latest[1] // the surplus parts are still being sent
	case p.previous > 0:
		p.judge(at, sent, settled, rate)
	case settled || at.Sub(p.tried.at) > patience:
		p.best = max(p.best*0.99, rate) // old peaks count less and less
		p.advance(at)
	}
}

// advance decides what to try next, once the rate at the current number is
// known.
func (p *pace) advance(at time.Time) {
	crowded := p.crowded()
	if p.state == doubling && crowded || p.state == backingOff && at.Sub(p.backedOff) >= minProbePause {
		p.state = holding
	}
	idle := at.Sub(p.idleSince.at)
	switch {
	case p.state == backingOff:
	case p.state == doubling:
		p.try(2 * p.inFlight)
	case crowded && p.inFlight > initialInFlight && idle >= p.probePause/4:
		p.try(max(p.inFlight/2, initialInFlight))
	case !crowded && idle >= p.probePause:
		p.try(p.inFlight + max(1, p.inFlight/4))
	}
}

// crowded reports whether each connection carries so little that more of them
// would not help.
func (p *pace) crowded() bool { return p.best < p.bestPerConn*minShare*float64(p.inFlight) }

// try puts another number of parts in flight.
func (p *pace) try(other int) {
	if other = min(other, maxInFlight); other == p.inFlight {
		return
	}
	now := p.latest[1]
	p.meanBefore = p.idleSince.rate(now.at, now.sent)
	p.previous, p.inFlight, p.settledBeats = p.inFlight, other, 0
	p.tried = now
	if p.state != doubling {
		p.state = probing
	}
}

// judge decides whether to keep the number that is being tried. More parts are
// kept if the rate has grown by a good share of what they could add. While
// doubling, two beats may show that, but then the rate has to be much higher,
// because a short measurement may be chance; the whole trial may show it with
// less. Fewer parts are kept unless much is lost.
func (p *pace) judge(at time.Time, sent int64, settled bool, rate float64) {
	growth := float64(p.inFlight)/float64(p.previous) - 1
	over := at.Sub(p.tried.at) >= patience
	mean := p.tried.rate(at, sent)
	switch {
	case growth < 0:
		if over {
			p.settle(mean >= p.meanBefore*(1+0.5*growth), rate)
		}
	case p.state == doubling && settled && rate >= p.best*(1+0.5*growth):
		p.settle(true, rate)
	case over:
		p.settle(mean >= p.best*(1+0.2*growth), rate)
	}
}

// settle ends a try: the new number is kept, with the rate last measured, or
// the previous one is restored.
func (p *pace) settle(keep bool, rate float64) {
	p.idleSince = p.latest[1]
	if keep {
		p.best, p.probePause = rate, minProbePause
	} else {
		p.inFlight = p.previous
		if p.state == probing {
			p.probePause = min(2*p.probePause, maxProbePause)
		}
	}
	p.previous = 0
	if p.state == doubling && keep && !p.crowded() {
		p.try(2 * p.inFlight)
		return
	}
	p.state = holding
}

// succeeded is told of a part that COS has received.
func (p *pace) succeeded() { p.trouble = max(0, p.trouble-0.1) }

// failed is told of an attempt that failed with a temporary error. Overload
// says that the service asked for fewer requests.
func (p *pace) failed(at time.Time, overload bool) {
	if at.Sub(p.backedOff) < settleTime {
		return
	}
	if p.trouble++; !overload && p.trouble < 3 {
		return
	}
	if p.previous > 0 && p.previous < p.inFlight { // only the number being tried was too high
		p.inFlight = p.previous
		p.probePause = min(2*p.probePause, maxProbePause)
	} else {
		p.inFlight = max(p.inFlight/2, minInFlight)
	}
	p.state, p.backedOff, p.idleSince = backingOff, at, p.latest[1]
	p.trouble, p.previous, p.best = 0, 0, 0
}
