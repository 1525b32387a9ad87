package carsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"
)

// World says how the simulated service behaves where that is not documented, and
// what is in it. The zero value is the default world.
// Its JSON form has the same field names, and durations as "90s".
type World struct {
	Site         Site          // the site of a loopback address; a key of the other site is unknown there
	Applications []Application // nil: Seed()
	Projects     []Project     // nil: those of SeedProjects() whose application is there
	Keys         []Key         // nil: DefaultKeys()
	Providers    []Provider    // identity providers in CAM; nil: DefaultProviders()
	Roles        []Role        // nil: DefaultRoles()
	Issuer       Issuer        // of the CI's OIDC tokens
	InstanceRole string        // bound to the virtual machine that the client runs on; "": none

	ProcessingTime time.Duration // from the snapshot until the version is ready; 0 is at once
	DeleteTime     time.Duration // how long a version is Deleting; 0 is at once
	ListLag        time.Duration // how old the state is that lists show
	KeyLifetime    time.Duration // of the upload's temporary keys; 0 is 6 h, negative ones are born expired
	ClockSkew      time.Duration // how far the service's clock is ahead of ours
	RateLimit      int           // calls a second of each action; 0 is the documented 20, negative is no limit
	RemoteSize     int64         // bytes of the file that every URL leads to; 0 is 5 GiB
	MinPart        int64         // bytes of the smallest part but the last; 0 is COS's 1 MiB

	ApplicationLimit int // how many applications the account may have; 0 is no limit
	ProjectPage      int // how many projects one answer lists at most; 0 is no limit

	NameAfterUpload   Naming
	CreateWhileNormal WhileNormal
	DeleteCreating    Verdict // default Done
	DeleteInuse       Verdict // default Denied
	SecondSnapshot    Verdict // default Done
	SnapshotDesktop   Snapshot
	SnapshotMobile    Snapshot
	FirstVersion      First
	COSActions        COSActions
	Acceleration      Acceleration
	PathForm          PathForm
	DeletingInLimit   Counting
	OnlineStartPath   StartPath
	MobileCreated     MobileCreated
	OmittedCategory   OmittedCategory
	UnsignedClock     UnsignedClock
	Increment         Increment

	DuplicateName    DuplicateName
	NameFilter       NameFilter
	CreatedBaseInfo  CreatedBaseInfo
	EmptyRunStatus   EmptyRunStatus
	OmittedBaseInfo  OmittedBaseInfo
	EmptyStartPath   Verdict // default Denied: ModifyApplicationBaseInfo with "" as start path or process list
	EmptyCaptureMode EmptyCaptureMode
	StartPathOfBase  StartPathOfBase
	ProjectIDFilter  ProjectIDFilter

	Faults     []Fault
	Intrusions []Intrusion
}

// Each type below is one fact that is not documented, and the answers to it
// that are plausible. The first constant is the default.
type (
	// Site is which of Tencent Cloud's two separate sites an account is in.
	Site string
	// Naming is what becomes of a version's name once its file has arrived.
	Naming string
	// WhileNormal is the answer to a create while a version waits for release.
	WhileNormal string
	// Verdict is whether the service does something that it might refuse.
	Verdict string
	// Snapshot is what CreateApplicationSnapshot means to a kind of
	// application. Where it is not needed, the finished upload starts the
	// processing.
	Snapshot string
	// First is the final status of an application's first version.
	First string
	// COSActions is what the temporary key may do beyond putting an object:
	// list, look at and abort.
	COSActions string
	// Acceleration is what the bucket's domain of global acceleration answers.
	Acceleration string
	// PathForm is the form of DescribeCosCredential's Path.
	PathForm string
	// Counting is whether a Deleting version counts to the limit of five.
	Counting string
	// StartPath is whether going online needs the start path in the package.
	StartPath string
	// MobileCreated is the first status of a mobile application's version.
	MobileCreated string
	// OmittedCategory is what DescribeApplicationList lists when it is not
	// told a category.
	OmittedCategory string
	// UnsignedClock is whether a call without a signature must have the time
	// right.
	UnsignedClock string
	// Increment is what a package is to a version whose update mode is
	// INCREMENT.
	Increment string
	// DuplicateName is whether two applications may have the same name.
	DuplicateName string
	// NameFilter is how the filter ApplicationName compares.
	NameFilter string
	// CreatedBaseInfo is the ApplicationBaseInfo of a desktop application that
	// nobody has configured.
	CreatedBaseInfo string
	// EmptyRunStatus is the status of a desktop application that has neither a
	// usable version nor a start path.
	EmptyRunStatus string
	// OmittedBaseInfo is what becomes of what a ModifyApplicationBaseInfo does
	// not name.
	OmittedBaseInfo string
	// EmptyCaptureMode is what lists show after a WindowCaptureMode of "".
	EmptyCaptureMode string
	// StartPathOfBase is whether ModifyApplicationBaseInfo needs the start path
	// in the version online.
	StartPathOfBase string
	// ProjectIDFilter is what DescribeApplicationProjects does with a filter
	// ProjectId, which the documentation of filters does not have.
	ProjectIDFilter string
)

