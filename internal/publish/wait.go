package publish

import (
	"context"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// await waits until CAR has accepted or refused the build of our version.
func (r *run) await(ctx context.Context) error {
	r.begin(record.Process)
	start := time.Now()
	asksProgress := true
	seen, last := false, car.Status("")
	return r.watch(ctx, r.poller(), func(versions []car.Version) (bool, error) {
		v, there := find(versions, r.ours.ID)
		switch {
		case there:
			seen = true
			if v.Status != last {
				r.setOurs(v)
				r.note("%s is %s.", title(v), v.Status)
				last = v.Status
			}
			if done, err := r.settled(v, versions); done || err != nil {
				return true, err
			}
		case seen || time.Since(start) > MaxListLag:
			return true, fail(Other, "Vanished", "See who deleted it, and run again.", "%s is no longer listed: somebody deleted it.", r.ours.ID)
		}
		percent := -1
		if asksProgress && there {
			percent, asksProgress = r.progress(ctx)
		}
		r.emit(record.Waiting{For: r.ours.ID, Status: string(v.Status), Percent: percent, Elapsed: time.Since(start)})
		return false, nil
	})
}

// settled reports whether CAR has accepted our version, as v shows it. The
// error says why it never will.
func (r *run) settled(v car.Version, all []car.Version) (bool, error) {
	// Too late to stop for that, but it must be known where the build came from.
	if r.ours.stage == processing && r.displaced(v) != nil {
		r.ours.contested = true
	}
	switch {
	case v.Status.Good():
		r.ours.accepted(v)
		// Overtaken only if a version that is neither ours nor the former one is
		// online.
		online, there := findOnline(all)
		r.ours.overtaken = v.Status == car.Usable && there && online.ID != r.previous
		return true, nil
	case v.Status == car.CreateFailed:
		return true, fail(NotCreated, "CreateFailed", "CAR gives no reason. The usual ones: the archive is damaged, encrypted or holds another archive; file names that are not UTF-8; a package of another kind than the application; for artifact-url, a link that does not start a download by itself.",
			"CAR could not make a version of the build: %s is CreateFailed.", title(v))
	case v.Status == car.Deleting:
		return true, fail(Other, "Vanished", "See who deleted it, and run again.", "%s is being deleted by somebody else.", title(v))
	}
	return false, nil
}

// progress asks how far CAR's processing is, in percent; -1 is unknown. After a
// failure it is not asked again, since the run does not depend on it.
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
