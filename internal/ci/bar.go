package ci

import (
	"io"
	"strings"
	"unicode"

	"github.com/schollz/progressbar/v3"
)

// A bar is one line of a terminal. A line that is wider stays in sight in part whenever
// the next one is drawn, ten times a second, until nothing else is left on the screen.
const (
	usualWidth = 80 // columns, where the terminal does not tell
	widestBar  = 20
	shortBar   = 5
	aroundBar  = 11 // "  40% |" before it, "|  " behind it and a blank at the end
	aroundSpin = 4  // the spinner and its blanks
	spare      = 2  // the last column, where some terminals wrap, and the carriage return that the library counts
	leastText  = 8  // with less than that there is no bar
)

// bar is a progress bar, or a spinner where nothing can be measured, that fits into the
// terminal. Rate and time left are in its text: the caller knows them better.
type bar struct {
	*progressbar.ProgressBar
	w     *mutable
	shape Progress // what is drawn
	width int      // of the terminal it was made for
}

func newBar(w io.Writer, width int, measured bool) *bar {
	total := 100
	if !measured {
		total = -1
	}
	out := &mutable{w: w}
	return &bar{w: out, width: width, ProgressBar: progressbar.NewOptions(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionShowDescriptionAtLineEnd(),
		// 0: turn with each call, not in a goroutine of its own.
		progressbar.OptionSetSpinnerChangeInterval(0),
	)}
}

// fits reports whether a terminal is wide enough for a bar.
func fits(width int, measured bool) bool {
	return width >= spare+leastText+aroundSpin && (!measured || width >= spare+leastText+aroundBar+shortBar)
}

// draw draws the progress once: the library draws for the text and for the percentage,
// so that the latter is set in silence.
func (b *bar) draw(now Progress) {
	room := b.width - spare - aroundSpin
	if now.Percent >= 0 {
		room = b.width - spare - aroundBar - shortBar
	}
	text := now.text(room)
	if now.Percent >= 0 {
		progressbar.OptionSetWidth(min(widestBar, shortBar+room-columns(text)))(b.ProgressBar)
		b.w.muted = true
		_ = b.Set(now.Percent) // fails above 100 %, which was ruled out
		b.w.muted = false
	}
	b.shape = now
	b.Describe(text)
}

// mutable is a writer that can be silent.
type mutable struct {
	w     io.Writer
	muted bool
}

func (m *mutable) Write(p []byte) (int, error) {
	if m.muted {
		return len(p), nil
	}
	return m.w.Write(p)
}

// text is what stands beside a bar, in so many columns. What is at the end of the
// detail, the rate and the time left, matters most.
func (p Progress) text(room int) string {
	clauses := strings.Split(p.Detail, ", ")
	for i := range clauses {
		text := strings.TrimSuffix(p.What+", "+strings.Join(clauses[i:], ", "), ", ")
		if columns(text) <= room {
			return text
		}
	}
	const cut = "..."
	text, used := "", 0
	for _, r := range p.What {
		if used += columnsOf(r); used > room-len(cut) {
			return text + cut
		}
		text += string(r)
	}
	return text
}

// columns is how many columns of a terminal a text takes.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

// columnsOf counts two for the letters of East Asia, signs of full width and pictures.
func columnsOf(r rune) int {
	if r >= 0x1100 && unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Yi) ||
		r >= 0x2600 && r <= 0x27bf || r >= 0x3000 && r <= 0x303f || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 || r >= 0x1f000 {
		return 2
	}
	return 1
}