// The answers. SnapshotRefused is an OperationDenied, SnapshotIgnored an
// answer without an effect.
const (
	China         Site = "china"
	International Site = "international"

	NameKept      Naming = "kept"
	NameReplaced  Naming = "replaced"  // by the uploaded file's
	NameTruncated Naming = "truncated" // to 16 characters

	CreateDenied          WhileNormal = "denied" // OperationDenied
	CreateVersionCreating WhileNormal = "version-creating"
	CreateAllowed         WhileNormal = "allowed"

	Done   Verdict = "done"
	Denied Verdict = "denied"

	SnapshotNeeded  Snapshot = "needed"
	SnapshotRefused Snapshot = "refused"
	SnapshotIgnored Snapshot = "ignored"

	FirstNormal First = "normal"
	FirstInuse  First = "inuse"

	COSAll  COSActions = "all"
	COSNone COSActions = "none"

	AccelerationOff         Acceleration = "off" // BucketAccelerateNotEnabled
	AccelerationOn          Acceleration = "on"
	AccelerationPartial     Acceleration = "partial"     // ActionAccelerateNotSupported for all that does not put
	AccelerationUnsupported Acceleration = "unsupported" // ActionAccelerateNotSupported for everything

	PathSlash  PathForm = "slash"  // "/1300055477/app-a/ver-b.zip"
	PathFolder PathForm = "folder" // "1300055477/app-a/ver-b/app-a.zip"

	DeletingCounted Counting = "counted"
	DeletingFree    Counting = "free"

	StartPathIgnored StartPath = "ignored"
	StartPathChecked StartPath = "checked"

	MobileCreating  MobileCreated = "creating"
	MobileUploading MobileCreated = "uploading"

	CategoryBoth    OmittedCategory = "both"
	CategoryDesktop OmittedCategory = "desktop"

	ClockIgnored UnsignedClock = "ignored"
	ClockChecked UnsignedClock = "checked"

	IncrementWhole   Increment = "whole"   // all of the version, as in a full update
	IncrementOverlay Increment = "overlay" // laid over the version that was online when this one was created
	IncrementFails   Increment = "fails"   // CreateFailed

	DuplicateAllowed DuplicateName = "allowed"
	DuplicateRefused DuplicateName = "refused" // FailedOperation.ApplicationCreateFail

	NameExact    NameFilter = "exact"
	NameContains NameFilter = "contains"

	CreatedDesktop CreatedBaseInfo = "desktop" // ApplicationDesktop and HOOK
	CreatedEmpty   CreatedBaseInfo = "empty"   // every field is ""
	CreatedNull    CreatedBaseInfo = "null"

	EmptyNoPackage    EmptyRunStatus = "no-package"
	EmptyNoConfigured EmptyRunStatus = "no-configured"

	OmittedKept    OmittedBaseInfo = "kept"
	OmittedCleared OmittedBaseInfo = "cleared"

	CaptureKept EmptyCaptureMode = "kept" // ""
	CaptureHook EmptyCaptureMode = "hook" // HOOK, the default mode

	BaseUnchecked StartPathOfBase = "unchecked"
	BaseChecked   StartPathOfBase = "checked" // InvalidParameterValue for a relative path that is not there

	ProjectIDRefused ProjectIDFilter = "refused" // InvalidParameterValue
	ProjectIDMatched ProjectIDFilter = "matched"
	ProjectIDIgnored ProjectIDFilter = "ignored"
)

