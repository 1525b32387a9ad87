package publish

import (
	"context"
	"fmt"

	"github.com/car-publish/car-publish/internal/car"
)

// takeOver makes the version of another run ours, after CAR refused to delete
// it. CAR creates only one version at a time, so the build must go into that
// one. takeOver makes sure that CAR is not processing the other run's build
// already, and renames the version, which the other run notices.
func (r *run) takeOver(ctx context.Context, v car.Version, refusal error) error {
	blocked := func(why string) error {
		e := r.blocked(v)
		e.Message = fmt.Sprintf("CAR does not let %s be deleted (%v), %s. %s", v.ID, refusal, why, e.Message)
		return e
	}
	switch {
	case !v.Status.Underway():
		return blocked("and it is " + string(v.Status))
	case r.build == nil:
		return blocked("and without an artifact it cannot be told whose build it would become")
	}
	there, known, err := r.uploadOf(v).Present(ctx)
	switch {
	case err != nil:
		return err
	case there:
		return blocked("and its build was uploaded already, so CAR may be processing it")
	}
	// A later attempt must not adopt it, since it may hold another run's build:
	// the mark gets a content that no build has.
	r.mark.content = markHash([]byte("taken over: " + v.ID))
	if err := r.claim(ctx, v); err != nil {
		r.saveNothing()
		return blocked(fmt.Sprintf("and renaming it, which would warn whoever works on it, failed as well (%v)", err))
	}
	formerName := v.Name
	v.Name = stem(r.name())
	r.ours.becomeTakenOver(v, formerName)
	r.recordVersion(v)
	r.note("CAR does not let %s be deleted (%v): delivering the build into it instead, as on-blocked: %s says.", v.ID, refusal, r.o.OnBlocked)
	if !known {
		r.warn("CAR's key does not allow to see whether %s has a build already; its size will tell in the end.", v.ID)
	}
	if dropped := missing(r.o.Regions, v.Regions); len(dropped) > 0 {
		r.warn("%s lacks these requested regions: %s.", v.ID, some(dropped, 5))
	}
	return nil
}

// claim writes our mark into the name of a version that another process made.
// That process notices, if it still runs, and a later attempt of this run knows
// the version.
func (r *run) claim(ctx context.Context, v car.Version) error {
	r.saveOwned(v.ID)
	requestID, err := r.api.ModifyApplicationVersion(ctx, r.o.ApplicationID, v.ID, stem(r.name()))
	r.recordRequest("ModifyApplicationVersion", requestID, nil)
	return err
}

// displaced returns an error if another run has put its mark on our version.
func (r *run) displaced(v car.Version) error {
	m, ok := readMark(v.Name)
	// The list may lag behind our own claim and still show the name from before,
	// or that of an earlier attempt which still runs and is going to notice us.
	if !ok || m == r.mark || v.Name == r.ours.formerName || m.earlier(r.mark) && m.content == r.mark.content {
		return nil
	}
	return fail(Other, "Displaced", oneJobAtATime,
		"%s now bears the mark of another run, which took it over: this run leaves it alone.", title(v))
}

// madeOfOurs makes sure that CAR has made our version of our build, if another
// run may have delivered into it. Only the size can tell, if CAR shows one and
// the build was uploaded here or is a file: other sizes are not known.
func (r *run) madeOfOurs() error {
	size := r.ours.Size
	if !r.ours.contested || r.build == nil || r.build.Size == 0 || size == r.build.Size || size == 0 && r.ours.origin != takenOver {
		return nil
	}
	if size == 0 {
		return fail(Other, "Displaced", "Look at it in the console, and delete it: "+r.line(Delete, r.ours.ID),
			"CAR shows no size for %s, which was taken over from another run, so it cannot be told whose build it holds. It was not released.", r.ours.ID)
	}
	return fail(Other, "Displaced", "Look at it in the console, and delete it: "+r.line(Delete, r.ours.ID),
		"%s has %d bytes, and %s has %d: another run has worked on it, and CAR made it of that one's build. It was not released.",
		r.ours.ID, size, r.fileName, r.build.Size)
}
