package carsim

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// car is the CAR API, as far as shipping a build needs it
// (tencentcloud.com/document/product/1158/49958).
var car = api{
	service: "car",
	version: "2022-01-10",
	actions: map[string]action{
		"CreateApplicationVersion": {
			params: []param{
				{"ApplicationId", text, true},
				{"ApplicationFileName", text, true},
				{"ApplicationVersionRegions", texts, false},
				{"ApplicationVersionUpdateMode", text, false},
			},
			do: (*Sim).createVersion,
		},
		"DescribeCosCredential": {
			params: []param{{"ApplicationId", text, true}, {"ApplicationFileName", text, false}},
			do:     (*Sim).describeCosCredential,
		},
		"CreateApplicationSnapshot": {
			params: []param{{"ApplicationId", text, true}, {"ApplicationDownloadUrl", text, true}},
			do:     (*Sim).createSnapshot,
		},
		"DescribeApplicationVersion": {
			params: []param{{"ApplicationId", text, true}},
			do:     (*Sim).describeVersion,
		},
		"SetApplicationVersionOnline": {
			params: []param{{"ApplicationId", text, true}, {"ApplicationVersionId", text, true}},
			do:     (*Sim).setOnline,
		},
		"ModifyApplicationVersion": {
			params: []param{
				{"ApplicationId", text, true},
				{"ApplicationVersionId", text, true},
				{"ApplicationVersionName", text, false},
			},
			do: (*Sim).modifyVersion,
		},
		"DeleteApplicationVersion": {
			params: []param{{"ApplicationId", text, true}, {"ApplicationVersionId", text, true}},
			do:     (*Sim).deleteVersion,
		},
		"DescribeApplicationStatus": {
			params: []param{{"ApplicationIdList", texts, true}},
			do:     (*Sim).describeStatus,
		},
		"DescribeApplicationList": {
			params: []param{
				{"Offset", integer, true},
				{"Limit", integer, true},
				{"Filters", filters, false},
				{"ApplicationCategory", text, false},
			},
			do: (*Sim).describeList,
		},
		"DescribeApplicationPathList": {
			params: []param{{"ApplicationId", text, true}, {"ApplicationVersionId", text, false}},
			do:     (*Sim).describePathList,
		},
		"CreateApplication": {
			params: []param{{"ApplicationName", text, true}, {"ApplicationType", text, true}},
			do:     (*Sim).createApplication,
		},
		"ModifyApplicationBaseInfo": {
			params: []param{
				{"ApplicationId", text, true},
				{"ApplicationExePath", text, true},
				{"ApplicationInterList", text, true},
				{"ApplicationBaseInfo", baseInfo, true},
				{"ApplicationParams", text, false},
				{"ApplicationName", text, false},
				{"ApplicationStores", stores, false},
			},
			do: (*Sim).modifyBaseInfo,
		},
		"DescribeApplicationProjects": {
			params: []param{
				{"Offset", integer, false},
				{"Limit", integer, false},
				{"Filters", filters, false},
				{"ProjectCategory", text, false},
			},
			do: (*Sim).describeProjects,
		},
	},
}

