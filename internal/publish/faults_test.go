package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// faults are what may happen to any call.
var faults = []carsim.Fault{
	{Kind: carsim.DropBefore},
	{Kind: carsim.DropAfter},
	{Kind: carsim.CutBody},
	{Kind: carsim.HTML},
	{Kind: carsim.HTML, After: true},
	{Kind: carsim.StatusCode, Status: 503},
	{Kind: carsim.StatusCode, Status: 503, After: true},
	{Kind: carsim.Refuse, Code: "InternalError"},
	{Kind: carsim.Refuse, Code: "InternalError", After: true},
	{Kind: carsim.Refuse, Code: "OperationDenied"},
	{Kind: carsim.Refuse, Code: "AccessDenied"},
}

// scenes are the worlds, and the situations, that a fault can hit a publish
// in.
var scenes = map[string]struct {
	world   carsim.World
	options func(*publish.Options)
	before  func(*bench) // what an earlier attempt left
	folder  bool         // the build is one, in several parts
}{
	"plain":                        {},
	"the list lags":                {world: carsim.World{ListLag: 3 * time.Second}},
	"the key may only put":         {world: carsim.World{COSActions: carsim.COSNone, PathForm: carsim.PathFolder}},
	"no delete of what is made":    {world: carsim.World{DeleteCreating: carsim.Denied}},
	"a second snapshot is refused": {world: carsim.World{SecondSnapshot: carsim.Denied, NameAfterUpload: carsim.NameReplaced}},
	"no snapshot is needed":        {world: carsim.World{SnapshotDesktop: carsim.SnapshotIgnored, NameAfterUpload: carsim.NameTruncated}},
	"it is deleted slowly":         {world: carsim.World{DeleteTime: 5 * time.Second, CreateWhileNormal: carsim.CreateAllowed}},
	"CAR cannot make it": {world: carsim.World{Applications: []carsim.Application{{
		ID: "app-desktop", StartPath: `Game\Game.exe`, Fate: carsim.Fails,
		Versions: []carsim.Version{{ID: "ver-desktop2", Status: carsim.Inuse, Age: time.Hour}},
	}}}},
	"replace-unreleased": {options: func(o *publish.Options) { o.ApplicationID, o.OnBlocked = "app-waiting", "replace-unreleased" }},
	"delete-oldest":      {options: func(o *publish.Options) { o.ApplicationID, o.OnFull = "app-full", "delete-oldest" }},
	"a later attempt": {
		options: func(o *publish.Options) { o.Attempt = 2 },
		before:  func(b *bench) { b.timesOut() },
	},
	"a later attempt with parts": {
		options: func(o *publish.Options) { o.Attempt = 2 },
		before:  func(b *bench) { b.dies("cos:CompleteMultipartUpload") },
	},
	"a folder": {folder: true},
	"a folder, a later attempt with parts": {
		folder:  true,
		options: func(o *publish.Options) { o.Attempt = 2 },
		before:  func(b *bench) { b.dies("cos:CompleteMultipartUpload") },
	},
	"a folder, a later attempt after the upload": {
		folder:  true,
		options: func(o *publish.Options) { o.Attempt = 2 },
		before:  func(b *bench) { b.dies("CreateApplicationSnapshot") },
	},
	"take-over": {
		world:   carsim.World{DeleteCreating: carsim.Denied},
		options: func(o *publish.Options) { o.OnBlocked, o.RunKey = "replace", "run/2" },
		before:  func(b *bench) { b.dies("cos:InitiateMultipartUpload") },
	},
}

// dies runs a first attempt up to the action that kills it.
func (b *bench) dies(action string) {
	world := b.world
	world.Faults = []carsim.Fault{{Action: action, Kind: carsim.Refuse, Code: "AccessDenied"}}
	if err := b.sim.SetWorld(world); err != nil {
		panic(err)
	}
	first := &bench{sim: b.sim, world: b.world, options: b.options, partSize: b.partSize}
	first.options.OnFailure, first.options.Attempt, first.options.RunKey, first.options.OnBlocked = "keep", 1, "run/1", "fail"
	if _, err := first.run(context.Background()); err == nil {
		panic("the first attempt did not fail")
	}
	if err := b.sim.SetWorld(b.world); err != nil {
		panic(err)
	}
}

