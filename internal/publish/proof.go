package publish

import (
	"context"
	"crypto/subtle"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// A mark says whose version it is, but everybody can write one: a colleague whose
// key may create and rename, but not release, could make a version with the mark of
// our run, and our next attempt would release it. So a run also writes into the name
// of its version a proof that it created it, and later one that it delivered its
// build; and a later attempt releases nothing without the second. The keys of a role
// are others in each attempt, so a role has no proof.

// prove writes a proof into the name of our version. It reports whether it did.
func (r *run) prove(ctx context.Context, done deed) bool {
	if r.d.ProofKey.IsZero() || !r.o.KeyComplete || r.ours.origin == takenOver || r.ours.unproven {
		return false
	}
	name := stem(r.name()) + "-" + r.mark.proof(r.d.ProofKey, done, r.ours.ID)
	id, err := r.api.ModifyApplicationVersion(ctx, r.o.ApplicationID, r.ours.ID, name)
	r.recordRequest("ModifyApplicationVersion", id, nil)
	if err != nil {
		if ctx.Err() == nil {
			r.note("The name of %s could not be changed (%v): a later attempt of this run could not prove that it is its own.", r.ours.ID, err)
		}
		return false
	}
	r.ours.Name = name
	r.recordVersion(r.ours.Version)
	return true
}

// proveCreated writes the proof that this run created its version. Another run may
// have taken the version over just before, and the new name would hide that. If that
// run's build is already in the bucket, the version is left to that run.
func (r *run) proveCreated(ctx context.Context) error {
	if !r.prove(ctx, didCreate) || r.build == nil {
		return nil
	}
	there, known, err := r.uploadOf(r.ours.Version).Present(ctx)
	switch {
	case err != nil || !known:
		r.ours.contested = true
	case there:
		v := r.ours.Version
		r.ours.lost()
		r.saveNothing()
		r.leftover(title(v)+", if nobody resumes it", r.line(Delete, v.ID))
		return fail(Other, "Displaced", oneJobAtATime, "Another run has delivered its build into %s: this run leaves it alone.", title(v))
	}
	return nil
}

// proven reports whether the name of a version proves that an attempt of this run
// did something to it.
func (r *run) proven(v car.Version, done deed) bool {
	m, ok := readMark(v.Name)
	return ok && m.owner == r.mark.owner && !r.d.ProofKey.IsZero() &&
		subtle.ConstantTimeCompare([]byte(readProof(v.Name)), []byte(m.proof(r.d.ProofKey, done, v.ID))) == 1
}

// trust is how far a version with the mark of an earlier attempt can be trusted.
type trust int

const (
	trustForeign  trust = iota // nothing proves whose it is, nor is anything in it worth keeping
	trustUnproven              // it may hold the build of the earlier attempt, or another one
	trustOurs                  // it is our run's
)

// trustIn says how far a version with the mark of an earlier attempt can be trusted.
func (r *run) trustIn(ctx context.Context, v car.Version) (trust, error) {
	switch {
	case r.proven(v, didDeliver),
		r.proven(v, didCreate) && (v.Status.Underway() || r.o.Command == Create):
		return trustOurs, nil
	case !v.Status.Underway() || r.build == nil:
		return trustUnproven, nil
	}
	there, _, err := r.uploadOf(v).Present(ctx)
	if err != nil || !there {
		return trustForeign, err
	}
	return trustUnproven, nil
}

// requireProof refuses to call a version a success that may hold another build than
// ours.
func (r *run) requireProof() error {
	v := r.ours.Version
	m, _ := readMark(v.Name)
	if !r.ours.unproven || m.content == r.mark.content && r.proven(v, didDeliver) { // the earlier attempt may have lived on
		return nil
	}
	r.learn(func(t *record.Result) { t.BlockingVersionID = v.ID })
	return fail(InTheWay, "Unproven", "If you know that it is yours: "+r.line(Release, v.ID)+". If not, delete it and run again: "+r.line(Delete, v.ID),
		"%s bears the mark of an earlier attempt of this run, but nothing proves that this run delivered its build: it was not released.", title(v))
}
