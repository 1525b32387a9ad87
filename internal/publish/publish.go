// Package publish is the flow: inspect the build and the application, make
// room, create one version, deliver the build, wait for CAR, release, name;
// and undo what a run that fails has made.
//
// It promises that success leaves exactly one new version, made of exactly
// the artifact's bytes; that a run without success leaves nothing undelivered,
// or says what is left and how to remove it; that it never touches what is
// online or another's work unless told to by name; and that a failure has a
// reason and a remedy.
package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// Options say what to do. There are no defaults here: inputs fills in every
// field.
type Options struct {
	Tool    string // "car-publish 1.2.3"
	Command string // publish, create, release, rollback, list, delete or cleanup

	ApplicationID string
	Artifact      string        // path or glob
	ArtifactURL   secret.String // instead of Artifact; its query may be a key
	ArtifactName  string        // "" takes the artifact's
	VersionID     string
	Regions       []string
	UpdateMode    string
	VersionName   string

	Release bool
	Wait    bool
	DryRun  bool

	Timeout      time.Duration
	QueueTimeout time.Duration
	OnBlocked    string   // fail, wait, replace or replace-unreleased
	OnFull       string   // fail or delete-oldest
	OnFailure    string   // auto, keep or delete
	Keep         []string // ids, names or globs of names that are never deleted

	// Who this run is, for the mark. A later attempt of a run whose key is
	// complete goes on with what an earlier one left; else nobody's version
	// but the one that this process creates is its own.
	RunKey      string // the same in a re-run, another in every sibling
	KeyComplete bool   // RunKey has every part that tells siblings apart
	Attempt     int    // from 1; 0 is not known, and taken for the first
	Run         Job

	// Owned is what an earlier step of this process's job told of itself,
	// for cleanup; nil if it could not tell.
	Owned *Owned

	// Arguments is what a suggested command line needs so that it reaches
	// the same service: "--site international".
	Arguments string
}

// Deps are what the flow works with.
type Deps struct {
	CAR        car.Config        // its Called, Retrying and Hurry are set here; no Credentials means that there are no keys
	COS        http.RoundTripper // for the upload
	Endpoint   string            // of COS; "" is the bucket's own
	Accelerate bool              // upload by way of the bucket's global acceleration
	LimitRate  int64             // of the upload, in bytes a second; 0 is no limit
	Upload     retry.Policy      // for one part
	PartSize   int64             // bytes; 0 takes it from the artifact's size
	Float      func() float64    // randomness in [0,1), for jitter and the mark
	Hurry      context.Context   // ends when nobody waits for the clean-up of a stopped run any more; nil never does
}

// NewResult is the Result of a run that has done nothing yet.
func NewResult(o Options) Result {
	return Result{
		Schema: Schema, Tool: o.Tool, Command: o.Command, ApplicationID: o.ApplicationID,
		Run: o.Run, Started: time.Now().UTC(),
	}
}

// Run does what the options say, tells of it as it goes, and returns what it
// did, filled in as far as it got. The error is an *Error. Events come from
// several goroutines, also side by side.
func Run(ctx context.Context, o Options, d Deps, emit func(Event)) (Result, error) {
	r := &run{o: o, d: d, emit: emit, result: NewResult(o)}
	r.result.ConsoleURL = car.Consoles[d.CAR.Site]
	config := d.CAR
	config.Hurry = d.Hurry
	config.Called = func(action string, attempt int, took time.Duration, id string, err error) {
		emit(Called{Action: action, Took: took, RequestID: id, Attempt: attempt, Err: err})
	}
	config.Retrying = func(action string, attempt int, wait time.Duration, err error) {
		if throttled(err) {
			r.throttles.Add(1)
		}
		emit(Retrying{What: action, Attempt: attempt, Wait: wait, Err: err})
	}
	r.api = car.New(config)

	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, errTimeout)
	defer cancel()
	var done context.CancelFunc
	r.aftermath, done = afterwards(ctx, d.Hurry)
	defer done()
	err := r.command(ctx)
	r.end(err)
	if err != nil {
		e := r.explain(ctx, err)
		r.undo(r.aftermath, e) //nolint:contextcheck // it works after the run was stopped, for CleanupTime
		r.finish(e)
		return r.result, e
	}
	r.finish(nil)
	return r.result, nil
}

