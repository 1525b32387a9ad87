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
	"github.com/car-publish/car-publish/internal/retry"
)

// Limit is how many versions an application holds
// (tencentcloud.com/document/product/1158/49620). Whether one that is being
// deleted counts is not documented: every listed one does, until it is gone.
const Limit = 5

// stuck is how long a version that is ready may stand still before on-blocked:
// wait says that it waits for a person.
const stuck = 10 * time.Minute

// room is what must happen before a version can be created.
type room struct {
	leaving  []car.Version // Deleting: wait
	failed   []car.Version // CreateFailed: delete
	blockers []car.Version // unfinished or unreleased: on-blocked decides
	oldest   *car.Version  // the one that on-full: delete-oldest deletes
	full     bool
}

// survey sorts the versions into what is in the way and what is not.
func (r *run) survey(versions []car.Version) room {
	var m room
	going := 0
	for _, v := range oldestFirst(versions) {
		switch {
		case v.Status == car.Deleting:
			m.leaving = append(m.leaving, v)
		case v.Status == car.CreateFailed && !r.kept(v):
			m.failed = append(m.failed, v)
		case v.Status == car.Inuse, v.Status == car.Usable:
		default: // Creating, Uploading, Normal, and what is not known yet
			m.blockers = append(m.blockers, v)
			if r.replaces(v) {
				going++
			}
		}
	}
	m.full = len(versions)-len(m.leaving)-len(m.failed)-going >= Limit
	m.oldest = r.oldestSpare(versions)
	return m
}

// oldestSpare is the oldest version that may go: never the one online, never
// the newest that could be rolled back to, never one that keep names. There is
// none where CAR does not tell each one's age.
func (r *run) oldestSpare(versions []car.Version) *car.Version {
	var usable []car.Version
	for _, v := range oldestFirst(versions) {
		if v.Status == car.Usable {
			if v.CreateTime.IsZero() {
				return nil
			}
			usable = append(usable, v)
		}
	}
	for i, v := range usable {
		if i < len(usable)-1 && !r.kept(v) {
			return &v
		}
	}
	return nil
}

// kept reports whether the input keep names the version. A glob is for names
// alone: every id begins with "ver-", so that v* would keep whatever there is.
func (r *run) kept(v car.Version) bool {
	return slices.ContainsFunc(r.o.Keep, func(pattern string) bool {
		name, _ := path.Match(pattern, v.Name) // inputs has checked the patterns
		return name || pattern == v.ID
	})
}

// makeRoom brings the application into a state in which CAR takes a new
// version, or says why it does not. With replaceable false, what on-blocked
// may replace has had its turn.
func (r *run) makeRoom(ctx context.Context, versions []car.Version, replaceable bool) error {
	r.begin(Room)
	m := r.survey(versions)
	if r.o.DryRun {
		return r.plan(m, versions)
	}
	// Everything that can refuse comes before anything is deleted.
	waiting := r.o.OnBlocked == "wait" && len(m.blockers) > 0
	if m.full && !waiting && (r.o.OnFull != "delete-oldest" || m.oldest == nil) {
		return r.refuseFull(versions)
	}
	for _, v := range m.blockers {
		goes := replaceable && r.replaces(v)
		if !goes && r.o.OnBlocked != "wait" {
			return r.blocked(v)
		}
	}
	for _, v := range m.failed {
		r.note("%s failed to be created and blocks new versions: deleting it.", title(v))
		if err := r.remove(ctx, v); err != nil {
			return err
		}
	}
	for _, v := range m.blockers {
		if !replaceable || !r.replaces(v) {
			continue
		}
		r.note("%s is %s: deleting it, as on-blocked: %s says.", title(v), v.Status, r.o.OnBlocked)
		if err := r.remove(ctx, v); err != nil {
			if errors.Is(err, car.Code("OperationDenied")) {
				return r.takeOver(ctx, v, err)
			}
			return err
		}
	}
	if len(m.failed)+len(m.blockers)+len(m.leaving) > 0 {
		var err error
		if versions, err = r.awaitRoom(ctx); err != nil {
			return err
		}
	}
	r.seen = make(map[string]bool)
	for _, v := range versions {
		r.seen[v.ID] = true
	}
	// The last step before the create, after every check.
	if m = r.survey(versions); m.full {
		if r.o.OnFull != "delete-oldest" || m.oldest == nil {
			return r.refuseFull(versions)
		}
		return r.removeOldest(ctx)
	}
	return nil
}

// removeOldest deletes the oldest version that nothing needs, if a list from
// just before still shows that one must go. What came into the way meanwhile
// will refuse the create; then nothing is deleted for it.
func (r *run) removeOldest(ctx context.Context) error {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return err
	}
	m := r.survey(versions)
	switch {
	case !m.full, len(m.blockers)+len(m.failed) > 0:
		return nil
	case m.oldest == nil:
		return r.refuseFull(versions)
	}
	v := *m.oldest
	r.note("%s is the oldest version that nothing needs: deleting it, as on-full: delete-oldest says.", title(v))
	err = r.requestDelete(ctx, v, func(_ car.Version, all []car.Version) bool {
		m := r.survey(all)
		return m.full && m.oldest != nil && m.oldest.ID == v.ID
	})
	if err != nil {
		return err
	}
	return r.awaitGone(ctx, v)
}

