package publish

import (
	"fmt"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// plan logs and records what makeRoom and the create would do.
func (r *run) plan(m obstacles, versions []car.Version) error {
	would := func(format string, args ...any) {
		line := fmt.Sprintf("Would "+format, args...)
		r.note("%s", line)
		r.learn(func(t *record.Result) { t.MakeRoom = append(t.MakeRoom, line) })
	}
	for _, v := range m.leaving {
		would("wait until %s is deleted.", title(v))
	}
	for _, v := range m.failed {
		would("delete %s: it failed to be created.", title(v))
	}
	for _, v := range m.blockers {
		switch {
		case r.o.replaces(v):
			would("delete %s: it is %s.", title(v), v.Status)
		case r.o.OnBlocked == BlockedWait:
			would("wait for %s, which is %s.", title(v), v.Status)
		default:
			return r.blocked(v)
		}
	}
	if m.full {
		if r.o.OnFull != FullDeleteOldest || m.oldest == nil {
			return r.refuseFull(versions)
		}
		would("delete %s: the oldest that may go.", title(*m.oldest))
	}
	r.note("Would create a version from %s.", r.name())
	if r.o.Command == Publish && r.o.Release {
		r.note("Would put it online.")
		if r.o.Start.Path != "" && !samePath(r.o.Start.Path, r.app.ExePath) {
			r.note("Would change what %s starts from %q to %q.", r.appName(), r.app.ExePath, r.o.Start.Path)
		}
	}
	r.note("Dry run: nothing was changed.")
	return nil
}

// planned logs what a dry run would do.
func (r *run) planned(format string, args ...any) record.Outcome {
	r.note(format, args...)
	r.note("Dry run: nothing was changed.")
	return record.Planned
}
