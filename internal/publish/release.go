package publish

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
)

// settles is how long the list may take to show a release.
const settles = 2 * time.Minute

// release waits until a version is ready and puts it online.
func (r *run) release(ctx context.Context) error {
	v, err := r.named(ctx)
	if err != nil {
		return err
	}
	r.learnVersion(v)
	if r.o.DryRun {
		return r.planned("Would put %s online, which is %s now.", title(v), v.Status)
	}
	r.stage = ready // never to be undone: this run did not make it
	if !v.Status.Good() {
		if err := r.await(ctx, v.ID); err != nil {
			return err
		}
	}
	return r.putOnline(ctx, v.ID)
}

// rollback puts a version online that was online before.
func (r *run) rollback(ctx context.Context) error {
	r.begin(Check)
	versions, err := r.look(ctx)
	if err != nil {
		return err
	}
	target, err := r.rollbackTarget(versions)
	if err != nil {
		return err
	}
	r.learnVersion(target)
	if r.o.DryRun {
		return r.planned("Would put %s online.", title(target))
	}
	r.stage = ready
	return r.putOnline(ctx, target.ID)
}

func (r *run) rollbackTarget(versions []car.Version) (car.Version, error) {
	var usable []car.Version
	for _, v := range oldestFirst(versions) {
		if v.Status == car.Usable {
			usable = append(usable, v)
		}
	}
	if r.o.VersionID == "" {
		if len(usable) == 0 {
			return car.Version{}, fail(InTheWay, "NothingToRollBackTo", "Name a version that is ready with the release command.", "%s has no version that was online before.", r.appName())
		}
		// Back means older: after one rollback the newest former version is
		// the one that was rolled back from.
		online := slices.IndexFunc(versions, func(v car.Version) bool { return v.Status == car.Inuse })
		for _, v := range slices.Backward(usable) {
			if online < 0 || !v.CreateTime.IsZero() && v.CreateTime.Before(versions[online].CreateTime.Time) {
				return v, nil
			}
		}
		var newer []string
		for _, v := range usable {
			newer = append(newer, title(v))
		}
		return car.Version{}, fail(InTheWay, "NothingToRollBackTo", "To put a newer one online name it with version-id: "+some(newer, 10)+".",
			"%s has no former version that is older than %s, which is online.", r.appName(), title(versions[online]))
	}
	v, there := find(versions, r.o.VersionID)
	switch {
	case !there:
		return v, r.noSuchVersion(versions)
	case v.Status == car.Usable, v.Status == car.Inuse:
		return v, nil
	}
	var names []string
	for _, u := range usable {
		names = append(names, title(u))
	}
	return v, fail(InTheWay, "NotUsable", "Can be rolled back to: "+orDash(strings.Join(names, ", "))+". To put a new version online use the release command.",
		"%s is %s: it was never online.", title(v), v.Status)
}

// named finds the version that the input version-id names.
func (r *run) named(ctx context.Context) (car.Version, error) {
	r.begin(Check)
	versions, err := r.look(ctx)
	if err != nil {
		return car.Version{}, err
	}
	v, there := find(versions, r.o.VersionID)
	switch {
	case !there:
		return v, r.noSuchVersion(versions)
	case v.Status == car.CreateFailed && r.o.Command == "release":
		return v, fail(NotCreated, "CreateFailed", "Delete it: "+r.line("delete", v.ID), "%s is CreateFailed: CAR could not make it, so it cannot be released.", title(v))
	case v.Status == car.Deleting && r.o.Command == "release":
		return v, fail(InTheWay, "Deleting", "", "%s is being deleted, so it cannot be released.", title(v))
	}
	return v, nil
}

func (r *run) noSuchVersion(versions []car.Version) error {
	var have []string
	for _, v := range oldestFirst(versions) {
		have = append(have, title(v)+" ("+string(v.Status)+")")
	}
	return fail(BadInput, "VersionNotFound", "It has: "+orDash(some(have, 10))+".", "%s has no version %s.", r.appName(), r.o.VersionID)
}

// putOnline releases a version that is ready, and reads back that it is the
// one online.
func (r *run) putOnline(ctx context.Context, id string) error {
	if r.result.VersionStatus == string(car.Inuse) {
		r.note("%s is online already.", id)
		r.learn(func(t *Result) {
			if t.PreviousVersionID == id {
				t.PreviousVersionID = ""
			}
		})
		return nil
	}
	r.begin(Release)
	before := r.stage
	former := r.result.VersionStatus == string(car.Usable) // it was online before this run
	if err := r.startPathThere(ctx, id); err != nil {
		return err
	}
	tries := r.tries(creates)
	doubted := false // some try may have done it
	for attempt := 1; ; attempt++ {
		r.stage = onlineSent
		_, requestID, err := r.api.SetApplicationVersionOnline(ctx, r.o.ApplicationID, id)
		r.changed("SetApplicationVersionOnline", requestID, err)
		if err == nil {
			break
		}
		if doubted = doubted || isDoubtful(err); !doubted {
			r.stage = before
		}
		if !again(err) {
			return err
		}
		another := tries.Another(throttled(err))
		if another {
			_ = r.pause(ctx, "SetApplicationVersionOnline", attempt, err) // a cancel is looked at below
		}
		look, cancel := r.shortly(ctx)
		versions, lookErr := r.listVersions(look)
		cancel()
		if lookErr != nil {
			return err
		}
		v, there := find(versions, id)
		if there && v.Status == car.Inuse {
			r.stage = onlineSent
			r.note("The answer of SetApplicationVersionOnline was lost (%v), and the version is online.", err)
			break
		}
		online := slices.IndexFunc(versions, func(v car.Version) bool { return v.Status == car.Inuse })
		overridden := online >= 0 && versions[online].ID != r.result.PreviousVersionID // by a third one
		if v.Status == car.Usable && (!former || doubted && overridden) {
			r.stage = onlineSent
			return r.replaced(v)
		}
		if !another || ctx.Err() != nil {
			return err
		}
	}
	return r.readBack(ctx, id, former)
}

