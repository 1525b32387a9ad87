// Package record is what a run tells: the events while it goes on, the result at
// its end, and what the doctor command has found. It holds data alone, so that
// log, summary and outputs need not know the flow that fills it in.
package record

import "time"

// Result is what a run did, filled in as far as it got. Its JSON form is a
// public contract (see Schema); the field names are those of the outputs.
type Result struct {
	Schema  int     `json:"schema"` // 1
	Tool    string  `json:"tool"`   // "car-publish 1.2.3"
	Command string  `json:"command"`
	Outcome Outcome `json:"outcome"`

	ApplicationID       string `json:"application_id"`
	ApplicationName     string `json:"application_name,omitempty"`
	ApplicationCategory string `json:"application_category,omitempty"` // desktop or mobile

	VersionID         string     `json:"version_id,omitempty"`
	VersionName       string     `json:"version_name,omitempty"`
	VersionStatus     string     `json:"version_status,omitempty"`
	VersionSize       int64      `json:"version_size"` // bytes, as CAR counts them
	VersionRegions    []string   `json:"version_regions,omitempty"`
	VersionUpdateMode string     `json:"version_update_mode,omitempty"`
	CreateTime        *time.Time `json:"create_time,omitempty"`
	RequestID         string     `json:"request_id,omitempty"` // of CreateApplicationVersion; after a failure, of the call that failed

	PreviousVersionID string   `json:"previous_version_id,omitempty"` // was online before: the rollback target
	DeletedVersionIDs []string `json:"deleted_version_ids,omitempty"`
	BlockingVersionID string   `json:"blocking_version_id,omitempty"`
	Versions          []Listed `json:"versions,omitempty"` // of the list command

	Applications []ListedApplication `json:"applications,omitempty"` // of list and doctor without an application

	StartPath         string   `json:"start_path,omitempty"`          // of the application, if this run has set it
	PreviousStartPath string   `json:"previous_start_path,omitempty"` // from before that
	Players           *Players `json:"players,omitempty"`             // who can get what is online

	MakeRoom []string `json:"make_room,omitempty"` // of a dry run: what would have to happen before the create

	// Of the doctor command.
	Checks      []Finding         `json:"checks,omitempty"`
	Policy      *Policy           `json:"policy,omitempty"`       // the least one for a publish with these inputs
	TrustPolicy *Policy           `json:"trust_policy,omitempty"` // of the role, where keys come from a token
	Probe       []Answer          `json:"probe,omitempty"`
	World       map[string]string `json:"world,omitempty"` // of the simulator, as far as the probe could tell

	ArtifactName   string  `json:"artifact_name,omitempty"`
	ArtifactFormat string  `json:"artifact_format,omitempty"`
	ArtifactSize   int64   `json:"artifact_size"`    // bytes
	Folder         *Folder `json:"folder,omitempty"` // if the artifact is one
	ArtifactCRC64  string  `json:"artifact_crc64,omitempty"`
	UploadRate     float64 `json:"upload_rate,omitempty"` // bytes a second, over the whole upload

	ErrorCode    string `json:"error_code,omitempty"`
	ErrorMessage string `json:"error_message,omitempty"`
	ErrorHint    string `json:"error_hint,omitempty"`

	// Each mistake in the inputs, where there are several; ErrorMessage has
	// them all in one line.
	Problems []string `json:"problems,omitempty"`

	Left     []Leftover `json:"left,omitempty"` // what an unsuccessful run could not remove
	Next     []Command  `json:"next,omitempty"` // what the reader may want to run now
	Warnings []string   `json:"warnings,omitempty"`

	Requests        []Request `json:"requests,omitempty"` // one for each call that changed something, and the last failed one
	Phases          []Span    `json:"phases,omitempty"`
	Started         time.Time `json:"started"`
	DurationSeconds float64   `json:"duration_seconds"`

	ConsoleURL string `json:"console_url,omitempty"`
	Message    string `json:"message,omitempty"` // one plain line for a chat
	Run        Job    `json:"run"`
}