// replaces says whether on-blocked lets us delete a blocker.
func (r *run) replaces(v car.Version) bool {
	switch r.o.OnBlocked {
	case "replace":
		return v.Status.Underway() && !r.kept(v)
	case "replace-unreleased":
		return (v.Status.Underway() || v.Status == car.Normal) && !r.kept(v)
	}
	return false
}

// awaitRoom waits until what is in the way has gone, as long as the policy
// allows, and returns the versions that are there then.
func (r *run) awaitRoom(ctx context.Context) ([]car.Version, error) {
	still := map[string]time.Time{} // since when a ready blocker has not moved
	poll := r.poller()
	for first := true; ; first = false {
		versions, err := r.listVersions(ctx)
		if err != nil {
			return nil, err
		}
		m := r.survey(versions)
		if len(m.blockers) == 0 && len(m.leaving) == 0 {
			return versions, nil
		}
		waited := r.waited()
		if ours, _ := r.appeared(versions); r.doubt != nil && ours != nil {
			return nil, r.blocked(*ours) // obtain takes it
		}
		for _, v := range m.blockers {
			if r.o.OnBlocked != "wait" {
				return nil, r.blocked(v) // it came after our look
			}
			since, seen := still[v.ID]
			switch {
			case v.Status != car.Normal:
				delete(still, v.ID)
			case !seen:
				still[v.ID] = time.Now()
			case time.Since(since) >= stuck:
				e := r.blocked(v)
				e.Message = fmt.Sprintf("%s has not moved for %s: it waits for a person. %s", title(v), age(stuck), e.Message)
				return nil, e
			}
			if waited >= r.o.QueueTimeout {
				e := r.blocked(v)
				e.Message = fmt.Sprintf("Waited %s, the whole queue-timeout. %s", age(waited), e.Message)
				return nil, e
			}
		}
		in := append(slices.Clone(m.blockers), m.leaving...)[0]
		if first {
			r.note("Waiting for %s, which is %s.", title(in), in.Status)
		}
		r.emit(Waiting{For: title(in), Status: string(in.Status), Percent: -1, Elapsed: waited})
		if err := poll(ctx); err != nil {
			return nil, err
		}
	}
}

// blocked is the error for a version that is in the way.
func (r *run) blocked(v car.Version) *Error {
	r.learn(func(t *Result) { t.BlockingVersionID = v.ID })
	why := fmt.Sprintf("is %s", v.Status)
	choices := []string{"set on-blocked: wait"}
	if r.o.OnBlocked == "wait" {
		choices = []string{"raise queue-timeout"}
	}
	switch {
	case v.Status == car.Normal:
		why = "is ready and waits for release"
		choices = []string{
			"release it (" + r.line("release", v.ID) + ")", "delete it (" + r.line("delete", v.ID) + ")",
			"set on-blocked: replace-unreleased",
		}
	case v.Status == car.CreateFailed:
		why = "failed to be created"
		choices = []string{"delete it (" + r.line("delete", v.ID) + ")"}
	case v.Status.Underway():
		why = "is still being created"
		choices = append(choices, "set on-blocked: replace", "delete it ("+r.line("delete", v.ID)+")")
	}
	if r.kept(v) {
		why += ", and keep protects it"
	}
	if !v.CreateTime.IsZero() {
		why += fmt.Sprintf(", made %s ago", age(time.Since(v.CreateTime.Time)))
	}
	return fail(InTheWay, codeBlocked, sentence(strings.Join(choices, ", or "))+".",
		"%s cannot take a new version: %s %s. Nothing was uploaded.", r.appName(), title(v), why)
}

// refuseFull is the error for an application without room.
func (r *run) refuseFull(versions []car.Version) *Error {
	var have []string
	for _, v := range oldestFirst(versions) {
		have = append(have, fmt.Sprintf("%s (%s)", title(v), v.Status))
	}
	hint := "Delete one (" + r.line("delete", "VERSION-ID") + "), or set on-full: delete-oldest."
	if r.o.OnFull == "delete-oldest" {
		hint = "None may be deleted: what is online, the newest version to roll back to, what keep names and what CAR tells no age of stay. Delete one by name (" + r.line("delete", "VERSION-ID") + "), or change keep."
	}
	return fail(InTheWay, codeFull, hint, "%s holds %d versions and takes no more than %d: %s. Nothing was uploaded.", r.appName(), len(versions), Limit, some(have, 10))
}

