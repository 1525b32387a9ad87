// Package doctor examines, step by step, what a publish needs: the inputs, the
// artifact, the way to the services, the clock, the keys and what they may do,
// the application and its room. It changes nothing.
//
// To find out what a publish would do, it lets package publish make a dry run.
// With Options.Probe it also finds out, on a scratch application, how CAR behaves
// where that is not documented; see probe.go.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// Options say what is to be examined.
type Options struct {
	Publish  publish.Options // of the publish that the inputs describe
	Problems []Problem       // with the inputs; what depends on those is not tested

	Timeout time.Duration // as the inputs say, before the CI's limit
	Left    time.Duration // what the CI leaves to the job; 0 if it does not say

	Credentials string        // where the keys come from; "" if there are none
	Session     *auth.Session // the source of temporary keys; nil if the keys are fixed
	RoleARN     string        // the role whose keys they are; "" without one
	Provider    string        // the identity provider in CAM

	Proxy func(address string) string // host of the proxy for an address, "" for none

	Probe bool
}

// Problem is one thing that is wrong with the inputs.
type Problem struct{ Input, Text string }

// exam is the state of one Run.
type exam struct {
	o      Options
	d      publish.Deps
	emit   func(record.Event)
	api    *car.Client
	result record.Result
	first  *publish.Error // of the checks that failed; checks come in the order of a publish

	calls map[string]call // the last one of each action

	reached  bool // CAR's API answers
	refused  bool // no keys could be obtained
	accepted bool // CAR has accepted the keys
	build    *artifact.Artifact
	app      *car.Application
	kind     car.Category
	projects *[]car.Project // nil if they are not known
	versions []car.Version
	listed   bool // versions are known
}

type call struct {
	took      time.Duration
	requestID string
}

// Run examines and returns the findings. The error is an *publish.Error: what
// a publish would fail with first.
func Run(ctx context.Context, o Options, d publish.Deps, emit func(record.Event)) (record.Result, error) {
	e := &exam{o: o, d: d, emit: emit, result: publish.NewResult(o.Publish), calls: map[string]call{}}
	e.result.ConsoleURL = car.Consoles[d.CAR.Site]
	// Long enough for a temporary fault, and short enough for somebody who waits
	// for the result.
	e.d.CAR.Retry.Attempts = min(d.CAR.Retry.Attempts, 3)
	config := e.d.CAR
	config.Called = func(action string, attempt int, took time.Duration, id string, err error) {
		e.calls[action] = call{took, id}
		emit(record.Called{Action: action, Took: took, RequestID: id, Attempt: attempt, Err: err})
	}
	config.Retrying = func(action string, attempt int, wait time.Duration, err error) {
		emit(record.Retrying{What: action, Attempt: attempt, Wait: wait, Err: err})
	}
	e.api = car.New(config)

	ctx, cancel := context.WithTimeoutCause(ctx, o.Publish.Timeout, errTimeout)
	defer cancel()
	e.phase(record.Examine, func() {
		for _, step := range []func(context.Context){
			e.inputs, e.artifact, e.time, e.network, e.identity, e.permissions, e.application, e.players, e.room, e.bucket,
		} {
			if ctx.Err() == nil {
				step(ctx)
			}
		}
		e.policies()
	})
	if o.Probe && e.first != nil {
		e.skip("Probe", "runs only when every check above has passed")
	}
	if o.Probe && e.first == nil && ctx.Err() == nil {
		e.phase(record.Probe, func() {
			if err := e.probe(ctx); err != nil && ctx.Err() == nil {
				e.fail("Probe", publish.Explain(err), 0)
			}
		})
	}
	return e.finish(ctx)
}

var errTimeout = errors.New("the timeout passed")

func (e *exam) phase(p record.Phase, f func()) {
	start := time.Now()
	e.emit(record.PhaseBegan{Phase: p, At: start})
	f()
	end := time.Now()
	e.result.Phases = append(e.result.Phases, record.Span{Phase: p, Start: start, End: end, Failed: e.first != nil})
	var err error
	if e.first != nil {
		err = e.first
	}
	e.emit(record.PhaseEnded{Phase: p, At: end, Err: err})
}

// finish completes the result.
func (e *exam) finish(ctx context.Context) (record.Result, error) {
	t := &e.result
	t.DurationSeconds = time.Since(t.Started).Seconds()
	failed := t.FailedChecks()
	err := e.first
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errTimeout):
		err = &publish.Error{Kind: publish.TimedOut, Code: "Timeout", Message: fmt.Sprintf("The timeout of %v passed.", e.o.Publish.Timeout), Hint: "Raise timeout.", Err: cause}
	case cause != nil:
		err = &publish.Error{Kind: publish.Interrupted, Code: "Cancelled", Message: fmt.Sprintf("Stopped (%v).", cause), Err: cause}
	case err != nil && len(failed) > 0:
		whole := *err
		whole.Message = fmt.Sprintf("%d of %d checks failed (%s). %s", len(failed), len(t.Checks), strings.Join(failed, ", "), err.Message)
		err = &whole
	}
	t.Outcome = record.Healthy
	if err != nil {
		t.Outcome = err.Kind.Outcome()
		t.ErrorCode, t.ErrorMessage, t.ErrorHint, t.RequestID = err.Code, err.Message, err.Hint, err.RequestID
	}
	e.emit(record.Learned{Result: *t})
	if err != nil {
		return *t, err
	}
	return *t, nil
}

