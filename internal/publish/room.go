package publish

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// obstacles are what keeps CAR from taking a new version.
type obstacles struct {
	leaving  []car.Version // Deleting: they are waited for
	failed   []car.Version // CreateFailed: they are deleted, unless keep protects them
	blockers []car.Version // unfinished, unreleased, or failed and protected: on-blocked decides
	oldest   *car.Version  // the one that on-full: delete-oldest deletes; nil if none may go
	full     bool          // the application holds Limit versions, without those that are about to go
}

// none reports whether nothing keeps CAR from taking a new version.
func (m obstacles) none() bool {
	return len(m.blockers)+len(m.leaving)+len(m.failed) == 0 && !m.full
}

// survey finds what keeps CAR from taking a new version.
func (o Options) survey(versions []car.Version) obstacles {
	var m obstacles
	replaceable := 0
	for _, v := range oldestFirst(versions) {
		switch {
		case v.Status == car.Deleting:
			m.leaving = append(m.leaving, v)
		case v.Status == car.CreateFailed && !o.keeps(v):
			m.failed = append(m.failed, v)
		case v.Status == car.Inuse, v.Status == car.Usable:
		default: // Creating, Uploading, Normal, and any status that is not known yet
			m.blockers = append(m.blockers, v)
			if o.replaces(v) {
				replaceable++
			}
		}
	}
	m.full = len(versions)-len(m.leaving)-len(m.failed)-replaceable >= Limit
	m.oldest = o.oldestSpare(versions)
	return m
}

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

// keeps reports whether the input keep names the version, by its id or by a
// glob of its name. Globs do not match ids: every id begins with "ver-", so v*
// would keep all versions.
func (o Options) keeps(v car.Version) bool {
	return slices.ContainsFunc(o.Keep, func(pattern string) bool {
		name, _ := path.Match(pattern, strings.TrimSuffix(v.Name, rolledBack)) // inputs has checked the patterns
		return name || pattern == v.ID
	})
}

// makeRoom brings the application into a state in which CAR takes a new
// version, or says why it cannot. on-blocked may delete only what the first look
// showed, so later calls pass mayReplace false. Failed versions and, by on-full, the
// oldest one still go.
func (r *run) makeRoom(ctx context.Context, versions []car.Version, mayReplace bool) error {
	r.begin(record.Room)
	m := r.o.survey(versions)
	if r.o.DryRun {
		return r.plan(m, versions)
	}
	// Everything that can refuse comes before anything is deleted.
	waits := r.o.OnBlocked == BlockedWait && len(m.blockers) > 0
	if m.full && !waits && (r.o.OnFull != FullDeleteOldest || m.oldest == nil) {
		return r.refuseFull(versions)
	}
	for _, v := range m.blockers {
		if r.o.OnBlocked != BlockedWait && (!mayReplace || !r.o.replaces(v)) {
			return r.blocked(v)
		}
	}
	if err := r.removeBlockers(ctx, m, mayReplace); err != nil || r.ours.exists() {
		return err
	}
	if len(m.failed)+len(m.blockers)+len(m.leaving) > 0 {
		var err error
		if versions, err = r.awaitRoom(ctx); err != nil {
			return err
		}
	}
	r.before = make(map[string]bool)
	for _, v := range versions {
		r.before[v.ID] = true
	}
	// The last step before the create, after every check.
	if m = r.o.survey(versions); m.full {
		if r.o.OnFull != FullDeleteOldest || m.oldest == nil {
			return r.refuseFull(versions)
		}
		return r.removeOldest(ctx)
	}
	return nil
}

// removeBlockers deletes what CAR could not create, and what on-blocked
// replaces. If CAR refuses to delete one of those, this run takes it over.
func (r *run) removeBlockers(ctx context.Context, m obstacles, mayReplace bool) error {
	for _, v := range m.failed {
		r.note("%s failed to be created and blocks new versions: deleting it.", title(v))
		if err := r.remove(ctx, v); err != nil {
			return err
		}
	}
	for _, v := range m.blockers {
		if !mayReplace || !r.o.replaces(v) {
			continue
		}
		r.note("%s is %s: deleting it, as on-blocked: %s says.", title(v), v.Status, r.o.OnBlocked)
		err := r.remove(ctx, v)
		if errors.Is(err, car.Code("OperationDenied")) {
			return r.takeOver(ctx, v, err)
		}
		if err != nil {
			return err
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

// awaitRoom waits until nothing is in the way, as long as the policy allows,
// and returns the versions that are there then.
func (r *run) awaitRoom(ctx context.Context) (versions []car.Version, err error) {
	readySince := map[string]time.Time{} // by the id of a blocker
	first := true
	err = r.watch(ctx, r.poller(), func(all []car.Version) (bool, error) {
		m := r.o.survey(all)
		if len(m.blockers) == 0 && len(m.leaving) == 0 {
			versions = all
			return true, nil
		}
		waited := r.waited()
		if ours, _ := r.appeared(all); r.doubt != nil && ours != nil {
			return true, r.blocked(*ours) // obtain takes it
		}
		for _, v := range m.blockers {
			if err := r.whyStopWaiting(v, waited, readySince); err != nil {
				return true, err
			}
		}
		next := append(slices.Clone(m.blockers), m.leaving...)[0]
		if first {
			r.note("Waiting for %s, which is %s.", title(next), next.Status)
			first = false
		}
		r.emit(record.Waiting{For: title(next), Status: string(next.Status), Percent: -1, Elapsed: waited})
		return false, nil
	})
	return versions, err
}