// timesOut runs a first attempt until CAR processes its build.
func (b *bench) timesOut() {
	first := &bench{sim: b.sim, world: b.world, options: b.options, partSize: b.partSize}
	first.options.OnFailure, first.options.Attempt, first.options.Timeout = "keep", 1, time.Second
	if _, err := first.run(context.Background()); err == nil || err.Kind != publish.TimedOut {
		panic("the first attempt did not run into its deadline")
	}
}

// The fault matrix. Whatever happens to whichever call of a publish, once,
// twice or for good, and in whatever world: what the run says is what the
// service shows, there is at most one new version, and nothing undelivered is
// left without a word.
func TestFaultAtEveryCall(t *testing.T) {
	var cells atomic.Int64
	t.Run("scene", func(t *testing.T) {
		for name, scene := range scenes {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				scene.world.ProcessingTime = 5 * time.Second
				if scene.folder {
					scene.world.MinPart = 1
				}
				prepare := func(t *testing.T) *bench {
					b := newBench(t, scene.world)
					b.world = scene.world
					if scene.folder {
						b.options.Artifact, b.partSize = buildFolder(t), 200
					}
					b.options.Release, b.options.VersionName, b.options.KeyComplete = true, "1.2.3", true
					if scene.options != nil {
						scene.options(&b.options)
					}
					b.remember()
					if scene.before != nil {
						scene.before(b)
					}
					return b
				}
				var calls []carsim.Call // the clean run's, so that a new call is covered by itself
				inBubble(t, func(t *testing.T) {
					b := prepare(t)
					before := len(b.sim.Journal())
					result, err := b.run(t.Context())
					if err != nil && name != "CAR cannot make it" {
						t.Fatal(err)
					}
					b.keepsItsPromises(t, result, err)
					calls = b.sim.Journal()[before:]
				})
				nth := map[string]int{}
				for _, call := range calls {
					nth[call.Action]++
					for _, fault := range faults {
						for _, times := range []string{"once", "twice", "always"} {
							fault.Action, fault.Nth = call.Action, nth[call.Action]
							hits := []carsim.Fault{fault}
							switch {
							case times == "twice":
								second := fault
								second.Nth++
								hits = append(hits, second)
							case times == "always" && fault.Nth > 1:
								continue // it is the same as from the first on
							case times == "always":
								hits[0].Nth = 0
							}
							cells.Add(1)
							cell := fmt.Sprintf("%s %d: %s %s after=%v %s", call.Action, fault.Nth, fault.Kind, fault.Code, fault.After, times)
							inBubble(t, func(t *testing.T) {
								b := prepare(t)
								faulty := scene.world
								faulty.Faults = hits
								if err := b.sim.SetWorld(faulty); err != nil {
									t.Fatal(err)
								}
								result, err := b.run(t.Context())
								b.cell = cell
								b.keepsItsPromises(t, result, err)
							})
						}
					}
				}
			})
		}
	})
	t.Logf("%d cells", cells.Load())
}

// remember notes what was there before.
func (b *bench) remember() {
	b.old = map[string]bool{}
	for _, v := range b.sim.Versions(b.options.ApplicationID) {
		b.old[v.ID] = true
		if v.Status == carsim.Inuse {
			b.online = v.ID
		}
	}
}

