package publish

import (
	"context"
	"errors"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// deliver uploads the build and tells CAR that it is there, or where to download
// it.
func (r *run) deliver(ctx context.Context) error {
	if r.build == nil {
		r.begin(record.Hand)
	} else {
		r.begin(record.Upload)
		if err := r.put(ctx); err != nil && !errors.Is(err, errDelivered) {
			return err
		}
	}
	return r.requestSnapshot(ctx)
}

// errDelivered ends an upload into the version of an earlier attempt that has
// delivered its build after all.
var errDelivered = errors.New("an earlier attempt delivered the build")

// awaitsBuild returns an error unless our version still waits for its build.
func (r *run) awaitsBuild(ctx context.Context) error {
	v, err := r.findOurs(ctx)
	switch {
	case err != nil:
	case !v.Status.Underway() && r.ours.origin == adopted && (r.ours.unproven || r.proven(v, didDeliver)):
		err = errDelivered
	case !v.Status.Underway():
		err = fail(Other, "Displaced", "See who else works on this application, and run again.",
			"%s became %s before its build was delivered.", title(v), v.Status)
	}
	return err
}

// findOurs finds our version in the list, and makes sure that no other is in
// flight. The calls that deliver name no version: after a delete, or another
// run's create, they would act on a version that is not ours.
func (r *run) findOurs(ctx context.Context) (v car.Version, err error) {
	start := time.Now()
	err = r.watch(ctx, r.poller(), func(versions []car.Version) (bool, error) {
		for _, other := range versions {
			if other.ID != r.ours.ID && other.Status.Underway() {
				return true, fail(Other, "Displaced", oneJobAtATime,
					"%s is being created too, so an upload could end up in the wrong version: stopped.", title(other))
			}
		}
		var there bool
		v, there = find(versions, r.ours.ID)
		if err := r.displaced(v); err != nil {
			r.ours.lost()
			r.saveNothing()
			r.leftover(title(v)+", if nobody resumes it", r.line(Delete, v.ID))
			return true, err
		}
		switch {
		case there && v.Status != car.Deleting:
			r.ours.listed = true
			return true, nil
		case there, r.ours.listed, time.Since(start) > MaxListLag:
			return true, fail(Other, "Vanished", "See who deleted it, and run again.",
				"%s is gone, or about to be: somebody deleted it.", r.ours.ID)
		}
		return false, nil
	})
	return v, err
}

// oneJobAtATime is the remedy when two runs disturb each other.
const oneJobAtATime = "Let one job at a time publish to an application: give them one concurrency group."
