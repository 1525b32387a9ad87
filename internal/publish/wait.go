package publish

import (
	"context"
	"slices"
	"time"

	"github.com/car-publish/car-publish/internal/car"
)

// await waits until CAR has made a version of the build, or could not.
func (r *run) await(ctx context.Context, id string) error {
	r.begin(Process)
	start := time.Now()
	poll := r.poller()
	asksProgress := true
	seen, last := false, car.Status("")
	for {
		versions, err := r.listVersions(ctx)
		if err != nil {
			return err
		}
		v, there := find(versions, id)
		if there {
			seen = true
			// Too late to stop, but not to look what became of it.
			r.unsure = r.unsure || r.stage == processing && r.displaced(v) != nil
			if v.Status != last {
				r.learnVersion(v)
				r.note("%s is %s.", title(v), v.Status)
				last = v.Status
			}
			switch {
			case v.Status.Good():
				r.stage = max(r.stage, ready)
				if v.Status != car.Normal {
					r.stage = onlineSent
				}
				// A former version that is online again, or none at all, is
				// no reason to think so.
				i := slices.IndexFunc(versions, func(v car.Version) bool { return v.Status == car.Inuse })
				r.overtaken = v.Status == car.Usable && i >= 0 && versions[i].ID != r.result.PreviousVersionID
				return nil
			case v.Status == car.CreateFailed:
				return fail(NotCreated, "CreateFailed", "CAR gives no reason. The usual ones: the archive is damaged, encrypted or holds another archive; file names that are not UTF-8; a package of another kind than the application; for artifact-url, a link that does not start a download by itself.",
					"CAR could not make a version of the build: %s is CreateFailed.", title(v))
			case v.Status == car.Deleting:
				return fail(Other, "Vanished", "See who deleted it, and run again.", "%s is being deleted by somebody else.", title(v))
			}
		} else if seen || time.Since(start) > Appears {
			return fail(Other, "Vanished", "See who deleted it, and run again.", "%s is no longer listed: somebody deleted it.", id)
		}
		percent := -1
		if asksProgress && there {
			percent, asksProgress = r.progress(ctx)
		}
		r.emit(Waiting{For: id, Status: string(v.Status), Percent: percent, Elapsed: time.Since(start)})
		if err := poll(ctx); err != nil {
			return err
		}
	}
}

// progress asks how far the application's update is. It only advises: when it
// fails, it is not asked again.
func (r *run) progress(ctx context.Context) (percent int, again bool) {
	list, _, err := r.api.DescribeApplicationStatus(ctx, r.o.ApplicationID)
	if err != nil {
		if ctx.Err() == nil {
			r.advisory(err, "CAR's progress could not be read, and is not shown")
		}
		return -1, false
	}
	for _, s := range list {
		if s.ApplicationID == r.o.ApplicationID && s.UpdateStatus == "ApplicationUpdateCreating" {
			return min(max(s.Progress, 0), 100), true
		}
	}
	return -1, true
}
