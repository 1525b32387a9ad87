package publish_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/grace"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

// The simulator and the run share a heap of a few MB, which they fill several
// hundred times a second. Collecting it less often halves the time of these
// tests.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1000)
	os.Exit(m.Run())
}

// bench is one run against a simulator, in virtual time.
type bench struct {
	sim     *carsim.Sim
	world   carsim.World
	options publish.Options
	random  *rand.Rand      // nil: the same jitter in every run
	role    bool            // whose keys change from one attempt to the next
	limit   context.Context // of the cleanup; nil is none
	rate    int64           // of the upload; 0 is no limit

	partSize int64 // bytes; 0 takes it from the build

	// What keepsItsPromises compares with.
	old    map[string]bool // the versions from before
	online string
	cell   string // of the fault matrix

	mu     sync.Mutex
	events []record.Event
}

func newBench(t *testing.T, w carsim.World) *bench {
	t.Helper()
	b := &bench{sim: carsim.New(w), world: w, options: publish.Options{
		Tool: "car-publish test", Command: "publish", ApplicationID: "app-desktop", Artifact: build(t),
		Wait: true, Timeout: 5 * time.Hour, QueueTimeout: time.Hour,
		OnBlocked: "fail", OnFull: "fail", OnFailure: "auto", RunKey: "run/1", Pack: pack.Options{Compression: pack.Auto},
	}}
	b.remember()
	return b
}

// build makes a zip that fits app-desktop, with more members if they are
// named.
func build(t *testing.T, more ...string) string {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range append([]string{"Game/Game.exe", "Game/data.bin"}, more...) {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "content of %s", name)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "game.zip")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// buildFolder makes a folder of the same files.
func buildFolder(t *testing.T, more ...string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "game")
	for _, name := range append([]string{"Game/Game.exe", "Game/data.bin"}, more...) {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("content of "+name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// sizeOf is the size of a build in the bucket.
func sizeOf(build string) int64 {
	info, err := os.Stat(build)
	if err == nil && !info.IsDir() {
		return info.Size()
	}
	var packed bytes.Buffer
	tree, err := pack.Scan(context.Background(), build, pack.Options{Compression: pack.Auto})
	if err == nil {
		err = tree.Pack(context.Background(), &packed, func(int64) {})
	}
	if err != nil {
		panic(err)
	}
	return int64(packed.Len())
}

func (b *bench) run(ctx context.Context) (record.Result, *publish.Error) {
	random := b.random
	if random == nil {
		random = rand.New(rand.NewPCG(1, 2))
	}
	roundTripper := transport.Guard(b.sim.Transport(), "test")
	backoff := retry.Policy{Base: time.Second, Cap: 20 * time.Second, Attempts: 7, Patience: 10 * time.Minute, Float: random.Float64}
	key := carsim.DefaultKeys("")[0]
	if b.limit != nil {
		ctx = grace.WithLimit(ctx, b.limit)
	}
	var proofKey secret.String
	if !b.role {
		proofKey = secret.New(carsim.SecretKey)
	}
	result, err := publish.Run(ctx, b.options, publish.Deps{
		ProofKey: proofKey,
		CAR: car.Config{
			Site: "china", Language: "en-US", Transport: roundTripper, Retry: backoff,
			Credentials: func(context.Context) (cloudapi.Credentials, error) {
				return cloudapi.Credentials{SecretID: secret.New(key.SecretID), SecretKey: secret.New(key.SecretKey)}, nil
			},
		},
		COS: roundTripper, Upload: backoff, LimitRate: b.rate, PartSize: b.partSize, Float: random.Float64,
	}, func(e record.Event) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events = append(b.events, e)
	})
	var e *publish.Error
	if err != nil && !errors.As(err, &e) {
		panic(fmt.Sprintf("Run returned %T", err))
	}
	return result, e
}

// api is the service without the flow.
func (b *bench) api() *car.Client {
	key := carsim.DefaultKeys("")[0]
	return car.New(car.Config{
		Site: "china", Language: "en-US", Transport: transport.Guard(b.sim.Transport(), "test"), Retry: retry.Policy{Attempts: 3, Base: time.Second, Cap: time.Second, Float: func() float64 { return 0.5 }},
		Credentials: func(context.Context) (cloudapi.Credentials, error) {
			return cloudapi.Credentials{SecretID: secret.New(key.SecretID), SecretKey: secret.New(key.SecretKey)}, nil
		},
	})
}

// statuses are the application's versions, oldest first: "Usable Inuse".
func (b *bench) statuses() string {
	var s []string
	for _, v := range b.sim.Versions(b.options.ApplicationID) {
		s = append(s, string(v.Status))
	}
	return strings.Join(s, " ")
}

func (b *bench) count(action string) int {
	n := 0
	for _, c := range b.sim.Journal() {
		if c.Action == action {
			n++
		}
	}
	return n
}

// inBubble runs f in virtual time.
func inBubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func TestPublishAndRelease(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{ProcessingTime: 10 * time.Minute})
		b.options.Release = true
		b.options.VersionName = "1.2.3"
		result, err := b.run(t.Context())
		if err != nil {
			t.Fatal(err, err.Hint)
		}
		if result.Outcome != record.Released || result.PreviousVersionID != "ver-desktop2" || result.VersionName != "1.2.3" {
			t.Errorf("result %+v", result)
		}
		if got, want := b.statuses(), "Usable Usable Inuse"; got != want {
			t.Errorf("versions %s, want %s", got, want)
		}
		if uploads := b.sim.Uploads(); len(uploads) != 0 {
			t.Errorf("unfinished uploads: %v", uploads)
		}
		if result.DurationSeconds < 600 || result.DurationSeconds > 630 {
			t.Errorf("took %.0f s for 600 s of processing", result.DurationSeconds)
		}
	})
}

