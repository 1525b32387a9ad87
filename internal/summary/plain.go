package summary

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/car-publish/car-publish/internal/publish"
)

// Plain is the run for a log without Markdown: what is known, one line each,
// and how long each phase took. The headline and the LastWords are not in it:
// they close the log, after this.
func Plain(r publish.Result) string {
	var b strings.Builder
	row := func(label, text string) { fmt.Fprintf(&b, "%-13s  %s\n", label, text) }
	for _, f := range facts(r) {
		texts := make([]string, len(f.values))
		for i, v := range f.values {
			texts[i] = strings.TrimSpace(v.text + " " + v.id)
		}
		if !f.list {
			texts = []string{strings.Join(texts, ", ")}
		}
		for i, text := range texts {
			if i > 0 {
				f.label = ""
			}
			row(f.label, text)
		}
	}
	for i, s := range ended(r.Phases) {
		label := "Phases"
		if i > 0 {
			label = ""
		}
		text := fmt.Sprintf("%6s  %s", Duration(s.End.Sub(s.Start)), oneLine(string(s.Phase)))
		if s.Failed {
			text += " (failed)"
		}
		row(label, text)
	}
	for _, p := range papers(r) {
		b.WriteString(p.title + "\n" + p.text + "\n")
	}
	return b.String()
}

// Table is the versions of an application for a terminal. The name comes last:
// its width cannot be known.
func Table(versions []publish.Listed) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(columns, "\t")))
	for _, v := range versions {
		cells := cells(v)
		for i, text := range cells {
			if text == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush() // a strings.Builder takes all
	return b.String()
}

var columns = []string{"Version", "Status", "Size", "Created", "Regions", "Mode", "Name"}

// cells are what columns are about.
func cells(v publish.Listed) []string {
	var created string
	if v.CreateTime != nil {
		created = v.CreateTime.UTC().Format(time.RFC3339)
	}
	texts := []string{v.ID, v.Status, Size(v.Size), created, strings.Join(v.Regions, ","), v.UpdateMode, v.Name}
	for i, text := range texts {
		texts[i] = oneLine(text)
	}
	return texts
}

// ended leaves out a phase that was still going on.
func ended(phases []publish.Span) []publish.Span {
	var spans []publish.Span
	for _, s := range phases {
		if !s.End.Before(s.Start) {
			spans = append(spans, s)
		}
	}
	return spans
}
