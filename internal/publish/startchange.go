package publish

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// StartOptions are what the application is to start. What is empty stays as it is.
type StartOptions struct {
	Path       string // of the program in the build, with slashes
	Parameters string // its command line
	Processes  []string
}

func (s StartOptions) given() bool {
	return s.Path != "" || s.Parameters != "" || len(s.Processes) > 0
}

// What an application starts belongs to the application and not to a version: once it
// is changed, whatever is online is started with it. So it is changed together with a
// release, in the order that leaves no moment in which what is online cannot start,
// if there is such an order.

// startChange is a change of what the application starts.
type startChange struct {
	from, to car.Start
	after    bool // it comes after the release, since what is online before does not hold the new program
	neither  bool // no version is known to hold the program of the other, so there is no good order
	sent     bool // it may have been carried out
}

// planStart compares what the application starts with what the inputs want it to,
// for the release of a version that holds these executables. It returns nil if there
// is nothing to change. It trusts r.app, so call freshApplication first.
func (r *run) planStart(ctx context.Context, executables []string) (*startChange, error) {
	if !r.o.Start.given() {
		return nil, nil
	}
	from := r.app.StartOf()
	to := from
	if want := r.o.Start.Path; want != "" && !samePath(want, from.ExePath) {
		to.ExePath = spelledAs(want, executables)
	}
	if r.o.Start.Parameters != "" {
		to.Params = r.o.Start.Parameters
	}
	switch {
	case len(r.o.Start.Processes) > 0:
		if list := strings.Join(r.o.Start.Processes, "|"); !sameProcesses(list, from.InterList) {
			to.InterList = list
		}
	case to.ExePath != from.ExePath || from.InterList == "":
		to.InterList = strings.Join(r.processes(to.ExePath, executables), "|")
	}
	if sameStart(from, to) {
		return nil, nil
	}
	change := &startChange{from: from, to: to}
	if r.previous == "" || r.previous == r.ours.ID || from.ExePath == "" || samePath(from.ExePath, to.ExePath) {
		return change, nil
	}
	online, err := r.executables(ctx, r.previous)
	if err != nil {
		return nil, err
	}
	if len(executables) == 0 && r.build != nil { // CAR does not tell, but the build does
		executables = r.build.Executables
	}
	switch {
	case artifact.Holds(online, to.ExePath):
	case artifact.Holds(executables, from.ExePath):
		change.after = true
	case len(online) == 0 || len(executables) == 0:
		change.neither = true
		r.warn("The executables of the versions are not known: until the release is complete, %s may not start for a moment.", r.appName())
	default:
		change.neither = true
		r.warn("%s holds no program %q, and %s no %q: until the release is complete, %s cannot start for a moment.",
			r.previous, to.ExePath, r.ours.ID, from.ExePath, r.appName())
	}
	return change, nil
}

// processes are those of an application that starts a program: itself and, if it is
// the small one at the top of an Unreal build, the one that it launches.
func (r *run) processes(start string, executables []string) []string {
	names := []string{baseName(start)}
	stem := strings.TrimSuffix(strings.ToLower(names[0]), ".exe")
	var launched []string
	for _, e := range executables {
		name, lower := baseName(e), strings.ToLower(artifact.CleanStartPath(e))
		if strings.HasSuffix(lower, "-win64-shipping.exe") && strings.HasSuffix(path.Dir(lower), "binaries/win64") && !strings.EqualFold(name, names[0]) {
			if strings.HasPrefix(strings.ToLower(name), stem+"-") { // the project's own
				launched = []string{name}
				break
			}
			launched = append(launched, name)
		}
	}
	if len(launched) == 1 {
		names = append(names, launched[0])
	}
	var others []string
	for _, e := range executables {
		if name := baseName(e); !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) && !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		r.note("Processes: %s. Also in the build, and not among them: %s. start-processes names others.", strings.Join(names, ", "), some(others, 8))
	}
	return names
}

// executables lists those of a version; none if that cannot be told.
func (r *run) executables(ctx context.Context, version string) ([]string, error) {
	paths, _, err := r.api.DescribeApplicationPathList(ctx, r.o.ApplicationID, version)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, car.Code("FailedOperation.ApplicationNotFind")) {
			return nil, err
		}
		r.advisory(err, "the executables of "+version+" are not known")
	}
	return paths, nil
}

