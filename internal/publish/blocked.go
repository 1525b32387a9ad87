package publish

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/human"
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

// stuckTime is how long a version that is ready may stay so before on-blocked:
// wait concludes that it waits for a person.
const stuckTime = 10 * time.Minute

// replaces reports whether on-blocked lets this run delete a blocker.
func (o Options) replaces(v car.Version) bool {
	switch o.OnBlocked {
	case BlockedReplace:
		return v.Status.Underway() && !o.keeps(v)
	case BlockedReplaceUnreleased:
		return (v.Status.Underway() || v.Status == car.Normal) && !o.keeps(v)
	default:
		return false
	}
}

// whyStopWaiting returns the reason why this run waits no longer for a blocker.
func (r *run) whyStopWaiting(v car.Version, waited time.Duration, readySince map[string]time.Time) error {
	if r.o.OnBlocked != BlockedWait {
		return r.blocked(v) // it came after the first look
	}
	since, seen := readySince[v.ID]
	switch {
	case v.Status != car.Normal:
		delete(readySince, v.ID)
	case !seen:
		readySince[v.ID] = time.Now()
	case time.Since(since) >= stuckTime:
		e := r.blocked(v)
		e.Message = fmt.Sprintf("%s has not moved for %s: it waits for a person. %s", title(v), human.Duration(stuckTime), e.Message)
		return e
	}
	if waited >= r.o.QueueTimeout {
		e := r.blocked(v)
		e.Message = fmt.Sprintf("Waited %s, the whole queue-timeout. %s", human.Duration(waited), e.Message)
		return e
	}
	return nil
}

// waited is how long on-blocked: wait has waited so far, altogether.
func (r *run) waited() time.Duration {
	if r.queued.IsZero() {
		r.queued = time.Now()
	}
	return time.Since(r.queued)
}

// blocked is the error for a version that is in the way.
func (r *run) blocked(v car.Version) *Error {
	r.learn(func(t *record.Result) { t.BlockingVersionID = v.ID })
	why := fmt.Sprintf("is %s", v.Status)
	switch {
	case v.Status == car.Normal:
		why = "is ready and waits for release"
	case v.Status == car.CreateFailed:
		why = "failed to be created"
	case v.Status.Underway():
		why = "is still being created"
	}
	if r.o.keeps(v) {
		why += ", and keep protects it"
	}
	if !v.CreateTime.IsZero() {
		why += fmt.Sprintf(", made %s ago", human.Duration(time.Since(v.CreateTime.Time)))
	}
	e := fail(InTheWay, codeBlocked, r.waysPast(v), "%s cannot take a new version: %s %s. Nothing was uploaded.", r.appName(), title(v), why)
	e.blocker = v.ID
	return e
}

// waysPast says what can be done about a version that is in the way. It proposes
// nothing that is set already or that keep rules out, and no delete of a version whose
// run may be at work.
func (r *run) waysPast(v car.Version) string {
	patience := "set on-blocked: wait"
	if r.o.OnBlocked == BlockedWait {
		patience = "raise queue-timeout"
	}
	release, remove := "release it ("+r.line(Release, v.ID)+")", "delete it ("+r.line(Delete, v.ID)+")"
	kept := r.o.keeps(v)
	choices := []string{patience}
	switch {
	case r.o.replaces(v):
		return fmt.Sprintf("Another run was quicker: on-blocked: %s removes only what was there at the first look, and what CAR lets go. Run again when that run has ended, put both into one concurrency group, or set on-blocked: wait.", r.o.OnBlocked)
	case v.Status == car.Normal && kept:
		choices = []string{release, "change keep"}
	case v.Status == car.Normal:
		choices = []string{release, remove, "set on-blocked: replace-unreleased"}
		if r.o.OnBlocked == BlockedWait {
			choices = append(choices, patience)
		}
	case v.Status == car.CreateFailed && kept:
		choices = []string{remove, "change keep"}
	case v.Status == car.CreateFailed:
		choices = []string{remove}
	case v.Status.Underway():
		dead := "set on-blocked: replace or " + remove
		if kept {
			dead = "change keep or " + remove
		}
		return fmt.Sprintf("Run again when the run that makes it has ended, or %s. Only if no run is at work on it any more, %s.", patience, dead)
	}
	return sentence(strings.Join(choices, ", or ")) + "."
}
