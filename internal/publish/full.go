package publish

import (
	"context"
	"fmt"

	"github.com/car-publish/car-publish/internal/car"
)

// oldestSpare is the oldest version that may be deleted: never the one online,
// the newest one to roll back to, or one that keep names. There is none if CAR
// does not tell the age of every former version. A version that was rolled back from
// is not one to roll back to, unless there is no other.
func (o Options) oldestSpare(versions []car.Version) *car.Version {
	var usable []car.Version
	for _, v := range oldestFirst(versions) {
		if v.Status == car.Usable {
			if v.CreateTime.IsZero() {
				return nil
			}
			usable = append(usable, v)
		}
	}
	wayBack := len(usable) - 1
	for i, v := range usable {
		if !wasRolledBack(v.Name) {
			wayBack = i
		}
	}
	for i, v := range usable {
		if i != wayBack && !o.keeps(v) {
			return &v
		}
	}
	return nil
}

// removeOldest deletes the oldest version that may go, if a list from just
// before still shows that one must. If something has come into the way
// meanwhile, CAR will refuse the create, so nothing is deleted for it.
func (r *run) removeOldest(ctx context.Context) error {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return err
	}
	m := r.o.survey(versions)
	switch {
	case !m.full, len(m.blockers)+len(m.failed) > 0:
		return nil
	case m.oldest == nil:
		return r.refuseFull(versions)
	}
	v := *m.oldest
	r.note("%s is the oldest version that may go: deleting it, as on-full: delete-oldest says.", title(v))
	err = r.requestDelete(ctx, v, func(_ car.Version, all []car.Version) bool {
		m := r.o.survey(all)
		return m.full && m.oldest != nil && m.oldest.ID == v.ID
	})
	if err != nil {
		return err
	}
	return r.awaitGone(ctx, v)
}

// refuseFull is the error for an application without room.
func (r *run) refuseFull(versions []car.Version) *Error {
	var have []string
	for _, v := range oldestFirst(versions) {
		have = append(have, fmt.Sprintf("%s (%s)", title(v), v.Status))
	}
	hint := "Delete one (" + r.line(Delete, "VERSION-ID") + "), or set on-full: delete-oldest."
	if r.o.OnFull == FullDeleteOldest {
		hint = "delete-oldest finds no version to delete. It deletes only a former version; never the newest one to roll back to, nor one that the input keep matches; and none at all if CAR does not tell the age of every former version. Delete one by its id (" + r.line(Delete, "VERSION-ID") + "), or change keep."
	}
	return fail(InTheWay, codeFull, hint, "%s holds %d versions and takes no more than %d: %s. Nothing was uploaded.", r.appName(), len(versions), Limit, some(have, 10))
}
