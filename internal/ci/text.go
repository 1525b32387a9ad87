package ci

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// commands are what other CIs take for a command wherever it stands in a
// line: ##[name] (GitHub's old form, Azure, CNB), ##vso[, ##teamcity[. Azure's
// agent compares texts as a reader would, who does not see format characters
// and marks among the letters.
var commands = regexp.MustCompile(`#[\p{Cf}\p{M}]*#([\w\p{Cf}\p{M}]*\[)`)

// headers are what Buildkite takes for the head of a group of lines:
// https://buildkite.com/docs/pipelines/configure/managing-log-output
var headers = regexp.MustCompile(`^\s*(---|\+\+\+|~~~|\^\^\^)`)

// tame makes one harmless line of a text, whichever CI reads it: control
// characters, and with them line breaks and terminal codes, become spaces, so
// do the characters that turn the direction of writing, and no part is left
// that a runner would obey.
func tame(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', unicode.Is(unicode.Bidi_Control, r):
			return ' '
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", " "))
	text = commands.ReplaceAllString(text, "# #$1")
	// GitHub's runner skips space before "::".
	if body := strings.TrimLeftFunc(text, unicode.IsSpace); strings.HasPrefix(body, "::") {
		text = text[:len(text)-len(body)] + ": :" + body[2:]
	}
	if m := headers.FindStringIndex(text); m != nil {
		text = text[:m[1]-1] + " " + text[m[1]-1:]
	}
	return strings.TrimRightFunc(text, unicode.IsSpace)
}

// Harmless is a text of several lines that no CI obeys, for what does not go
// through a Host.
func Harmless(text string) string {
	return strings.Join(tameLines(text), "\n") + "\n"
}

// tameLines is tame for a text of several lines.
func tameLines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = tame(line)
	}
	return lines
}

// line is the progress as a line of a log.
func (p Progress) line() string {
	text := p.What
	if p.Percent >= 0 {
		text += ": " + strconv.Itoa(p.Percent) + "%"
	}
	if p.Detail != "" {
		text += ", " + p.Detail
	}
	return text
}

// beat tells when progress is worth another line.
type beat struct {
	what    string
	percent int
	last    time.Time
}

// beatEvery is short enough to see that a run is alive, and long enough for
// the log of a long upload to stay readable.
const beatEvery = 10 * time.Second

// due reports whether to show p: it is about something new, it is complete,
// or the last line was a while ago.
func (b *beat) due(p Progress) bool {
	now := time.Now()
	complete := p.Percent >= 100 && b.percent < 100
	if p.What == b.what && !complete && now.Sub(b.last) < beatEvery {
		return false
	}
	*b = beat{p.What, p.Percent, now}
	return true
}

// words are how the levels begin where a CI has no mark of its own for them.
var words = map[Level]string{Notice: "note:", Warning: "warning:", Error: "error:"}

// finding is an annotation as lines of a log; name is what it begins with.
func (m *masks) finding(name, title, text string) []string {
	if title != "" {
		name += " " + tame(m.Hide(title)) + ":"
	}
	lines := tameLines(m.Hide(text))
	for i := range lines[1:] {
		lines[1+i] = "  " + lines[1+i]
	}
	lines[0] = name + " " + lines[0]
	return lines
}

// variable is the name that an output has where outputs are variables. No
// program of ours reads it as an input.
func variable(name string) string {
	return "CAR_PUBLISHED_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// references begin what a CI would replace by another variable's value, a
// secret's too, where it reads a variable: $NAME and ${NAME} (GitLab, Drone,
// CNB), $(NAME) (Azure), <+NAME> (Harness).
var references = regexp.MustCompile(`<[$+]+|\$`)

// inert is a value without references: names of versions are other people's.
func inert(value string) string {
	return references.ReplaceAllStringFunc(value, func(s string) string { return strings.TrimRight(s, "$+") })
}
