// Package publish is the flow: inspect the build and the application, make
// room, create one version, deliver the build, wait for CAR, release, name;
// and clean up after a run that fails.
//
// It promises that success leaves exactly one new version, made of exactly
// the artifact's bytes; that a run without success leaves no version without its
// build, or says which and how to remove it; that it never touches what is
// online or another's work unless told to by name; and that a failure has a
// reason and a remedy.
package publish

import (
	"context"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/grace"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// Options say what to do. There are no defaults here: inputs fills in every
// field.
type Options struct {
	Tool    string // "car-publish 1.2.3"
	Command Command

	ApplicationID   string
	ApplicationName string // of create-application
	ApplicationType string // likewise, as CAR names it: "Application3D"
	Start           StartOptions

	Artifact     string        // path or glob of a file or a folder
	ArtifactURL  secret.String // instead of Artifact; its query may be a key
	ArtifactName string        // "" takes the artifact's
	Pack         pack.Options  // if the artifact is a folder
	Tree         *pack.Tree    // that folder, if it was scanned already
	VersionID    string
	Regions      []string
	UpdateMode   string
	VersionName  string

	Release bool
	Wait    bool
	DryRun  bool

	Timeout      time.Duration
	QueueTimeout time.Duration
	OnBlocked    OnBlocked
	OnFull       OnFull
	OnFailure    OnFailure
	Keep         []string // ids, names or globs of names that are never deleted

	// Who this run is, for the mark. If the key is complete, a later attempt of a
	// run resumes what an earlier one left; else a run owns only the version that
	// its own process creates.
	RunKey      string // the same in a re-run, another in every sibling
	KeyComplete bool   // RunKey has every part that tells siblings apart
	Attempt     int    // from 1; 0 is not known, and taken for the first
	Run         record.Job

	// Owned is what the step before this post step saved, for cleanup; nil if this
	// is not a post step.
	Owned *record.Owned

	// Arguments are inputs that a suggested command needs as well so that it reaches
	// the same service.
	Arguments []Argument
	// InAction says that this run is a step of a GitHub workflow, whose reader may have
	// the action and no program: a command is suggested as the inputs of a step.
	InAction bool
}

// Deps are what the flow works with.
type Deps struct {
	CAR        car.Config                                                // its Called and Retrying are set here; no Credentials means that there are no keys
	COS        http.RoundTripper                                         // for the upload
	Endpoint   string                                                    // of COS; "" is the bucket's own
	Accelerate bool                                                      // upload by way of the bucket's global acceleration
	LimitRate  int64                                                     // of the upload, in bytes a second; 0 is no limit
	Upload     retry.Policy                                              // for one part
	Memory     int64                                                     // for the parts of a folder that are in flight, in bytes
	PartSize   int64                                                     // bytes; 0 takes it from the artifact's size
	ProofKey   secret.String                                             // proves in a later attempt what an earlier one delivered: a key that both have; zero without one
	Inspect    func(context.Context, string) (*artifact.Artifact, error) // of a file's path; nil is artifact.Inspect
	Float      func() float64                                            // randomness in [0,1), for jitter and the mark
}

// NewResult is the Result of a run that has done nothing yet.
func NewResult(o Options) record.Result {
	return record.Result{
		Schema: record.Schema, Tool: o.Tool, Command: string(o.Command), ApplicationID: o.ApplicationID,
		Run: o.Run, Started: time.Now().UTC(),
	}
}

// Run carries out the command, tells of it as it goes, and returns what it did,
// filled in as far as it got. The error is an *Error. Events come from several
// goroutines, also at the same time. When ctx ends, Run still takes up to
// CleanupTime to remove what it has made; the limit of ctx (see package grace)
// ends that as well.
func Run(ctx context.Context, o Options, d Deps, emit func(record.Event)) (record.Result, error) {
	rec := &recorder{emit: emit, result: NewResult(o)}
	rec.result.ConsoleURL = car.Consoles[d.CAR.Site]
	r := &run{service: newService(o, d, rec), o: o, d: d}

	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, errTimeout)
	defer cancel()
	// Whatever must still be looked at or removed after a stop shares this time.
	cleanup, done := grace.Extend(ctx, CleanupTime, errCleanupTime)
	defer done()
	ctx = grace.WithLimit(ctx, cleanup)

	outcome, err := r.do(ctx)
	r.end(err)
	if err != nil {
		e := r.explain(ctx, err)
		r.cleanUpAfterFailure(cleanup, e)
		return r.close(e.Kind.Outcome(), e), e
	}
	r.suggestNext(outcome)
	return r.close(outcome, nil), nil
}