// Folder is what was packed, and what was not.
type Folder struct {
	Files        int    `json:"files"`
	Size         int64  `json:"size"` // bytes, of the files
	LeftOutFiles int    `json:"left_out_files"`
	LeftOutSize  int64  `json:"left_out_size"` // bytes
	Largest      []File `json:"largest"`       // at most ten
}

// File is a file in the archive.
type File struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
}

// Schema is the version of Result's JSON form.
const Schema = 1

// Outcome is how a run ended, in one word.
type Outcome string

// The outcomes. Released, Ready, Created and Planned are successes.
const (
	Released  Outcome = "released"  // the version is online
	Ready     Outcome = "ready"     // the version is there, and not online
	Created   Outcome = "created"   // the version was created; CAR has not accepted the build yet
	Planned   Outcome = "planned"   // a dry run: nothing was changed
	Exists    Outcome = "exists"    // create-application: there is one of that name
	Listing   Outcome = "listed"    // list
	Deleted   Outcome = "deleted"   // delete
	Cleaned   Outcome = "cleaned"   // cleanup, whether or not something was there
	Healthy   Outcome = "healthy"   // doctor: a publish could run
	Blocked   Outcome = "blocked"   // another version is in the way
	Failed    Outcome = "failed"    //
	Cancelled Outcome = "cancelled" // interrupted or terminated
)

// Succeeded reports whether the outcome is one that was asked for.
func (o Outcome) Succeeded() bool {
	switch o {
	case Released, Ready, Created, Planned, Exists, Listing, Deleted, Cleaned, Healthy:
		return true
	default:
		return false
	}
}

// Listed is one version of an application, as the list command tells it.
type Listed struct {
	ID         string     `json:"version_id"`
	Name       string     `json:"version_name"`
	Status     string     `json:"version_status"`
	Size       int64      `json:"version_size"`
	Regions    []string   `json:"version_regions,omitempty"`
	UpdateMode string     `json:"version_update_mode,omitempty"`
	CreateTime *time.Time `json:"create_time,omitempty"`
}

// ListedApplication is one application, as list and doctor tell it.
type ListedApplication struct {
	ID        string `json:"application_id"`
	Name      string `json:"application_name"`
	Type      string `json:"application_type"`
	Status    string `json:"application_status"`
	Versions  int    `json:"versions"`
	Online    string `json:"online_version_id,omitempty"`
	StartPath string `json:"start_path,omitempty"`
}

// Players is who can get what is online: an application reaches players only through
// a project with concurrency.
type Players struct {
	Projects    int      `json:"projects"`
	Concurrency int      `json:"concurrency"` // players at the same time
	Playing     int      `json:"playing"`     // now
	Regions     []string `json:"regions,omitempty"`
	Preload     bool     `json:"preload,omitempty"` // idle instances run already
}

// MostVersions is how many versions CAR lets an application hold.
const MostVersions = 5

// Leftover is something that a run left behind, and the command that removes
// it.
type Leftover struct {
	What    string `json:"what"`
	Command string `json:"command"`
}

// Command is a command line and what it is for.
type Command struct {
	Purpose string `json:"purpose"`
	Line    string `json:"command"`
}

// Request names one API call, so that the service's support can find it.
type Request struct {
	Action    string `json:"action"`
	RequestID string `json:"request_id"`
}

// Span is a phase that has ended, or was cut short.
type Span struct {
	Phase  Phase     `json:"phase"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Failed bool      `json:"failed,omitempty"`
}

// Job says on whose behalf this happened, as the CI tells it.
type Job struct {
	CI         string `json:"ci,omitempty"`
	Repository string `json:"repository,omitempty"`
	Actor      string `json:"actor,omitempty"`
	Commit     string `json:"commit,omitempty"`
	Ref        string `json:"ref,omitempty"`
	URL        string `json:"url,omitempty"`
}
