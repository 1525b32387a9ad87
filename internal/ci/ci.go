// Package ci is the CI that a run happens on: who the run is, how secrets
// are masked, where outputs and the summary go, what an annotation, a group
// or progress look like. One file per CI; a CI that can do less than another
// embeds plain.
package ci

import (
	"io"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

// Host is a CI, or a terminal. Every text is given as it is; a Host escapes
// what its CI would take for a command.
type Host interface {
	// Name is the one that the input ci takes: "github", "plain".
	Name() string

	// Run says who this run is.
	Run() Run

	// Mask makes the CI hide a secret from now on. A Host hides it in its
	// own output, too.
	Mask(secret.String)

	// Print writes one line to the log. A line break in it is shown as a
	// space, so that no text can start a line of its own.
	Print(line string)

	// BeginGroup and EndGroup enclose lines that belong together. Groups do
	// not nest.
	BeginGroup(title string)
	EndGroup()

	// Annotate shows a finding where the CI shows findings, and in the log.
	// The text may have several lines.
	Annotate(level Level, title, text string)

	// Progress shows how far something is. It may be called often: a Host
	// shows as much of it as suits a terminal or a log file.
	Progress(Progress)

	// Output sets an output of the step. The value may have any content.
	Output(name, value string) error

	// Summary shows the run's summary: Markdown where the CI renders it,
	// the plain text in the log where it does not. Called once, at the end.
	Summary(markdown, plain string) error
}

// Level is how grave an annotation is.
type Level int

// The levels.
const (
	Notice Level = iota
	Warning
	Error
)

// Progress is how far something is.
type Progress struct {
	What        string        // "Upload", "ver-a is Creating"
	Done, Total int64         // Total is 0 while unknown
	Bytes       bool          // Done and Total are bytes, not percent
	Rate        float64       // bytes a second; 0 if it does not apply
	Left        time.Duration // estimated; 0 while unknown
	Elapsed     time.Duration
}

// Run is who this run is, as the CI tells it.
type Run struct {
	// Key is the same for every attempt of one step of one run, and
	// different for every sibling (another job, matrix leg or step).
	// Complete says that it has every part it needs for that.
	Key      string
	Complete bool
	Attempt  int // from 1; 0 if the CI does not say

	Repository, Actor, Commit, Ref string
	URL                            string // of the run's page

	// Left is how much time the CI leaves to the job; 0 if it does not say.
	Left time.Duration

	Debug bool // the CI was asked for a verbose log
}

// Streams are where a Host writes, and what it may ask of the environment.
type Streams struct {
	Out, Err io.Writer
	Getenv   func(string) string
	Terminal bool // Err is a terminal
}
