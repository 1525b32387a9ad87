// Package ci speaks to the CI that a run happens on: it says which run this is,
// masks secrets, and writes outputs, the summary, annotations, groups and
// progress in the CI's own form. There is one file per CI; a CI that lacks some of
// these embeds plain.
package ci

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

// Host is a CI, or a terminal. Callers pass texts unescaped: a Host escapes what
// its CI would take for a command, and hides the secrets it knows. It is not safe
// for concurrent use.
type Host interface {
	// Name is the one that the input ci takes: "github", "gitlab", "plain".
	Name() string

	// Run says who this run is.
	Run() Run

	// Mask makes the CI hide a secret from now on. A Host hides it in its
	// own output, too.
	Mask(secret.String)

	// Hide returns text without the secrets given to Mask, for what goes
	// to a file of the user's.
	Hide(text string) string

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

	// Save keeps a value for the post step, which the CI runs however this step
	// ends; on a CI without post steps it does nothing. In the post step, Saved
	// returns that value.
	Save(name, value string) error
	Saved(name string) string

	// Summary shows the run's summary: Markdown where the CI renders it,
	// the plain text in the log where it does not. Level is how the run ended:
	// Notice if it did what was asked. Called once, at the end.
	Summary(level Level, markdown, plain string) error
}

// Level is the severity of an annotation.
type Level int

// The levels.
const (
	Notice Level = iota
	Warning
	Error
)

// Progress is how far something is. The first one with another What is shown at
// once.
type Progress struct {
	What    string // "Upload", "ver-a is Creating"
	Percent int    // -1 while unknown
	Detail  string // "1.2 GiB of 2.1 GiB, 48.3 MiB/s, 25s left"
}

// Unknown is the Percent of what cannot be measured.
const Unknown = -1

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
	Terminal bool       // Err is a terminal
	Width    func() int // of that terminal, in columns; 0 or no function if it is not known
}

// Detect returns the Host of that name, or, for an empty name, of the CI that
// the environment tells of.
func Detect(name string, s Streams) (Host, error) {
	for _, d := range dialects {
		if d.name == name || name == "" && d.matches(s.Getenv) {
			s.Terminal = s.Terminal && d.name == plainDialect.name // a CI keeps a log, even of a terminal
			return d.open(s), nil
		}
	}
	return nil, fmt.Errorf("unknown CI %q: choose one of %s, or leave it empty to detect it", name, strings.Join(Names(), ", "))
}

// Names lists the Hosts there are.
func Names() []string {
	names := make([]string, len(dialects))
	for i, d := range dialects {
		names[i] = d.name
	}
	return names
}

// dialect is one CI: each file of this package that speaks for one has one.
type dialect struct {
	name    string
	matches func(getenv func(string) string) bool
	open    func(Streams) Host
}

// dialects are tried in this order; plain fits everywhere. A CI that also sets the
// variable of another one comes before it: Forgejo's runner sets Gitea's variable,
// both set GitHub's, and Harness sets Drone's.
var dialects = []dialect{
	forgejoDialect, giteaDialect, githubDialect,
	gitlabDialect,
	woodpeckerDialect, harnessDialect, droneDialect,
	cnbDialect,
	azureDialect,
	buildkiteDialect,
	jenkinsDialect,
	plainDialect,
}

// hasExactly tells a CI by a variable that has this value.
func hasExactly(name, value string) func(getenv func(string) string) bool {
	return func(getenv func(string) string) bool { return getenv(name) == value }
}

// hasValue tells a CI by a variable that has any value.
func hasValue(name string) func(getenv func(string) string) bool {
	return func(getenv func(string) string) bool { return getenv(name) != "" }
}

// runKey makes a Run's Key of the values of these variables. It is whole if each
// of them has one: in a container many a variable is missing.
func runKey(getenv func(string) string, names ...string) (key string, whole bool) {
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = getenv(name)
	}
	return strings.Join(parts, "/"), !slices.Contains(parts, "")
}

// firstOf returns the value of the first of these variables that is set.
func firstOf(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// timeLeft is what is left of a limit that began at started; without a start, all
// of it. After its end it is still a moment, since the CI has not killed the job.
func timeLeft(limit time.Duration, started time.Time) time.Duration {
	if limit <= 0 || started.IsZero() {
		return max(0, limit)
	}
	return max(time.Second, limit-time.Since(started))
}
