package carsim

import (
	"archive/zip"
	"bytes"
	"path"
	"slices"
	"strings"
	"time"
)

// The statuses of a version.
const (
	Uploading    = "Uploading"
	Creating     = "Creating"
	CreateFailed = "CreateFailed"
	Deleting     = "Deleting"
	Normal       = "Normal" // ready, waits for release
	Inuse        = "Inuse"  // online
	Usable       = "Usable" // was online, can be again

	gone = "" // before a version is there, and after
)

const typeMobile = "ApplicationAPK"

// limit is how many versions an application may have
// (tencentcloud.com/document/product/1158/49620).
const limit = 5

type application struct {
	Application
	versions []*version // oldest first, those that are gone included
	created  time.Time  // zero for one that the world starts with
	former   []former   // what it was before each change, oldest first
	original string     // the start path that it was created with
}

// former is what an application was until a change.
type former struct {
	until time.Time
	Application
}

// shown returns what the application was at t, for lists that lag.
func (a *application) shown(t time.Time) Application {
	for _, f := range a.former {
		if f.until.After(t) {
			return f.Application
		}
	}
	return a.Application
}

// version is a version and its history, which may reach into the future.
type version struct {
	id, name, mode string
	regions        []string
	size           int64
	created        time.Time
	key            string    // of its object
	announced      string    // the file name last given to DescribeCosCredential
	started        time.Time // processing; zero before the snapshot
	paths          []string
	below          []string // the paths of the version that was online when this one was created
	history        []change
}

type change struct {
	at     time.Time
	status string
}

// status returns the status at t.
func (v *version) status(t time.Time) string {
	status := gone
	for _, c := range v.history {
		if c.at.After(t) {
			break
		}
		status = c.status
	}
	return status
}

// become changes the status and drops the changes that were planned for later.
func (v *version) become(status string, at time.Time) {
	v.history = slices.DeleteFunc(v.history, func(c change) bool { return c.at.After(at) })
	v.later(status, at)
}

// later plans a change of the status.
func (v *version) later(status string, at time.Time) {
	v.history = append(v.history, change{at, status})
}

// inFlight reports whether the version still waits for its file or is being
// processed.
func (v *version) inFlight(t time.Time) bool {
	return v.status(t) == Creating || v.status(t) == Uploading
}

func (s *Sim) seeded(a Application, now time.Time) *application {
	app := &application{Application: a, original: a.StartPath}
	for _, seed := range a.Versions {
		v := &version{
			id: seed.ID, name: seed.Name, size: seed.Size, created: now.Add(-seed.Age),
			regions: seed.Regions, mode: seed.UpdateMode,
		}
		if !app.mobile() {
			fillRegions(&v.regions, s.world.Site)
			fill(&v.mode, "FULL")
		}
		v.key = s.key(app, v, ".zip")
		v.later(seed.Status, v.created)
		if seed.Status == Deleting && s.world.DeleteTime > 0 {
			v.later(gone, now.Add(s.world.DeleteTime))
		}
		app.versions = append(app.versions, v)
	}
	slices.SortStableFunc(app.versions, func(a, b *version) int { return a.created.Compare(b.created) })
	return app
}

func (s *Sim) application(id string) *application {
	for _, app := range s.apps {
		if app.ID == id {
			return app
		}
	}
	return nil
}

func (a *application) mobile() bool { return a.Type == typeMobile }

// listed returns the versions that are there at t, oldest first.
func (a *application) listed(t time.Time) []*version {
	return slices.DeleteFunc(slices.Clone(a.versions), func(v *version) bool { return v.status(t) == gone })
}

// with returns the newest version that has one of the statuses at t, or nil.
func (a *application) with(t time.Time, statuses ...string) *version {
	for _, v := range slices.Backward(a.versions) {
		if slices.Contains(statuses, v.status(t)) {
			return v
		}
	}
	return nil
}

// version returns the version that is there at t, or nil.
func (a *application) version(id string, t time.Time) *version {
	for _, v := range a.listed(t) {
		if v.id == id {
			return v
		}
	}
	return nil
}

