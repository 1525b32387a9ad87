package ci

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// commandMarks are what other CIs take for a command wherever it stands in a
// line: ##[name] (GitHub's old form, Azure, CNB), ##vso[, ##teamcity[. Azure's
// agent compares texts as a reader would, who does not see format characters
// and marks among the letters.
var commandMarks = regexp.MustCompile(`#[\p{Cf}\p{M}]*#([\w\p{Cf}\p{M}]*\[)`)

// groupHeaders are what Buildkite takes for the head of a group of lines:
// https://buildkite.com/docs/pipelines/configure/managing-log-output
var groupHeaders = regexp.MustCompile(`^\s*(---|\+\+\+|~~~|\^\^\^)`)

// harmlessLine makes one harmless line of a text, whichever CI reads it: control
// characters, and with them line breaks and terminal codes, become spaces, so
// do the characters that turn the direction of writing, and no part is left
// that a runner would obey.
func harmlessLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', unicode.Is(unicode.Bidi_Control, r):
			return ' '
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", " "))
	text = commandMarks.ReplaceAllString(text, "# #$1")
	// GitHub's runner skips space before "::".
	if body := strings.TrimLeftFunc(text, unicode.IsSpace); strings.HasPrefix(body, "::") {
		text = text[:len(text)-len(body)] + ": :" + body[2:]
	}
	if m := groupHeaders.FindStringIndex(text); m != nil {
		text = text[:m[1]-1] + " " + text[m[1]-1:]
	}
	return strings.TrimRightFunc(text, unicode.IsSpace)
}

// HarmlessLine is a text as one line that no CI obeys, whoever prints it.
func HarmlessLine(text string) string { return harmlessLine(text) }

// Harmless is a text of several lines that no CI obeys, for what does not go
// through a Host.
func Harmless(text string) string {
	return strings.Join(harmlessLines(text), "\n") + "\n"
}

// harmlessLines is harmlessLine for a text of several lines.
func harmlessLines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = harmlessLine(line)
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

// progressThrottle decides when progress gets another line in the log.
type progressThrottle struct {
	what    string
	percent int
	last    time.Time
}

// progressInterval is short enough to see that a run is alive, and long enough for
// the log of a long upload to stay readable.
const progressInterval = 10 * time.Second

// due reports whether to show p: it is about something new, it is complete,
// or the last line was a while ago.
func (b *progressThrottle) due(p Progress) bool {
	now := time.Now()
	complete := p.Percent >= 100 && b.percent < 100
	if p.What == b.what && !complete && now.Sub(b.last) < progressInterval {
		return false
	}
	*b = progressThrottle{p.What, p.Percent, now}
	return true
}

// levelWords are how the levels begin where a CI has no mark of its own for them.
var levelWords = map[Level]string{Notice: "note:", Warning: "warning:", Error: "error:"}

// annotation is an annotation as lines of a log; name is what it begins with.
func (m *masks) annotation(name, title, text string) []string {
	if title != "" {
		name += " " + harmlessLine(m.Hide(title)) + ":"
	}
	lines := harmlessLines(m.Hide(text))
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

// withoutReferences is a value without references: names of versions are other people's.
func withoutReferences(value string) string {
	return references.ReplaceAllStringFunc(value, func(s string) string { return strings.TrimRight(s, "$+") })
}
