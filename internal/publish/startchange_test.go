package publish_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// starts are the situations in which a release changes what the application starts.
var starts = map[string]struct {
	former  string // what the application starts before
	paths   []string
	members []string // further ones of the build
	neither bool     // there is no order in which what is online can always start
}{
	"nothing before":                  {},
	"the former version holds both":   {former: `Old\Game.exe`, paths: []string{`Old\Game.exe`, `Game\Game.exe`}},
	"the new version holds both":      {former: `Old\Game.exe`, members: []string{"Old/Game.exe"}},
	"neither holds the other's":       {former: `Old\Game.exe`, neither: true},
	"only parameters and processes":   {former: `Game\Game.exe`},
	"it is what it should be already": {former: `game/GAME.exe`},
}

// startWorld is the world of a start: one application with one version online.
func startWorld(former string, paths []string) carsim.World {
	app := carsim.Application{ID: "app-desktop", Name: "Ocean", StartPath: former, Params: "-log"}
	app.BaseInfo = carsim.BaseInfo{WindowUseType: "ApplicationWindow", WindowName: "Ocean"}
	app.Stores = []carsim.Store{{CosBucket: "mine-1", CosRegion: "ap-guangzhou", StoreType: "LOG", StoreState: "ON", StorePath: "logs"}}
	if former != "" {
		app.Versions = []carsim.Version{{ID: "ver-former", Name: "former", Status: carsim.Inuse, Age: time.Hour}}
		app.PathList = paths
	}
	return carsim.World{
		Applications: []carsim.Application{app}, ProcessingTime: 5 * time.Second,
		OmittedBaseInfo: carsim.OmittedCleared,
		Projects:        []carsim.Project{{ID: "cap-a", Application: "app-desktop", Amount: 1}},
	}
}

// application is what the service shows of app-desktop in the end.
func (b *bench) application(t *testing.T) car.Application {
	t.Helper()
	quiet := &bench{sim: b.sim}
	if err := b.sim.SetWorld(b.world); err != nil {
		t.Fatal(err)
	}
	time.Sleep(b.world.ListLag + time.Second)
	apps, err := quiet.api().Applications(t.Context(), "")
	i := slices.IndexFunc(apps, func(a car.Application) bool { return a.ID == "app-desktop" })
	if err != nil || i < 0 {
		t.Fatalf("app-desktop is not listed (%v)", err)
	}
	return apps[i]
}

// Whatever happens to whichever call of a release that changes the start: what is
// online can always start, if there is an order for that; what is not ours stays; and
// a run that has not released leaves the start as it was, or says so.
func TestStartFaults(t *testing.T) {
	for name, s := range starts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := startWorld(s.former, s.paths)
			artifact := build(t, s.members...)
			prepare := func(t *testing.T) *bench {
				b := newBench(t, world)
				b.options.Artifact, b.options.Release, b.options.KeyComplete = artifact, true, true
				b.options.Start = publish.StartOptions{Path: "Game/Game.exe", Parameters: "-new", Processes: []string{"Game.exe", "Child.exe"}}
				if strings.HasPrefix(name, "it is") {
					b.options.Start = publish.StartOptions{Path: "Game/Game.exe", Parameters: "-log"}
				}
				b.remember()
				return b
			}
			check := func(t *testing.T, b *bench, result record.Result, err *publish.Error) {
				t.Helper()
				b.keepsItsPromises(t, result, err)
				app := b.application(t)
				if dead := b.sim.Dead(); len(dead) > 0 && !s.neither {
					t.Errorf("%s: %v", b.cell, dead)
				}
				want := startWorld(s.former, s.paths).Applications[0]
				if app.Name != "Ocean" || app.BaseInfo.WindowName != want.BaseInfo.WindowName || len(app.Stores) != 1 || app.Stores[0].Path != "logs" {
					t.Errorf("%s: what is not ours has changed: %+v", b.cell, app)
				}
				released := slices.ContainsFunc(app.Versions, func(v car.Version) bool { return v.Status == car.Inuse && v.ID != "ver-former" })
				changed := app.Params == "-new" || s.former == "" && app.ExePath != ""
				// A start that is another than it should be is told.
				told := strings.Contains(strings.Join(result.Warnings, " "), "setting that again failed")
				if strings.HasPrefix(name, "it is") {
					if b.count("ModifyApplicationBaseInfo") > 0 {
						t.Errorf("%s: equal, and yet a call", b.cell)
					}
					return
				}
				switch {
				case err == nil && !changed:
					t.Errorf("%s: success, and the application starts %q with %q", b.cell, app.ExePath, app.Params)
				case err != nil && !released && changed && s.former != "" && !told && result.StartPath == "":
					t.Errorf("%s: not released, and yet it starts %q with %q; error %v, warnings %q", b.cell, app.ExePath, app.Params, err, result.Warnings)
				}
			}
			var calls []carsim.Call
			inBubble(t, func(t *testing.T) {
				b := prepare(t)
				result, err := b.run(t.Context())
				if err != nil {
					t.Fatal(err, err.Hint)
				}
				calls = b.sim.Journal()
				check(t, b, result, err)
			})
			nth := map[string]int{}
			for _, call := range calls {
				nth[call.Action]++
				if !slices.Contains([]string{"DescribeApplicationList", "DescribeApplicationPathList", "ModifyApplicationBaseInfo", "SetApplicationVersionOnline", "DescribeApplicationVersion", "DescribeApplicationProjects"}, call.Action) {
					continue // the whole matrix has the others
				}
				for _, fault := range faults {
					for _, always := range []bool{false, true} {
						fault.Action, fault.Nth = call.Action, nth[call.Action]
						cell := fmt.Sprintf("%s %d: %s %s after=%v always=%v", call.Action, fault.Nth, fault.Kind, fault.Code, fault.After, always)
						if always {
							if fault.Nth > 1 {
								continue
							}
							fault.Nth = 0
						}
						inBubble(t, func(t *testing.T) {
							b := prepare(t)
							b.cell = cell
							faulty := world
							faulty.Faults = []carsim.Fault{fault}
							if err := b.sim.SetWorld(faulty); err != nil {
								t.Fatal(err)
							}
							result, err := b.run(t.Context())
							check(t, b, result, err)
						})
					}
				}
			}
		})
	}
}