// The types of the answers have every documented field.
type (
	userApplicationVersion struct {
		ApplicationVersionID         string `json:"ApplicationVersionId"`
		ApplicationVersionSize       int64
		ApplicationVersionStatus     string
		ApplicationVersionName       string
		CreateTime                   string
		ApplicationVersionRegions    []string
		ApplicationVersionUpdateMode string
	}

	userApplicationInfo struct {
		ApplicationID             string `json:"ApplicationId"`
		ApplicationName           string
		ApplicationType           string
		ApplicationExePath        string
		ApplicationInterList      string
		ApplicationParams         string
		ApplicationRunStatus      string
		ApplicationUpdateStatus   string
		ApplicationUpdateProgress int
		ApplicationCreateTime     string
		ApplicationVersions       []userApplicationVersion
		ApplicationBaseInfo       *BaseInfo
		ApplicationNature         string
		ApplicationStores         []Store
	}

	userMobileApplicationInfo struct {
		ApplicationID           string `json:"ApplicationId"`
		ApplicationName         string
		ApplicationType         string
		ApplicationRunStatus    string
		ApplicationUpdateStatus string
		ApplicationCreateTime   string
		ApplicationVersions     []userApplicationVersion
		ApplicationNature       string
	}

	applicationStatus struct {
		ApplicationID             string `json:"ApplicationId"`
		ApplicationRunStatus      string
		ApplicationUpdateStatus   string
		ApplicationUpdateProgress int
	}

	applicationProject struct {
		ProjectID          string `json:"ProjectId"`
		ApplicationID      string `json:"ApplicationId"`
		ApplicationName    string
		Name               string
		Description        string
		Type               string
		IsPreload          bool
		Amount             int
		Using              int
		ApplicationStatus  string
		ProjectType        string
		ProjectCategory    string
		Purpose            string
		Resolution         string
		ApplicationParams  string
		ApplicationRegions []string
		ConcurrentRegions  []string
		CreateTime         string
	}
)

// found returns the application that a request names.
func (s *Sim) found(r request) (*application, *refusal) {
	id := r.text("ApplicationId")
	if app := s.application(id); app != nil {
		return app, nil
	}
	return nil, refused("FailedOperation.ApplicationNotFind", "The application %q does not exist.", id)
}

// foundVersion returns the version that a request names.
func (s *Sim) foundVersion(r request) (*application, *version, *refusal) {
	app, no := s.found(r)
	if no != nil {
		return nil, nil, no
	}
	id := r.text("ApplicationVersionId")
	if v := app.version(id, r.now); v != nil {
		return app, v, nil
	}
	return nil, nil, refused("InvalidParameterValue", "The version %q does not exist.", id)
}

func (v *version) info(t time.Time) userApplicationVersion {
	info := userApplicationVersion{
		ApplicationVersionID:         v.id,
		ApplicationVersionStatus:     v.status(t),
		ApplicationVersionName:       v.name,
		CreateTime:                   v.created.UTC().Format(time.RFC3339),
		ApplicationVersionRegions:    v.regions,
		ApplicationVersionUpdateMode: v.mode,
	}
	if !v.inFlight(t) {
		info.ApplicationVersionSize = v.size
	}
	return info
}

func (a *application) infos(t time.Time) []userApplicationVersion {
	list := []userApplicationVersion{}
	for _, v := range a.listed(t) {
		list = append(list, v.info(t))
	}
	return list
}