// keepsItsPromises compares what a run said with what the service shows.
func (b *bench) keepsItsPromises(t *testing.T, result record.Result, err *publish.Error) {
	t.Helper()
	told := func(id string) bool {
		for _, l := range result.Left {
			if strings.Contains(l.What+l.Command, id) || strings.Contains(l.What, "may have been created") {
				return true
			}
		}
		for _, c := range result.Next {
			if strings.Contains(c.Purpose+c.Line, id) {
				return true
			}
		}
		// What an earlier attempt left, and this one could not get at.
		return err != nil && result.VersionID != id && strings.Contains(err.Message+err.Hint, id)
	}
	wrong := func(format string, args ...any) {
		t.Errorf("%s: %s\nerror %v\nleft %+v", b.cell, fmt.Sprintf(format, args...), err, result.Left)
	}
	fresh, online := 0, ""
	for _, v := range b.sim.Versions(b.options.ApplicationID) {
		if v.Status == carsim.Inuse {
			online = v.ID
		}
		if b.old[v.ID] {
			continue
		}
		if v.Status != carsim.Deleting {
			fresh++
		}
		unfinished := v.Status == carsim.Creating || v.Status == carsim.CreateFailed || v.Status == carsim.Normal
		reached := result.VersionID == v.ID || b.options.Attempt < 2 && b.options.RunKey == "run/1"
		if unfinished && reached && !told(v.ID) {
			wrong("%s is left as %s, and nothing says so", v.ID, v.Status)
		}
	}
	if fresh > 1 {
		wrong("%d new versions", fresh)
	}
	if (err == nil) != result.Outcome.Succeeded() {
		wrong("outcome %s", result.Outcome)
	}
	switch {
	case err == nil && (result.Outcome != record.Released || online != result.VersionID):
		wrong("outcome %s of %s, and %s is online", result.Outcome, result.VersionID, online)
	case err != nil && online != b.online && !told(online):
		wrong("%s is online without a word", online)
	}
	if err != nil && (err.Message == "" || err.Code == "") {
		wrong("an error without a reason: %+v", err)
	}
	if uploads := b.sim.Uploads(); len(uploads) > 0 && len(result.Warnings)+len(result.Left) == 0 && result.VersionID != "" {
		wrong("unfinished uploads %v without a word", uploads)
	}
}

// What the reviewers of the first version found. Each left something behind
// without a word.
func TestNothingIsLeftWithoutAWord(t *testing.T) {
	for name, test := range map[string]struct {
		world   carsim.World
		options func(*publish.Options)
		cancel  time.Duration // after the start
		within  time.Duration // of the cancel
	}{
		"a lost create that the list shows late": {
			world: carsim.World{ListLag: 10 * time.Second, Faults: []carsim.Fault{{Action: "CreateApplicationVersion", Nth: 1, Kind: carsim.DropAfter}}},
		},
		"a create that answers with no id": {
			world: carsim.World{Faults: []carsim.Fault{{Action: "CreateApplicationVersion", Nth: 1, Kind: carsim.Override, Field: "Version.ApplicationVersionId", Value: "$(rm -rf /)"}}},
		},
		"a cancel before the list shows the version": {
			world: carsim.World{ListLag: 40 * time.Second}, cancel: time.Second, within: 7 * time.Second,
		},
		"a cancel when everything is slow": {
			world: carsim.World{Faults: []carsim.Fault{
				{Action: "CreateApplicationVersion", Kind: carsim.DropAfter, Delay: 3500 * time.Millisecond},
				{Action: "DescribeApplicationVersion", Nth: 2, Kind: carsim.Delay, Delay: 2 * time.Second},
				{Action: "DeleteApplicationVersion", Kind: carsim.Delay, Delay: time.Minute},
			}},
			cancel: time.Second, within: 7 * time.Second,
		},
		"a lost delete of a version that got ready meanwhile": {
			world:  carsim.World{ProcessingTime: 1500 * time.Millisecond, Faults: []carsim.Fault{{Action: "DeleteApplicationVersion", Nth: 1, Kind: carsim.DropBefore, Delay: time.Second}}},
			cancel: time.Second, within: 7 * time.Second,
		},
		"a create that was to wait": {
			world:   carsim.World{},
			options: func(o *publish.Options) { o.Command, o.ArtifactName = "create", "a.zip" },
			cancel:  time.Second, within: 7 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBench(t, test.world)
				b.options.Release = true
				if test.options != nil {
					test.options(&b.options)
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				start := time.Now()
				if test.cancel > 0 {
					time.AfterFunc(test.cancel, func() { cancel(errors.New("stop")) })
				}
				result, err := b.run(ctx)
				if took := time.Since(start) - test.cancel; test.within > 0 && took > test.within {
					t.Errorf("took %v after the cancel, want at most %v", took, test.within)
				}
				synctest.Wait()
				b.keepsItsPromises(t, result, err)
			})
		})
	}
}

