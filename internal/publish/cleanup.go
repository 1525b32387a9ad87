package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
)

// own tells what a later clean-up of this job may remove, before it can be
// there: a process that is killed tells nothing any more.
func (r *run) own(id string) { r.emit(Owned{Mark: r.mark.String(), VersionID: id}) }

// disown tells that nothing is to be removed any more.
func (r *run) disown() { r.emit(Owned{}) }

// cleanup removes what this run left undelivered: what the killed process
// told of, or, where it could not tell anybody, what bears the run's mark.
func (r *run) cleanup(ctx context.Context) error {
	r.learn(func(t *Result) { t.Outcome = Cleaned })
	if r.o.Owned != nil && *r.o.Owned == (Owned{}) {
		r.note("This run left nothing undelivered.")
		return nil
	}
	if r.o.Owned == nil && !r.o.KeyComplete {
		return fail(BadInput, "RunKey", "Set run-key to what it was in the run that is to be cleaned up after. With the id of a version, use delete.",
			"It cannot be told which versions are this run's: run-key is missing or has an empty part.")
	}
	r.sign("", nil)
	r.begin(Check)
	left, err := r.leftBehind(ctx)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		r.note("Nothing to clean up: no unfinished version of this run is there.")
		return nil
	}
	r.begin(Undo)
	var failed error
	for _, v := range left {
		if r.o.DryRun {
			r.note("Would delete %s, which is %s.", title(v), v.Status)
			continue
		}
		r.note("Deleting %s, which is %s.", title(v), v.Status)
		if err := r.discard(ctx, v); err != nil {
			r.leftover(fmt.Sprintf("%s, since it could not be deleted: %v", title(v), err), r.line("delete", v.ID))
			failed = errors.Join(failed, err)
			continue
		}
		r.note("Deleted %s: nobody can use it.", title(v))
	}
	if failed == nil && !r.o.DryRun {
		r.disown()
	}
	return failed
}

// leftBehind lists the unfinished versions that this run made. One whose
// creation was not answered may appear in the list only after a while.
func (r *run) leftBehind(ctx context.Context) ([]car.Version, error) {
	for start := time.Now(); ; {
		versions, err := r.listVersions(ctx)
		if err != nil {
			return nil, r.notFound(ctx, err)
		}
		var left []car.Version
		for _, v := range versions {
			switch {
			case !r.madeByThisRun(v):
			case v.Status.Underway(), v.Status == car.CreateFailed, v.Status == car.Normal && r.o.Owned != nil:
				left = append(left, v)
			case v.Status != car.Deleting:
				r.note("%s is %s: it stays.", title(v), v.Status)
			}
		}
		if len(left) > 0 || r.o.Owned == nil || r.o.Owned.VersionID != "" || time.Since(start) > looks {
			return left, nil
		}
		if err := sleep(ctx, pollFloor); err != nil {
			return nil, err
		}
	}
}

// madeByThisRun says whether a version is one that cleanup may remove.
func (r *run) madeByThisRun(v car.Version) bool {
	m, marked := readMark(v.Name)
	if o := r.o.Owned; o != nil {
		// After our id was told, a mark that is not ours is a claim of
		// somebody who took it over.
		return o.VersionID != "" && v.ID == o.VersionID && (!marked || m.String() == o.Mark) ||
			o.VersionID == "" && marked && m.String() == o.Mark
	}
	return marked && m.owner == r.mark.owner && m.attempt <= r.mark.attempt
}

// discard deletes a version that is this run's or was named, and what was
// uploaded for it if it is unfinished.
func (r *run) discard(ctx context.Context, v car.Version) error {
	if v.Status.Underway() {
		if err := r.sweep(ctx, v); err != nil {
			r.note("What was uploaded for %s could not be removed from CAR's bucket: %v. It blocks nothing.", v.ID, err)
		}
	}
	return r.remove(ctx, v)
}

// sweepTime leaves most of CleanupTime to what matters more.
const sweepTime = 2 * time.Second

// sweep removes the unfinished uploads of a version that is in flight.
func (r *run) sweep(ctx context.Context, v car.Version) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	return r.uploadOf(v).Sweep(ctx)
}

// uploadOf is what goes on in CAR's bucket for a version that is in flight.
func (r *run) uploadOf(v car.Version) *cos.Upload {
	return cos.New(cos.Options{
		Transport: r.d.COS, Endpoint: r.d.Endpoint, Policy: r.d.Upload, Called: r.calledCOS,
		Renew: func(ctx context.Context) (cos.Keys, error) { return r.keys(ctx, v.ID, "") },
	})
}
