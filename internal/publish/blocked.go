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
	choices := []string{"set on-blocked: wait"}
	if r.o.OnBlocked == BlockedWait {
		choices = []string{"raise queue-timeout"}
	}
	switch {
	case v.Status == car.Normal:
		why = "is ready and waits for release"
		choices = []string{
			"release it (" + r.line(Release, v.ID) + ")", "delete it (" + r.line(Delete, v.ID) + ")",
			"set on-blocked: replace-unreleased",
		}
	case v.Status == car.CreateFailed:
		why = "failed to be created"
		choices = []string{"delete it (" + r.line(Delete, v.ID) + ")"}
	case v.Status.Underway():
		why = "is still being created"
		choices = append(choices, "set on-blocked: replace", "delete it ("+r.line(Delete, v.ID)+")")
	}
	if r.o.keeps(v) {
		why += ", and keep protects it"
	}
	if !v.CreateTime.IsZero() {
		why += fmt.Sprintf(", made %s ago", human.Duration(time.Since(v.CreateTime.Time)))
	}
	e := fail(InTheWay, codeBlocked, sentence(strings.Join(choices, ", or "))+".",
		"%s cannot take a new version: %s %s. Nothing was uploaded.", r.appName(), title(v), why)
	e.blocker = v.ID
	return e
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