// After a second interrupt the cleanup ends at once, wherever it is, and
// what is left is told.
func TestSecondInterrupt(t *testing.T) {
	for _, silent := range []string{
		"CreateApplicationVersion", "cos:UploadPart", "CreateApplicationSnapshot", "DescribeApplicationStatus", "SetApplicationVersionOnline",
	} {
		t.Run(silent, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBench(t, carsim.World{ProcessingTime: 10 * time.Second, Faults: []carsim.Fault{
					{Action: silent, Kind: carsim.Delay, Delay: time.Hour},
					{Action: "DeleteApplicationVersion", Kind: carsim.DropBefore, Delay: time.Hour},
				}})
				b.options.Release, b.options.KeyComplete = true, true
				ctx, cancel := context.WithCancelCause(t.Context())
				limit, interruptAgain := context.WithCancelCause(t.Context())
				defer interruptAgain(nil)
				b.limit = limit
				start := time.Now()
				const stopped, interrupted = 50 * time.Second, 50*time.Second + 500*time.Millisecond // before the watchdog cuts a call
				time.AfterFunc(stopped, func() { cancel(errors.New("stop")) })
				time.AfterFunc(interrupted, func() { interruptAgain(errors.New("interrupted twice")) })
				result, err := b.run(ctx)
				// Whether a last look was quicker than the second signal is a matter of luck.
				released := silent == "SetApplicationVersionOnline" && err == nil && result.Outcome == record.Released
				if took := time.Since(start); took != interrupted || !released && (err == nil || err.Kind != publish.Interrupted) {
					t.Errorf("ended after %v with %v, want %v", took, err, interrupted)
				}
				synctest.Wait()
				b.keepsItsPromises(t, result, err)
			})
		})
	}
}

// A version that somebody released while we asked for its deletion is neither
// deleted nor said to be.
func TestLostDeleteOfAReleasedVersion(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{
			Faults:     []carsim.Fault{{Action: "DeleteApplicationVersion", Nth: 1, Kind: carsim.DropBefore}},
			Intrusions: []carsim.Intrusion{{Action: "DeleteApplicationVersion", Nth: 1, Does: "releases-version", Application: "app-waiting", Version: "ver-waiting2"}},
		})
		b.options.ApplicationID, b.options.OnBlocked = "app-waiting", "replace-unreleased"
		result, err := b.run(t.Context())
		if err == nil || err.Kind != publish.InTheWay || len(result.DeletedVersionIDs) > 0 {
			t.Errorf("err = %v, deleted %v", err, result.DeletedVersionIDs)
		}
	})
}

// What is uploaded is what was inspected.
func TestReplacedArtifact(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := newBench(t, carsim.World{Faults: []carsim.Fault{{Action: "CreateApplicationVersion", Kind: carsim.Delay, Delay: time.Minute}}})
		time.AfterFunc(time.Second, func() {
			other := b.options.Artifact + ".new"
			info, err := os.Stat(b.options.Artifact)
			if err == nil {
				err = os.WriteFile(other, make([]byte, info.Size()), 0o600)
			}
			if err == nil {
				err = os.Rename(other, b.options.Artifact)
			}
			if err != nil {
				t.Error(err)
			}
		})
		result, err := b.run(t.Context())
		if err == nil || err.Code != "ArtifactChanged" || err.Kind != publish.UploadFailed {
			t.Errorf("err = %v", err)
		}
		b.keepsItsPromises(t, result, err)
	})
}

// A file that was overwritten in place is noticed even if its time was put back; one
// that only got another mode or a further link is the same.
func TestArtifactWrittenInPlace(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return // the system does not tell
	}
	for what, change := range map[string]func(path string, info os.FileInfo) error{
		"overwritten": func(path string, info os.FileInfo) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = bytes.ReplaceAll(text, []byte("Game.exe"), []byte("Evil.exe"))
			return errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, info.ModTime(), info.ModTime()))
		},
		"another mode": func(path string, _ os.FileInfo) error { return os.Chmod(path, 0o640) },
	} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				b := newBench(t, carsim.World{Faults: []carsim.Fault{{Action: "CreateApplicationVersion", Kind: carsim.Delay, Delay: time.Minute}}})
				b.options.Release = true
				time.AfterFunc(time.Second, func() {
					info, err := os.Stat(b.options.Artifact)
					if err == nil {
						err = change(b.options.Artifact, info)
					}
					if err != nil {
						t.Error(err)
					}
				})
				result, err := b.run(t.Context())
				if refused := err != nil && err.Code == "ArtifactChanged"; refused != (what == "overwritten") {
					t.Errorf("err = %v", err)
				}
				b.keepsItsPromises(t, result, err)
			})
		})
	}
}
