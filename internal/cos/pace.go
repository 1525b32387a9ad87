package cos

import "time"

// How many parts are in flight.
const (
	fewest  = 2
	atFirst = 8
	most    = 64
)

const (
	beat     = 100 * time.Millisecond // how often the pace is looked at; a rate is that of two
	patience = 2 * time.Second        // for more parts to show more throughput: a connection is slow at first
	rest     = 15 * time.Second       // between two attempts at more parts, once more have not helped
	maxRest  = 2 * time.Minute
	truce    = 2 * time.Second // after a step down, for the parts in flight then
)

// worth is the share of what a connection has carried that one has to carry
// for more of them to be the remedy.
const worth = 0.6

// pace decides how many parts are in flight. It goes by what it is told
// alone, so that it can be tested without a line.
//
// It begins by doubling as long as that is worth it: on a line where each
// connection has its limit, a long one most of all, that is until the most. Where
// it was not worth it, as on the way of a fast network or to a slow one, the
// number before that is right, and a quarter more is tried from time to time.
//
// Rates differ by chance as well, all the more where others use the machine or
// the line, and a chance must not lead to the most in the end. So where a
// connection carries much less than one has carried before, more of them are
// not the remedy: then half as many are tried, and kept if they do as well.
//
// SlowDown halves the number, and so do connections that break one after the
// other; single ones do not.
type pace struct {
	now int // in flight

	climbs bool          // doubles still
	before int           // the number to go back to; 0 while nothing is tried
	best   float64       // the highest rate at the number before, in bytes a second
	usual  float64       // the mean rate at the number before
	each   float64       // the highest rate of one connection, at any number
	trial  span          // since another number was tried
	last   [2]span       // since the last beats, the older one first
	felt   int           // beats in a row at which all in flight had begun to send
	rest   time.Duration // until the next trial
	since  span          // the rest began

	trouble float64   // failures of late, successes taken off
	shrunk  time.Time // of the last step down
}

// span is a time since which something was sent.
type span struct {
	at   time.Time
	sent int64
}

func (s span) rate(at time.Time, sent int64) float64 {
	return float64(sent-s.sent) / max(at.Sub(s.at).Seconds(), 1e-3)
}

func newPace() *pace { return &pace{now: atFirst, climbs: true, rest: rest} }

// beat looks at what has been sent so far. The number of parts in flight that
// have begun to send tells whether the last change is felt yet.
func (p *pace) beat(at time.Time, sent int64, begun int) {
	rate := p.last[0].rate(at, sent)
	first := p.last[0].at.IsZero()
	p.last[0], p.last[1] = p.last[1], span{at, sent}
	if p.felt++; begun < p.now {
		p.felt = 0
	}
	felt := p.felt > len(p.last) // over all the time that the rate is of
	if first {
		p.trial, p.since = p.last[1], p.last[1]
		return
	}
	if felt {
		p.each = max(p.each*0.9998, rate/float64(p.now)) // half of it after six minutes: a line changes
	}
	switch {
	case p.before > p.now && begun > p.now:
		p.trial = p.last[1] // fewer begin when those too many have arrived
	case p.before > 0:
		p.judge(at, sent, felt, rate)
	case felt || at.Sub(p.trial.at) > patience:
		p.best = max(p.best*0.99, rate) // the peaks of long ago count less
		crowded := p.best < p.each*worth*float64(p.now)
		p.climbs = p.climbs && !crowded
		switch {
		case at.Sub(p.shrunk) < rest && !p.shrunk.IsZero():
		case p.climbs:
			p.try(2 * p.now)
		case crowded && p.now > atFirst:
			if at.Sub(p.since.at) >= p.rest/4 {
				p.try(max(p.now/2, atFirst))
			}
		case !crowded && at.Sub(p.since.at) >= p.rest:
			p.try(p.now + max(1, p.now/4))
		}
	}
}

// try puts another number of parts in flight.
func (p *pace) try(other int) {
	if other = min(other, most); other != p.now {
		p.usual = p.since.rate(p.last[1].at, p.last[1].sent)
		p.before, p.now, p.felt = p.now, other, 0
		p.trial = p.last[1]
	}
}

// judge decides about another number of parts: worth it, not worth it, or not
// known yet. The rate of two beats may be a matter of chance, so that it has to
// be much higher; the one of the whole trial need not be. Fewer parts are worth
// it unless much is lost.
func (p *pace) judge(at time.Time, sent int64, felt bool, rate float64) {
	share := float64(p.now)/float64(p.before) - 1 // how many more they are
	over := at.Sub(p.trial.at) >= patience
	switch {
	case share < 0:
		if !over {
			return
		}
		if p.trial.rate(at, sent) < p.usual*(1+0.5*share) {
			p.now, p.rest = p.before, min(2*p.rest, maxRest)
		} else {
			p.best, p.rest = rate, rest
		}
		p.before, p.since = 0, p.last[1]
		return
	case felt && rate >= p.best*(1+0.5*share) && p.climbs:
	case !over:
		return
	case p.trial.rate(at, sent) >= p.best*(1+0.2*share):
	default:
		p.now, p.before = p.before, 0
		p.since = p.last[1]
		if !p.climbs {
			p.rest = min(2*p.rest, maxRest)
		}
		p.climbs = false
		return
	}
	p.before, p.best = 0, rate
	p.since, p.rest = p.last[1], rest
	if p.climbs = p.climbs && p.best >= p.each*worth*float64(p.now); p.climbs {
		p.try(2 * p.now)
	}
}

// arrived is told of a part that has arrived.
func (p *pace) arrived() { p.trouble = max(0, p.trouble-0.1) }

// failed is told of a try that failed in a way that passes, or because the
// service asked for less.
func (p *pace) failed(at time.Time, tooMuch bool) {
	if at.Sub(p.shrunk) < truce {
		return // one of those that were on the way before the last step
	}
	if p.trouble++; !tooMuch && p.trouble < 3 {
		return
	}
	if p.before > 0 && p.before < p.now { // what was tried was too much, what was before it was not
		p.now = p.before
		p.rest = min(2*p.rest, maxRest)
	} else {
		p.now = max(p.now/2, fewest)
	}
	p.trouble, p.shrunk, p.since = 0, at, p.last[1]
	p.before, p.best, p.climbs = 0, 0, false
}
