package publish_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

var (
	schedules = flag.Int("schedules", 2000, "how many random schedules TestSimulation runs")
	firstSeed = flag.Uint64("seed", 1, "the seed of the first of them; with -schedules 1 -v it is told step by step")
)

// TestSimulation lets several publishers, some of them siblings of one run,
// meet in one simulated service, with lost answers, crashes, second attempts,
// cancels and a human who interferes, and holds each of them to the promises.
//
// A schedule replays from its seed: every request stops at a gate, and when
// nothing else can move the seed picks which one goes on, and what happens to
// it. (The order of goroutines alone would not be repeatable.)
func TestSimulation(t *testing.T) {
	const shares = 2
	tally := newTally()
	builds := someBuilds(t)
	t.Run("schedules", func(t *testing.T) {
		for share := range uint64(shares) {
			t.Run(fmt.Sprint(share), func(t *testing.T) {
				t.Parallel()
				for seed := *firstSeed + share; seed < *firstSeed+uint64(*schedules) && !t.Failed(); seed += shares {
					s := simulate(t, seed, builds)
					tally.add(s)
					if *schedules == 1 {
						t.Log(strings.Join(s.trace, "\n"))
					}
				}
			})
		}
	})
	t.Log(tally)
	if *schedules >= 2000 {
		tally.bites(t)
	}
}

// TestSimulationReplays runs seeds twice.
func TestSimulationReplays(t *testing.T) {
	builds := someBuilds(t)
	for seed := range uint64(30) {
		one, two := simulate(t, seed, builds), simulate(t, seed, builds)
		for i := range min(len(one.trace), len(two.trace)) {
			if one.trace[i] != two.trace[i] {
				t.Fatalf("seed %d: step %d is %q once and %q again", seed, i, one.trace[i], two.trace[i])
			}
		}
		if len(one.trace) != len(two.trace) {
			t.Errorf("seed %d: %d steps once and %d again", seed, len(one.trace), len(two.trace))
		}
	}
}

// schedule is one simulated history.
type schedule struct {
	seed  uint64
	rng   *rand.Rand
	world carsim.World
	sim   *carsim.Sim
	runs  []*ciRun
	human *car.Client
	start time.Time

	faultRate, chaosRate float64
	partSize             int64

	mu      sync.Mutex // of what follows
	pending []*request
	arrived chan struct{}

	all     []*process
	trace   []string
	failure string
	maker   map[string]*process   // who created a version
	born    map[string]int        // how many processes there were then
	claims  map[string][]*process // who has renamed it
	claimed map[string]string     // its name since then
	struck  map[string]bool       // see strikes
	starter map[string]*process   // who began an upload
	online  map[string]bool       // has been Inuse
	good    map[string]bool       // has been Normal, Inuse or Usable
	size    map[string]int64      // of what CAR made the version of
	named   map[*step]string      // the name of its last version
	forged  map[string]bool       // a colleague has put a mark on it
	hidden  map[string]bool       // a colleague has taken its mark away
	counts  map[string]int
}

// ciRun is a run of a CI: its steps start together, and a later attempt
// begins when all of them have ended.
type ciRun struct {
	steps   []*step
	attempt int
}

// step is one step of a run, and its attempts.
type step struct {
	options  publish.Options
	build    string
	proofKey secret.String // zero for a role
	attempts []*process
}

// process is one attempt of a step.
type process struct {
	s       *schedule
	id      int
	step    *step
	options publish.Options
	cancel  context.CancelCauseFunc
	float   float64

	dead     bool // crashed: nothing of it reaches the service any more
	ended    bool
	judged   bool
	stopped  time.Time // when it was cancelled
	finished time.Time
	seen     map[string]string // the versions and their states in the last list it got
	first    map[string]string // that in the first one
	names    map[string]string // of the versions in the last one
	inDoubt  bool              // it may have put its version online
	last     string            // the last API action that it was let do
	notes    []string
	result   record.Result
	err      *publish.Error
}

// request is one that waits at the gate, or whose answer does.
type request struct {
	p        *process
	action   string
	detail   string // tells the requests of one process apart
	version  string // that it is about
	answered bool
	open     chan fate
}

// fate is what happens to a request.
type fate int