// changeStart changes what the application starts. Everything else that the request
// must hold is read anew before each try, and stays as it is. It reports whether it
// has sent anything.
func (r *run) changeStart(ctx context.Context, from, to car.Start) (sent bool, err error) {
	tries := r.tries(maxStartTries)
	for attempt := 1; ; attempt++ {
		app, _, found, err := r.api.FindApplication(ctx, r.o.ApplicationID)
		if err != nil {
			return sent, err
		}
		if !found {
			return sent, fail(Other, "ApplicationGone", "Run again when the list has it.", "%s is not listed any more: what it starts was not changed.", r.appName())
		}
		now := app.StartOf()
		switch {
		case sameStart(now, to):
			r.app.Application = app
			return sent, nil
		case !sameStart(now, from):
			return sent, fail(InTheWay, "StartChanged", "Run again, if this run's inputs should count.",
				"Somebody has changed what %s starts meanwhile, to %q: this run left it alone.", r.appName(), now.ExePath)
		}
		now.ExePath, now.Params, now.InterList = to.ExePath, to.Params, to.InterList
		sent = true
		requestID, err := r.api.ModifyApplicationBaseInfo(ctx, now)
		r.recordRequest("ModifyApplicationBaseInfo", requestID, err)
		if err == nil {
			r.app.ExePath, r.app.Params, r.app.InterList = to.ExePath, to.Params, to.InterList
			return sent, nil
		}
		if !worthRetry(err) || !tries.Another(throttled(err)) {
			return sent, err
		}
		if err := r.pause(ctx, "ModifyApplicationBaseInfo", attempt, err); err != nil {
			return sent, err
		}
	}
}

// maxStartTries is how often a change of the start is sent.
const maxStartTries = 5

// makeStart carries out a planned change.
func (r *run) makeStart(ctx context.Context, c *startChange) error {
	var err error
	if c.sent, err = r.changeStart(ctx, c.from, c.to); err != nil {
		return err
	}
	r.note("%s starts %q now (processes %s).", r.appName(), c.to.ExePath, strings.ReplaceAll(c.to.InterList, "|", ", "))
	r.learn(func(t *record.Result) { t.StartPath, t.PreviousStartPath = c.to.ExePath, c.from.ExePath })
	return nil
}

// restoreStart takes a change back that was made for a release which then failed.
func (r *run) restoreStart(ctx context.Context) {
	c := r.start
	if c == nil || !c.sent || c.after || r.ours.stage == onlineSent {
		return
	}
	if c.from.ExePath == "" { // CAR takes no empty one, and nothing could start before
		return
	}
	sent, err := r.changeStart(ctx, c.to, c.from)
	if err != nil {
		r.warn("%s may start %q now, as the release needed that; before it was %q, and setting that again failed: %v", r.appName(), c.to.ExePath, c.from.ExePath, err)
		return
	}
	if sent { // else the change had not been carried out
		r.note("%s starts %q again.", r.appName(), c.from.ExePath)
	}
	r.learn(func(t *record.Result) { t.StartPath, t.PreviousStartPath = "", "" })
}

// wantedStart is the path that the application will start once this run has released:
// that of the inputs, else what it starts now.
func (r *run) wantedStart() string {
	if r.o.Start.Path != "" {
		return r.o.Start.Path
	}
	return r.app.ExePath
}

// startsWhat names what is wrong with a start path: the application's, or the input's.
func (r *run) startsWhat() string {
	if r.o.Start.Path != "" {
		return fmt.Sprintf("start-path is %q", r.o.Start.Path)
	}
	return fmt.Sprintf("%s starts %q", r.appName(), r.app.ExePath)
}

// freshApplication reads the application again, since people may have changed what it
// starts while the build was uploaded.
func (r *run) freshApplication(ctx context.Context) error {
	if !r.o.Start.given() || time.Since(r.appRead) < pollFloor {
		return nil
	}
	return r.describeApplication(ctx)
}

func samePath(a, b string) bool { return artifact.Holds([]string{a}, b) }

// spelledAs returns a path as CAR lists it; with backslashes, if CAR does not.
func spelledAs(want string, executables []string) string {
	for _, e := range executables {
		if samePath(e, want) {
			return e
		}
	}
	return strings.ReplaceAll(want, "/", `\`)
}

func sameStart(a, b car.Start) bool {
	return samePath(a.ExePath, b.ExePath) && a.Params == b.Params && sameProcesses(a.InterList, b.InterList)
}

func sameProcesses(a, b string) bool {
	set := func(list string) []string {
		names := strings.Split(strings.ToLower(list), "|")
		slices.Sort(names)
		return names
	}
	return slices.Equal(set(a), set(b))
}

func baseName(p string) string { return path.Base(artifact.CleanStartPath(p)) }
