package publish

import (
	"context"
	"errors"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// createOnly makes a version for somebody else to deliver the build for.
func (r *run) createOnly(ctx context.Context) (record.Outcome, error) {
	r.makeMark(r.o.ArtifactName, []byte(r.o.ArtifactName))
	if r.withoutKeys() {
		return record.Planned, nil
	}
	r.begin(record.Check)
	versions, err := r.listVersions(ctx)
	if err != nil {
		return "", r.notFound(ctx, err)
	}
	if err := r.obtain(ctx, versions); err != nil || r.o.DryRun {
		return record.Planned, err
	}
	if err := r.requireProof(); err != nil {
		return "", err
	}
	if r.o.Wait {
		if err := r.await(ctx); err != nil {
			return "", err
		}
	}
	return r.reached(), nil
}

// maxObtainRounds is how often obtain looks at the list at most: others may
// come and go for ever.
const maxObtainRounds = 5

// obtain gets a version of ours: the one that an earlier attempt left, or a new
// one. A dry run only says what would happen.
//
// The list may be out of date. For a later attempt, the blocker may be a version of
// an earlier attempt that the list did not show at first, or may be gone by now. After
// a create whose answer was lost, it may be our own new version. In these two cases
// obtain looks again, and fails only if the next list gives the same reason, or after
// maxObtainRounds. Otherwise it fails at once.
func (r *run) obtain(ctx context.Context, versions []car.Version) (err error) {
	defer func() {
		if r.doubt != nil && err != nil && !r.ours.exists() {
			r.leftover("a version named "+stem(r.name())+" may have been created", r.removeUnnamed())
		}
	}()
	last := ""
	for round := 1; ; round++ {
		err := r.tryObtain(ctx, versions, round == 1)
		var own *Error
		if !errors.As(err, &own) || !own.blocks() || r.o.DryRun || ctx.Err() != nil {
			return err
		}
		reason := own.Code + own.blocker
		if r.mark.attempt < 2 && r.doubt == nil || reason == last || round == maxObtainRounds {
			return err
		}
		last = reason
		r.learn(func(t *record.Result) { t.BlockingVersionID = "" })
		if versions, err = r.listVersions(ctx); err != nil {
			return err
		}
		if ours, _ := r.appeared(versions); r.doubt != nil && ours != nil {
			return r.foundCreated(ctx, *ours)
		}
	}
}

// tryObtain adopts a version, or makes room and creates one. Only the first try
// may replace what is in the way.
func (r *run) tryObtain(ctx context.Context, versions []car.Version, first bool) error {
	versions, done, err := r.adopt(ctx, versions)
	if done || err != nil {
		return err
	}
	if err := r.makeRoom(ctx, versions, first); err != nil {
		return err
	}
	if r.ours.exists() || r.o.DryRun { // taken over, or only planned
		return nil
	}
	return r.create(ctx)
}
