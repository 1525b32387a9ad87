package publish

import (
	"fmt"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/record"
)

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
