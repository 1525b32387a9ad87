package car

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

// Category is what kind of device an application runs on.
type Category string

// The categories.
const (
	Desktop Category = "DESKTOP"
	Mobile  Category = "MOBILE"
)

// Status is the state of a version, as the API spells it.
type Status string

// The statuses. Any other is one that this program does not know yet.
const (
	Uploading    Status = "Uploading"    // created, the build is on its way
	Creating     Status = "Creating"     // created, or being processed: the API does not tell the two apart
	CreateFailed Status = "CreateFailed" // final; the API tells no reason
	Deleting     Status = "Deleting"     // about to be gone
	Normal       Status = "Normal"       // ready, never released
	Inuse        Status = "Inuse"        // online
	Usable       Status = "Usable"       // was online before
)

// Good reports whether the version is ready to be put online, or is online.
func (s Status) Good() bool { return s == Normal || s == Usable || s == Inuse }

// Underway reports whether CAR is waiting for the build or processing it.
func (s Status) Underway() bool { return s == Creating || s == Uploading }

// Version is one version of an application.
type Version struct {
	ID         string   `json:"ApplicationVersionId"`
	Name       string   `json:"ApplicationVersionName"`
	Status     Status   `json:"ApplicationVersionStatus"`
	Size       int64    `json:"ApplicationVersionSize"` // bytes; 0 until the build is there
	CreateTime Time     `json:"CreateTime"`
	Regions    []string `json:"ApplicationVersionRegions"`
	UpdateMode string   `json:"ApplicationVersionUpdateMode"` // FULL, INCREMENT or ""
}

// Time is a time in one of the forms that the API uses. What does not parse
// is the zero time: no flow may fail because of it.
type Time struct{ time.Time }

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return nil //nolint:nilerr // as above
	}
	if parsed, err := time.Parse(time.RFC3339Nano, s); err == nil && parsed.UTC().Year() >= 1 && parsed.UTC().Year() <= 9999 {
		t.Time = parsed.UTC()
	}
	return nil
}

// IsVersionID reports whether a text has the form of a version's id: it goes
// into command lines that a reader may copy, and into the check of a path.
func IsVersionID(text string) bool { return versionID.MatchString(text) }

var versionID = regexp.MustCompile(`^ver-[0-9A-Za-z_-]{1,64}$`)

// Application is one application, desktop or mobile; a mobile one has no
// start path.
type Application struct {
	ID           string    `json:"ApplicationId"`
	Name         string    `json:"ApplicationName"`
	Type         string    `json:"ApplicationType"` // Application3D, ApplicationXR, ApplicationAPK, ApplicationWeb
	ExePath      string    `json:"ApplicationExePath"`
	InterList    string    `json:"ApplicationInterList"` // names of its processes: "a.exe|b.exe"
	Params       string    `json:"ApplicationParams"`
	BaseInfo     BaseInfo  `json:"ApplicationBaseInfo"`
	Stores       []Storage `json:"ApplicationStores"`
	RunStatus    string    `json:"ApplicationRunStatus"`
	UpdateStatus string    `json:"ApplicationUpdateStatus"`
	Progress     int       `json:"ApplicationUpdateProgress"` // percent
	Versions     []Version `json:"ApplicationVersions"`
	Category     Category  `json:"-"` // of the list in which it was found
}

// ApplicationStatus is how far the update of an application is.
type ApplicationStatus struct {
	ApplicationID string `json:"ApplicationId"`
	RunStatus     string `json:"ApplicationRunStatus"`
	UpdateStatus  string `json:"ApplicationUpdateStatus"`
	Progress      int    `json:"ApplicationUpdateProgress"` // percent
}

// CosCredential is a set of temporary keys for one object.
type CosCredential struct {
	SecretID, SecretKey, SessionToken secret.String
	Bucket, Region, Path              string
	Start, Expired                    time.Time
}

// cosCredential is its form on the wire, the only place where the keys are
// plain text. SecretID is the API's spelling.
type cosCredential struct {
	SecretID, SecretKey, SessionToken string
	CosBucket, CosRegion, Path        string
	StartTime, ExpiredTime            int64 // unix seconds
}

func (c cosCredential) open() CosCredential {
	return CosCredential{
		SecretID: secret.New(c.SecretID), SecretKey: secret.New(c.SecretKey), SessionToken: secret.New(c.SessionToken),
		Bucket: c.CosBucket, Region: c.CosRegion, Path: c.Path,
		Start: time.Unix(c.StartTime, 0), Expired: time.Unix(c.ExpiredTime, 0),
	}
}