// Application is an application and the versions that it starts with.
type Application struct {
	ID        string
	Name      string
	Type      string   // Application3D (the default), ApplicationXR, ApplicationAPK
	StartPath string   // of a desktop application; "" if not configured
	InterList string   // its processes; "" with a start path: the last element of that
	Params    string   // what it is started with
	BaseInfo  BaseInfo // of a desktop application; zero: ApplicationDesktop and HOOK
	Nature    string   // PRIVATE (the default), PUBLIC
	Stores    []Store
	PathList  []string // what DescribeApplicationPathList answers, whatever was uploaded
	Fate      Fate     // of each new version
	Versions  []Version
}

// BaseInfo says what of a desktop application is captured, and how. Its fields
// have the names that CAR gives them.
type BaseInfo struct {
	WindowUseType     string // ApplicationDesktop, ApplicationWindow
	WindowName        string
	WindowClassName   string
	WindowCaptureMode string // "", HOOK, DDA_CUT
}

// defaultBaseInfo is what an application has that nobody has configured.
var defaultBaseInfo = BaseInfo{WindowUseType: "ApplicationDesktop", WindowCaptureMode: "HOOK"}

// Store is a folder of the host that CAR copies to a bucket of the user's. Its
// fields have the names that CAR gives them.
type Store struct {
	CosBucket, CosRegion string
	StoreType            string // ARCHIVE, LOG
	StoreState           string // ON, OFF
	StorePath            string
}

// Project is a project, by which users get an application.
type Project struct {
	ID                 string
	Application        string // its id; "" in a project that all applications share
	Name               string
	Description        string
	Category           string // DESKTOP, MOBILE; "": MOBILE for a type of ARM
	Type               string // of concurrency; default XL2
	Preload            bool
	Amount             int    // of concurrency
	Using              int    // of that
	Status             string // "": Online if there is concurrency, NoConcurrent else
	Kind               string // EXCLUSIVE (the default), SHARED
	Purpose            string // "", EXPERIENCE
	Resolution         string
	Params             string
	ApplicationRegions []string // default: as those of a version
	ConcurrentRegions  []string // default: as those of a version
}

// Fate is how processing ends.
type Fate string

// The fates.
const (
	Succeeds Fate = "succeeds"
	Fails    Fate = "fails" // CreateFailed
	Hangs    Fate = "hangs" // Creating for ever
)

// Version is one version of an application.
type Version struct {
	ID         string
	Name       string
	Status     string
	Age        time.Duration
	Size       int64 // bytes
	Regions    []string
	UpdateMode string
}

// Key is one API key of the account that owns the applications.
type Key struct {
	SecretID  string
	SecretKey string
	Token     string    // "" for a permanent key
	Expires   time.Time // zero: never
	Site      Site      // "": the world's
	Denied    []string  // actions that this key may not call
}

// Provider is an identity provider in CAM, for role single sign-on with
// OpenID Connect.
type Provider struct {
	Name      string
	URL       string   // the issuer's
	ClientIDs []string // the audiences that it takes

	// Keys is the JWKS that it keeps: CAM stores a copy, which an issuer that
	// changes its keys makes useless. "" is always what the issuer has now.
	Keys string
}

// Role is a role in CAM, with its trust policy for web identities. An empty
// list is no condition.
type Role struct {
	ARN                       string
	Provider                  string // the federated principal
	Issuer, Audience, Subject []string
	MaxSession                time.Duration // 0 is 2 h
	Site                      Site          // "": the world's
	Denied                    []string      // actions that its keys may not call
}

// Issuer is the CI as an issuer of OIDC tokens.
type Issuer struct {
	URL           string
	Subject       string
	RequestToken  string        // what a job shows to get an ID token
	TokenLifetime time.Duration // 0 is 5 minutes; with a negative one tokens are born expired
	ClockSkew     time.Duration // how far the issuer's clock is ahead of the service's
}

