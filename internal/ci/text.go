package ci

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// commands are what other CIs take for a command wherever it stands in a
// line: ##[name] (GitHub's old form, Azure, CNB), ##vso[, ##teamcity[.
var commands = regexp.MustCompile(`##(\w*\[)`)

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
	return strings.TrimRightFunc(text, unicode.IsSpace)
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
