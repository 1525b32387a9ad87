package ci

import (
	"fmt"
	"io"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

var plainDialect = dialect{
	name:    "plain",
	matches: func(func(string) string) bool { return true },
	open:    func(s Streams) Host { return newPlain(s) },
}

// plain is a terminal, or a CI that is not known. All goes to Err: Out is for
// data, such as a list in JSON that a script reads.
type plain struct {
	masks
	beat     progressThrottle
	w        io.Writer
	getenv   func(string) string
	terminal bool
	colour   bool
	indent   string
	width    func() int
	bar      *bar
	drawn    time.Time
}

func newPlain(s Streams) *plain {
	return &plain{
		w:        s.Err,
		getenv:   s.Getenv,
		terminal: s.Terminal,
		width:    s.Width,
		// https://no-color.org
		colour: s.Terminal && s.Getenv("NO_COLOR") == "" && s.Getenv("TERM") != "dumb",
	}
}

func (p *plain) Name() string { return plainDialect.name }

// Run knows nothing: no variable means the same to everybody.
func (p *plain) Run() Run { return Run{} }

// Save does nothing: what runs later gets nothing from here.
func (p *plain) Save(string, string) error { return nil }

func (p *plain) Saved(string) string { return "" }

func (p *plain) Mask(s secret.String) { p.add(s) }

func (p *plain) Print(line string) {
	p.write(p.indent + harmlessLine(p.Hide(line)))
}

func (p *plain) BeginGroup(title string) {
	p.EndGroup()
	p.write(p.paint(bold, harmlessLine(p.Hide(title))))
	p.indent = "  "
}

func (p *plain) EndGroup() {
	p.clear()
	p.indent = ""
}

// The terminal's codes for bold and for the colours of the levels.
const (
	bold   = 1
	red    = 31
	yellow = 33
	cyan   = 36
)

func (p *plain) Annotate(level Level, title, text string) {
	colour := map[Level]int{Notice: cyan, Warning: yellow, Error: red}[level]
	for _, line := range p.annotation(p.paint(colour, levelWords[level]), title, text) {
		p.write(line)
	}
}

func (p *plain) Progress(now Progress) {
	now.What, now.Detail = harmlessLine(p.Hide(now.What)), harmlessLine(p.Hide(now.Detail))
	if !p.terminal {
		if p.beat.due(now) {
			p.write(p.indent + now.line())
		}
		return
	}
	if now.Percent >= 100 { // what is complete stays in sight, as a line
		p.clear()
		if p.beat.due(now) {
			p.write(p.indent + now.line())
		}
		return
	}
	width := p.columns()
	if !fits(width, now.Percent >= 0) {
		p.clear()
		if p.beat.due(now) {
			p.write(p.indent + now.line())
		}
		return
	}
	p.beat.due(now)
	switch measured := now.Percent >= 0; {
	case p.bar == nil || p.bar.width != width || p.bar.shape.What != now.What || (p.bar.shape.Percent >= 0) != measured:
		p.clear()
		p.bar = newBar(p.w, width, measured)
	case time.Since(p.drawn) < redrawInterval, measured && p.bar.shape == now:
		return
	}
	p.drawn = time.Now()
	p.bar.draw(now)
}

// columns is the width of the terminal.
func (p *plain) columns() int {
	if p.width != nil {
		if width := p.width(); width > 0 {
			return width
		}
	}
	return usualWidth
}

// redrawInterval is as often as an eye can follow. The library's own limit would
// let the description through and hold the percentage back.
const redrawInterval = 100 * time.Millisecond

// Output has nowhere to go: the input output-file is for that.
func (p *plain) Output(string, string) error { return nil }

func (p *plain) Summary(_ Level, _, text string) error {
	p.EndGroup()
	if text == "" {
		return nil
	}
	p.write("")
	for _, line := range harmlessLines(p.Hide(text)) {
		p.write(line)
	}
	return nil
}

// write writes one line, above the bar if there is one. It ignores errors: a run
// must not stop half-done because the log is closed.
func (p *plain) write(line string) {
	p.clear()
	_, _ = io.WriteString(p.w, line+"\n")
}

func (p *plain) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

func (p *plain) paint(code int, text string) string {
	if !p.colour {
		return text
	}
	return fmt.Sprintf("\x1b[%dm%s\x1b[0m", code, text)
}