// What the default world has for a job without keys.
const (
	RoleARN      = "qcs::cam::uin/100000000001:roleName/publisher"
	ProviderName = "github"
	IssuerURL    = "https://token.actions.githubusercontent.com"
	Audience     = "sts.tencentcloudapi.com"
	Subject      = "repo:octo/ocean:ref:refs/heads/main"
	RequestToken = "carsim-is-no-request-token" //nolint:gosec // as its value says
)

// DefaultProviders returns the identity providers of the default world.
func DefaultProviders() []Provider {
	return []Provider{{Name: ProviderName, URL: IssuerURL, ClientIDs: []string{Audience}}}
}

// DefaultRoles returns the roles of the default world.
func DefaultRoles() []Role {
	return []Role{{
		ARN: RoleARN, Provider: ProviderName,
		Issuer: []string{IssuerURL}, Audience: []string{Audience}, Subject: []string{Subject},
	}}
}

// The ids of the default world's keys. They share one SecretKey, and those
// with a token share SessionToken.
const (
	SecretID          = "AKIDcarsim"
	ReadOnlySecretID  = "AKIDcarsimReadOnly"         // may call Describe actions only
	OtherSiteSecretID = "AKIDcarsimOtherSite"        // exists on the site that is not the world's
	TemporarySecretID = "AKIDcarsimTemporary"        //nolint:gosec // a made-up key of a simulator
	ExpiredSecretID   = "AKIDcarsimExpired"          // temporary, and no longer valid
	SecretKey         = "carsim-is-no-secret-key"    //nolint:gosec // as its value says
	SessionToken      = "carsim-is-no-session-token" //nolint:gosec // as its value says
)

// DefaultKeys returns the keys of the default world.
func DefaultKeys(site Site) []Key {
	other := International
	if site == International {
		other = China
	}
	var changes []string
	for name := range car.actions {
		if !strings.HasPrefix(name, "Describe") {
			changes = append(changes, name)
		}
	}
	return []Key{
		{SecretID: SecretID, SecretKey: SecretKey},
		{SecretID: ReadOnlySecretID, SecretKey: SecretKey, Denied: append(changes, "DescribeCosCredential")},
		{SecretID: OtherSiteSecretID, SecretKey: SecretKey, Site: other},
		{SecretID: TemporarySecretID, SecretKey: SecretKey, Token: SessionToken},
		{SecretID: ExpiredSecretID, SecretKey: SecretKey, Token: SessionToken, Expires: time.Unix(1, 0)},
	}
}

// Seed returns the applications of the default world, one of each kind.
func Seed() []Application {
	const exe = `Game\Game.exe`
	return []Application{
		{ID: "app-desktop", Name: "Ocean", StartPath: exe, Versions: []Version{
			{ID: "ver-desktop1", Name: "ocean-1", Status: Usable, Age: 240 * time.Hour, Size: 5612961473},
			{ID: "ver-desktop2", Name: "ocean-2", Status: Inuse, Age: 120 * time.Hour, Size: 5612999424},
		}},
		{ID: "app-noconfig", Name: "Reef"},
		{ID: "app-mobile", Name: "Ocean Mobile", Type: typeMobile, Versions: []Version{
			{ID: "ver-mobile1", Name: "ocean-mobile-1", Status: Inuse, Age: 72 * time.Hour},
		}},
		{ID: "app-full", Name: "Lagoon", StartPath: exe, Versions: []Version{
			{ID: "ver-full1", Name: "lagoon-1", Status: Usable, Age: 500 * time.Hour, Size: 1 << 30},
			{ID: "ver-full2", Name: "lagoon-2", Status: Usable, Age: 400 * time.Hour, Size: 1 << 30},
			{ID: "ver-full3", Name: "lagoon-3", Status: Inuse, Age: 300 * time.Hour, Size: 1 << 30},
			{ID: "ver-full4", Name: "lagoon-4", Status: Usable, Age: 200 * time.Hour, Size: 1 << 30},
			{ID: "ver-full5", Name: "lagoon-5", Status: Usable, Age: 100 * time.Hour, Size: 1 << 30},
		}},
		{ID: "app-waiting", Name: "Delta", StartPath: exe, Versions: []Version{
			{ID: "ver-waiting1", Name: "delta-1", Status: Inuse, Age: 90 * time.Hour, Size: 1 << 30},
			{ID: "ver-waiting2", Name: "hotfix-test", Status: Normal, Age: 14 * time.Hour, Size: 1 << 30},
		}},
		{ID: "app-failing", Name: "Abyss", StartPath: exe, Fate: Fails, Versions: []Version{
			{ID: "ver-failing1", Name: "abyss-1", Status: Inuse, Age: 90 * time.Hour, Size: 1 << 30},
		}},
	}
}

