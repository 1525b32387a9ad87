package publish

import (
	"context"
	"fmt"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// delete deletes the version that version-id names.
func (r *run) delete(ctx context.Context) (record.Outcome, error) {
	v, err := r.named(ctx)
	if err != nil {
		return "", err
	}
	r.recordVersion(v)
	if v.Status == car.Inuse {
		return "", fail(InTheWay, "Online", "Put another version online first; these are there: "+r.line(List, ""), "%s is online: it is not deleted.", title(v))
	}
	if r.o.DryRun {
		return r.planned("Would delete %s, which is %s.", title(v), v.Status), nil
	}
	r.begin(record.Delete)
	if err := r.discard(ctx, v); err != nil {
		return "", err
	}
	r.learn(func(t *record.Result) { t.VersionStatus, t.PreviousVersionID = "", "" })
	r.note("%s is deleted.", title(v))
	return record.Deleted, nil
}

// named finds the version that the input version-id names.
func (r *run) named(ctx context.Context) (car.Version, error) {
	r.begin(record.Check)
	versions, err := r.look(ctx)
	if err != nil {
		return car.Version{}, err
	}
	v, there := find(versions, r.o.VersionID)
	switch {
	case !there:
		return v, r.noSuchVersion(versions)
	case v.Status == car.CreateFailed && r.o.Command == Release:
		return v, fail(NotCreated, "CreateFailed", "Delete it: "+r.line(Delete, v.ID), "%s is CreateFailed: CAR could not make it, so it cannot be released.", title(v))
	case v.Status == car.Deleting && r.o.Command == Release:
		return v, fail(InTheWay, "Deleting", "", "%s is being deleted, so it cannot be released.", title(v))
	}
	return v, nil
}

// discard deletes a version of this run or one that a command names, and its
// unfinished uploads.
func (r *run) discard(ctx context.Context, v car.Version) error {
	if v.Status.Underway() {
		if err := r.sweep(ctx, v); err != nil {
			r.note("What was uploaded for %s could not be removed from CAR's bucket: %v. It blocks nothing.", v.ID, err)
		}
	}
	return r.remove(ctx, v)
}

// remove deletes a version and waits until it is gone. A list from just before
// must still show it in the state that was the reason to delete it.
func (r *run) remove(ctx context.Context, before car.Version) error {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return err
	}
	same := func(now car.Version, _ []car.Version) bool {
		return now.Status == before.Status && !claimed(before, now)
	}
	v, there := find(versions, before.ID)
	switch {
	case !there:
		return nil
	case v.Status == car.Deleting:
	case !same(v, versions):
		return changedState(v, before.Status)
	default:
		if err := r.requestDelete(ctx, v, same); err != nil {
			return err
		}
	}
	return r.awaitGone(ctx, v)
}

// maxDeleteTries is how often a delete is sent.
const maxDeleteTries = 4

// requestDelete asks CAR to delete a version. Before each retry it looks at the
// list, and stops unless still allows the delete.
func (r *run) requestDelete(ctx context.Context, v car.Version, still func(now car.Version, all []car.Version) bool) error {
	tries := r.tries(maxDeleteTries)
	for attempt := 1; ; attempt++ {
		requestID, err := r.api.DeleteApplicationVersion(ctx, r.o.ApplicationID, v.ID)
		r.recordRequest("DeleteApplicationVersion", requestID, err)
		if err == nil {
			break
		}
		if !worthRetry(err) || !tries.Another(throttled(err)) {
			return err
		}
		if stopped := r.pause(ctx, "DeleteApplicationVersion", attempt, err); stopped != nil {
			return err
		}
		versions, look := r.listVersions(ctx)
		if look != nil {
			return err
		}
		now, there := find(versions, v.ID)
		if !there && v.Status != "" || now.Status == car.Deleting {
			break
		}
		if there && !still(now, versions) {
			return changedState(now, v.Status)
		}
	}
	r.learn(func(t *record.Result) { t.DeletedVersionIDs = append(t.DeletedVersionIDs, v.ID) })
	return nil
}

// awaitGone waits until a version is no longer listed, since a delete is not
// done when its call returns.
func (r *run) awaitGone(ctx context.Context, v car.Version) error {
	start := time.Now()
	return r.watch(ctx, r.poller(), func(versions []car.Version) (bool, error) {
		now, there := find(versions, v.ID)
		switch {
		case !there:
			return true, nil
		case now.Status != car.Deleting && now.Status != v.Status:
			return true, changedState(now, v.Status)
		}
		r.emit(record.Waiting{For: title(v) + " to be gone", Status: string(now.Status), Percent: -1, Elapsed: time.Since(start)})
		return false, nil
	})
}

// claimed reports whether a run has put its mark on a version since before: that
// run resumes it, or delivers into it.
func claimed(before, now car.Version) bool {
	m, marked := readMark(now.Name)
	old, _ := readMark(before.Name)
	return marked && m != old
}

// changedState is the error for a version that is not deleted, because it is no
// longer in the expected state.
func changedState(v car.Version, expected car.Status) *Error {
	what := fmt.Sprintf("was %s a moment ago and is %s now", expected, v.Status)
	if v.Status == expected {
		what = "was to be deleted a moment ago, and the list shows no reason for it any more"
	}
	return fail(InTheWay, codeChanged, "Somebody else works on this application: look at it, and run again.",
		"%s %s: it is left alone.", title(v), what)
}
