package publish

import (
	"context"
	"errors"
	"strings"

	"github.com/car-publish/car-publish/internal/car"
)

// requestSnapshot tells CAR that the build is there, or where to download it.
// Nothing shows afterwards whether the call arrived: a doubtful one is sent
// again, and if CAR then refuses it, the first one did. The call acts on the
// version in flight, so each try first makes sure that this is ours.
func (r *run) requestSnapshot(ctx context.Context) error {
	doubted, accepted, renamed := false, false, false
	tries := r.tries(maxSnapshotTries)
	for attempt := 1; ; attempt++ {
		v, err := r.findOurs(ctx)
		if err != nil {
			return err
		}
		renamed = r.renamed(v)
		if !v.Status.Underway() && (r.build != nil || r.ours.origin == adopted || doubted) {
			// Whether every application needs the call is not documented. Here
			// the finished upload was enough, or an earlier call arrived.
			r.note("%s is %s already: CAR did not wait to be told of the upload.", title(v), v.Status)
			m, _ := readMark(v.Name)
			r.ours.contested = r.ours.contested || m != r.mark || r.ours.origin == adopted
			break
		}
		r.ours.contested = r.ours.contested || renamed
		id, err := r.api.CreateApplicationSnapshot(ctx, r.o.ApplicationID, r.o.ArtifactURL)
		r.recordRequest("CreateApplicationSnapshot", id, err)
		accepted = err == nil
		if accepted || r.snapshotNotNeeded(err, doubted) {
			break
		}
		if !worthRetry(err) || !tries.Another(throttled(err)) {
			return err
		}
		doubted = doubted || isDoubtful(err)
		if err := r.pause(ctx, "CreateApplicationSnapshot", attempt, err); err != nil {
			return err
		}
	}
	r.ours.delivered()
	r.saveNothing() // from now on a killed run's version is kept
	if !renamed && (accepted || r.ours.origin == created) {
		r.prove(ctx, didDeliver)
	}
	return nil
}

// renamed reports whether our version has a name that neither this run nor CAR gave
// it, which may have cut ours short. Then somebody else may have delivered into it, and
// a proof that this run did would be a lie.
func (r *run) renamed(v car.Version) bool {
	return v.Name != r.ours.Name && v.Name != r.ours.formerName && !strings.HasPrefix(stem(r.name()), v.Name)
}

// snapshotNotNeeded reports whether a refused snapshot is as good as done.
func (r *run) snapshotNotNeeded(err error, doubted bool) bool {
	denied := errors.Is(err, car.Code("OperationDenied"))
	switch {
	case denied && doubted:
		r.note("CreateApplicationSnapshot was refused the second time: the first one, whose answer was lost, arrived.")
	case denied && r.ours.origin == adopted:
		r.note("CreateApplicationSnapshot was refused: the earlier attempt's arrived.")
	case r.app.category == car.Mobile && (denied || errors.Is(err, car.Code("InvalidParameter"))):
		// Whether a mobile application needs this call is not documented. If it
		// does not, the version moves on by itself; if it does, waiting for it
		// will tell.
		r.warn("CAR refused CreateApplicationSnapshot for this mobile application (%v). The run continues, since the call may not be needed.", err)
	default:
		return false
	}
	return true
}

// maxSnapshotTries is how often the snapshot is requested.
const maxSnapshotTries = 7