// run is the state of one Run.
type run struct {
	o    Options
	d    Deps
	emit func(Event)
	api  *car.Client

	app   car.Application
	known bool         // app and category were told by the service
	kind  car.Category // "" if not known

	build    *artifact.Artifact // nil for a URL
	file     os.FileInfo        // of the build, from just before it was inspected
	fileName string             // before the mark
	name     string             // the file name that CAR is told, mark and all
	mark     mark
	seen     map[string]bool // the version ids just before the create
	stage    stage
	by       origin
	// doubt is why a create of ours may have made a version that we do not
	// know; nil if none may.
	doubt error
	// unsure says that somebody else may have delivered into our version.
	unsure bool
	// overtaken says that somebody released our version and then another.
	overtaken bool
	// former is the name of a version that we claimed, from before that.
	former string
	// aftermath goes on for CleanupTime after the run was stopped: what must
	// still be looked at or removed shares that time.
	aftermath context.Context

	listed    bool         // our version was seen in a list
	throttles atomic.Int64 // how often CAR said that it is asked too often

	queued time.Time // since when on-blocked: wait has waited; zero if it did not
	upload *cos.Upload

	mu     sync.Mutex // of what follows: an upload asks and tells from goroutines of its own
	phase  Phase
	result Result
	region string // of the bucket; "" before the first keys
}

// stage is how far our version is.
type stage int

const (
	nothing     stage = iota // no version of ours
	undelivered              // created; CAR waits for the build
	processing               // CAR has been told that the build is there
	ready                    // Normal
	onlineSent               // we asked for the release, or somebody did
)

// origin is how a version became ours.
type origin int

const (
	created   origin = iota // by this process
	adopted                 // from an earlier attempt of this run
	takenOver               // from another, since CAR would not delete it
)

func (r *run) command(ctx context.Context) error {
	switch r.o.Command {
	case "create":
		return r.createOnly(ctx)
	case "release":
		return r.release(ctx)
	case "rollback":
		return r.rollback(ctx)
	case "list":
		return r.list(ctx)
	case "delete":
		return r.delete(ctx)
	case "cleanup":
		return r.cleanup(ctx)
	}
	return r.publish(ctx)
}

func (r *run) publish(ctx context.Context) error {
	if err := r.inspect(); err != nil {
		return err
	}
	if r.blind() {
		return nil
	}
	versions, err := r.check(ctx)
	if err != nil {
		return err
	}
	if err := r.obtain(ctx, versions); err != nil || r.o.DryRun {
		return err
	}
	if r.stage == undelivered {
		if err := r.deliver(ctx); err != nil {
			return err
		}
	}
	if !r.o.Wait && r.stage < ready {
		r.note("Not waiting: CAR is processing %s and has not accepted it yet.", r.result.VersionID)
		return r.rename(ctx)
	}
	if err := r.await(ctx, r.result.VersionID); err != nil {
		return err
	}
	if err := r.madeOfOurs(); err != nil {
		return err
	}
	if r.o.Release {
		if r.overtaken {
			return r.replaced(car.Version{ID: r.result.VersionID, Name: r.result.VersionName})
		}
		if err := r.putOnline(ctx, r.result.VersionID); err != nil {
			return err
		}
	}
	return r.rename(ctx)
}

// blind ends a dry run that was given no keys, as the pull request of a fork
// gets none.
func (r *run) blind() bool {
	if !r.o.DryRun || r.d.CAR.Credentials != nil {
		return false
	}
	r.note("No keys were given, so the service was not asked: only what needs none was checked.")
	r.learn(func(t *Result) { t.Outcome = Planned })
	return true
}

// createOnly makes the version and leaves it: somebody else delivers.
func (r *run) createOnly(ctx context.Context) error {
	r.sign(r.o.ArtifactName, []byte(r.o.ArtifactName))
	if r.blind() {
		return nil
	}
	r.begin(Check)
	versions, err := r.listVersions(ctx)
	if err != nil {
		return r.notFound(ctx, err)
	}
	if err := r.obtain(ctx, versions); err != nil || r.o.DryRun {
		return err
	}
	if r.o.Wait {
		return r.await(ctx, r.result.VersionID)
	}
	return nil
}