// run is the state of one Run.
type run struct {
	*service
	o Options
	d Deps

	app      application
	appRead  time.Time          // when
	start    *startChange       // planned with the release; nil if there is none
	build    *artifact.Artifact // nil for a URL
	file     os.FileInfo        // of the build, from just before it was inspected; nil for a folder
	tree     *pack.Tree         // the build, if that is a folder; its size is known when it is packed
	fileName string             // of the build, without the mark
	mark     mark

	// before are the ids of the versions that were there just before the
	// create: what appears later may be of its making.
	before map[string]bool
	// doubt is why a create of ours may have made a version whose id we do not
	// know; nil if none may.
	doubt error

	ours     ourVersion
	previous string    // id of the version that was online before this run; "" if none was, or if it is ours
	queued   time.Time // when on-blocked: wait began to wait; zero if it did not

	upload *cos.Upload  // nil before it begins
	bucket atomic.Value // string: the region of the bucket, for advice; set by goroutines of the upload
}

// name is the file name that CAR gets.
func (r *run) name() string { return r.mark.apply(r.fileName) }

// publish makes a version of the build, and puts it online if asked to.
func (r *run) publish(ctx context.Context) (record.Outcome, error) {
	if err := r.inspect(ctx); err != nil {
		return "", err
	}
	if r.withoutKeys() {
		return record.Planned, nil
	}
	versions, err := r.check(ctx)
	if err != nil {
		return "", err
	}
	if err := r.obtain(ctx, versions); err != nil || r.o.DryRun {
		if err == nil && r.o.Release {
			r.tellPlayers(ctx, r.o.Regions)
		}
		return record.Planned, err
	}
	if r.ours.stage == undelivered {
		if err := r.deliver(ctx); err != nil {
			return "", err
		}
	}
	if !r.o.Wait && r.ours.stage < ready {
		if err := r.requireProof(); err != nil {
			return "", err
		}
		r.note("Not waiting: CAR is processing %s and has not accepted it yet.", r.ours.ID)
	} else if err := r.finish(ctx); err != nil {
		return "", err
	}
	r.rename(ctx)
	return r.reached(), nil
}

// finish waits until CAR has accepted the build, and puts the version online if
// asked to.
func (r *run) finish(ctx context.Context) error {
	if err := r.await(ctx); err != nil {
		return err
	}
	if err := r.madeOfOurs(); err != nil {
		return err
	}
	if err := r.requireProof(); err != nil {
		return err
	}
	switch {
	case !r.o.Release:
		return nil
	case r.ours.overtaken:
		return r.replaced(r.ours.Version)
	}
	return r.putOnline(ctx)
}

// withoutKeys ends a dry run that has no keys, as a pull request from a fork
// has none.
func (r *run) withoutKeys() bool {
	if !r.o.DryRun || r.d.CAR.Credentials != nil {
		return false
	}
	r.note("No keys were given, so the service was not asked: only what needs none was checked.")
	return true
}

// reached is the outcome that the state of our version stands for.
func (r *run) reached() record.Outcome {
	switch {
	case r.ours.Status == car.Inuse:
		return record.Released
	case r.ours.Status.Good():
		return record.Ready
	}
	return record.Created
}

// setPrevious takes the version that is online as the one to roll back to; ""
// is none.
func (r *run) setPrevious(id string) {
	r.previous = id
	r.learn(func(t *record.Result) { t.PreviousVersionID = id })
}

// setOurs takes what CAR shows of our version.
func (r *run) setOurs(v car.Version) {
	r.ours.Version = v
	r.recordVersion(v)
}
