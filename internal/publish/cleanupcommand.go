package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// saveOwned saves what the cleanup after a killed process may remove. It is
// called before the version exists, since a killed process saves nothing any
// more; "" is an id that is not known yet.
func (r *run) saveOwned(id string) {
	r.emit(record.Owned{Mark: r.mark.String(), VersionID: id})
}

// saveNothing saves that nothing is to be removed any more.
func (r *run) saveNothing() { r.emit(record.Owned{}) }

// cleanup removes what this run left undelivered: what the killed process saved
// or, if it could not save anything, what bears the run's mark.
func (r *run) cleanup(ctx context.Context) error {
	if r.o.Owned != nil && *r.o.Owned == (record.Owned{}) {
		r.note("This run left nothing undelivered.")
		return nil
	}
	if r.o.Owned == nil && !r.o.KeyComplete {
		return fail(BadInput, "RunKey", "Set run-key to what it was in the run that is to be cleaned up after. With the id of a version, use delete.",
			"It cannot be told which versions are this run's: run-key is missing or has an empty part.")
	}
	r.makeMark("", nil)
	if err := r.checkOwned(); err != nil {
		return err
	}
	r.begin(record.Check)
	left, err := r.leftBehind(ctx)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		r.note("Nothing to clean up: no unfinished version of this run is there.")
		return nil
	}
	r.begin(record.Undo)
	var failed error
	for _, v := range left {
		if r.o.DryRun {
			r.note("Would delete %s, which is %s.", title(v), v.Status)
			continue
		}
		r.note("Deleting %s, which is %s.", title(v), v.Status)
		if err := r.discard(ctx, v); err != nil {
			r.leftover(fmt.Sprintf("%s, since it could not be deleted: %v", title(v), err), r.line(Delete, v.ID))
			failed = errors.Join(failed, err)
			continue
		}
		r.note("Deleted the unfinished version %s.", title(v))
	}
	if failed == nil && !r.o.DryRun {
		r.saveNothing()
	}
	return failed
}

// leftBehind lists the unfinished versions that this run made. A version whose
// create was not answered may appear in the list only after a while.
func (r *run) leftBehind(ctx context.Context) (left []car.Version, err error) {
	start := time.Now()
	err = r.watch(ctx, steadily, func(versions []car.Version) (bool, error) {
		for _, v := range versions {
			switch {
			case !r.madeByThisRun(v):
			case v.Status.Underway(), v.Status == car.CreateFailed, v.Status == car.Normal && r.o.Owned != nil && !r.proven(v, didDeliver):
				left = append(left, v)
			case v.Status != car.Deleting:
				r.note("%s is %s: it stays.", title(v), v.Status)
			}
		}
		return len(left) > 0 || r.o.Owned == nil || r.o.Owned.VersionID != "" || time.Since(start) > lostCreateTime, nil
	})
	return left, r.notFound(ctx, err)
}

// checkOwned refuses a saved mark that our own main step cannot have written. Any
// earlier step of the job can set STATE_mark and STATE_version, so the mark must have
// the owner of this run and application. An empty mark, or that of a probe, is not
// checked here; see madeByThisRun.
func (r *run) checkOwned() error {
	if r.o.Owned == nil || r.o.Owned.Mark == "" || isProbeName(r.o.Owned.Mark) {
		return nil
	}
	if m, ok := readMark(r.o.Owned.Mark); !ok || m.owner != r.mark.owner {
		return fail(BadInput, "State", "Look for a step that sets STATE_mark or STATE_version. To remove a version of this run: "+r.line(List, ""),
			"The state that this post step got is not that of its own run and application: nothing is deleted.")
	}
	return nil
}

// madeByThisRun reports whether cleanup may remove a version.
func (r *run) madeByThisRun(v car.Version) bool {
	m, marked := readMark(v.Name)
	o := r.o.Owned
	switch {
	case o == nil:
		return marked && m.owner == r.mark.owner && m.attempt <= r.mark.attempt
	case o.VersionID == "":
		return marked && m.String() == o.Mark
	case v.ID != o.VersionID:
		return false
	case marked:
		// Another mark means that another run has taken the version over.
		return m.String() == o.Mark
	case isProbeName(v.Name):
		return isProbeName(o.Mark)
	}
	// CAR may have dropped the mark. But a build that CAR has accepted may be
	// anybody's, and an id alone does not prove otherwise.
	return v.Status != car.Normal
}

// ProbePrefix begins the names of the versions that doctor makes to find out how
// CAR behaves. They bear no mark.
const ProbePrefix = "car-publish-probe-"

func isProbeName(name string) bool { return strings.HasPrefix(name, ProbePrefix) }
