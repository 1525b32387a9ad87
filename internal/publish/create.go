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
		ours, findErr := r.findLostCreate(ctx, err)
		if findErr != nil {
			return findErr
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

// afterLostRace decides, after a create was refused although there was room,
// whether to send it again.
func (r *run) afterLostRace(ctx context.Context, refusal error) (tryAgain bool, err error) {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return false, refusal
	}
	if r.o.survey(versions).none() {
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
