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

// Table is the table of the command list, for a terminal: of versions or, without an
// application, of applications. The name comes last, since its width is unknown.
func Table(r record.Result) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	header, rows := listed(r)
	fmt.Fprintln(w, strings.ToUpper(strings.Join(header, "\t")))
	for _, cells := range rows {
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

// listed returns the header and the rows of what the command list has found.
func listed(r record.Result) (header []string, rows [][]string) {
	if r.ApplicationID == "" {
		for _, a := range r.Applications {
			versions := fmt.Sprintf("%d of %d", a.Versions, record.MostVersions)
			rows = append(rows, plainCells(a.ID, strings.TrimPrefix(a.Type, "Application"), strings.TrimPrefix(a.Status, "Application"), versions, a.Online, a.StartPath, a.Name))
		}
		return applicationColumns, rows
	}
	for _, v := range r.Versions {
		rows = append(rows, cells(v))
	}
	return columns, rows
}

var applicationColumns = []string{"Application", "Type", "Status", "Versions", "Online", "Starts", "Name"}

var columns = []string{"Version", "Status", "Size", "Created", "Regions", "Mode", "Name"}

// cells returns the texts of a version for the columns.
func cells(v record.Listed) []string {
	var created string
	if v.CreateTime != nil {
		created = v.CreateTime.UTC().Format(time.RFC3339)
	}
	return plainCells(v.ID, v.Status, human.Size(v.Size), created, strings.Join(v.Regions, ","), v.UpdateMode, v.Name)
}

func plainCells(texts ...string) []string {
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