// add notes and tells a finding.
func (e *exam) add(f record.Finding) {
	e.result.Checks = append(e.result.Checks, f)
	e.emit(record.Found{Finding: f})
}

func (e *exam) ok(check, format string, args ...any) {
	e.add(record.Finding{Check: check, Verdict: record.OK, Detail: fmt.Sprintf(format, args...)})
}

func (e *exam) warn(check, hint, format string, args ...any) {
	e.add(record.Finding{Check: check, Verdict: record.Doubtful, Detail: fmt.Sprintf(format, args...), Hint: hint})
}

func (e *exam) skip(check, format string, args ...any) {
	e.add(record.Finding{Check: check, Verdict: record.NotTested, Detail: fmt.Sprintf(format, args...)})
}

// fail adds a check that failed, with the error that a publish would end with.
func (e *exam) fail(check string, err *publish.Error, took time.Duration) {
	if e.first == nil {
		e.first = err
	}
	e.add(record.Finding{
		Check: check, Verdict: record.Broken, Detail: err.Message, Hint: err.Hint,
		Code: err.Code, RequestID: err.RequestID, Milliseconds: took.Milliseconds(),
	})
}

// wrong returns the first of the inputs that has a problem, or "".
func (e *exam) wrong(inputs ...string) string {
	for _, name := range inputs {
		if slices.ContainsFunc(e.o.Problems, func(p Problem) bool { return p.Input == name }) {
			return name
		}
	}
	return ""
}

func (e *exam) inputs(context.Context) {
	if len(e.o.Problems) == 0 {
		e.ok("Inputs", "complete and valid")
	}
	for _, p := range e.o.Problems {
		e.fail("Inputs", &publish.Error{Kind: publish.BadInput, Code: "Input", Message: p.Text}, 0)
	}
}

func (e *exam) artifact(ctx context.Context) {
	const check = "Artifact"
	o := e.o.Publish
	switch name := e.wrong("artifact", "artifact-url", "artifact-name"); {
	case name != "":
		e.skip(check, "needs %s", name)
		return
	case !o.ArtifactURL.IsZero():
		e.skip(check, "CAR itself downloads artifact-url; whether it can shows only then")
		return
	case o.Artifact == "":
		e.skip(check, "none was given; with artifact, the build is checked as well")
		return
	}
	file, err := artifact.Find(o.Artifact)
	switch {
	case err != nil:
	case isFolder(file):
		if e.o.Publish.Tree, err = pack.Scan(ctx, file, o.Pack); err == nil {
			e.build = e.o.Publish.Tree.Artifact()
			e.folder(check, e.o.Publish.Tree)
			return
		}
	default:
		e.build, err = e.d.InspectFile(ctx, file)
	}
	if err != nil {
		e.build = nil
		e.fail(check, publish.Explain(err), 0)
		return
	}
	b := e.build
	e.result.ArtifactName, e.result.ArtifactFormat, e.result.ArtifactSize = b.Name, string(b.Format), b.Size
	about := fmt.Sprintf("%s: %s, %d bytes", b.Name, b.Format, b.Size)
	if len(b.Executables) > 0 {
		about += ", executables: " + some(b.Executables)
	}
	if b.Android != nil {
		about += fmt.Sprintf(", Android package %s, version code %d", b.Android.Package, b.Android.VersionCode)
	}
	if b.Encrypted {
		e.warn(check, "Pack it without a password, if CAR cannot unpack it.", "%s; it is encrypted, and whether CAR can unpack that is not documented", about)
		return
	}
	e.ok(check, "%s", about)
}

// folder tells what of a folder would be packed.
func (e *exam) folder(check string, t *pack.Tree) {
	e.result.ArtifactName, e.result.ArtifactFormat = e.build.Name, string(e.build.Format)
	about := []string{fmt.Sprintf("%s: a folder of %s, %s", t.Path, human.Count(t.Files, "file"), human.Size(t.Size))}
	if t.LeftOut.Files > 0 {
		about = append(about, fmt.Sprintf("%s left out, %s: %s", human.Count(t.LeftOut.Files, "file"), human.Size(t.LeftOut.Size), some(t.LeftOut.Names)))
	}
	var largest []string
	for _, f := range t.Largest(10) {
		largest = append(largest, fmt.Sprintf("%s (%s)", f.Name, human.Size(f.Size)))
	}
	about = append(about, "largest: "+some(largest))
	if len(t.Executables) > 0 {
		about = append(about, "executables: "+some(t.Executables))
	}
	e.ok(check, "%s", strings.Join(about, "; "))
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// time compares the timeout with the time that the CI leaves to the job.
func (e *exam) time(context.Context) {
	const check = "Time"
	switch {
	case e.wrong("timeout") != "":
		e.skip(check, "needs timeout")
	case e.o.Left == 0:
		e.skip(check, "this CI does not say how long the job may run; let that be longer than timeout, which is %v", e.o.Timeout)
	case e.o.Publish.Timeout < e.o.Timeout:
		e.warn(check, "Raise the limit of the CI's job, or lower timeout to what a publish of yours needs.",
			"the CI ends this job in %v, before the timeout of %v; a publish would stop by itself after %v", e.o.Left.Round(time.Second), e.o.Timeout, e.o.Publish.Timeout.Round(time.Second))
	default:
		e.ok(check, "the CI leaves %v to this job, and the timeout is %v", e.o.Left.Round(time.Second), e.o.Timeout)
	}
}

// some joins the first few of many.
func some(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
