package summary

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/record"
)

// Plain is the summary of a run for a log: one line for each known fact, and how
// long each phase took. The headline and the Details are not in it, since they
// end the log, after this.
func Plain(r record.Result) string {
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
	for i, s := range endedPhases(r.Phases) {
		label := "Phases"
		if i > 0 {
			label = ""
		}
		text := fmt.Sprintf("%6s  %s", human.Duration(s.End.Sub(s.Start)), oneLine(string(s.Phase)))
		if s.Failed {
			text += " (failed)"
		}
		row(label, text)
	}
	for _, p := range documents(r) {
		b.WriteString(p.title + "\n" + p.text + "\n")
	}
	return b.String()
}

// Table is the table of the command list, for a terminal. The name comes last,
// since its width is unknown.
func Table(versions []record.Listed) string {
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
	_ = w.Flush() // writing to a strings.Builder never fails
	return b.String()
}

var columns = []string{"Version", "Status", "Size", "Created", "Regions", "Mode", "Name"}

// cells returns the texts of a version for the columns.
func cells(v record.Listed) []string {
	var created string
	if v.CreateTime != nil {
		created = v.CreateTime.UTC().Format(time.RFC3339)
	}
	texts := []string{v.ID, v.Status, human.Size(v.Size), created, strings.Join(v.Regions, ","), v.UpdateMode, v.Name}
	for i, text := range texts {
		texts[i] = oneLine(text)
	}
	return texts
}

// endedPhases leaves out the phase that has not ended, if there is one.
func endedPhases(phases []record.Span) []record.Span {
	var spans []record.Span
	for _, s := range phases {
		if !s.End.Before(s.Start) {
			spans = append(spans, s)
		}
	}
	return spans
}