func (s *Sim) createVersion(r request) (any, *refusal) {
	app, no := s.found(r)
	if no != nil {
		return nil, no
	}
	file := r.text("ApplicationFileName")
	formats := []string{".zip", ".rar", ".7z"}
	if app.mobile() {
		formats = []string{".apk", ".xapk", ".zip"}
	}
	if strings.TrimSuffix(file, path.Ext(file)) == "" || strings.ContainsAny(file, `/\`) ||
		!slices.Contains(formats, strings.ToLower(path.Ext(file))) {
		return nil, refused("InvalidParameterValue", "The package of this application must be one of %s.", strings.Join(formats, ", "))
	}
	mode := r.text("ApplicationVersionUpdateMode")
	if mode != "" && mode != "FULL" && mode != "INCREMENT" {
		return nil, refused("InvalidParameterValue", "ApplicationVersionUpdateMode must be FULL or INCREMENT.")
	}
	waiting := app.with(r.now, Normal) != nil
	switch {
	case app.with(r.now, Creating, Uploading) != nil,
		waiting && s.world.CreateWhileNormal == CreateVersionCreating:
		return nil, refused("OperationDenied.VersionCreating", "A version is being created.")
	case app.with(r.now, CreateFailed) != nil,
		waiting && s.world.CreateWhileNormal == CreateDenied:
		return nil, refused("OperationDenied", "Release or delete the version that is not released, or could not be created, first.")
	}
	counted := 0
	for _, v := range app.listed(r.now) {
		if v.status(r.now) != Deleting || s.world.DeletingInLimit == DeletingCounted {
			counted++
		}
	}
	if counted >= limit {
		return nil, refused("OperationDenied.VersionLimitExceeded", "The application has %d versions already.", counted)
	}
	v := s.addVersion(app, file, r.texts("ApplicationVersionRegions"), mode, r.now)
	return struct{ Version userApplicationVersion }{v.info(r.now)}, nil
}

// The bucket is Tencent's own, one for all customers.
const (
	bucket       = "application-test-1300543887"
	bucketRegion = "ap-guangzhou"
)

func (s *Sim) describeCosCredential(r request) (any, *refusal) {
	app, no := s.found(r)
	if no != nil {
		return nil, no
	}
	v := app.with(r.now, Creating, Uploading)
	if v == nil {
		return nil, refused("OperationDenied", "No version is being created.")
	}
	if file := r.text("ApplicationFileName"); file != "" {
		v.announced = file
	}
	key := tempKey{
		key: v.key, secret: requestID(), token: requestID(),
		expires: r.now.Add(s.world.KeyLifetime),
	}
	id := s.newID("AKIDtemporary")
	s.tempKeys[id] = key
	slash := "/"
	if s.world.PathForm == PathFolder {
		slash = ""
	}
	return struct {
		SecretID, SecretKey, SessionToken string
		CosBucket, CosRegion, Path        string
		StartTime, ExpiredTime            int64
	}{id, key.secret, key.token, bucket, bucketRegion, slash + v.key, r.now.Unix(), key.expires.Unix()}, nil
}

func (s *Sim) snapshotMeaning(app *application) Snapshot {
	if app.mobile() {
		return s.world.SnapshotMobile
	}
	return s.world.SnapshotDesktop
}

func (s *Sim) createSnapshot(r request) (any, *refusal) {
	app, no := s.found(r)
	if no != nil {
		return nil, no
	}
	switch s.snapshotMeaning(app) {
	case SnapshotRefused:
		return nil, refused("OperationDenied", "This application takes no snapshot.")
	case SnapshotIgnored:
		return nil, nil
	case SnapshotNeeded:
	}
	v := app.with(r.now, Creating, Uploading)
	switch {
	case v == nil:
		return nil, refused("OperationDenied", "No version is being created.")
	case !v.started.IsZero() && s.world.SecondSnapshot == Denied:
		return nil, refused("OperationDenied", "The version is being processed.")
	case !v.started.IsZero():
		return nil, nil
	}
	address := r.text("ApplicationDownloadUrl")
	if address == "" {
		o := s.objects[v.key]
		if o == nil {
			return nil, refused("FailedOperation", "The package has not been uploaded.")
		}
		s.process(app, v, o, v.announced, r.now)
		return nil, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, refused("InvalidParameterValue", "ApplicationDownloadUrl is not a URL.")
	}
	s.process(app, v, nil, path.Base(u.Path), r.now)
	return nil, nil
}

func (s *Sim) describeVersion(r request) (any, *refusal) {
	app, no := s.found(r)
	if no != nil {
		return nil, no
	}
	return struct{ Versions []userApplicationVersion }{app.infos(r.now.Add(-s.world.ListLag))}, nil
}

func (s *Sim) setOnline(r request) (any, *refusal) {
	app, v, no := s.foundVersion(r)
	if no != nil {
		return nil, no
	}
	status := v.status(r.now)
	if !slices.Contains([]string{Normal, Usable, Inuse}, status) {
		return nil, refused("OperationDenied", "The version is %s.", status)
	}
	if s.world.OnlineStartPath == StartPathChecked && !app.mobile() && !app.holds(v, app.StartPath) {
		return nil, refused("FailedOperation.PathNotFound", "The start path is not in the package.")
	}
	app.release(v, r.now)
	s.noteDead(app, r)
	return struct{ Versions []userApplicationVersion }{app.infos(r.now)}, nil
}

func (s *Sim) modifyVersion(r request) (any, *refusal) {
	_, v, no := s.foundVersion(r)
	if no != nil {
		return nil, no
	}
	if name := r.text("ApplicationVersionName"); name != "" {
		v.name = name
	}
	return nil, nil
}

func (s *Sim) deleteVersion(r request) (any, *refusal) {
	_, v, no := s.foundVersion(r)
	if no != nil {
		return nil, no
	}
	status := v.status(r.now)
	switch {
	case status == Deleting:
		return nil, nil
	case status == Inuse && s.world.DeleteInuse == Denied,
		v.inFlight(r.now) && s.world.DeleteCreating == Denied:
		return nil, refused("OperationDenied", "The version is %s.", status)
	}
	v.become(Deleting, r.now)
	v.later(gone, r.now.Add(s.world.DeleteTime))
	delete(s.objects, v.key)
	return nil, nil
}

func (s *Sim) status(app *application, t time.Time) applicationStatus {
	status := applicationStatus{
		ApplicationID:             app.ID,
		ApplicationRunStatus:      "ApplicationRunning",
		ApplicationUpdateStatus:   "ApplicationUpdateNormal",
		ApplicationUpdateProgress: s.progress(app, t),
	}
	configured := app.mobile() || app.shown(t).StartPath != ""
	usable := app.with(t, Inuse, Usable) != nil
	switch {
	case !configured && (usable || s.world.EmptyRunStatus == EmptyNoConfigured):
		status.ApplicationRunStatus = "ApplicationNoConfigured"
	case !usable:
		status.ApplicationRunStatus = "ApplicationNoPackage"
	}
	switch {
	case app.with(t, Creating, Uploading) != nil:
		status.ApplicationUpdateStatus = "ApplicationUpdateCreating"
	case app.with(t, CreateFailed) != nil:
		status.ApplicationUpdateStatus = "ApplicationUpdateCreateFail"
	case app.with(t, Normal) != nil:
		status.ApplicationUpdateStatus = "ApplicationUpdateNoReleased"
	}
	return status
}

func (s *Sim) describeStatus(r request) (any, *refusal) {
	ids := r.texts("ApplicationIdList")
	if len(ids) == 0 {
		return nil, refused("InvalidParameterValue", "ApplicationIdList is empty.")
	}
	seen := r.now.Add(-s.world.ListLag)
	list := []applicationStatus{}
	for _, id := range ids {
		if app := s.application(id); app != nil && !app.created.After(seen) {
			list = append(list, s.status(app, seen))
		}
	}
	return struct{ StatusList []applicationStatus }{list}, nil
}

func (s *Sim) describeList(r request) (any, *refusal) {
	offset, count, category := r.integer("Offset"), r.integer("Limit"), r.text("ApplicationCategory")
	if offset < 0 || count < 0 {
		return nil, refused("InvalidParameterValue", "Offset and Limit must not be negative.")
	}
	switch category {
	case "":
		if s.world.OmittedCategory == CategoryDesktop {
			category = "DESKTOP"
		}
	case "DESKTOP", "MOBILE":
	default:
		return nil, refused("InvalidParameterValue", "ApplicationCategory must be DESKTOP or MOBILE.")
	}
	seen := r.now.Add(-s.world.ListLag)
	wanted := r.filters("Filters")
	if no := known(wanted, s.filterable(nil, seen)); no != nil {
		return nil, no
	}
	var matching []*application
	for _, app := range s.apps {
		if !app.created.After(seen) && s.matches(s.filterable(app, seen), wanted) &&
			(category == "" || app.mobile() == (category == "MOBILE")) {
			matching = append(matching, app)
		}
	}
	page := matching[min(offset, len(matching)):]
	page = page[:min(count, len(page))]
	answer := struct {
		UserApplicationList       []userApplicationInfo
		UserMobileApplicationList []userMobileApplicationInfo
		ApplicationTotal          int
	}{[]userApplicationInfo{}, []userMobileApplicationInfo{}, len(matching)}
	for _, app := range page {
		status, is := s.status(app, seen), app.shown(seen)
		created := "2022-02-15T01:51:55.786Z" // one of the forms that occur
		if !app.created.IsZero() {
			created = app.created.UTC().Format("2006-01-02T15:04:05.000Z")
		}
		if app.mobile() {
			answer.UserMobileApplicationList = append(answer.UserMobileApplicationList, userMobileApplicationInfo{
				ApplicationID: is.ID, ApplicationName: is.Name, ApplicationType: is.Type,
				ApplicationRunStatus: status.ApplicationRunStatus, ApplicationUpdateStatus: status.ApplicationUpdateStatus,
				ApplicationCreateTime: created, ApplicationVersions: app.infos(seen), ApplicationNature: is.Nature,
			})
			continue
		}
		base := &is.BaseInfo
		if is.BaseInfo == (BaseInfo{}) && s.world.CreatedBaseInfo == CreatedNull {
			base = nil
		}
		answer.UserApplicationList = append(answer.UserApplicationList, userApplicationInfo{
			ApplicationID: is.ID, ApplicationName: is.Name, ApplicationType: is.Type,
			ApplicationExePath: is.StartPath, ApplicationInterList: is.InterList, ApplicationParams: is.Params,
			ApplicationRunStatus: status.ApplicationRunStatus, ApplicationUpdateStatus: status.ApplicationUpdateStatus,
			ApplicationUpdateProgress: status.ApplicationUpdateProgress,
			ApplicationCreateTime:     created, ApplicationVersions: app.infos(seen), ApplicationNature: is.Nature,
			ApplicationBaseInfo: base, ApplicationStores: append([]Store{}, is.Stores...),
		})
	}
	return answer, nil
}

// filterable returns what filters look at: the values of an application at t,
// which are empty if app is nil.
func (s *Sim) filterable(app *application, t time.Time) map[string]string {
	var id, name string
	var status applicationStatus
	if app != nil {
		id, name, status = app.ID, app.shown(t).Name, s.status(app, t)
	}
	return map[string]string{
		"ApplicationId":           id,
		"ApplicationName":         name,
		"ApplicationRunStatus":    status.ApplicationRunStatus,
		"ApplicationUpdateStatus": status.ApplicationUpdateStatus,
	}
}

// known refuses a filter that looks at nothing that there is.
func known(filters []filter, values map[string]string) *refusal {
	for _, f := range filters {
		if _, ok := values[f.Name]; !ok {
			return refused("InvalidParameterValue", "The filter %q does not exist.", f.Name)
		}
	}
	return nil
}

// matches reports whether values pass every filter.
func (s *Sim) matches(values map[string]string, filters []filter) bool {
	for _, f := range filters {
		value := values[f.Name]
		fits := func(wanted string) bool {
			return wanted == value || f.Name == "ApplicationName" && s.world.NameFilter == NameContains && strings.Contains(value, wanted)
		}
		if !slices.ContainsFunc(f.Values, fits) {
			return false
		}
	}
	return true
}

func (s *Sim) describePathList(r request) (any, *refusal) {
	app, no := s.found(r)
	if no != nil {
		return nil, no
	}
	v := app.with(r.now, Inuse)
	if v == nil {
		v = app.with(r.now, Normal, Usable)
	}
	if r.text("ApplicationVersionId") != "" {
		if _, v, no = s.foundVersion(r); no != nil {
			return nil, refused("InvalidParameter", "%s", no.message)
		}
	}
	return struct{ PathList []string }{app.pathList(v)}, nil
}