// SeedProjects returns the projects of the default world: one that users can
// get, one of a mobile application, and one without concurrency.
func SeedProjects() []Project {
	return []Project{
		{ID: "cap-desktop", Application: "app-desktop", Name: "ocean", Amount: 10, Using: 2, Resolution: "1920x1080"},
		{ID: "cap-mobile", Application: "app-mobile", Name: "ocean mobile", Type: "MM1_HD", Amount: 4},
		{ID: "cap-waiting", Application: "app-waiting", Name: "delta", Purpose: "EXPERIENCE"},
	}
}

// filled returns the world with every default written out.
func (w World) filled() World {
	fill(&w.Site, China)
	fill(&w.NameAfterUpload, NameKept)
	fill(&w.CreateWhileNormal, CreateDenied)
	fill(&w.DeleteCreating, Done)
	fill(&w.DeleteInuse, Denied)
	fill(&w.SecondSnapshot, Done)
	fill(&w.SnapshotDesktop, SnapshotNeeded)
	fill(&w.SnapshotMobile, SnapshotNeeded)
	fill(&w.FirstVersion, FirstNormal)
	fill(&w.COSActions, COSAll)
	fill(&w.Acceleration, AccelerationOff)
	fill(&w.PathForm, PathSlash)
	fill(&w.DeletingInLimit, DeletingCounted)
	fill(&w.OnlineStartPath, StartPathIgnored)
	fill(&w.MobileCreated, MobileCreating)
	fill(&w.OmittedCategory, CategoryBoth)
	fill(&w.UnsignedClock, ClockIgnored)
	fill(&w.Increment, IncrementWhole)
	fill(&w.DuplicateName, DuplicateAllowed)
	fill(&w.NameFilter, NameExact)
	fill(&w.CreatedBaseInfo, CreatedDesktop)
	fill(&w.EmptyRunStatus, EmptyNoPackage)
	fill(&w.OmittedBaseInfo, OmittedKept)
	fill(&w.EmptyStartPath, Denied)
	fill(&w.EmptyCaptureMode, CaptureKept)
	fill(&w.StartPathOfBase, BaseUnchecked)
	fill(&w.ProjectIDFilter, ProjectIDRefused)
	fill(&w.Issuer.URL, IssuerURL)
	fill(&w.Issuer.Subject, Subject)
	fill(&w.Issuer.RequestToken, RequestToken)
	fill(&w.Issuer.TokenLifetime, 5*time.Minute)
	fill(&w.KeyLifetime, 6*time.Hour)
	fill(&w.RateLimit, 20)
	fill(&w.MinPart, 1<<20)
	fill(&w.RemoteSize, 5<<30)
	if w.Applications == nil {
		w.Applications = Seed()
	}
	w.Applications = slices.Clone(w.Applications)
	for i := range w.Applications {
		app := &w.Applications[i]
		fill(&app.Type, "Application3D")
		fill(&app.Fate, Succeeds)
		fill(&app.Nature, "PRIVATE")
		if app.Type == typeMobile {
			continue
		}
		fill(&app.BaseInfo, defaultBaseInfo)
		if app.StartPath != "" {
			fill(&app.InterList, path.Base(strings.ReplaceAll(app.StartPath, `\`, "/")))
		}
	}
	if w.Projects == nil {
		w.Projects = slices.DeleteFunc(SeedProjects(), func(p Project) bool {
			return !slices.ContainsFunc(w.Applications, func(a Application) bool { return a.ID == p.Application })
		})
	}
	w.Projects = slices.Clone(w.Projects)
	for i := range w.Projects {
		w.Projects[i] = w.Projects[i].filled(w.Site)
	}
	if w.Keys == nil {
		w.Keys = DefaultKeys(w.Site)
	}
	w.Keys = slices.Clone(w.Keys)
	for i := range w.Keys {
		fill(&w.Keys[i].Site, w.Site)
	}
	if w.Providers == nil {
		w.Providers = DefaultProviders()
	}
	if w.Roles == nil {
		w.Roles = DefaultRoles()
	}
	w.Roles = slices.Clone(w.Roles)
	for i := range w.Roles {
		fill(&w.Roles[i].Site, w.Site)
		fill(&w.Roles[i].MaxSession, defaultSession)
	}
	w.Faults = slices.Clone(w.Faults)
	w.Intrusions = slices.Clone(w.Intrusions)
	return w
}

func (p Project) filled(site Site) Project {
	fill(&p.Type, "XL2")
	fill(&p.Kind, "EXCLUSIVE")
	switch {
	case p.Category != "":
	case strings.HasPrefix(p.Type, "MM1_"):
		p.Category = "MOBILE"
	default:
		p.Category = "DESKTOP"
	}
	switch {
	case p.Status != "":
	case p.Amount > 0:
		p.Status = "Online"
	default:
		p.Status = "NoConcurrent"
	}
	fillRegions(&p.ApplicationRegions, site)
	fillRegions(&p.ConcurrentRegions, site)
	return p
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check reports every value of a filled world that is not one of its choices.
func (w World) check() error {
	problems := []error{
		oneOf("Site", w.Site, China, International),
		oneOf("NameAfterUpload", w.NameAfterUpload, NameKept, NameReplaced, NameTruncated),
		oneOf("CreateWhileNormal", w.CreateWhileNormal, CreateDenied, CreateVersionCreating, CreateAllowed),
		oneOf("DeleteCreating", w.DeleteCreating, Done, Denied),
		oneOf("DeleteInuse", w.DeleteInuse, Done, Denied),
		oneOf("SecondSnapshot", w.SecondSnapshot, Done, Denied),
		oneOf("SnapshotDesktop", w.SnapshotDesktop, SnapshotNeeded, SnapshotRefused, SnapshotIgnored),
		oneOf("SnapshotMobile", w.SnapshotMobile, SnapshotNeeded, SnapshotRefused, SnapshotIgnored),
		oneOf("FirstVersion", w.FirstVersion, FirstNormal, FirstInuse),
		oneOf("COSActions", w.COSActions, COSAll, COSNone),
		oneOf("Acceleration", w.Acceleration, AccelerationOff, AccelerationOn, AccelerationPartial, AccelerationUnsupported),
		oneOf("PathForm", w.PathForm, PathSlash, PathFolder),
		oneOf("DeletingInLimit", w.DeletingInLimit, DeletingCounted, DeletingFree),
		oneOf("OnlineStartPath", w.OnlineStartPath, StartPathIgnored, StartPathChecked),
		oneOf("MobileCreated", w.MobileCreated, MobileCreating, MobileUploading),
		oneOf("OmittedCategory", w.OmittedCategory, CategoryBoth, CategoryDesktop),
		oneOf("UnsignedClock", w.UnsignedClock, ClockIgnored, ClockChecked),
		oneOf("Increment", w.Increment, IncrementWhole, IncrementOverlay, IncrementFails),
		oneOf("DuplicateName", w.DuplicateName, DuplicateAllowed, DuplicateRefused),
		oneOf("NameFilter", w.NameFilter, NameExact, NameContains),
		oneOf("CreatedBaseInfo", w.CreatedBaseInfo, CreatedDesktop, CreatedEmpty, CreatedNull),
		oneOf("EmptyRunStatus", w.EmptyRunStatus, EmptyNoPackage, EmptyNoConfigured),
		oneOf("OmittedBaseInfo", w.OmittedBaseInfo, OmittedKept, OmittedCleared),
		oneOf("EmptyStartPath", w.EmptyStartPath, Done, Denied),
		oneOf("EmptyCaptureMode", w.EmptyCaptureMode, CaptureKept, CaptureHook),
		oneOf("StartPathOfBase", w.StartPathOfBase, BaseUnchecked, BaseChecked),
		oneOf("ProjectIDFilter", w.ProjectIDFilter, ProjectIDRefused, ProjectIDMatched, ProjectIDIgnored),
	}
	for _, a := range w.Applications {
		problems = append(problems,
			oneOf("Type of "+a.ID, a.Type, applicationTypes...),
			oneOf("Fate of "+a.ID, a.Fate, Succeeds, Fails, Hangs),
			oneOf("Nature of "+a.ID, a.Nature, "PRIVATE", "PUBLIC"))
		if a.Type != typeMobile {
			problems = append(problems,
				oneOf("WindowUseType of "+a.ID, a.BaseInfo.WindowUseType, windowUseTypes...),
				oneOf("WindowCaptureMode of "+a.ID, a.BaseInfo.WindowCaptureMode, windowCaptureModes...))
		}
		for _, store := range a.Stores {
			problems = append(problems,
				oneOf("StoreType of "+a.ID, store.StoreType, storeTypes...),
				oneOf("StoreState of "+a.ID, store.StoreState, storeStates...))
		}
		for _, v := range a.Versions {
			problems = append(problems,
				oneOf("Status of "+v.ID, v.Status, Uploading, Creating, CreateFailed, Deleting, Normal, Inuse, Usable))
		}
	}
	for _, p := range w.Projects {
		problems = append(problems,
			oneOf("Category of "+p.ID, p.Category, "DESKTOP", "MOBILE"),
			oneOf("Type of "+p.ID, p.Type, "S1", "M1", "L1", "L2", "XL2", "MM1_HD", "MM1_FHD"),
			oneOf("Status of "+p.ID, p.Status, "NoConcurrent", "Online",
				"applicationCreating", "applicationCreateFail", "applicationDeleting", "applicationNoConfigured"),
			oneOf("Kind of "+p.ID, p.Kind, "EXCLUSIVE", "SHARED"),
			oneOf("Purpose of "+p.ID, p.Purpose, "", "EXPERIENCE"))
	}
	for _, f := range w.Faults {
		problems = append(problems,
			oneOf("Action of a fault", f.Action, knownActions()...),
			oneOf("Kind of a fault", f.Kind, faultKinds...))
	}
	for _, i := range w.Intrusions {
		problems = append(problems,
			oneOf("Action of an intrusion", i.Action, knownActions()...),
			oneOf("Does of an intrusion", i.Does, ReleasesVersion, DeletesVersion, CreatesVersion, ChangesStart))
	}
	return errors.Join(problems...)
}

func oneOf[T ~string](field string, value T, choices ...T) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return fmt.Errorf("%s is %q, but must be one of %q", field, value, choices)
}

// ReadWorld reads the JSON form of a world on top of another: what the text
// does not name stays as it is. An unknown field is an error.
func ReadWorld(text []byte, base World) (World, error) {
	if err := json.Unmarshal(text, &base); err != nil {
		return base, fmt.Errorf("read world: %w", err)
	}
	if err := base.filled().check(); err != nil {
		return base, fmt.Errorf("read world: %w", err)
	}
	return base, nil
}

// UnmarshalJSON reads durations as text and refuses unknown fields.
func (w *World) UnmarshalJSON(b []byte) error {
	type plain World
	var given map[string]json.RawMessage
	if err := json.Unmarshal(b, &given); err != nil {
		return err
	}
	// A list in the text replaces ours: decoded in place, its elements would
	// inherit what they do not name.
	next := *w
	next.Applications, next.Keys, next.Faults, next.Intrusions = nil, nil, nil, nil
	next.Projects, next.Providers, next.Roles = nil, nil, nil
	shadow := struct {
		*plain
		ProcessingTime, DeleteTime, ListLag, KeyLifetime, ClockSkew *duration
	}{
		(*plain)(&next),
		(*duration)(&next.ProcessingTime), (*duration)(&next.DeleteTime), (*duration)(&next.ListLag),
		(*duration)(&next.KeyLifetime), (*duration)(&next.ClockSkew),
	}
	if err := strict(b, &shadow, World{}); err != nil {
		return err
	}
	keep(given, "Applications", &next.Applications, w.Applications)
	keep(given, "Projects", &next.Projects, w.Projects)
	keep(given, "Keys", &next.Keys, w.Keys)
	keep(given, "Providers", &next.Providers, w.Providers)
	keep(given, "Roles", &next.Roles, w.Roles)
	keep(given, "Faults", &next.Faults, w.Faults)
	keep(given, "Intrusions", &next.Intrusions, w.Intrusions)
	*w = next
	return nil
}

// keep restores a list that the text does not name.
func keep[T any](given map[string]json.RawMessage, field string, list *[]T, old []T) {
	for name := range given {
		if strings.EqualFold(name, field) {
			return
		}
	}
	*list = old
}

// UnmarshalJSON reads the age as text and refuses unknown fields.
func (v *Version) UnmarshalJSON(b []byte) error {
	type plain Version
	return strict(b, &struct {
		*plain
		Age *duration
	}{(*plain)(v), (*duration)(&v.Age)}, *v)
}

// UnmarshalJSON refuses unknown fields.
func (a *Application) UnmarshalJSON(b []byte) error {
	type plain Application
	return strict(b, (*plain)(a), *a)
}

// UnmarshalJSON refuses unknown fields.
func (i *BaseInfo) UnmarshalJSON(b []byte) error {
	type plain BaseInfo
	return strict(b, (*plain)(i), *i)
}

// UnmarshalJSON refuses unknown fields.
func (s *Store) UnmarshalJSON(b []byte) error {
	type plain Store
	return strict(b, (*plain)(s), *s)
}

// UnmarshalJSON refuses unknown fields.
func (p *Project) UnmarshalJSON(b []byte) error {
	type plain Project
	return strict(b, (*plain)(p), *p)
}

// UnmarshalJSON refuses unknown fields.
func (k *Key) UnmarshalJSON(b []byte) error {
	type plain Key
	return strict(b, (*plain)(k), *k)
}

// UnmarshalJSON refuses unknown fields.
func (p *Provider) UnmarshalJSON(b []byte) error {
	type plain Provider
	return strict(b, (*plain)(p), *p)
}

// UnmarshalJSON reads the limit as text and refuses unknown fields.
func (role *Role) UnmarshalJSON(b []byte) error {
	type plain Role
	return strict(b, &struct {
		*plain
		MaxSession *duration
	}{(*plain)(role), (*duration)(&role.MaxSession)}, *role)
}

// UnmarshalJSON reads durations as text and refuses unknown fields.
func (i *Issuer) UnmarshalJSON(b []byte) error {
	type plain Issuer
	return strict(b, &struct {
		*plain
		TokenLifetime, ClockSkew *duration
	}{(*plain)(i), (*duration)(&i.TokenLifetime), (*duration)(&i.ClockSkew)}, *i)
}

// UnmarshalJSON reads the delay as text and refuses unknown fields.
func (f *Fault) UnmarshalJSON(b []byte) error {
	type plain Fault
	return strict(b, &struct {
		*plain
		Delay *duration
	}{(*plain)(f), (*duration)(&f.Delay)}, *f)
}

// UnmarshalJSON refuses unknown fields.
func (i *Intrusion) UnmarshalJSON(b []byte) error {
	type plain Intrusion
	return strict(b, (*plain)(i), *i)
}

// strict decodes b into target. Its error for an unknown field names those of
// model.
func strict(b []byte, target, model any) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(target)
	if err != nil && strings.HasPrefix(err.Error(), "json: unknown field") && !strings.Contains(err.Error(), "has these:") {
		kind := reflect.TypeOf(model)
		var names []string
		for field := range kind.Fields() {
			names = append(names, field.Name)
		}
		return fmt.Errorf("%w; %s has these: %s", err, kind.Name(), strings.Join(names, ", "))
	}
	return err
}

// duration is a time.Duration that JSON may write as "90s".
type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		return json.Unmarshal(b, (*int64)(d))
	}
	parsed, err := time.ParseDuration(text)
	*d = duration(parsed)
	return err
}
