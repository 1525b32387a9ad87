package publish

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/car-publish/car-publish/internal/car"
)

// CleanupTime is what a run that was stopped may still take, altogether:
// GitHub kills a cancelled job 10 s after it asked it to stop.
const CleanupTime = 7 * time.Second

var errCleanupTime = fmt.Errorf("there was no answer within %s", age(CleanupTime))

// afterwards returns a context that ends when ctx has been over for
// CleanupTime, or when hurry is over.
func afterwards(ctx, hurry context.Context) (context.Context, context.CancelFunc) {
	after, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(CleanupTime, func() { cancel(errCleanupTime) })
		context.AfterFunc(after, func() { timer.Stop() })
	})
	noTime := func() bool { return true }
	if hurry != nil {
		noTime = context.AfterFunc(hurry, func() { cancel(context.Cause(hurry)) })
	}
	return after, func() { stop(); noTime(); cancel(nil) }
}

// undo removes what a run that failed has made and nobody wants, or says
// what it leaves and how to remove it.
func (r *run) undo(ctx context.Context, e *Error) {
	v := car.Version{ID: r.result.VersionID, Name: r.result.VersionName}
	notOurs := r.o.Command == "release" || r.o.Command == "rollback"
	switch {
	case r.stage == nothing && r.upload != nil && r.upload.Pending(): // somebody took our version over
		r.abort(ctx)
		return
	case r.stage == nothing, notOurs && r.stage < onlineSent:
		return
	case notOurs, r.o.Command == "create", !r.removes(e):
		if !notOurs {
			r.disown()
		}
		r.leave(v, "")
		if r.upload != nil && r.upload.Pending() {
			r.warn("What was uploaded so far is left in CAR's bucket. It blocks nothing.")
		}
		return
	}
	r.begin(Undo)
	defer r.end(nil)
	r.own(v.ID)
	ctx, cancel := context.WithTimeoutCause(ctx, CleanupTime, errCleanupTime)
	defer cancel()

	var wait sync.WaitGroup
	switch {
	case r.upload != nil && r.upload.Pending():
		wait.Go(func() { r.abort(ctx) })
	case r.by == adopted && r.stage == undelivered:
		// Before the version is gone, and with it the key to its uploads.
		if err := r.sweep(ctx, v); err != nil {
			r.warn("What an earlier attempt uploaded for %s could not be removed from CAR's bucket: %v. It blocks nothing.", v.ID, err)
		}
	}
	if err := r.take(ctx, v.ID); err != nil {
		r.leave(v, fmt.Sprintf(", since it could not be deleted: %v", err))
	} else {
		r.disown()
	}
	wait.Wait()
}

// abort removes what the upload left unfinished.
func (r *run) abort(ctx context.Context) {
	if err := r.upload.Abort(ctx); err != nil {
		r.warn("The unfinished upload could not be removed from CAR's bucket: %v. It blocks nothing.", err)
	}
}

// removes says whether this failure at this stage deletes our version.
func (r *run) removes(e *Error) bool {
	switch r.o.OnFailure {
	case "keep":
		return false
	case "delete":
		return r.stage < onlineSent
	}
	switch r.stage {
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

// take deletes our version, if a fresh look still shows it as something that
// nobody has released.
func (r *run) take(ctx context.Context, id string) error {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return err
	}
	still := func(now car.Version, _ []car.Version) bool { return unreleased(now.Status) && r.displaced(now) == nil }
	v, there := find(versions, id)
	switch {
	case !there && r.listed:
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
	r.note("Deleted %s: nobody can use it.", id)
	r.learn(func(t *Result) { t.VersionStatus = "" })
	return nil
}

// leave tells that our version stays.
func (r *run) leave(v car.Version, why string) {
	if r.stage == onlineSent {
		r.learn(func(t *Result) {
			if t.VersionStatus == string(car.Inuse) {
				t.Next = append(t.Next, r.rollbackLine()...)
				return
			}
			t.Next = append(t.Next, Command{"see whether " + v.ID + " is online", r.line("list", "")})
		})
		return
	}
	r.leftover(title(v)+why, r.line("delete", v.ID))
	if r.stage == processing || r.stage == ready {
		r.learn(func(t *Result) {
			if r.o.Release {
				t.Next = append(t.Next, Command{"put it online once it is ready", r.line("release", v.ID)})
				return
			}
			t.Next = append(t.Next, Command{"see how far it is", r.line("list", "")})
		})
	}
}

// unreleased is true of what players have never had.
func unreleased(s car.Status) bool { return s != car.Inuse && s != car.Usable }
