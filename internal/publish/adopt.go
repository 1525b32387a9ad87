package publish

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// makeMark makes the mark of this run for a build with that content.
func (r *run) makeMark(fileName string, content []byte) {
	r.fileName = fileName
	r.mark = newMark(r.o.RunKey, r.o.ApplicationID, content, r.o.Attempt, r.float)
}

// adopt goes on with the version that an earlier attempt of this run left. That
// attempt's process should have ended; if not, the new name of the version warns it.
// Left to makeRoom, like another run's, are versions with the mark of this very attempt,
// which a sibling that still runs may own, and without a complete run-key also those of
// earlier attempts, which may be a sibling's. adopt returns the versions that are there
// then, and whether nothing is left to create.
func (r *run) adopt(ctx context.Context, versions []car.Version) (now []car.Version, done bool, err error) {
	if r.mark.attempt < 2 {
		return versions, false, nil
	}
	mine, stale := r.ofEarlierAttempts(versions)
	switch {
	case len(mine)+len(stale) == 0:
		return versions, false, nil
	case !r.o.KeyComplete:
		r.note("%s bears the mark of an earlier attempt, but run-key does not tell siblings apart: it is not touched.", title(append(mine, stale...)[0]))
		return versions, false, nil
	}
	if versions, err = r.removeStale(ctx, versions, stale); err != nil || len(mine) == 0 {
		return versions, false, err
	}
	// CAR lets only one version be unfinished, so at most one of these is. It
	// comes first, and what is online after it.
	v := slices.MinFunc(mine, func(a, b car.Version) int { return cmp.Compare(progressOf(a), progressOf(b)) })
	if r.o.DryRun && !v.Status.Underway() && !r.proven(v, didDeliver) {
		r.planned("Would stop, since nothing proves that an earlier attempt delivered the build of %s, which bears its mark and is %s now.", title(v), v.Status)
		return versions, true, nil
	}
	if r.o.DryRun {
		r.planned("Would resume %s, which an earlier attempt made and is %s now.", title(v), v.Status)
		return versions, true, nil
	}
	var claimed error
	if v.Status.Underway() { // before anything else, so that the earlier attempt notices if it still runs
		claimed = r.claim(ctx, v)
	}
	trusted, err := r.trustIn(ctx, v)
	if err == nil && trusted == trustForeign {
		r.note("Nothing proves that %s holds the build of this run: it is not resumed.", title(v))
		versions, err = r.removeStale(ctx, versions, []car.Version{v})
		return versions, false, err
	}
	if err != nil {
		return versions, false, err
	}
	return versions, true, r.resume(ctx, v, trusted, claimed)
}

// ofEarlierAttempts finds the versions of earlier attempts of this run: those
// made of the same build, and unfinished ones of another build.
func (r *run) ofEarlierAttempts(versions []car.Version) (mine, stale []car.Version) {
	for _, v := range versions {
		m, ok := readMark(v.Name)
		switch {
		case !ok || !m.earlier(r.mark) || v.Status == car.Deleting || v.Status == car.CreateFailed:
		case m.content == r.mark.content && v.Size > 0 && r.build != nil && r.build.Size > 0 && v.Size != r.build.Size:
			// Another run has delivered into it since.
		case m.content == r.mark.content:
			mine = append(mine, v)
		case v.Status.Underway():
			stale = append(stale, v)
		}
	}
	return mine, stale
}

// removeStale deletes the unfinished versions of earlier attempts that this one cannot
// resume: they were begun with another build, or nothing proves whose build they hold.
// It returns the versions without those.
func (r *run) removeStale(ctx context.Context, versions, stale []car.Version) ([]car.Version, error) {
	for _, v := range stale {
		if !r.d.ProofKey.IsZero() && !r.proven(v, didCreate) && !r.proven(v, didDeliver) {
			r.note("%s bears the mark of an earlier attempt without its proof: on-blocked decides.", title(v))
			continue
		}
		if r.o.DryRun {
			r.note("Would delete %s: an earlier attempt began it, and its build is not known to be ours.", title(v))
		} else {
			r.note("%s was begun by an earlier attempt, and its build is not known to be ours: deleting it.", title(v))
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
	return versions, nil
}

// progressOf orders versions by how much is left to do, most first.
func progressOf(v car.Version) int {
	return slices.Index([]car.Status{car.Uploading, car.Creating, car.Normal, car.Inuse, car.Usable}, v.Status)
}

// resume takes the version of an earlier attempt as ours, with all that it has
// reached already. claimed is why its name could not be changed to ours.
func (r *run) resume(ctx context.Context, v car.Version, trusted trust, claimed error) error {
	if v.Status == car.Usable {
		return fail(InTheWay, "ReleasedBefore", "To put it online again: "+r.line(Rollback, v.ID),
			"An earlier attempt of this run made %s. It was released, and is not online any more: a second release could undo what somebody did since.", title(v))
	}
	r.begin(record.Create)
	r.ours.becomeAdopted(v, trusted)
	if r.previous == v.ID {
		r.setPrevious("")
	}
	r.recordVersion(v)
	switch r.ours.stage {
	case onlineSent:
		r.note("An earlier attempt made %s, and it is online: nothing is left to do.", title(v))
	case ready:
		r.note("An earlier attempt made %s, and it is ready: resuming with it.", title(v))
	default:
		r.note("An earlier attempt began %s: resuming it.", title(v))
		if claimed != nil {
			r.note("It keeps the earlier attempt's name (%v).", claimed)
		} else if r.proven(v, didDeliver) {
			r.prove(ctx, didDeliver)
		} else {
			r.prove(ctx, didCreate)
		}
	}
	return nil
}