// replaced is the error for a version that was online for a moment.
func (r *run) replaced(v car.Version) error {
	return fail(Other, "NotOnline", "See "+r.line("list", "")+", and put online what should be.",
		"%s was put online, and somebody has put another version online since: it is not released again.", title(v))
}

// readBack waits until the list shows our version online: a release is what
// the service says afterwards, not what it answered.
func (r *run) readBack(ctx context.Context, id string, former bool) error {
	ctx, cancel := r.shortly(ctx)
	defer cancel()
	start := time.Now()
	poll := r.poller()
	for {
		versions, err := r.listVersions(ctx)
		if err != nil {
			return err
		}
		v, there := find(versions, id)
		if there && v.Status == car.Inuse {
			r.learnVersion(v)
			r.note("%s is online.", title(v))
			return nil
		}
		if v.Status == car.Usable && !former {
			return r.replaced(v)
		}
		if time.Since(start) > settles {
			status := "no longer listed"
			if there {
				status = string(v.Status)
			}
			return fail(Other, "NotOnline", "See car-publish list: somebody may have put another version online meanwhile.",
				"CAR accepted the release of %s, but %s later it is %s.", id, age(settles), status)
		}
		r.emit(Waiting{For: id + " to be online", Status: string(v.Status), Percent: -1, Elapsed: time.Since(start)})
		if err := poll(ctx); err != nil {
			return err
		}
	}
}

// startPathThere refuses a release that would start nothing. CAR lists the
// executables of a processed version, with backslashes.
func (r *run) startPathThere(ctx context.Context, id string) error {
	start := r.app.ExePath
	if r.kind != car.Desktop || start == "" || artifact.IsAbsWindows(start) {
		return nil
	}
	paths, _, err := r.api.DescribeApplicationPathList(ctx, r.o.ApplicationID, id)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, car.Code("FailedOperation.ApplicationNotFind")) {
			return err
		}
		r.advisory(err, "the start path could not be checked before the release")
		return nil
	}
	if len(paths) == 0 {
		r.warn("CAR lists no executables for %s, so the start path %q could not be checked.", id, start)
		return nil
	}
	processed := artifact.Artifact{Executables: paths}
	if processed.Contains(start) {
		return nil
	}
	return fail(Other, "StartPath", "Set the start path in the CAR console, or publish a build that has it. Executables, nearest first: "+some(artifact.Nearest(start, paths), 8)+".",
		"%s starts %q, and %s does not hold that: it was not released.", r.appName(), start, id)
}

// rename gives the version its final name. It only advises: the build is
// delivered.
func (r *run) rename(ctx context.Context) error {
	if r.o.VersionName == "" || r.o.VersionName == r.result.VersionName {
		return nil
	}
	r.begin(Name)
	requestID, err := r.api.ModifyApplicationVersion(ctx, r.o.ApplicationID, r.result.VersionID, r.o.VersionName)
	r.changed("ModifyApplicationVersion", requestID, nil)
	if err != nil {
		r.advisory(err, "the version could not be renamed and keeps the name "+r.result.VersionName)
		return nil
	}
	r.learn(func(t *Result) { t.VersionName = r.o.VersionName })
	return nil
}

// list tells the versions.
func (r *run) list(ctx context.Context) error {
	r.begin(Check)
	versions, err := r.inventory(ctx)
	if err != nil {
		return err
	}
	r.learn(func(t *Result) {
		t.Outcome = Listing
		for _, v := range oldestFirst(versions) {
			l := Listed{ID: v.ID, Name: v.Name, Status: string(v.Status), Size: v.Size, Regions: v.Regions, UpdateMode: v.UpdateMode}
			if !v.CreateTime.IsZero() {
				l.CreateTime = &v.CreateTime.Time
			}
			t.Versions = append(t.Versions, l)
		}
	})
	return nil
}

// delete deletes the version that was named.
func (r *run) delete(ctx context.Context) error {
	v, err := r.named(ctx)
	if err != nil {
		return err
	}
	r.learnVersion(v)
	if v.Status == car.Inuse {
		return fail(InTheWay, "Online", "Put another version online first: "+r.line("rollback", ""), "%s is online: it is not deleted.", title(v))
	}
	if r.o.DryRun {
		return r.planned("Would delete %s, which is %s.", title(v), v.Status)
	}
	r.begin(Delete)
	if err := r.discard(ctx, v); err != nil {
		return err
	}
	r.learn(func(t *Result) { t.Outcome, t.VersionStatus, t.PreviousVersionID = Deleted, "", "" })
	r.note("%s is deleted.", title(v))
	return nil
}

func (r *run) planned(format string, args ...any) error {
	r.note(format, args...)
	r.note("Dry run: nothing was changed.")
	r.learn(func(t *Result) { t.Outcome = Planned })
	return nil
}
