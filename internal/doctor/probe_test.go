package doctor_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/doctor"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

const scratch = "app-scratch"

// patient is what one run of the doctor is about, in virtual time.
type patient struct {
	sim      *carsim.Sim
	options  doctor.Options
	endpoint string // "" is the site's

	mu    sync.Mutex
	notes []string
	owned record.Owned
}

func newPatient(w carsim.World) *patient {
	return &patient{sim: carsim.New(w), options: doctor.Options{
		Publish: publish.Options{
			Tool: "car-publish test", Command: "doctor", ApplicationID: scratch, Wait: true,
			Timeout: 5 * time.Hour, QueueTimeout: time.Hour, OnBlocked: "fail", OnFull: "fail", OnFailure: "auto", RunKey: "run/1",
		},
		Credentials: "the test", Proxy: func(string) string { return "" }, Probe: true,
	}}
}

func (p *patient) run(ctx context.Context) (record.Result, *publish.Error) {
	result, err := doctor.Run(ctx, p.options, p.deps(), func(e record.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch e := e.(type) {
		case record.Note:
			p.notes = append(p.notes, e.Text)
		case record.Owned:
			p.owned = e
		}
	})
	var failure *publish.Error
	if err != nil && !errors.As(err, &failure) {
		panic(fmt.Sprintf("Run returned %T", err))
	}
	return result, failure
}

func (p *patient) deps() publish.Deps {
	random := rand.New(rand.NewPCG(1, 2))
	roundTripper := transport.Guard(p.sim.Transport(), "test")
	backoff := retry.Policy{Base: time.Second, Cap: 20 * time.Second, Attempts: 7, Float: random.Float64}
	return publish.Deps{
		CAR: car.Config{
			Site: "china", Endpoint: p.endpoint, Language: "en-US", Transport: roundTripper, Retry: backoff,
			Credentials: func(context.Context) (cloudapi.Credentials, error) {
				return cloudapi.Credentials{SecretID: secret.New(carsim.SecretID), SecretKey: secret.New(carsim.SecretKey)}, nil
			},
		},
		COS: roundTripper, Upload: backoff, Float: random.Float64,
	}
}

func (p *patient) count(action string) (n int) {
	for _, c := range p.sim.Journal() {
		if c.Action == action {
			n++
		}
	}
	return n
}

// pick takes one of several values.
func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// draw makes a world and a scratch application in it with so many versions.
func draw(r *rand.Rand, versions int, mobile bool) carsim.World {
	app := carsim.Application{ID: scratch, Name: "Scratch", StartPath: `Game\Game.exe`}
	if mobile {
		app.Type, app.StartPath = "ApplicationAPK", ""
	}
	for i := range versions {
		status := carsim.Usable
		if i == 0 {
			status = carsim.Inuse
		}
		app.Versions = append(app.Versions, carsim.Version{ID: fmt.Sprintf("ver-old%d", i), Name: "old", Status: status, Age: time.Hour})
	}
	return carsim.World{
		Applications:   append(carsim.Seed(), app),
		ProcessingTime: pick(r, 0, 30*time.Second, 3*time.Minute),
		DeleteTime:     pick(r, 0, 6*time.Second, 40*time.Second),
		ListLag:        pick(r, 0, 0, 3*time.Second),
		KeyLifetime:    pick(r, time.Hour, 6*time.Hour),

		NameAfterUpload:   pick(r, carsim.NameKept, carsim.NameReplaced, carsim.NameTruncated),
		CreateWhileNormal: pick(r, carsim.CreateDenied, carsim.CreateVersionCreating, carsim.CreateAllowed),
		DeleteCreating:    pick(r, carsim.Done, carsim.Done, carsim.Denied),
		DeleteInuse:       pick(r, carsim.Done, carsim.Denied),
		SecondSnapshot:    pick(r, carsim.Done, carsim.Denied),
		SnapshotDesktop:   pick(r, carsim.SnapshotNeeded, carsim.SnapshotNeeded, carsim.SnapshotRefused, carsim.SnapshotIgnored),
		SnapshotMobile:    pick(r, carsim.SnapshotNeeded, carsim.SnapshotNeeded, carsim.SnapshotRefused, carsim.SnapshotIgnored),
		FirstVersion:      pick(r, carsim.FirstNormal, carsim.FirstInuse),
		COSActions:        pick(r, carsim.COSAll, carsim.COSNone),
		PathForm:          pick(r, carsim.PathSlash, carsim.PathFolder),
		DeletingInLimit:   pick(r, carsim.DeletingCounted, carsim.DeletingFree),
		MobileCreated:     pick(r, carsim.MobileCreating, carsim.MobileUploading),
		OmittedCategory:   pick(r, carsim.CategoryBoth, carsim.CategoryDesktop),
		Increment:         pick(r, carsim.IncrementWhole, carsim.IncrementOverlay, carsim.IncrementFails),
	}
}