// obtain gets a version of ours: what an earlier attempt left, or a new one.
//
// What is in the way of a later attempt may be an earlier one's which the list
// showed too late, or may have moved since; after a create whose answer was
// lost it may be what that has made. So it is no reason to fail before a fresh
// list shows the same.
func (r *run) obtain(ctx context.Context, versions []car.Version) (err error) {
	defer func() {
		if r.doubt != nil && err != nil && r.stage == nothing {
			r.leftover("a version named "+stem(r.name)+" may have been created", r.removeUnnamed())
		}
	}()
	last := ""
	for round := 1; ; round++ {
		versions, err = r.adopt(ctx, versions)
		if err != nil || r.stage != nothing || r.result.Outcome == Planned {
			return err
		}
		err = r.makeRoom(ctx, versions, round == 1)
		if err == nil && r.stage == nothing && !r.o.DryRun {
			err = r.create(ctx)
		}
		var own *Error
		if !errors.As(err, &own) || r.mark.attempt < 2 && r.doubt == nil || r.o.DryRun || ctx.Err() != nil {
			return err
		}
		inTheWay := own.Code == codeBlocked || own.Code == codeFull || own.Code == codeChanged
		reason := own.Code + r.result.BlockingVersionID
		if !inTheWay || reason == last || round == rounds {
			return err
		}
		last = reason
		r.learn(func(t *Result) { t.BlockingVersionID = "" })
		if versions, err = r.listVersions(ctx); err != nil {
			return err
		}
		if ours, _ := r.appeared(versions); r.doubt != nil && ours != nil {
			return r.found(*ours)
		}
	}
}

// The codes of what is in the way.
const (
	codeBlocked = "Blocked"
	codeFull    = "Full"
	codeChanged = "Changed"
)

// rounds is how often obtain looks again at most: others may come and go for
// ever.
const rounds = 5

// inspect looks at the artifact, before any call.
func (r *run) inspect() error {
	r.begin(Inspect)
	content := []byte(r.o.ArtifactURL.Reveal())
	name := path.Base(urlPath(r.o.ArtifactURL))
	if r.o.ArtifactURL.IsZero() {
		file, err := artifact.Find(r.o.Artifact)
		if err != nil {
			return err
		}
		if r.file, err = os.Stat(file); err != nil {
			return fail(BadInput, "ArtifactUnreadable", "", "look at the artifact: %v", err)
		}
		r.build, err = artifact.Inspect(file)
		if err != nil {
			return err
		}
		content, name = r.build.Fingerprint[:], r.build.Name
		r.describe()
	}
	if r.o.ArtifactName != "" {
		name = r.o.ArtifactName
	}
	if r.build != nil {
		var err error
		if name, err = nameFor(name, r.build); err != nil {
			return err
		}
	}
	r.sign(name, content)
	r.learn(func(t *Result) {
		t.ArtifactName = name
		if r.build != nil {
			t.ArtifactSize, t.ArtifactFormat = r.build.Size, string(r.build.Format)
		}
	})
	return nil
}

// nameFor makes the name agree with the content: CAR takes the format from
// the name.
func nameFor(name string, b *artifact.Artifact) (string, error) {
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	switch {
	case extension == string(b.Format):
		return name, nil
	case slices.Contains(artifact.Formats, artifact.Format(extension)):
		return "", fail(BadInput, "ArtifactName", fmt.Sprintf("Name it %s.%s.", stem(name), b.Format),
			"artifact-name is %q, but %s is %s.", name, b.Name, b.Format)
	}
	return name + "." + string(b.Format), nil
}

// describe tells what the artifact is.
func (r *run) describe() {
	b := r.build
	r.note("%s: %s, %s", b.Path, b.Format, bytesText(b.Size))
	if b.Encrypted {
		r.warn("%s is encrypted: whether CAR can unpack it is not documented, and what is inside could not be checked.", b.Name)
	}
	if a := b.Android; a != nil {
		r.note("Android package %s, version %s (code %s)", orDash(a.Package), orDash(a.VersionName), strconv.FormatInt(a.VersionCode, 10))
	}
	if len(b.Executables) > 0 {
		r.note("Executables inside: %s", some(b.Executables, 5))
	}
}
