package publish

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
)

// maxCreateTries is how often a create is sent whose earlier answers left a
// doubt.
const maxCreateTries = 5

// resolveTime is how long the list is searched for the version of a create
// whose answer was lost, before the create is sent again.
const resolveTime = 4 * time.Second

// create makes the version, once. CreateApplicationVersion has no client token:
// when its answer leaves a doubt, only the list can tell whether it made a
// version. The version is ours by its id, and the mark tells which id that is.
func (r *run) create(ctx context.Context) error {
	r.begin(record.Create)
	r.saveOwned("")
	for attempt := 1; ; attempt++ {
		v, err := r.requestCreate(ctx)
		if err == nil {
			return r.tookCreated(ctx, v)
		}
		ours, resolveErr := r.resolve(ctx, err)
		if resolveErr != nil {
			return resolveErr
		}
		if ours != nil {
			return r.foundCreated(ctx, *ours)
		}
		switch {
		case ctx.Err() != nil:
			return err
		case errors.Is(err, car.Code("OperationDenied")):
			// Another run was quicker. The policy decides again on a fresh list,
			// but replaces nothing any more. A run that waits does not give up
			// because it lost a race.
			if r.o.OnBlocked != BlockedWait && attempt >= maxCreateTries {
				return err
			}
			if tryAgain, err := r.afterLostRace(ctx, err); !tryAgain {
				return err
			}
			r.begin(record.Create)
		case isDoubtful(err) && attempt < maxCreateTries:
			if err := r.pause(ctx, "CreateApplicationVersion", attempt, err); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// requestCreate sends the request once.
func (r *run) requestCreate(ctx context.Context) (car.Version, error) {
	v, requestID, err := r.api.CreateApplicationVersion(ctx, car.CreateVersionRequest{
		ApplicationID: r.o.ApplicationID, FileName: r.name(), Regions: r.o.Regions, UpdateMode: r.o.UpdateMode,
	})
	r.recordRequest("CreateApplicationVersion", requestID, err)
	if err == nil && !car.IsVersionID(v.ID) {
		err = fail(Other, car.CodeAnswer, "Ask Tencent Cloud support, with the RequestId.", "CreateApplicationVersion answered with %q, which is not a version id.", v.ID)
	}
	return v, err
}

// resolve finds the version that a failed create may have made: one that was
// not there before and bears our mark. It returns nil if there is none, or if
// the error leaves no doubt. The list may lag behind, so an absence is believed
// only after a while.
func (r *run) resolve(ctx context.Context, createErr error) (ours *car.Version, err error) {
	var patience time.Duration
	switch {
	case isDoubtful(createErr), isOwn(createErr):
		r.doubt, patience = createErr, resolveTime
	case errors.Is(createErr, car.Code("OperationDenied")) && r.doubt != nil:
		// Most likely our own version blocks it, and the list does not show it yet.
		patience = MaxListLag
	default:
		return nil, nil
	}
	ctx, cancel := despiteCancel(ctx)
	defer cancel()
	start := time.Now()
	err = r.watch(ctx, steadily, func(versions []car.Version) (bool, error) {
		var unmarked []string
		if ours, unmarked = r.appeared(versions); ours != nil {
			return true, nil
		}
		if len(unmarked) > 0 {
			return true, fail(InTheWay, "Doubtful", "If it is yours, deliver into it or delete it: "+r.line(List, ""),
				"The answer of CreateApplicationVersion was lost, and %s is new but does not bear this run's mark: it is not touched.", some(unmarked, 3))
		}
		return time.Since(start) >= patience, nil
	})
	return ours, err
}

// appeared returns the version that a create of this run has made, if the list
// shows it, and the titles of new versions without any mark. Those may be ours
// or not. A version with another mark is another run's.
func (r *run) appeared(versions []car.Version) (ours *car.Version, unmarked []string) {
	for _, v := range versions {
		m, marked := readMark(v.Name)
		switch {
		case r.before[v.ID]:
		case m == r.mark:
			return &v, nil
		case !marked:
			unmarked = append(unmarked, title(v))
		}
	}
	return nil, unmarked
}

// afterLostRace decides, after a create was refused although there was room,
// whether to send it again.
func (r *run) afterLostRace(ctx context.Context, refusal error) (tryAgain bool, err error) {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return false, refusal
	}
	if r.o.survey(versions).empty() {
		// The list shows no reason: it lags behind, or the reason is gone.
		if r.o.OnBlocked != BlockedWait || r.waited() >= r.o.QueueTimeout {
			return false, refusal
		}
		return true, retry.Sleep(ctx, pollFloor+time.Duration(r.float()*float64(pollFloor)))
	}
	if err := r.makeRoom(ctx, versions, false); err != nil {
		return false, err
	}
	return true, nil
}

// foundCreated takes a version whose create was not answered.
func (r *run) foundCreated(ctx context.Context, v car.Version) error {
	r.note("The answer of CreateApplicationVersion was lost (%v), and the version is there: it is used.", r.doubt)
	return r.tookCreated(ctx, v)
}

// tookCreated takes the version that a create has made.
func (r *run) tookCreated(ctx context.Context, v car.Version) error {
	r.ours.becomeCreated(v)
	r.saveOwned(v.ID)
	r.recordVersion(v)
	r.note("Created %s.", title(v))
	if m, ok := readMark(v.Name); !ok || m != r.mark {
		r.note("CAR named the version %q, without the mark that was sent: a later attempt of this run could not recognise it.", v.Name)
	}
	if dropped := missing(r.o.Regions, v.Regions); len(dropped) > 0 {
		r.warn("CAR left out these requested regions: %s.", strings.Join(dropped, ", "))
	}
	return r.proveCreated(ctx)
}
