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
	if r.o.DryRun {
		return r.planned("Would put %s online.", title(target)), nil
	}
	err = r.putOnline(ctx)
	return r.reached(), err
}

// rollbackTarget is the version that version-id names or, without one, the
// newest former version that is older than the one online.
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
		// After a rollback, the newest former version is the one that was rolled
		// back from, so only older ones count.
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