const (
	passes fate = iota
	held        // done; the answer waits at the gate once more
	lostBefore
	lostAfter
	busyBefore // HTTP 503
	busyAfter
	errorBefore // InternalError
	errorAfter
	locked    // refused for now
	throttled // likewise
	lied      // accepted, and not done
	fates
)

var fateNames = [fates]string{"passes", "held", "lost before", "lost after", "503 before", "503 after", "InternalError before", "InternalError after", "locked", "throttled", "accepted and not done"}

// someBuilds are files and folders.
func someBuilds(t *testing.T) []string {
	return []string{build(t), build(t, "more.bin"), build(t, "more.bin", "yet more.bin"), buildFolder(t), buildFolder(t, "more.bin")}
}

func simulate(t *testing.T, seed uint64, builds []string) *schedule {
	s := &schedule{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 7)),
		maker: map[string]*process{}, born: map[string]int{}, claims: map[string][]*process{}, claimed: map[string]string{}, starter: map[string]*process{}, struck: map[string]bool{},
		online: map[string]bool{}, good: map[string]bool{}, size: map[string]int64{}, counts: map[string]int{}, named: map[*step]string{}, forged: map[string]bool{}, hidden: map[string]bool{},
	}
	synctest.Test(t, func(t *testing.T) {
		s.arrived = make(chan struct{}, 1) // of this bubble
		s.start = time.Now()
		s.draw(builds)
		s.drive()
	})
	if s.failure != "" {
		t.Fatal(s.failure)
	}
	return s
}

func pick[T any](s *schedule, from ...T) T { return from[s.rng.IntN(len(from))] }

// draw makes up the world and the runs.
func (s *schedule) draw(builds []string) {
	w := &s.world
	w.RateLimit, w.MinPart = -1, 1
	w.ProcessingTime = pick(s, 0, 5*time.Second, time.Minute)
	w.DeleteTime = pick(s, 0, 0, 5*time.Second)
	w.ListLag = pick(s, 0, 0, 0, 3*time.Second)
	w.KeyLifetime = pick(s, 0, 0, 30*time.Second)
	w.NameAfterUpload = pick(s, carsim.NameKept, carsim.NameKept, carsim.NameReplaced, carsim.NameTruncated)
	w.CreateWhileNormal = pick(s, carsim.CreateDenied, carsim.CreateVersionCreating, carsim.CreateAllowed)
	w.DeleteCreating = pick(s, carsim.Done, carsim.Done, carsim.Denied)
	w.SecondSnapshot = pick(s, carsim.Done, carsim.Denied)
	w.SnapshotDesktop = pick(s, carsim.SnapshotNeeded, carsim.SnapshotNeeded, carsim.SnapshotNeeded, carsim.SnapshotIgnored)
	w.FirstVersion = pick(s, carsim.FirstNormal, carsim.FirstInuse)
	w.COSActions = pick(s, carsim.COSAll, carsim.COSAll, carsim.COSNone)
	w.PathForm = pick(s, carsim.PathSlash, carsim.PathFolder)
	w.DeletingInLimit = pick(s, carsim.DeletingCounted, carsim.DeletingFree)
	if w.KeyLifetime > 0 {
		// One part: of several that find the keys expired any one renews
		// them, and that would not be repeatable.
		s.partSize = 1 << 20
	} else {
		s.partSize = 200
	}
	s.faultRate = pick(s, 0, 0.03, 0.1)
	s.chaosRate = pick(s, 0, 0.01, 0.03)

	for a := range 1 + s.rng.IntN(3) {
		app := carsim.Application{
			ID: fmt.Sprintf("app-%d", a), Name: "Game", StartPath: `Game\Game.exe`,
			Fate: pick(s, carsim.Succeeds, carsim.Succeeds, carsim.Succeeds, carsim.Succeeds, carsim.Succeeds, carsim.Fails, carsim.Hangs),
		}
		for i := range s.rng.IntN(5) {
			status := carsim.Usable
			if i == 0 {
				status = carsim.Inuse
			}
			app.Versions = append(app.Versions, carsim.Version{ID: fmt.Sprintf("ver-%d-%d", a, i), Name: "old", Status: status, Age: time.Duration(i+1) * time.Hour})
		}
		w.Applications = append(w.Applications, app)
	}
	w.RemoteSize = sizeOf(pick(s, builds...)) // so that the size does not give another build away
	s.sim = carsim.New(*w)
	s.human = s.client(transport.Guard(s.sim.Transport(), "human"), 0.5)

	steps := 1 + s.rng.IntN(6)
	for steps > 0 {
		run := &ciRun{attempt: 1}
		for range min(steps, 1+s.rng.IntN(3)) {
			steps--
			key := fmt.Sprintf("%d/publish/%d/a", len(s.runs), len(run.steps))
			if s.rng.IntN(4) == 0 {
				key = fmt.Sprintf("%d/publish/0/a", len(s.runs)) // a reusable workflow, called twice: nothing tells the two apart
			}
			run.steps = append(run.steps, &step{build: pick(s, builds...), options: publish.Options{
				Tool: "car-publish test", Command: "publish", ApplicationID: w.Applications[s.rng.IntN(len(w.Applications))].ID,
				Wait: true, Release: s.rng.IntN(3) > 0, VersionName: pick(s, "", "", "final name"),
				Timeout: pick(s, 10*time.Minute, time.Hour), QueueTimeout: pick(s, time.Minute, 10*time.Minute),
				OnBlocked: publish.OnBlocked(pick(s, "fail", "wait", "wait", "replace", "replace-unreleased")),
				OnFull:    publish.OnFull(pick(s, "fail", "delete-oldest", "delete-oldest")), OnFailure: publish.OnFailure(pick(s, "auto", "auto", "auto", "keep", "delete")),
				RunKey: key, KeyComplete: s.rng.IntN(8) > 0, Pack: pack.Options{Compression: pack.Auto},
			}})
			if s.rng.IntN(4) > 0 {
				run.steps[len(run.steps)-1].proofKey = secret.New(carsim.SecretKey)
			}
			if s.rng.IntN(3) == 0 {
				run.steps[len(run.steps)-1].options.Start = publish.StartOptions{Path: "Game/Game.exe", Parameters: pick(s, "-a", "-b", "-c")}
			}
			if s.rng.IntN(8) == 0 {
				run.steps[len(run.steps)-1].options.ArtifactURL = secret.New("https://builds.example.com/game.zip")
			}
		}
		s.runs = append(s.runs, run)
	}
}