// What a probe reports of a world is what that world is: every field that it
// fills in is right, and those that it can find out are there. Afterwards the
// application is as it was before, or it says what is left.
func TestProbeFindsTheWorld(t *testing.T) {
	t.Parallel()
	apk := apkFile(t)
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 7))
		versions, mobile := r.IntN(5), seed%5 == 4
		world := draw(r, versions, mobile)
		t.Run(fmt.Sprintf("%d of %d versions", seed, versions), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(world)
				if mobile {
					p.options.Publish.Artifact = apk
				}
				before := p.sim.Versions(scratch)
				result, err := p.run(t.Context())
				if err != nil {
					t.Fatalf("%v (%s)\n%+v", err, strings.Join(p.notes, "\n"), world)
				}
				if result.Outcome != record.Healthy {
					t.Errorf("outcome %s", result.Outcome)
				}
				judge(t, world, result, versions, mobile)

				time.Sleep(world.DeleteTime + time.Minute)
				left := p.sim.Versions(scratch)
				if len(result.Left) == 0 && len(left) != len(before) || len(left) != len(before)+len(result.Left) {
					t.Errorf("versions are %v, were %v, and what is left behind is %v", left, before, result.Left)
				}
				if stays := versions == 0 && world.FirstVersion == carsim.FirstInuse && world.DeleteInuse == carsim.Denied; stays != (len(result.Left) == 1) {
					t.Errorf("left %v", result.Left)
				}
				if p.count("SetApplicationVersionOnline") != 0 || p.count("ModifyApplicationVersion") != 0 {
					t.Error("something was released or renamed")
				}
				if world.COSActions == carsim.COSAll && len(p.sim.Uploads()) != 0 {
					t.Errorf("uploads are left: %v", p.sim.Uploads())
				}
				if t.Failed() {
					t.Logf("%+v\n%s", world, strings.Join(p.notes, "\n"))
				}
			})
		})
	}
}

// judge compares a report with the world that it is about.
func judge(t *testing.T, world carsim.World, result record.Result, versions int, mobile bool) {
	t.Helper()
	text, _ := json.Marshal(result.World)
	found, err := carsim.ReadWorld(text, carsim.World{})
	if err != nil {
		t.Fatalf("the report is no world: %v\n%s", err, text)
	}
	durations := []string{"ProcessingTime", "DeleteTime", "ListLag", "KeyLifetime"}
	for field := range result.World {
		got, want := reflect.ValueOf(found).FieldByName(field), reflect.ValueOf(world).FieldByName(field)
		if slices.Contains(durations, field) {
			// Looks come every half second, and later every two.
			if far := time.Duration(got.Int() - want.Int()).Abs(); far > 2500*time.Millisecond {
				t.Errorf("%s is %v in the report, and %v", field, time.Duration(got.Int()), time.Duration(want.Int()))
			}
			continue
		}
		if got.String() != want.String() {
			t.Errorf("%s is %q in the report, and %q", field, got, want)
		}
	}
	snapshot, meaning := "SnapshotDesktop", world.SnapshotDesktop
	if mobile {
		snapshot, meaning = "SnapshotMobile", world.SnapshotMobile
	}
	becomesNormal := versions > 0 || world.FirstVersion == carsim.FirstNormal
	deletable := world.DeleteCreating == carsim.Done
	for field, must := range map[string]bool{
		"ListLag": true, "KeyLifetime": true, "PathForm": true, "COSActions": true, "NameAfterUpload": true,
		"DeleteCreating": true, "OmittedCategory": true, "ProcessingTime": true, snapshot: true,
		"DeleteTime":        deletable,
		"MobileCreated":     mobile,
		"Increment":         !mobile && versions > 0,
		"FirstVersion":      versions == 0,
		"DeleteInuse":       !becomesNormal,
		"CreateWhileNormal": becomesNormal && (versions < 4 || world.CreateWhileNormal != carsim.CreateAllowed), // else CAR says that it is full
		"SecondSnapshot":    meaning == carsim.SnapshotNeeded && world.ProcessingTime > 10*time.Second,
		"DeletingInLimit":   deletable && versions == 4 && world.DeleteTime > 0,
	} {
		if _, there := result.World[field]; must != there {
			t.Errorf("%s in the report: %v, want %v", field, there, must)
		}
	}
	if _, there := result.World["OnlineStartPath"]; there {
		t.Error("the report knows what a release does")
	}
}

