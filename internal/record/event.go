package record

import (
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

// Event is what a run tells while it runs. The set is closed: the types in
// this file.
type Event interface{ event() }

// PhaseBegan is the beginning of a phase. Phases do not nest.
type PhaseBegan struct {
	Phase Phase
	At    time.Time
}

// PhaseEnded is the end of the phase that began last.
type PhaseEnded struct {
	Phase Phase
	At    time.Time
	Err   error
}

// Note is a line for the log.
type Note struct{ Text string }

// Warning is a line that deserves the reader's attention although the run
// goes on. Each is sent once.
type Warning struct{ Text string }

// Masked is a secret that the run has just learnt, sent before its first use.
type Masked struct{ Secret secret.String }

// Owned is what a clean-up after a killed process may remove: its mark and,
// once it is known, its version. Both are empty when nothing is to be removed
// any more.
type Owned struct{ Mark, VersionID string }

// Found is what a check of the doctor command has found.
type Found struct{ Finding Finding }

// Learned carries what is known so far, whenever a field was filled in.
type Learned struct{ Result Result }

// Uploaded is the progress of an upload.
type Uploaded struct {
	Done, Total int64         // bytes of the artifact; of a folder what was packed
	Sent        int64         // bytes sent of the archive that a folder becomes; 0 for a file
	Rate        float64       // bytes a second of Done, lately
	Left        time.Duration // estimated; 0 while unknown
}

// Waiting is the state of something that the run waits for.
type Waiting struct {
	For     string // "ver-a to be processed"
	Status  string // as the service words it
	Percent int    // -1 if unknown
	Elapsed time.Duration
}

// Retrying is a failed try that will be followed by another.
type Retrying struct {
	What    string // an API action, or "part 7"
	Attempt int    // the one that failed, from 1
	Wait    time.Duration
	Err     error
}

// Called is one request to a service and its answer, for the verbose log.
type Called struct {
	Action    string
	Took      time.Duration
	RequestID string
	Attempt   int
	Err       error
}

func (PhaseBegan) event() {}
func (PhaseEnded) event() {}
func (Note) event()       {}
func (Warning) event()    {}
func (Masked) event()     {}
func (Owned) event()      {}
func (Found) event()      {}
func (Learned) event()    {}
func (Uploaded) event()   {}
func (Waiting) event()    {}
func (Retrying) event()   {}
func (Called) event()     {}

// Phase is a part of a run that is shown as a group in the log and as a bar
// in the summary's chart.
type Phase string

// The phases, in the order in which a publish goes through them.
const (
	Inspect           Phase = "Inspect the artifact"
	Check             Phase = "Check the application"
	Room              Phase = "Make room"
	Create            Phase = "Create the version"
	CreateApplication Phase = "Create the application"
	Upload            Phase = "Upload"
	Hand              Phase = "Hand over the URL"
	Process           Phase = "Wait for CAR"
	Release           Phase = "Release"
	Name              Phase = "Name the version"
	Delete            Phase = "Delete the version"
	Undo              Phase = "Clean up"
	Examine           Phase = "Examine"
	Probe             Phase = "Probe"
)
