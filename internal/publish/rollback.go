package publish

import (
	"context"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// rollback puts a version online that was online before.
func (r *run) rollback(ctx context.Context) (record.Outcome, error) {
	r.begin(record.Check)
	versions, err := r.look(ctx)
	if err != nil {
		return "", err
	}
	target, err := r.rollbackTarget(versions)
	if err != nil {
		return "", err
	}
	r.ours.becomeNamed(target)
	r.recordVersion(target)
	former, _ := find(versions, r.previous)
	if r.o.DryRun {
		return r.planned("Would put %s online.", title(target)), nil
	}
	if err := r.putOnline(ctx); err != nil {
		return "", err
	}
	r.noteRollback(ctx, target, former)
	return r.reached(), nil
}

// noteRollback appends "-rolledback" to the name of the version that this rollback took
// offline, if the version now online is known to be older, and removes that ending from
// the name of the one now online. A failure is only a warning, since players have the
// version that was asked for.
func (r *run) noteRollback(ctx context.Context, target, former car.Version) {
	if wasRolledBack(target.Name) {
		if r.changeName(ctx, target.ID, strings.TrimSuffix(target.Name, rolledBack), "its name still says that it was rolled back from") {
			r.ours.Name = strings.TrimSuffix(target.Name, rolledBack)
			r.recordVersion(r.ours.Version)
		}
	}
	if former.ID != "" && former.ID != target.ID && olderThan(target, former) && !wasRolledBack(former.Name) {
		r.changeName(ctx, former.ID, former.Name+rolledBack, "a later rollback without version-id could put it online again")
	}
}

// changeName renames a version, and reports whether it did.
func (r *run) changeName(ctx context.Context, id, name, otherwise string) bool {
	requestID, err := r.api.ModifyApplicationVersion(ctx, r.o.ApplicationID, id, name)
	r.recordRequest("ModifyApplicationVersion", requestID, nil)
	if err != nil {
		r.advisory(err, id+" could not be renamed, so "+otherwise)
		return false
	}
	r.note("Named %s %q.", id, name)
	return true
}

// olderThan reports whether a version is known to have been created before another.
func olderThan(v, other car.Version) bool {
	return !v.CreateTime.IsZero() && v.CreateTime.Before(other.CreateTime.Time)
}

// rollbackTarget is the version that version-id names or, without one, the newest
// former version that is older than the one online and that no rollback took offline.
func (r *run) rollbackTarget(versions []car.Version) (car.Version, error) {
	if r.o.VersionID != "" {
		return r.namedTarget(versions)
	}
	var usable, older []car.Version
	online, there := findOnline(versions)
	for _, v := range oldestFirst(versions) {
		if v.Status != car.Usable {
			continue
		}
		usable = append(usable, v)
		if !there || olderThan(v, online) {
			older = append(older, v)
		}
	}
	for _, v := range slices.Backward(older) {
		if !wasRolledBack(v.Name) {
			return v, nil
		}
	}
	byName := "To put one of the others online name it with version-id: " + some(titles(usable), 10) + "."
	switch {
	case len(usable) == 0:
		return car.Version{}, fail(InTheWay, "NothingToRollBackTo", "Name a version that is ready with the release command.", "%s has no version that was online before.", r.appName())
	case len(older) > 0:
		return car.Version{}, fail(InTheWay, "NothingToRollBackTo", byName, "Every former version of %s was rolled back from.", r.appName())
	}
	return car.Version{}, fail(InTheWay, "NothingToRollBackTo", byName, "%s has no former version that is older than %s, which is online.", r.appName(), title(online))
}

// namedTarget is the version that version-id names.
func (r *run) namedTarget(versions []car.Version) (car.Version, error) {
	v, there := find(versions, r.o.VersionID)
	switch {
	case !there:
		return v, r.noSuchVersion(versions)
	case v.Status == car.Usable, v.Status == car.Inuse:
		return v, nil
	}
	usable := slices.DeleteFunc(oldestFirst(versions), func(v car.Version) bool { return v.Status != car.Usable })
	return v, fail(InTheWay, "NotUsable", "Can be rolled back to: "+orDash(strings.Join(titles(usable), ", "))+". To put a new version online use the release command.",
		"%s is %s: it was never online.", title(v), v.Status)
}

func titles(versions []car.Version) (names []string) {
	for _, v := range versions {
		names = append(names, title(v))
	}
	return names
}
