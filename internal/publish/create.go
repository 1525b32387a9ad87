package publish

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/retry"
)

// creates is how often a create is sent before doubt wins.
const creates = 5

// create makes the version, once. CreateApplicationVersion has no client
// token: after an answer that leaves a doubt, the list says whether it
// happened. A version is ours only by its id; the mark tells which id.
func (r *run) create(ctx context.Context) error {
	r.begin(Create)
	request := car.CreateVersionRequest{
		ApplicationID: r.o.ApplicationID, FileName: r.name, Regions: r.o.Regions, UpdateMode: r.o.UpdateMode,
	}
	r.own("")
	for attempt := 1; ; attempt++ {
		v, requestID, err := r.api.CreateApplicationVersion(ctx, request)
		r.changed("CreateApplicationVersion", requestID, err)
		if err == nil && car.IsVersionID(v.ID) {
			return r.created(v)
		}
		if err == nil {
			err = fail(Other, car.CodeAnswer, "Ask Tencent Cloud support, with the RequestId.", "CreateApplicationVersion answered with %q, which is no version id.", v.ID)
		}
		denied := errors.Is(err, car.Code("OperationDenied"))
		patience := time.Duration(0)
		switch {
		case isDoubtful(err), isOwn(err):
			r.doubt, patience = err, looks
		case denied && r.doubt != nil: // most likely by our own, which the list does not show yet
			patience = Appears
		}
		if patience > 0 {
			ours, resolveErr := r.resolve(ctx, patience)
			if resolveErr != nil {
				return resolveErr
			}
			if ours != nil {
				return r.found(*ours)
			}
		}
		switch {
		case ctx.Err() != nil:
			return err
		case denied:
			// Somebody was quicker: the policy decides again, on a fresh
			// list, but replaces nothing any more. While it waits, losing
			// is no reason to give up.
			if r.o.OnBlocked != "wait" && attempt >= creates {
				return err
			}
			if anew, err := r.outrun(ctx, err); !anew {
				return err
			}
			r.begin(Create)
		case isDoubtful(err) && attempt < creates:
			if err := r.pause(ctx, "CreateApplicationVersion", attempt, err); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// outrun says, after a create that was refused although there was room,
// whether to ask again.
func (r *run) outrun(ctx context.Context, refusal error) (anew bool, err error) {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return false, refusal
	}
	m := r.survey(versions)
	if len(m.blockers)+len(m.leaving)+len(m.failed) == 0 && !m.full {
		// The list shows no reason: it lags, or what was in the way is gone.
		if r.o.OnBlocked != "wait" || r.waited() >= r.o.QueueTimeout {
			return false, refusal
		}
		return true, sleep(ctx, pollFloor+time.Duration(r.d.Float()*float64(pollFloor)))
	}
	if err := r.makeRoom(ctx, versions, false); err != nil {
		return false, err
	}
	return true, nil
}

// waited is how long on-blocked: wait has waited so far, altogether.
func (r *run) waited() time.Duration {
	if r.queued.IsZero() {
		r.queued = time.Now()
	}
	return time.Since(r.queued)
}

// found takes a version that a create made whose answer was lost.
func (r *run) found(v car.Version) error {
	r.note("The answer of CreateApplicationVersion was lost (%v), and the version is there: going on with it.", r.doubt)
	return r.created(v)
}

// created takes the version as ours.
func (r *run) created(v car.Version) error {
	r.stage = undelivered
	r.own(v.ID)
	r.learnVersion(v)
	r.note("Created %s.", title(v))
	if m, ok := readMark(v.Name); !ok || m != r.mark {
		r.note("CAR named the version %q, without the mark that was sent: a later attempt of this run could not recognise it.", v.Name)
	}
	if dropped := missing(r.o.Regions, v.Regions); len(dropped) > 0 {
		r.warn("CAR left out %s of the regions that were asked for.", strings.Join(dropped, ", "))
	}
	return nil
}

// looks is how long a create whose answer was lost is looked for in the list
// before it is sent again.
const looks = 4 * time.Second

// resolve finds the version that a doubtful create has made, if it did: one
// that was not there before and bears our mark. What bears another's mark is
// another's; what bears none may be ours or not. The list may lag behind, so
// "not there" is believed only after a while.
func (r *run) resolve(ctx context.Context, patience time.Duration) (*car.Version, error) {
	ctx, cancel := r.shortly(ctx)
	defer cancel()
	for start := time.Now(); ; {
		versions, err := r.listVersions(ctx)
		if err != nil {
			return nil, err
		}
		ours, strangers := r.appeared(versions)
		if ours != nil {
			return ours, nil
		}
		if len(strangers) > 0 {
			return nil, fail(InTheWay, "Doubtful", "If it is yours, deliver into it or delete it: "+r.line("list", ""),
				"The answer of CreateApplicationVersion was lost, and %s is new but does not bear this run's mark: it is not touched.", some(strangers, 3))
		}
		if time.Since(start) >= patience {
			return nil, nil
		}
		if err := sleep(ctx, pollFloor); err != nil {
			return nil, err
		}
	}
}

// appeared returns the version that a create of ours has made, if the list shows
// it, and the titles of the new ones that may be ours or not: another run of
// ours would have marked them.
func (r *run) appeared(versions []car.Version) (ours *car.Version, strangers []string) {
	for _, v := range versions {
		m, marked := readMark(v.Name)
		switch {
		case r.seen[v.ID]:
		case m == r.mark:
			return &v, nil
		case !marked:
			strangers = append(strangers, title(v))
		}
	}
	return nil, strangers
}

// shortly gives a look that a cancel must not cut off a few seconds.
func (r *run) shortly(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(r.aftermath, car.Grace)
}

func (r *run) leftover(what, command string) {
	r.learn(func(t *Result) { t.Left = append(t.Left, Leftover{What: what, Command: command}) })
}

// poll intervals: never faster than the floor, since 20 requests a second are
// the whole account's.
const (
	pollFloor   = 2 * time.Second
	pollCeiling = 15 * time.Second
)

// poller returns a wait that grows with the time that has passed, and while the
// account is asked too much, jittered so that many runs do not ask in step.
func (r *run) poller() func(context.Context) error {
	start := time.Now()
	refusals, slower := r.throttles.Load(), time.Duration(1)
	return func(ctx context.Context) error {
		if now := r.throttles.Load(); now > refusals {
			refusals, slower = now, min(2*slower, 8)
		} else {
			slower = max(slower/2, 1)
		}
		wait := min(slower*max(time.Since(start)/8, pollFloor), pollCeiling)
		return sleep(ctx, wait+time.Duration(r.d.Float()*float64(wait)/4))
	}
}

func sleep(ctx context.Context, d time.Duration) error { return retry.Sleep(ctx, d) }

// missing returns what was asked for and is not there.
func missing(asked, there []string) []string {
	have := make(map[string]bool)
	for _, t := range there {
		have[t] = true
	}
	var out []string
	for _, a := range asked {
		if !have[a] {
			out = append(out, a)
		}
	}
	return out
}

// stem is what CAR makes a version's name of.
func stem(fileName string) string { return strings.TrimSuffix(fileName, path.Ext(fileName)) }