func TestQueue(t *testing.T) {
	for name, test := range map[string]struct {
		app      carsim.Application
		intrude  []carsim.Intrusion
		wantKind publish.Kind
		wantText string
		within   time.Duration
	}{
		"a version that waits for a person": {
			app:      carsim.Application{ID: "app-desktop", StartPath: `Game\Game.exe`, Versions: []carsim.Version{{ID: "ver-a", Status: carsim.Normal, Age: time.Hour}}},
			wantKind: publish.InTheWay, wantText: "has not moved for 10m", within: 11 * time.Minute,
		},
		"a version that never gets ready": {
			app:      carsim.Application{ID: "app-desktop", StartPath: `Game\Game.exe`, Versions: []carsim.Version{{ID: "ver-a", Status: carsim.Creating, Age: time.Hour}}},
			wantKind: publish.InTheWay, wantText: "the whole queue-timeout", within: 61 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBench(t, carsim.World{Applications: []carsim.Application{test.app}, Intrusions: test.intrude})
				b.options.OnBlocked = "wait"
				start := time.Now()
				result, err := b.run(t.Context())
				if err == nil || err.Kind != test.wantKind || !strings.Contains(err.Message, test.wantText) {
					t.Fatalf("err = %v, want %q", err, test.wantText)
				}
				if got := time.Since(start); got > test.within {
					t.Errorf("gave up after %v, want within %v", got, test.within)
				}
				if result.BlockingVersionID != "ver-a" || b.count("CreateApplicationVersion") != 0 {
					t.Errorf("blocking %q, creates %d", result.BlockingVersionID, b.count("CreateApplicationVersion"))
				}
			})
		})
	}
}

// A lost answer of the create must neither make two versions nor leave one.
func TestDoubtfulCreate(t *testing.T) {
	for _, fault := range []carsim.Fault{
		{Kind: carsim.DropAfter},
		{Kind: carsim.CutBody},
		{Kind: carsim.HTML, After: true},
		{Kind: carsim.Empty, After: true},
		{Kind: carsim.StatusCode, Status: 502, After: true},
		{Kind: carsim.Refuse, Code: "InternalError", After: true},
		{Kind: carsim.DropBefore},
		{Kind: carsim.Refuse, Code: "InternalError"},
		{Kind: carsim.StatusCode, Status: 503},
		{Kind: carsim.Refuse, Code: "RequestLimitExceeded"},
		{Kind: carsim.Refuse, Code: "FailedOperation.ApplicationLockFail"},
	} {
		for _, lag := range []time.Duration{0, 3 * time.Second} {
			t.Run(fmt.Sprintf("%s/after=%v/%s/lag=%v", fault.Kind, fault.After, fault.Code, lag), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					fault.Action, fault.Nth = "CreateApplicationVersion", 1
					b := newBench(t, carsim.World{Faults: []carsim.Fault{fault}, ListLag: lag})
					result, err := b.run(t.Context())
					if err != nil {
						t.Fatal(err, err.Hint)
					}
					if got, want := b.statuses(), "Usable Inuse Normal"; got != want {
						t.Errorf("versions %s, want %s", got, want)
					}
					if vs := b.sim.Versions("app-desktop"); result.VersionID != vs[len(vs)-1].ID {
						t.Errorf("version-id %s, want %s", result.VersionID, vs[len(vs)-1].ID)
					}
				})
			})
		}
	}
}

// However late the list shows what a lost create has made, the run never takes
// it for another's: it does not wait for itself, and is not blocked by itself.
func TestDoubtfulCreateShownLate(t *testing.T) {
	for _, policy := range []string{"fail", "wait"} {
		for lag := publish.MaxListLag; lag < publish.MaxListLag+20*time.Second; lag += time.Second / 2 {
			t.Run(fmt.Sprintf("%s/%v", policy, lag), func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					b := newBench(t, carsim.World{ListLag: lag, Faults: []carsim.Fault{
						{Action: "CreateApplicationVersion", Nth: 1, Kind: carsim.DropAfter},
						{Action: "DescribeApplicationVersion", Kind: carsim.Delay, Delay: 700 * time.Millisecond},
					}})
					b.options.OnBlocked = publish.OnBlocked(policy)
					result, err := b.run(t.Context())
					switch {
					case b.statuses() == "Usable Inuse Normal" && err == nil:
					case err != nil && err.Code == "OperationDenied.VersionCreating" && policy == "fail" && len(result.Left) == 1: // not shown in time
					default:
						t.Errorf("versions %s; err = %v; left %v", b.statuses(), err, result.Left)
					}
				})
			})
		}
	}
}

