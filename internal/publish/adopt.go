package publish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/car-publish/car-publish/internal/car"
)

// sign makes the mark of this run and the name that CAR is told.
func (r *run) sign(fileName string, content []byte) {
	r.mark = newMark(r.o.RunKey, r.o.ApplicationID, content, r.o.Attempt, r.d.Float)
	r.fileName, r.name = fileName, r.mark.apply(fileName)
}

// adopt goes on with what an earlier attempt of this run left: its process is
// gone, so nobody else will. Versions of the same attempt may belong to a
// living sibling, and without a complete key nobody knows; both are left to
// makeRoom. It returns the versions that are there then.
func (r *run) adopt(ctx context.Context, versions []car.Version) ([]car.Version, error) {
	if r.mark.attempt < 2 {
		return versions, nil
	}
	var left, stale []car.Version
	for _, v := range versions {
		m, ok := readMark(v.Name)
		switch {
		case !ok || !m.earlier(r.mark) || v.Status == car.Deleting || v.Status == car.CreateFailed:
		case m.content == r.mark.content && v.Size > 0 && r.build != nil && v.Size != r.build.Size:
			// Another run has worked on it since.
		case m.content == r.mark.content:
			left = append(left, v)
		case v.Status.Underway():
			stale = append(stale, v)
		}
	}
	switch {
	case len(left)+len(stale) == 0:
		return versions, nil
	case !r.o.KeyComplete:
		r.note("%s bears the mark of an earlier attempt, but run-key does not tell siblings apart: it is not touched.", title(append(left, stale...)[0]))
		return versions, nil
	}
	for _, v := range stale {
		if r.o.DryRun {
			r.note("Would delete %s: an earlier attempt began it with another build.", title(v))
		} else {
			r.note("%s was begun by an earlier attempt with another build: deleting it.", title(v))
			err := r.discard(ctx, v)
			if errors.Is(err, car.Code("OperationDenied")) {
				r.note("CAR does not let it be deleted (%v): on-blocked decides.", err)
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		versions = slices.DeleteFunc(slices.Clone(versions), func(other car.Version) bool { return other.ID == v.ID })
	}
	if len(left) == 0 {
		return versions, nil
	}
	// CAR lets one version at a time be unfinished, so there is one at most
	// of those; what is online comes next.
	v := slices.MinFunc(left, func(a, b car.Version) int { return cmp.Compare(progressOf(a), progressOf(b)) })
	if r.o.DryRun {
		return versions, r.planned("Would go on with %s, which an earlier attempt made and is %s now.", title(v), v.Status)
	}
	return versions, r.continueWith(ctx, v)
}

// progressOf orders versions by how much is left to do, most first.
func progressOf(v car.Version) int {
	return slices.Index([]car.Status{car.Uploading, car.Creating, car.Normal, car.Inuse, car.Usable}, v.Status)
}

// continueWith takes the version of an earlier attempt as ours, with all that
// it has reached already.
func (r *run) continueWith(ctx context.Context, v car.Version) error {
	if v.Status == car.Usable {
		return fail(InTheWay, "ReleasedBefore", "To put it online again: "+r.line("rollback", v.ID),
			"An earlier attempt of this run made %s. It was released, and is not online any more: a second release could undo what somebody did since.", title(v))
	}
	r.begin(Create)
	r.by, r.former, r.listed = adopted, v.Name, true
	r.learn(func(t *Result) {
		if t.PreviousVersionID == v.ID {
			t.PreviousVersionID = ""
		}
	})
	r.learnVersion(v)
	switch v.Status {
	case car.Inuse:
		r.stage = onlineSent
		r.note("An earlier attempt made %s, and it is online: nothing is left to do.", title(v))
		return nil
	case car.Normal:
		r.stage = ready
		r.note("An earlier attempt made %s, and it is ready: going on with it.", title(v))
		return nil
	default: // underway
	}
	r.stage, r.unsure = undelivered, true
	r.note("An earlier attempt began %s: going on with it.", title(v))
	if err := r.claim(ctx, v); err != nil {
		r.note("It keeps the earlier attempt's name (%v).", err)
	}
	return nil
}

// claim writes our mark on a version that another process made, so that this
// process, if it lives, notices, and a later attempt knows it as ours.
func (r *run) claim(ctx context.Context, v car.Version) error {
	r.former = v.Name
	r.own(v.ID)
	requestID, err := r.api.ModifyApplicationVersion(ctx, r.o.ApplicationID, v.ID, stem(r.name))
	r.changed("ModifyApplicationVersion", requestID, nil)
	return err
}

// takeOver makes another's version ours, after CAR refused to delete it:
// only one version at a time can be made, so what cannot be removed must be
// delivered into. It needs to be sure that CAR is not processing another's
// build already, and warns whoever still works on it by a new name.
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
	// No later attempt may take it for ours while it may hold another's
	// build: the mark tells of a content that nothing has.
	r.mark.content = markHash([]byte("taken over: " + v.ID))
	r.name = r.mark.apply(r.fileName)
	if err := r.claim(ctx, v); err != nil {
		r.disown()
		return blocked(fmt.Sprintf("and renaming it, which would warn whoever works on it, failed as well (%v)", err))
	}
	r.by, r.unsure, r.stage, r.listed = takenOver, true, undelivered, true
	v.Name = stem(r.name)
	r.learnVersion(v)
	r.note("CAR does not let %s be deleted (%v): delivering the build into it instead, as on-blocked: %s says.", v.ID, refusal, r.o.OnBlocked)
	if !known {
		r.warn("CAR's key does not let us see whether %s has a build already; its size will tell in the end.", v.ID)
	}
	if dropped := missing(r.o.Regions, v.Regions); len(dropped) > 0 {
		r.warn("%s was made without %s of the regions that were asked for.", v.ID, some(dropped, 5))
	}
	return nil
}

// madeOfOurs makes sure that CAR has not made our version of another's
// build, where somebody else may have delivered into it. Only the size can
// tell, where CAR says one and we know ours: what CAR downloads itself has none
// here.
func (r *run) madeOfOurs() error {
	size := r.result.VersionSize
	if !r.unsure || r.build == nil || size == r.build.Size || size == 0 && r.by != takenOver {
		return nil
	}
	return fail(Other, "Displaced", "Look at it in the console, and delete it: "+r.line("delete", r.result.VersionID),
		"%s has %d bytes, and %s has %d: another run has worked on it, and CAR made it of that one's build. It was not released.",
		r.result.VersionID, size, r.result.ArtifactName, r.result.ArtifactSize)
}

// displaced reports whether another process has claimed our version.
func (r *run) displaced(v car.Version) error {
	m, ok := readMark(v.Name)
	// The list may lag behind our claim, and show an earlier one: of another's,
	// or of an attempt before us that still lives and will notice.
	if !ok || m == r.mark || v.Name == r.former || m.earlier(r.mark) && m.content == r.mark.content {
		return nil
	}
	return fail(Other, "Displaced", "Let one job at a time publish to an application: give them one concurrency group.",
		"%s now bears the mark of another run, which took it over: it is left to that.", title(v))
}

// isOwn reports whether an error is of our own making, and not a call's.
func isOwn(err error) bool { return errors.As(err, new(*Error)) }
