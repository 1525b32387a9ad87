package publish

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

func (r *run) line(command Command, version string) string { return r.o.Line(command, version) }

// Line is a command line that the reader can copy.
func (o Options) Line(command Command, version string) string {
	words := []string{"car-publish", string(command), "--application-id", o.ApplicationID}
	if version != "" {
		if !car.IsVersionID(version) {
			version = "VERSION-ID" // never into a line that somebody copies into a shell
		}
		words = append(words, "--version-id", version)
	}
	if o.Arguments != "" {
		words = append(words, o.Arguments)
	}
	return strings.Join(words, " ")
}

// suggestNext records what the reader may want to run after a success.
func (r *run) suggestNext(outcome record.Outcome) {
	switch outcome {
	case record.Ready:
		r.suggest(
			record.Command{Purpose: "put it online", Line: r.line(Release, r.ours.ID)},
			record.Command{Purpose: "delete it", Line: r.line(Delete, r.ours.ID)})
	case record.Released:
		r.suggestRollback()
	default:
	}
}

// suggestRollback records the way back to what was online before, if anything
// was.
func (r *run) suggestRollback() {
	if r.previous != "" {
		r.suggest(record.Command{Purpose: "roll back", Line: r.line(Rollback, r.previous)})
	}
}

// removeUnnamed is the command line that removes what this run may have made
// and knows no id of; where no key tells it from a sibling's, a person must
// look.
func (r *run) removeUnnamed() string {
	if !r.o.KeyComplete || !plainWord.MatchString(r.o.RunKey) {
		return r.line(List, "")
	}
	return r.line(Cleanup, "") + fmt.Sprintf(" --run-key %s --run-attempt %d", r.o.RunKey, max(1, r.o.Attempt))
}

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[0-9A-Za-z_./:@+][0-9A-Za-z_./:@+-]*$`)