func (s *schedule) client(rt http.RoundTripper, float float64) *car.Client {
	return car.New(carConfig(rt, func() float64 { return float }))
}

func carConfig(rt http.RoundTripper, float func() float64) car.Config {
	key := carsim.DefaultKeys("")[0]
	return car.Config{
		Site: "china", Language: "en-US", Transport: rt,
		Retry: retry.Policy{Base: time.Second, Cap: 20 * time.Second, Attempts: 7, Patience: 10 * time.Minute, Float: float},
		Credentials: func(context.Context) (cloudapi.Credentials, error) {
			return cloudapi.Credentials{SecretID: secret.New(key.SecretID), SecretKey: secret.New(key.SecretKey)}, nil
		},
	}
}

func (s *schedule) logf(format string, args ...any) {
	s.trace = append(s.trace, fmt.Sprintf("%8.1fs ", time.Since(s.start).Seconds())+fmt.Sprintf(format, args...))
}

// violated ends the schedule with the command that replays it.
func (s *schedule) violated(format string, args ...any) {
	if s.failure != "" {
		return
	}
	tail := s.trace
	if *schedules > 1 {
		tail = tail[max(0, len(tail)-40):]
	}
	s.failure = fmt.Sprintf("seed %d: %s\nreplay: go test ./internal/publish -run 'TestSimulation$' -v -schedules 1 -seed %d\n%s",
		s.seed, fmt.Sprintf(format, args...), s.seed, strings.Join(tail, "\n"))
	for _, p := range s.all { // nothing can be told of them any more
		p.dead = true
		p.cancel(errors.New("the schedule is over"))
	}
}

