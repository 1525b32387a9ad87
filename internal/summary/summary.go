// Package summary turns the Result of a run into text: Markdown for a page, plain
// text for a log, and values for the outputs.
package summary

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/record"
)

// Headline is the outcome in a few plain words: `Ocean: ver-x "1.0" is online`.
func Headline(r record.Result) string {
	return oneLine(subject(r) + ": " + outcome(r))
}

// Message is one plain line for a chat: the headline and, after a failure, the
// reason.
func Message(r record.Result) string {
	if r.Outcome.Succeeded() || r.ErrorMessage == "" {
		return Headline(r)
	}
	return Headline(r) + ": " + oneLine(r.ErrorMessage)
}

// Details are the lines after the headline that a reader must not miss: the
// reason and what to do about it, what is left behind, and the commands to run.
func Details(r record.Result) []string {
	var lines []string
	if text := reason(r); text != "" {
		lines = append(lines, text)
	}
	if r.ErrorHint != "" {
		lines = append(lines, oneLine(r.ErrorHint))
	}
	for _, l := range r.Left {
		lines = append(lines, "Left behind: "+oneLine(l.What)+": run "+oneLine(l.Command))
	}
	for _, c := range r.Next {
		lines = append(lines, "To "+oneLine(c.Purpose)+": "+oneLine(c.Line))
	}
	return lines
}

// subject is the name of the application, or what is known in place of it.
func subject(r record.Result) string {
	for _, name := range []string{r.ApplicationName, r.ApplicationID} {
		if name = oneLine(name); name != "" {
			return name
		}
	}
	return "car-publish"
}

func outcome(r record.Result) string {
	version := oneLine(r.VersionID)
	if version == "" {
		version = "the version"
	}
	if name := oneLine(r.VersionName); name != "" {
		version += fmt.Sprintf(" %q", name) // people know versions by their names
	}
	switch r.Outcome {
	case record.Released:
		if r.Command == "rollback" {
			return "rolled back, " + version + " is online"
		}
		return version + " is online"
	case record.Ready:
		return version + " is ready and NOT online; it blocks the next publish"
	case record.Created:
		if r.Command == "create-application" {
			return "the application was created"
		}
		return version + " was created; CAR has not accepted a build for it yet"
	case record.Exists:
		return "there is an application of that name"
	case record.Planned:
		return "dry run, nothing was changed"
	case record.Listing:
		if r.ApplicationID == "" {
			return count(len(r.Applications), "application")
		}
		return count(len(r.Versions), "version")
	case record.Deleted:
		return version + " was deleted"
	case record.Cleaned:
		if len(r.DeletedVersionIDs) == 0 {
			return "nothing was left to clean up"
		}
		return "cleaned up " + oneLine(strings.Join(r.DeletedVersionIDs, ", "))
	case record.Healthy:
		if len(r.Probe) > 0 {
			return "probed, " + count(len(r.World), "open fact") + " found out"
		}
		return "a publish could run" + countVerdicts(r.Checks)
	case record.Blocked:
		return verb(r) + " is blocked"
	case record.Cancelled:
		return verb(r) + " was cancelled"
	default:
		return verb(r) + " failed"
	}
}

func verb(r record.Result) string {
	if r.Command == "" {
		return "the run"
	}
	return r.Command
}

// reason is why the run failed.
func reason(r record.Result) string {
	if r.Outcome.Succeeded() {
		return ""
	}
	return oneLine(r.ErrorMessage)
}

// fact is a row of the table of what is known about a run.
type fact struct {
	label  string
	values []value
	list   bool // each value has a line of its own
}

// value is a text, an id that belongs to it, or both.
type value struct{ text, id string }

// facts returns the rows of the table: those that have a value.
func facts(r record.Result) []fact {
	size := func(n int64) string {
		if n == 0 {
			return ""
		}
		return human.Size(n)
	}
	texts := func(list ...string) (values []value) {
		for _, text := range list {
			values = append(values, value{text: text})
		}
		return values
	}
	ids := func(list ...string) (values []value) {
		for _, id := range list {
			values = append(values, value{id: id})
		}
		return values
	}
	var requests []value
	for _, q := range r.Requests {
		requests = append(requests, value{q.Action, q.RequestID})
	}
	var created string
	if r.CreateTime != nil {
		created = r.CreateTime.UTC().Format(time.RFC3339)
	}
	var rate string
	if r.UploadRate > 0 {
		rate = human.Rate(r.UploadRate)
	}
	var took string
	if r.DurationSeconds > 0 {
		took = human.Duration(seconds(r.DurationSeconds))
	}
	rows := []fact{
		{label: "Application", values: []value{{r.ApplicationName, r.ApplicationID}, {text: r.ApplicationCategory}}},
		{label: "Version", values: []value{{r.VersionName, r.VersionID}}},
		{label: "Status", values: texts(r.VersionStatus)},
		{label: "Regions", values: texts(r.VersionRegions...)},
		{label: "Update mode", values: texts(r.VersionUpdateMode)},
		{label: "Version size", values: texts(size(r.VersionSize))},
		{label: "Created", values: texts(created)},
		{label: "Artifact", values: texts(r.ArtifactName, r.ArtifactFormat, size(r.ArtifactSize))},
		{label: "Packed", values: texts(packed(r)...)},
		{label: "Upload rate", values: texts(rate)},
		{label: "CRC-64", values: ids(r.ArtifactCRC64)},
		{label: "Online before", values: ids(r.PreviousVersionID)},
		{label: "Starts", values: texts(r.StartPath)},
		{label: "Started before", values: texts(r.PreviousStartPath)},
		{label: "Players", values: texts(players(r.Players)...)},
		{label: "Deleted", values: ids(r.DeletedVersionIDs...)},
		{label: "Blocked by", values: ids(r.BlockingVersionID)},
		{label: "Took", values: texts(took)},
		{label: "Requests", values: requests, list: true},
		{label: "Warnings", values: texts(r.Warnings...), list: true},
	}
	known := rows[:0]
	for _, f := range rows {
		for i, v := range f.values {
			f.values[i] = value{oneLine(v.text), oneLine(v.id)}
		}
		f.values = slices.DeleteFunc(f.values, func(v value) bool { return v == value{} })
		if len(f.values) > 0 {
			known = append(known, f)
		}
	}
	if len(known) == 1 && len(r.Phases) == 0 {
		return nil // nothing has happened, and the headline names the application
	}
	return known
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// players tells who can get what is online.
func players(p *record.Players) []string {
	if p == nil {
		return nil
	}
	return []string{count(p.Projects, "project"), "concurrency " + strconv.Itoa(p.Concurrency), strconv.Itoa(p.Playing) + " playing now"}
}

// packed tells of the folder that the artifact was packed from.
func packed(r record.Result) []string {
	if r.Folder == nil {
		return nil
	}
	about := []string{human.Count(r.Folder.Files, "file"), human.Size(r.Folder.Size)}
	if r.ArtifactSize > 0 {
		about = append(about, human.Ratio(r.ArtifactSize, r.Folder.Size))
	}
	if r.Folder.LeftOutFiles > 0 {
		about = append(about, human.Count(r.Folder.LeftOutFiles, "file")+" left out, "+human.Size(r.Folder.LeftOutSize))
	}
	return about
}
