package inputs

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/go-multierror"
)

// Problem is one thing that is wrong with the inputs.
type Problem struct {
	Input string // as the user wrote it: "INPUT_ON-BLOCKED", "--timeout", "CAR_TIMEOUT"; "" if it was not given
	Name  string // of the input; "" if a flag or a word is not an input
	Value string // "" if there is none, or if it may hold a secret
	Text  string // what is wrong, as the end of a sentence about the value, or about the input
	Hint  string // what to do
}

// Problems returns the problems in an error of Parse.
func Problems(err error) []*Problem {
	var all *multierror.Error
	if !errors.As(err, &all) {
		return nil
	}
	var problems []*Problem
	for _, err := range all.Errors {
		var p *Problem
		if errors.As(err, &p) {
			problems = append(problems, p)
		}
	}
	return problems
}

// Error returns one line. A value is quoted, so that it cannot start another line.
func (p *Problem) Error() string {
	var b strings.Builder
	switch {
	case p.Name == "":
		b.WriteString(showName(p.Input))
	case p.Value == "":
		b.WriteString(p.Name)
	default:
		b.WriteString(p.Name + ": " + quote(p.Value))
	}
	b.WriteString(" " + p.Text)
	if p.Hint != "" {
		b.WriteString(": " + p.Hint)
	}
	if p.Name != "" && p.Input != "" {
		b.WriteString(" (from " + showName(p.Input) + ")")
	}
	return b.String()
}

// showName quotes a name from outside unless it can be shown as it is.
func showName(name string) string {
	if len(name) > maxShown || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return quote(name)
	}
	return name
}

// How much is shown of a text from outside. A longer one is usually a file that was
// pasted into the wrong place.
const (
	maxShown = 100 // runes
	ellipsis = "..."
)

// quote quotes a text from outside and cuts a long one.
func quote(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		text = string(runes[:maxShown]) + ellipsis
	}
	return fmt.Sprintf("%q", text)
}

// format lists the problems for the log.
func format(problems []error) string {
	if len(problems) == 1 {
		return problems[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d problems with the inputs:", len(problems))
	for _, p := range problems {
		b.WriteString("\n  - " + p.Error())
	}
	return b.String()
}

// oneOf lists choices: "a, b or c".
func oneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