// launch starts the next attempt of a step.
func (s *schedule) launch(st *step, attempt int) {
	ctx, cancel := context.WithCancelCause(context.Background())
	p := &process{s: s, id: len(s.all), step: st, options: st.options, cancel: cancel, float: (float64(len(s.all)%32) + s.rng.Float64()) / 32} // each its own nonce
	p.options.Attempt = attempt
	if p.options.ArtifactURL.IsZero() {
		p.options.Artifact = st.build
	}
	s.all = append(s.all, p)
	st.attempts = append(st.attempts, p)
	o := p.options
	s.logf("p%d starts: attempt %d of %s on %s, %s, on-blocked %s, on-full %s, on-failure %s, release %v, key complete %v",
		p.id, attempt, o.RunKey, o.ApplicationID, path.Base(path.Dir(o.Artifact)), o.OnBlocked, o.OnFull, o.OnFailure, o.Release, o.KeyComplete)
	go func() {
		float := func() float64 { return p.float } // of a process's goroutines it does not matter which asks first
		rt := transport.Guard(p, "test")
		config := carConfig(rt, float)
		result, err := publish.Run(ctx, p.options, publish.Deps{CAR: config, COS: rt, ProofKey: p.step.proofKey, Upload: config.Retry, PartSize: s.partSize, Float: float}, func(e record.Event) {
			if n, ok := e.(record.Note); ok {
				s.mu.Lock()
				p.notes = append(p.notes, n.Text)
				s.mu.Unlock()
			}
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		p.result, p.ended, p.finished = result, true, time.Now()
		if err != nil {
			p.err = err.(*publish.Error)
		}
		s.ring()
	}()
}

// ring wakes the driver.
func (s *schedule) ring() {
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// drive runs the schedule to its end.
func (s *schedule) drive() {
	for _, r := range s.runs {
		for _, st := range r.steps {
			s.launch(st, 1)
		}
	}
	for step := 0; ; step++ {
		synctest.Wait()
		if !s.settle() {
			return
		}
		synctest.Wait() // for those that it has started
		select {
		case <-s.arrived: // what has rung so far is seen below
		default:
		}
		if step > 200_000 || time.Since(s.start) > 24*time.Hour {
			if s.failure != "" {
				panic(s.failure)
			}
			s.violated("it does not end")
		}
		s.mu.Lock()
		waiting := slices.SortedFunc(slices.Values(s.pending), func(a, b *request) int {
			return cmp.Or(cmp.Compare(a.p.id, b.p.id), cmp.Compare(a.action, b.action), cmp.Compare(a.detail, b.detail))
		})
		s.mu.Unlock()
		chance := s.rng.Float64()
		switch {
		case chance < s.chaosRate:
			s.interfere()
		case len(waiting) == 0:
			select {
			case <-s.arrived:
			case <-time.After(20 * time.Second):
			}
		case chance > 0.97:
			d := pick(s, 100*time.Millisecond, time.Second, 5*time.Second, 70*time.Second)
			s.logf("%v pass", d)
			time.Sleep(d)
		default:
			s.open(waiting[s.rng.IntN(len(waiting))])
		}
	}
}

// settle judges the processes that have ended and starts later attempts. It
// reports whether there is anything left to do.
func (s *schedule) settle() bool {
	alive := false
	for _, p := range s.all {
		if p.ended && !p.judged {
			p.judged = true
			s.judge(p)
		}
		alive = alive || !p.ended
	}
	for _, r := range s.runs {
		ended := !slices.ContainsFunc(r.steps, func(st *step) bool { return !st.attempts[len(st.attempts)-1].ended })
		if !ended || r.attempt >= 3 || s.failure != "" {
			continue
		}
		var again []*step
		for _, st := range r.steps {
			if last := st.attempts[len(st.attempts)-1]; (last.dead || last.err != nil) && s.rng.IntN(4) > 0 {
				again = append(again, st)
			}
		}
		if len(again) == 0 {
			r.attempt = 3
			continue
		}
		r.attempt++
		for _, st := range again {
			if s.rng.IntN(4) == 0 {
				s.forge(st)
			}
			s.launch(st, r.attempt)
		}
		alive = true
	}
	return alive
}

// interfere lets something happen that no publisher has a part in.
func (s *schedule) interfere() {
	var living []*process
	for _, p := range s.all {
		if !p.ended && !p.dead && p.stopped.IsZero() {
			living = append(living, p)
		}
	}
	if len(living) == 0 {
		return
	}
	s.observe() // time has passed
	p := pick(s, living...)
	switch s.rng.IntN(5) {
	case 0:
		s.logf("p%d is cancelled", p.id)
		s.counts["cancel"]++
		p.stopped = time.Now()
		p.cancel(errors.New("cancelled"))
	case 1:
		s.logf("p%d crashes", p.id)
		s.counts["crash"]++
		s.mu.Lock()
		p.dead = true
		s.mu.Unlock()
		p.cancel(errors.New("crashed"))
	case 2:
		s.outOfSight(p)
	default:
		app := s.world.Applications[s.rng.IntN(len(s.world.Applications))].ID
		versions := s.sim.Versions(app)
		if len(versions) == 0 {
			return
		}
		v := pick(s, versions...)
		ctx := context.Background()
		switch s.rng.IntN(3) {
		case 2:
			_, err := s.human.ModifyApplicationBaseInfo(ctx, car.Start{
				ApplicationID: app, Name: "Game", ExePath: pick(s, `Game\Game.exe`, `Other\Game.exe`), InterList: "Game.exe", Params: pick(s, "-a", "-b", "-c"),
				BaseInfo: car.BaseInfo{WindowUseType: "ApplicationDesktop"},
			})
			s.logf("a human changes the start of %s: %v", app, refusal(err))
			s.counts["start changed by a human"]++
		case 0:
			_, err := s.human.DeleteApplicationVersion(ctx, app, v.ID)
			s.logf("a human deletes %s, which is %s: %v", v.ID, v.Status, refusal(err))
		case 1:
			_, _, err := s.human.SetApplicationVersionOnline(ctx, app, v.ID)
			s.logf("a human releases %s, which is %s: %v", v.ID, v.Status, refusal(err))
		}
		s.counts["human"]++
		s.observe()
	}
}

// forge lets a colleague, who may create and rename but neither release nor delete,
// put the mark of a step on a version of another build, for the next attempt of the
// step to take for its own.
func (s *schedule) forge(st *step) {
	name, app, ctx := s.named[st], st.options.ApplicationID, context.Background()
	if name == "" {
		return // the step has shown no mark yet
	}
	if i := strings.LastIndexByte(name, '-'); s.rng.IntN(2) == 0 && markAtEnd.FindStringSubmatch(name)[1] != "" {
		name = name[:i] // without the proof, which is for another version
	}
	s.observe() // time has passed
	defer s.observe()
	done := pick(s, carsim.Normal, carsim.Inuse, carsim.Usable)
	for _, v := range s.sim.Versions(app) {
		m := s.maker[v.ID]
		if m != nil && m.step == st {
			if s.rng.IntN(2) == 0 { // out of the way
				_, err := s.human.ModifyApplicationVersion(ctx, app, v.ID, "renamed")
				s.logf("a colleague renames %s: %v", v.ID, refusal(err))
				s.hidden[v.ID] = true
			}
		} else if v.Status == done {
			_, err := s.human.ModifyApplicationVersion(ctx, app, v.ID, name)
			s.logf("a colleague calls %s, which is %s, %s: %v", v.ID, v.Status, name, refusal(err))
			s.forged[v.ID] = err == nil
			s.counts["forged mark"]++
			return
		}
	}
	v, _, err := s.human.CreateApplicationVersion(ctx, car.CreateVersionRequest{ApplicationID: app, FileName: name + ".zip"})
	s.logf("a colleague creates %s as %s: %v", v.ID, name, refusal(err))
	if err != nil {
		return
	}
	s.forged[v.ID] = true
	s.counts["forged mark"]++
	if s.rng.IntN(3) > 0 {
		_, err := s.human.CreateApplicationSnapshot(ctx, app, secret.New("https://builds.example.com/other.zip"))
		s.logf("a colleague delivers another build into %s: %v", v.ID, refusal(err))
		s.counts["forged mark, delivered"]++
	}
}

// outOfSight lets the CI take a runner for dead that is not: a later attempt of
// the step begins while the earlier one lives.
func (s *schedule) outOfSight(p *process) {
	for _, r := range s.runs {
		for _, st := range r.steps {
			if st.attempts[len(st.attempts)-1] == p && p.options.Attempt == r.attempt && r.attempt < 3 {
				r.attempt++
				s.counts["two attempts at once"]++
				s.launch(st, r.attempt)
			}
		}
	}
}

func refusal(err error) string {
	var e *car.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return "done"
}

// open lets a request go on.
func (s *schedule) open(r *request) {
	f := passes
	switch {
	case r.answered || r.p.dead:
	case s.rng.Float64() < s.faultRate:
		f = lostBefore + fate(s.rng.IntN(int(fates-lostBefore)))
		if f == lied && r.action != "SetApplicationVersionOnline" || (f == locked || f == throttled) && strings.HasPrefix(r.action, "cos:") {
			f = lostAfter
		}
	case s.rng.IntN(4) == 0:
		f = held
	}
	s.mu.Lock()
	s.pending = slices.DeleteFunc(s.pending, func(other *request) bool { return other == r })
	s.mu.Unlock()
	what := fateNames[f]
	if r.answered {
		what = "gets its answer"
	}
	s.logf("p%d %s %s %s", r.p.id, r.action, r.detail, what)
	r.open <- f
}

// RoundTrip is the gate.
func (p *process) RoundTrip(req *http.Request) (*http.Response, error) {
	s := p.s
	r := &request{p: p, open: make(chan fate, 1)}
	r.action, r.detail, r.version = describe(req)
	doubted := p.inDoubt
	if r.action == "SetApplicationVersionOnline" {
		p.inDoubt = true
	}
	f, err := s.wait(req.Context(), r)
	if err != nil {
		drain(req)
		return nil, err
	}
	if p.dead {
		drain(req)
		return nil, io.EOF
	}
	switch f {
	case lostBefore:
		drain(req)
		return nil, io.EOF
	case busyBefore:
		drain(req)
		return answer(req, 503, ""), nil
	case errorBefore:
		drain(req)
		return failed(req, r.action, "InternalError"), nil
	case locked, throttled:
		drain(req)
		if r.action == "SetApplicationVersionOnline" {
			p.inDoubt = doubted
		}
		return failed(req, r.action, map[fate]string{locked: "FailedOperation.ApplicationLockFail", throttled: "RequestLimitExceeded"}[f]), nil
	case lied:
		drain(req)
		return answer(req, 200, `{"Response":{"Versions":[],"RequestId":"lied"}}`), nil
	default: // it is done
	}
	s.allowed(p, r)
	s.strikes(p, r)
	before := s.unfinished()
	resp, err := s.sim.Transport().RoundTrip(req)
	s.account(p, r, before)
	if f == held && err == nil {
		again := &request{p: p, action: r.action, detail: r.detail, answered: true, open: make(chan fate, 1)}
		if _, err := s.wait(req.Context(), again); err != nil {
			return nil, err
		}
		if p.dead {
			return nil, io.EOF
		}
	}
	if err != nil {
		return nil, err
	}
	switch f {
	case lostAfter:
		return nil, io.EOF
	case busyAfter:
		return answer(req, 503, ""), nil
	case errorAfter:
		return failed(req, r.action, "InternalError"), nil
	default: // and answered
	}
	if r.action == "DescribeApplicationVersion" {
		p.looked(resp)
	}
	return resp, nil
}

// wait stops a request until the driver opens the gate for it.
func (s *schedule) wait(ctx context.Context, r *request) (fate, error) {
	s.mu.Lock()
	s.pending = append(s.pending, r)
	s.ring()
	s.mu.Unlock()
	select {
	case f := <-r.open:
		return f, nil
	case <-ctx.Done():
		s.mu.Lock()
		s.pending = slices.DeleteFunc(s.pending, func(other *request) bool { return other == r })
		s.mu.Unlock()
		return 0, context.Cause(ctx)
	}
}

func drain(req *http.Request) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		_ = req.Body.Close()
	}
}

// describe tells what a request is about.
func describe(req *http.Request) (action, detail, version string) {
	if a := req.Header.Get("X-TC-Action"); a != "" {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			panic(err) // it is in memory
		}
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		var about struct {
			Version string `json:"ApplicationVersionId"`
		}
		if err := json.Unmarshal(body, &about); err != nil {
			panic(err)
		}
		return a, about.Version, about.Version
	}
	q := req.URL.Query()
	what := map[string]string{"POST": "complete", "PUT": "part", "DELETE": "abort", "GET": "list parts", "HEAD": "head"}[req.Method]
	if q.Has("uploads") {
		what = map[string]string{"POST": "initiate", "GET": "list uploads"}[req.Method]
	}
	return "cos:" + what, strings.TrimSpace(q.Get("partNumber") + " " + q.Get("uploadId")), ""
}

func answer(req *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Request: req, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
}

func failed(req *http.Request, action, code string) *http.Response {
	if strings.HasPrefix(action, "cos:") {
		return answer(req, 500, "<Error><Code>"+code+"</Code><Message>simulated</Message></Error>")
	}
	return answer(req, 200, `{"Response":{"Error":{"Code":"`+code+`","Message":"simulated"},"RequestId":"r"}}`)
}
