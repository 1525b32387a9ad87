package publish

import (
	"context"
	"errors"
	"time"

	"github.com/car-publish/car-publish/internal/car"
)

// lostCreateTime is how long the list is searched for the version of a create
// whose answer was lost, before the create is sent again.
const lostCreateTime = 4 * time.Second

// findLostCreate finds the version that a failed create may have made: one that was
// not there before and bears our mark. It returns nil if there is none, or if
// the error leaves no doubt. The list may lag behind, so an absence is believed
// only after a while.
func (r *run) findLostCreate(ctx context.Context, createErr error) (ours *car.Version, err error) {
	var patience time.Duration
	switch {
	case isDoubtful(createErr), isOwn(createErr):
		r.doubt, patience = createErr, lostCreateTime
	case errors.Is(createErr, car.Code("OperationDenied")) && r.doubt != nil:
		// Most likely our own version blocks it, and the list does not show it yet.
		patience = MaxListLag
	default:
		return nil, nil
	}
	ctx, cancel := despiteCancel(ctx)
	defer cancel()
	start := time.Now()
	err = r.watch(ctx, steadily, func(versions []car.Version) (bool, error) {
		var unmarked []string
		if ours, unmarked = r.appeared(versions); ours != nil {
			return true, nil
		}
		if len(unmarked) > 0 {
			return true, fail(InTheWay, "Doubtful", "If it is yours, deliver into it or delete it: "+r.line(List, ""),
				"The answer of CreateApplicationVersion was lost, and %s is new but does not bear this run's mark: it is not touched.", some(unmarked, 3))
		}
		return time.Since(start) >= patience, nil
	})
	return ours, err
}

// appeared returns the version that a create of this run has made, if the list
// shows it, and the titles of new versions without any mark. Those may be ours
// or not. A version with another mark is another run's.
func (r *run) appeared(versions []car.Version) (ours *car.Version, unmarked []string) {
	for _, v := range versions {
		m, marked := readMark(v.Name)
		switch {
		case r.before[v.ID]:
		case m == r.mark:
			return &v, nil
		case !marked:
			unmarked = append(unmarked, title(v))
		}
	}
	return nil, unmarked
}

// foundCreated takes a version whose create was not answered.
func (r *run) foundCreated(ctx context.Context, v car.Version) error {
	r.note("The answer of CreateApplicationVersion was lost (%v), and the version is there: it is used.", r.doubt)
	return r.tookCreated(ctx, v)
}