func apkFile(t *testing.T) string {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join("..", "artifact", "testdata", "manifest.bin"))
	if err != nil {
		t.Fatal(err)
	}
	return pack(t, "game.apk", map[string][]byte{"AndroidManifest.xml": manifest, "classes.dex": []byte("dex")})
}

func pack(t *testing.T, file string, members map[string][]byte) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, content := range members {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A probe that something goes wrong with, or that is cancelled, leaves nothing
// behind that it does not tell of.
func TestProbeCleansUp(t *testing.T) {
	t.Parallel()
	world := func() carsim.World {
		return carsim.World{
			ProcessingTime: 30 * time.Second, DeleteTime: 10 * time.Second, CreateWhileNormal: carsim.CreateAllowed,
			Applications: []carsim.Application{{ID: scratch, Name: "Scratch", StartPath: `Game\Game.exe`}},
		}
	}
	tidy := func(t *testing.T, p *patient, result record.Result) {
		t.Helper()
		time.Sleep(time.Hour)
		left := p.sim.Versions(scratch)
		if len(left) > len(result.Left) {
			t.Errorf("left are %v, and the report tells of %v\n%s", left, result.Left, strings.Join(p.notes, "\n"))
		}
		if p.count("SetApplicationVersionOnline") != 0 {
			t.Error("something was released")
		}
	}
	clean := newPatient(world())
	synctest.Test(t, func(t *testing.T) {
		clean = newPatient(world())
		if _, err := clean.run(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	var actions []string
	for _, c := range clean.sim.Journal() {
		if c.Action != "" && c.Action != "cos:Other" && !slices.Contains(actions, c.Action) {
			actions = append(actions, c.Action)
		}
	}
	if !slices.Contains(actions, "CreateApplicationSnapshot") || !slices.Contains(actions, "cos:UploadPart") {
		t.Fatalf("a clean probe calls %v", actions)
	}
	for _, action := range actions {
		for _, kind := range []carsim.FaultKind{carsim.Refuse, carsim.DropAfter, carsim.DropBefore, carsim.HTML} {
			for nth := range min(clean.count(action), 3) {
				t.Run(fmt.Sprintf("%s %s %d", action, kind, nth+1), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w := world()
						w.Faults = []carsim.Fault{{Action: action, Kind: kind, Nth: nth + 1, Code: "FailedOperation"}}
						p := newPatient(w)
						result, _ := p.run(t.Context())
						tidy(t, p, result)
					})
				})
			}
		}
	}
	for second := range 90 {
		t.Run(fmt.Sprintf("cancelled after %d s", second), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(world())
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Duration(second)*time.Second+time.Millisecond, cancel)
				start := time.Now()
				result, err := p.run(ctx)
				if err != nil && err.Kind != publish.Interrupted {
					t.Errorf("kind %v: %v", err.Kind, err)
				}
				if late := time.Since(start) - time.Duration(second)*time.Second; err != nil && late > 8*time.Second {
					t.Errorf("it took %v to end", late)
				}
				tidy(t, p, result)
			})
		})
	}
}

// A probe keeps off an application in which it could be in the way.
func TestProbeRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		app   string
		kind  publish.Kind
		check string
	}{
		"one that waits for a release":      {"app-waiting", publish.InTheWay, "Room"},
		"one that is full":                  {"app-full", publish.InTheWay, "Room"},
		"a mobile one without an artifact":  {"app-mobile", publish.BadInput, "Probe"},
		"one that is not there":             {"app-gone", publish.Other, "Application"},
		"one where a version may be failed": {"app-failed", publish.InTheWay, "Probe"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(carsim.World{Applications: append(carsim.Seed(), carsim.Application{
					ID: "app-failed", Versions: []carsim.Version{{ID: "ver-f", Status: carsim.CreateFailed}},
				})})
				p.options.Publish.ApplicationID = test.app
				result, err := p.run(t.Context())
				if err == nil || err.Kind != test.kind || !slices.ContainsFunc(result.Checks, func(f record.Finding) bool { return f.Check == test.check && f.Verdict == record.Broken }) {
					t.Errorf("error %v, checks %+v", err, result.Checks)
				}
				if p.count("CreateApplicationVersion") != 0 || p.count("DeleteApplicationVersion") != 0 {
					t.Error("it changed something")
				}
			})
		})
	}
}
