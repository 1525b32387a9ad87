package publish

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/record"
)

// CleanupTime is how long a run may go on altogether after it was stopped:
// GitHub kills a cancelled job 10 s after it has asked it to stop.
const CleanupTime = 7 * time.Second

var errCleanupTime = fmt.Errorf("there was no answer within %s", human.Duration(CleanupTime))

// cleanUpAfterFailure removes what a failed run has made, or records what it leaves and how to
// remove that.
func (r *run) cleanUpAfterFailure(ctx context.Context, e *Error) {
	r.restoreStart(ctx)
	v := r.ours.Version
	notOurs := r.o.Command == Release || r.o.Command == Rollback
	switch {
	case !r.ours.exists() && r.upload != nil && r.upload.Pending(): // another run took our version over
		r.abort(ctx)
		return
	case !r.ours.exists(), notOurs && r.ours.stage < onlineSent:
		return
	case notOurs, r.o.Command == Create, !r.removes(e):
		if !notOurs {
			r.saveNothing()
		}
		r.leave(v, "")
		if r.upload != nil && r.upload.Pending() {
			r.warn("What was uploaded so far is left in CAR's bucket. It blocks nothing.")
		}
		return
	}
	r.begin(record.Undo)
	defer r.end(nil)
	r.saveOwned(v.ID)
	ctx, cancel := context.WithTimeoutCause(ctx, CleanupTime, errCleanupTime)
	defer cancel()

	var wait sync.WaitGroup
	switch {
	case r.upload != nil && r.upload.Pending():
		wait.Go(func() { r.abort(ctx) })
	case r.ours.origin == adopted && r.ours.stage == undelivered:
		// Before the version is gone, since its uploads can then not be reached.
		if err := r.sweep(ctx, v); err != nil {
			r.warn("What an earlier attempt uploaded for %s could not be removed from CAR's bucket: %v. It blocks nothing.", v.ID, err)
		}
	}
	if err := r.deleteOurs(ctx, v.ID); err != nil {
		r.leave(v, fmt.Sprintf(", since it could not be deleted: %v", err))
	} else {
		r.saveNothing()
	}
	wait.Wait()
}

// removes reports whether this failure at this stage deletes our version.
func (r *run) removes(e *Error) bool {
	if r.ours.unproven {
		return false
	}
	switch r.o.OnFailure {
	case FailureKeep:
		return false
	case FailureDelete:
		return r.ours.stage < onlineSent
	default:
	}
	switch r.ours.stage {
	case undelivered:
		return true
	case processing:
		return e.Kind == Interrupted || e.Kind == NotCreated
	case ready:
		return e.Kind == Interrupted
	default:
		return false
	}
}

// deleteOurs deletes our version, if a fresh list shows that it is still ours and
// that nobody has released it.
func (r *run) deleteOurs(ctx context.Context, id string) error {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return err
	}
	still := func(now car.Version, _ []car.Version) bool { return unreleased(now.Status) && r.displaced(now) == nil }
	v, there := find(versions, id)
	switch {
	case !there && r.ours.listed:
		r.note("%s is gone already.", id)
		return nil
	case !there: // the list lags behind: it is ours by its id
		if err := r.requestDelete(ctx, car.Version{ID: id}, still); err != nil {
			return err
		}
	case r.displaced(v) != nil:
		return fmt.Errorf("as %q it bears the mark of another run, which may have taken it over", v.Name)
	case v.Status == car.Inuse || v.Status == car.Usable:
		return fmt.Errorf("it is %s: somebody released it", v.Status)
	case v.Status != car.Deleting:
		if err := r.requestDelete(ctx, v, still); err != nil {
			return err
		}
	}
	r.note("Deleted the unfinished version %s.", id)
	r.learn(func(t *record.Result) { t.VersionStatus = "" })
	return nil
}

// leave records that our version stays, and what the reader can do with it.
func (r *run) leave(v car.Version, why string) {
	if r.ours.stage == onlineSent {
		if r.ours.Status == car.Inuse {
			r.suggestRollback()
		} else {
			r.suggest(record.Command{Purpose: "see whether " + v.ID + " is online", Line: r.line(List, "")})
		}
		return
	}
	r.leftover(title(v)+why, r.line(Delete, v.ID))
	if r.ours.stage == processing || r.ours.stage == ready {
		if r.o.Release {
			r.suggest(record.Command{Purpose: "put it online once it is ready", Line: r.line(Release, v.ID)})
		} else {
			r.suggest(record.Command{Purpose: "see how far it is", Line: r.line(List, "")})
		}
	}
}