// newest returns the newest version that is there at t, or nil.
func (a *application) newest(t time.Time) *version {
	if all := a.listed(t); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// release puts a version online in place of the current one.
func (a *application) release(v *version, now time.Time) {
	if old := a.with(now, Inuse); old != nil && old != v {
		old.become(Usable, now)
	}
	v.become(Inuse, now)
}

// addVersion creates a version that waits for its file.
func (s *Sim) addVersion(app *application, file string, regions []string, mode string, now time.Time) *version {
	extension := path.Ext(file)
	v := &version{
		id: s.newID("ver-"), name: strings.TrimSuffix(file, extension), created: now,
		regions: regions, mode: mode, announced: file, below: app.pathList(app.with(now, Inuse)),
	}
	status := Creating
	if app.mobile() {
		v.regions, v.mode = nil, "" // a mobile application has neither
		if s.world.MobileCreated == MobileUploading {
			status = Uploading
		}
	} else {
		fillRegions(&v.regions, s.world.Site)
	}
	v.key = s.key(app, v, extension)
	v.later(status, now)
	app.versions = append(app.versions, v)
	return v
}

func fillRegions(regions *[]string, site Site) {
	switch {
	case len(*regions) > 0:
	case site == International:
		*regions = []string{"ap-tokyo"}
	default:
		*regions = []string{"ap-chinese-mainland"}
	}
}

// key is the COS key of a version's package. Both forms occur in published
// samples.
func (s *Sim) key(app *application, v *version, extension string) string {
	if s.world.PathForm == PathFolder {
		return "1300055477/" + app.ID + "/" + v.id + "/" + app.ID + extension
	}
	return "1300055477/" + app.ID + "/" + v.id + extension
}

// process lets CAR process a version's package: o, or the file at a URL if o is
// nil.
func (s *Sim) process(app *application, v *version, o *object, file string, now time.Time) {
	v.started = now
	v.become(Creating, now)
	v.size = s.world.RemoteSize
	if o != nil {
		v.size = o.size
		v.paths = executables(o.data)
		o.data = nil // nobody else reads it
	}
	if v.paths == nil && app.StartPath != "" {
		v.paths = []string{backslashed(app.StartPath)} // it is none that we can read
	}
	increment := v.mode == "INCREMENT"
	if increment && s.world.Increment == IncrementOverlay {
		own := app.pathList(v)
		v.paths = slices.Concat(own, slices.DeleteFunc(slices.Clone(v.below), func(p string) bool { return has(own, p) }))
	}
	switch s.world.NameAfterUpload {
	case NameKept:
	case NameReplaced:
		v.name = strings.TrimSuffix(file, path.Ext(file))
	case NameTruncated:
		if runes := []rune(v.name); len(runes) > 16 {
			v.name = string(runes[:16])
		}
	}
	ready := Normal
	if s.world.FirstVersion == FirstInuse && app.with(now, Inuse, Usable, Normal) == nil {
		ready = Inuse
	}
	fate := app.Fate
	if fate == Succeeds && increment && s.world.Increment == IncrementFails {
		fate = Fails
	}
	switch fate {
	case Fails:
		v.later(CreateFailed, now.Add(s.world.ProcessingTime))
	case Succeeds:
		v.later(ready, now.Add(s.world.ProcessingTime))
	case Hangs:
	}
}

// progress is how much of the update is done, in percent.
func (s *Sim) progress(app *application, now time.Time) int {
	v := app.with(now, Creating, Uploading)
	switch {
	case v == nil:
		return 100
	case v.started.IsZero():
		return 0
	}
	return int(min(99, 100*now.Sub(v.started)/max(1, s.world.ProcessingTime)))
}

// pathList is what DescribeApplicationPathList knows of a version.
func (a *application) pathList(v *version) []string {
	switch {
	case a.mobile() || v == nil:
		return nil
	case a.PathList != nil:
		return a.PathList
	case v.paths != nil:
		return v.paths
	case a.original != "":
		return []string{backslashed(a.original)} // nobody has its package
	}
	return nil
}

// holds reports whether a version has the file that a start path names.
func (a *application) holds(v *version, startPath string) bool {
	return has(a.pathList(v), backslashed(startPath))
}

// backslashed returns a path as CAR writes it.
func backslashed(p string) string { return strings.ReplaceAll(p, "/", `\`) }

// has reports whether a list has a path, as Windows compares them.
func has(list []string, p string) bool {
	return slices.ContainsFunc(list, func(q string) bool { return strings.EqualFold(p, q) })
}

// executables returns the .exe files of a zip archive as CAR writes them,
// nil if data is no such archive.
func executables(data []byte) []string {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	list := []string{}
	for _, f := range archive.File {
		if strings.EqualFold(path.Ext(f.Name), ".exe") {
			list = append(list, backslashed(f.Name))
		}
	}
	return list
}

// Versions returns the versions of an application as they are now, oldest
// first.
func (s *Sim) Versions(app string) []Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.application(app)
	if a == nil {
		return nil
	}
	now := s.now()
	var list []Version
	for _, v := range a.listed(now) {
		list = append(list, Version{
			ID: v.id, Name: v.name, Status: v.status(now), Age: now.Sub(v.created),
			Size: v.size, Regions: v.regions, UpdateMode: v.mode,
		})
	}
	return list
}
