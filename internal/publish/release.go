package publish

import (
	"context"
	"errors"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/record"
)

// onlineTime is how long the list may take to show a release.
const onlineTime = 2 * time.Minute

// release waits until a version is ready and puts it online.
func (r *run) release(ctx context.Context) (record.Outcome, error) {
	v, err := r.named(ctx)
	if err != nil {
		return "", err
	}
	r.ours.becomeNamed(v)
	r.recordVersion(v)
	if r.o.DryRun {
		r.tellPlayers(ctx, v.Regions)
		return r.planned("Would put %s online, which is %s now.", title(v), v.Status), nil
	}
	if !v.Status.Good() {
		if err := r.await(ctx); err != nil {
			return "", err
		}
	}
	err = r.putOnline(ctx)
	return r.reached(), err
}

// putOnline releases our version, which is ready, and reads back that it is the
// one online.
func (r *run) putOnline(ctx context.Context) error {
	if r.ours.Status == car.Inuse {
		r.note("%s is online already.", r.ours.ID)
		if r.previous == r.ours.ID {
			r.setPrevious("")
		}
		if !r.o.Start.given() {
			return nil
		}
	}
	r.begin(record.Release)
	if err := r.freshApplication(ctx); err != nil {
		return err
	}
	executables, err := r.startPathThere(ctx, r.ours.ID)
	if err != nil {
		return err
	}
	if r.start, err = r.planStart(ctx, executables); err != nil {
		return err
	}
	if r.start != nil && !r.start.after {
		err := r.makeStart(ctx, r.start)
		if r.start.neither && errors.Is(err, car.Code("InvalidParameterValue")) {
			// Whether CAR takes a path that is not in the version online is not documented.
			r.start.after, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	if r.ours.Status != car.Inuse {
		wasOnline := r.ours.Status == car.Usable // before this run
		if err := r.requestOnline(ctx, wasOnline); err != nil {
			return err
		}
		if err := r.readBack(ctx, wasOnline); err != nil {
			return err
		}
	}
	if r.start != nil && r.start.after {
		if err := r.makeStart(ctx, r.start); err != nil {
			r.warn("%s is online, and what %s starts was not changed after that.", r.ours.ID, r.appName())
			r.suggest(record.Command{Purpose: "change what it starts", Line: r.line(Release, r.ours.ID)})
			return err
		}
	}
	r.tellPlayers(ctx, r.ours.Regions)
	return nil
}

// requestOnline asks CAR to put our version online. It sends the request again
// only while a fresh list shows that it was not carried out, and that nobody
// has put another version online since.
func (r *run) requestOnline(ctx context.Context, wasOnline bool) error {
	tries := r.tries(maxOnlineTries)
	before := r.ours.stage
	doubted := false // an earlier try may have been carried out
	for attempt := 1; ; attempt++ {
		r.ours.stage = onlineSent
		_, requestID, err := r.api.SetApplicationVersionOnline(ctx, r.o.ApplicationID, r.ours.ID)
		r.recordRequest("SetApplicationVersionOnline", requestID, err)
		if err == nil {
			return nil
		}
		if doubted = doubted || isDoubtful(err); !doubted {
			r.ours.stage = before
		}
		if !worthRetry(err) {
			return err
		}
		another := tries.Another(throttled(err))
		if another {
			_ = r.pause(ctx, "SetApplicationVersionOnline", attempt, err) // a cancel is checked below
		}
		look, cancel := despiteCancel(ctx)
		versions, lookErr := r.listVersions(look)
		cancel()
		if lookErr != nil {
			return err
		}
		v, _ := find(versions, r.ours.ID)
		if v.Status == car.Inuse {
			r.ours.stage = onlineSent
			r.note("The answer of SetApplicationVersionOnline was lost (%v), and the version is online.", err)
			return nil
		}
		online, there := findOnline(versions)
		overridden := there && online.ID != r.previous // by a third version
		if v.Status == car.Usable && (!wasOnline || doubted && overridden) {
			r.ours.stage = onlineSent
			return r.replaced(v)
		}
		if !another || ctx.Err() != nil {
			return err
		}
	}
}

// maxOnlineTries is how often a release is sent.
const maxOnlineTries = 5

// replaced is the error for a version that was online for a moment.
func (r *run) replaced(v car.Version) error {
	return fail(Other, "NotOnline", "See "+r.line(List, "")+", and put online what should be.",
		"%s was put online, and somebody has put another version online since: it is not released again.", title(v))
}

// readBack waits until the list shows our version online: whether a release
// worked is told by the list, not by the answer of the request.
func (r *run) readBack(ctx context.Context, wasOnline bool) error {
	ctx, cancel := despiteCancel(ctx)
	defer cancel()
	start := time.Now()
	return r.watch(ctx, r.poller(), func(versions []car.Version) (bool, error) {
		v, there := find(versions, r.ours.ID)
		switch {
		case there && v.Status == car.Inuse:
			r.setOurs(v)
			r.note("%s is online.", title(v))
			return true, nil
		case v.Status == car.Usable && !wasOnline:
			return true, r.replaced(v)
		case time.Since(start) > onlineTime:
			status := "no longer listed"
			if there {
				status = string(v.Status)
			}
			return true, fail(Other, "NotOnline", "See car-publish list: somebody may have put another version online meanwhile.",
				"CAR accepted the release of %s, but %s later it is %s.", r.ours.ID, human.Duration(onlineTime), status)
		}
		r.emit(record.Waiting{For: r.ours.ID + " to be online", Status: string(v.Status), Percent: -1, Elapsed: time.Since(start)})
		return false, nil
	})
}