// plan says what makeRoom would do.
func (r *run) plan(m room, versions []car.Version) error {
	would := func(format string, args ...any) {
		line := fmt.Sprintf("Would "+format, args...)
		r.note("%s", line)
		r.learn(func(t *Result) { t.MakeRoom = append(t.MakeRoom, line) })
	}
	for _, v := range m.leaving {
		would("wait until %s is deleted.", title(v))
	}
	for _, v := range m.failed {
		would("delete %s: it failed to be created.", title(v))
	}
	for _, v := range m.blockers {
		switch {
		case r.replaces(v):
			would("delete %s: it is %s.", title(v), v.Status)
		case r.o.OnBlocked == "wait":
			would("wait for %s, which is %s.", title(v), v.Status)
		default:
			return r.blocked(v)
		}
	}
	if m.full {
		if r.o.OnFull != "delete-oldest" || m.oldest == nil {
			return r.refuseFull(versions)
		}
		would("delete %s: the oldest that nothing needs.", title(*m.oldest))
	}
	r.note("Would create a version from %s.", r.name)
	if r.o.Command == "publish" && r.o.Release {
		r.note("Would put it online.")
	}
	r.note("Dry run: nothing was changed.")
	r.learn(func(t *Result) { t.Outcome = Planned })
	return nil
}

// remove deletes a version and waits until it is gone. A list from just
// before must still show it in the state that was the reason.
func (r *run) remove(ctx context.Context, before car.Version) error {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return err
	}
	same := func(now car.Version, _ []car.Version) bool {
		return now.Status == before.Status && !claimed(before, now)
	}
	v, there := find(versions, before.ID)
	switch {
	case !there:
		return nil
	case v.Status == car.Deleting:
	case !same(v, versions):
		return changed(v, before.Status)
	default:
		if err := r.requestDelete(ctx, v, same); err != nil {
			return err
		}
	}
	return r.awaitGone(ctx, v)
}

// claimed reports whether a run has put its mark on a version meanwhile: it
// goes on with that, or delivers into it.
func claimed(before, now car.Version) bool {
	m, marked := readMark(now.Name)
	old, _ := readMark(before.Name)
	return marked && m != old
}

func changed(v car.Version, expected car.Status) *Error {
	what := fmt.Sprintf("was %s a moment ago and is %s now", expected, v.Status)
	if v.Status == expected {
		what = "was to be deleted a moment ago, and the list shows no reason for it any more"
	}
	return fail(InTheWay, codeChanged, "Somebody else works on this application: look at it, and run again.",
		"%s %s: it is left alone.", title(v), what)
}

// requestDelete asks CAR to delete a version. Before it asks again it looks
// again, and goes on only while what the list shows allows it.
func (r *run) requestDelete(ctx context.Context, v car.Version, may func(now car.Version, all []car.Version) bool) error {
	tries := r.tries(4)
	for attempt := 1; ; attempt++ {
		requestID, err := r.api.DeleteApplicationVersion(ctx, r.o.ApplicationID, v.ID)
		r.changed("DeleteApplicationVersion", requestID, err)
		if err == nil {
			break
		}
		if !again(err) || !tries.Another(throttled(err)) {
			return err
		}
		if stopped := r.pause(ctx, "DeleteApplicationVersion", attempt, err); stopped != nil {
			return err
		}
		versions, look := r.listVersions(ctx)
		if look != nil {
			return err
		}
		now, there := find(versions, v.ID)
		if !there && v.Status != "" || now.Status == car.Deleting {
			break
		}
		if there && !may(now, versions) {
			return changed(now, v.Status)
		}
	}
	r.learn(func(t *Result) { t.DeletedVersionIDs = append(t.DeletedVersionIDs, v.ID) })
	return nil
}

// tries counts the tries of a call that is repeated here, after a look.
func (r *run) tries(most int) *retry.Tries {
	policy := r.d.CAR.Retry
	policy.Attempts = most
	return policy.Begin()
}

// pause tells of a try that failed and waits before the next one.
func (r *run) pause(ctx context.Context, action string, attempt int, err error) error {
	wait := r.d.CAR.Retry.Wait(attempt)
	if throttled(err) {
		wait = r.d.CAR.Retry.WaitBusy(attempt)
	}
	if e := (*car.Error)(nil); errors.As(err, &e) {
		wait = max(wait, e.After)
	}
	r.emit(Retrying{What: action, Attempt: attempt, Wait: wait, Err: err})
	return sleep(ctx, wait)
}

// awaitGone waits until a version is no longer listed: deleting is not done
// when the call returns.
func (r *run) awaitGone(ctx context.Context, v car.Version) error {
	start := time.Now()
	poll := r.poller()
	for {
		versions, err := r.listVersions(ctx)
		if err != nil {
			return err
		}
		now, there := find(versions, v.ID)
		switch {
		case !there:
			return nil
		case now.Status != car.Deleting && now.Status != v.Status:
			return changed(now, v.Status)
		}
		r.emit(Waiting{For: title(v) + " to be gone", Status: string(now.Status), Percent: -1, Elapsed: time.Since(start)})
		if err := poll(ctx); err != nil {
			return err
		}
	}
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