// Whatever call a cancel hits, it ends the run within 7 s and leaves nothing
// undelivered, no upload, and nothing online that was not.
func TestCancelAtEveryCall(t *testing.T) {
	clean := func() *bench {
		b := newBench(t, carsim.World{ProcessingTime: 30 * time.Second})
		b.options.Release = true
		return b
	}
	var calls []carsim.Call
	inBubble(t, func(t *testing.T) {
		b := clean()
		if _, err := b.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		calls = b.sim.Journal()
	})
	nth := map[string]int{}
	for _, call := range calls {
		nth[call.Action]++
		n := nth[call.Action]
		t.Run(fmt.Sprintf("%s/%d", call.Action, n), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := clean()
				if err := b.sim.SetWorld(carsim.World{ProcessingTime: 30 * time.Second, Faults: []carsim.Fault{{Action: call.Action, Nth: n, Kind: carsim.Delay, Delay: time.Hour}}}); err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				stopped := make(chan time.Time, 1)
				go func() {
					for { // until the call hangs
						time.Sleep(time.Millisecond)
						if ctx.Err() != nil {
							return
						}
						if j := b.sim.Journal(); len(j) > 0 && j[len(j)-1].Action == call.Action && j[len(j)-1].Code == carsim.Unfinished && b.count(call.Action) == n {
							stopped <- time.Now()
							cancel(errors.New("stop"))
							return
						}
					}
				}()
				result, err := b.run(ctx)
				took := time.Since(<-stopped)
				if err == nil && result.Outcome != record.Released {
					t.Errorf("outcome %s without an error", result.Outcome)
				}
				if err != nil && err.Kind != publish.Interrupted {
					t.Errorf("err = %v of kind %v, want Interrupted", err, err.Kind)
				}
				if took > 10*time.Second {
					t.Errorf("took %v after the cancel", took)
				}
				synctest.Wait()
				for _, v := range b.sim.Versions("app-desktop") {
					if (v.Status == carsim.Creating || v.Status == carsim.Normal) && len(result.Left) == 0 {
						t.Errorf("%s is left as %s, and nothing says so", v.ID, v.Status)
					}
				}
				if u := b.sim.Uploads(); len(u) != 0 && len(result.Left)+len(result.Warnings) == 0 {
					t.Errorf("uploads left: %v", u)
				}
			})
		})
	}
}

func TestTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{ProcessingTime: 24 * time.Hour})
		b.options.Timeout = time.Hour
		start := time.Now()
		result, err := b.run(t.Context())
		if err == nil || err.Kind != publish.TimedOut {
			t.Fatalf("err = %v, want TimedOut", err)
		}
		if got := time.Since(start); got != time.Hour {
			t.Errorf("ended after %v, want 1 h", got)
		}
		// It is being processed: the work of hours is kept.
		if got, want := b.statuses(), "Usable Inuse Creating"; got != want || len(result.Left) != 1 || !strings.Contains(result.Left[0].Command, result.VersionID) {
			t.Errorf("versions %s, left %+v; want %s", got, result.Left, want)
		}
	})
}

func TestPollsArePolite(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{ProcessingTime: time.Hour})
		if _, err := b.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		var last time.Time
		polls := 0
		for _, c := range b.sim.Journal() {
			if c.Action != "DescribeApplicationVersion" {
				continue
			}
			if polls++; polls > 5 && c.Time.Sub(last) < 2*time.Second {
				t.Errorf("poll %d came %v after the one before", polls, c.Time.Sub(last))
			}
			last = c.Time
		}
		if polls > 400 {
			t.Errorf("%d polls in an hour", polls)
		}
	})
}

// An upload that will not end within the timeout says so after half a minute,
// with the figures and what helps.
func TestLateUpload(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{})
		b.rate, b.options.Timeout = 1, 2*time.Minute
		result, err := b.run(t.Context())
		if err == nil || err.Kind != publish.TimedOut {
			t.Fatalf("err = %v, want the timeout", err)
		}
		want := regexp.MustCompile(`^At 1 B/s, the rest of the upload \(\d+ B\) takes \d+m\d+s, and only 1m\d+s of timeout are left\. ` +
			`What helps: a higher limit-rate, a longer timeout, a runner near the bucket \(ap-guangzhou\), artifact-url, if CAR can download the build from somewhere or cos-endpoint: accelerate\.$`)
		if len(result.Warnings) != 1 || !want.MatchString(result.Warnings[0]) {
			t.Errorf("warnings = %q, want one like %s", result.Warnings, want)
		}
	})
}