// Somebody changes the start while a run is at work. What they did is left alone, or
// was not there yet when the run decided; nothing dies of it.
func TestStartChangedMeanwhile(t *testing.T) {
	for name, s := range starts {
		for _, after := range []string{"CreateApplicationVersion", "CreateApplicationSnapshot", "DescribeApplicationPathList", "ModifyApplicationBaseInfo", "SetApplicationVersionOnline"} {
			t.Run(name+"/"+after, func(t *testing.T) {
				inBubble(t, func(t *testing.T) {
					world := startWorld(s.former, s.paths)
					world.Intrusions = []carsim.Intrusion{{Action: after, Nth: 1, Does: carsim.ChangesStart, Application: "app-desktop", StartPath: `Theirs\Game.exe`}}
					b := newBench(t, world)
					b.options.Artifact, b.options.Release = build(t, s.members...), true
					b.options.Start = publish.StartOptions{Path: "Game/Game.exe", Parameters: "-new"}
					b.remember()
					result, err := b.run(t.Context())
					b.keepsItsPromises(t, result, err)
					app := b.application(t)
					ours := strings.EqualFold(strings.ReplaceAll(app.ExePath, "/", `\`), `game\game.exe`)
					if before := strings.HasPrefix(after, "Create"); before && (err != nil || !ours) {
						t.Errorf("changed before the run decided: it ends with %v, and the application starts %q", err, app.ExePath)
					}
					if !ours && app.ExePath != `Theirs\Game.exe` {
						t.Errorf("the application starts %q", app.ExePath)
					}
					if err != nil && err.Code == "StartChanged" && app.ExePath != `Theirs\Game.exe` {
						t.Errorf("theirs was to be left alone, and the application starts %q", app.ExePath)
					}
				})
			})
		}
	}
}

// create-application makes one application, whatever happens to whichever call; run
// again, it finds that one.
func TestCreateApplicationFaults(t *testing.T) {
	for name, world := range map[string]carsim.World{
		"plain":                          {},
		"the list lags":                  {ListLag: 3 * time.Second},
		"names are refused twice":        {DuplicateName: carsim.DuplicateRefused},
		"the filter finds similar names": {NameFilter: carsim.NameContains},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world.Applications = []carsim.Application{{ID: "app-similar", Name: "Ocean-2"}}
			prepare := func(t *testing.T) *bench {
				b := newBench(t, world)
				b.options.Command, b.options.ApplicationID = publish.CreateApplication, ""
				b.options.ApplicationName, b.options.ApplicationType = "Ocean", "Application3D"
				return b
			}
			named := func(t *testing.T, b *bench) (ids []string) {
				t.Helper()
				if err := b.sim.SetWorld(world); err != nil {
					t.Fatal(err)
				}
				time.Sleep(world.ListLag + time.Second)
				apps, err := b.api().Applications(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				for _, app := range apps {
					if app.Name == "Ocean" {
						ids = append(ids, app.ID)
					}
				}
				return ids
			}
			check := func(t *testing.T, b *bench, result record.Result, err *publish.Error) {
				t.Helper()
				ids := named(t, b)
				if len(ids) > 1 || err == nil && (len(ids) != 1 || result.ApplicationID != ids[0]) {
					t.Errorf("%s: %v are there, the run says %q (error %v)", b.cell, ids, result.ApplicationID, err)
				}
				again, err := b.run(t.Context())
				if err != nil || len(named(t, b)) != 1 || len(ids) == 1 && (again.Outcome != record.Exists || again.ApplicationID != ids[0]) {
					t.Errorf("%s: a second run says %s of %q (error %v); there are %v", b.cell, again.Outcome, again.ApplicationID, err, named(t, b))
				}
			}
			for _, action := range []string{"DescribeApplicationList", "CreateApplication"} {
				for _, fault := range faults {
					for nth := range 3 {
						inBubble(t, func(t *testing.T) {
							b := prepare(t)
							fault.Action, fault.Nth = action, nth
							b.cell = fmt.Sprintf("%s %d: %s %s after=%v", action, nth, fault.Kind, fault.Code, fault.After)
							faulty := world
							faulty.Faults = []carsim.Fault{fault}
							if err := b.sim.SetWorld(faulty); err != nil {
								t.Fatal(err)
							}
							result, err := b.run(t.Context())
							check(t, b, result, err)
						})
					}
				}
			}
		})
	}
}
