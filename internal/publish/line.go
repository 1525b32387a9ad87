package publish

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// Argument is an input with its value.
type Argument struct{ Name, Value string }

func (r *run) line(command Command, version string) string {
	var more []Argument
	if s := r.o.Start; command == Release {
		more = []Argument{{"start-path", s.Path}, {"start-parameters", s.Parameters}, {"start-processes", strings.Join(s.Processes, ",")}}
		more = slices.DeleteFunc(more, func(a Argument) bool { return a.Value == "" })
	}
	return r.o.Line(command, version, more...)
}

// Line is a command that the reader can copy: a command line or, in a workflow, the
// inputs of a step.
func (o Options) Line(command Command, version string, more ...Argument) string {
	arguments := []Argument{{"application-id", o.ApplicationID}}
	if version != "" {
		if !car.IsVersionID(version) {
			version = "VERSION-ID" // never into a line that somebody copies into a shell
		}
		arguments = append(arguments, Argument{"version-id", version})
	}
	arguments = append(append(arguments, o.Arguments...), more...)
	if o.InAction {
		return stepInputs(command, arguments)
	}
	words := []string{"car-publish", string(command)}
	for _, a := range arguments {
		words = append(words, "--"+a.Name, shellWord(a.Value))
	}
	return strings.Join(words, " ")
}

// shellWord writes a value as shells read it. What other programs and cmd.exe read as
// well is preferred: most values need no quotes, or double ones.
func shellWord(value string) string {
	switch {
	case plainWord.MatchString(value):
		return value
	case !strings.ContainsAny(value, "\"$`\\!%"):
		return `"` + value + `"`
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}

// stepInputs writes a command as YAML in one line. JSON's quotes are YAML's as well.
func stepInputs(command Command, arguments []Argument) string {
	pairs := []string{"command: " + string(command)}
	for _, a := range arguments {
		value := a.Value
		if !plainValue.MatchString(value) {
			value = strconv.Quote(value)
		}
		pairs = append(pairs, a.Name+": "+value)
	}
	return "use the action with: {" + strings.Join(pairs, ", ") + "}"
}

// plainValue is an id, which YAML reads as a text without quotes.
var plainValue = regexp.MustCompile(`^(app|ver)-[0-9A-Za-z_-]+$`)

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
	more := []Argument{{"run-key", r.o.RunKey}}
	if !r.o.InAction { // which has no such input
		more = append(more, Argument{"run-attempt", strconv.Itoa(max(1, r.o.Attempt))})
	}
	return r.o.Line(Cleanup, "", more...)
}

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[0-9A-Za-z_./:@+][0-9A-Za-z_./:@+-]*$`)
