package summary

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/publish"
)

// Output is one output of the step.
type Output struct {
	Name, Value string
	Final       bool // makes sense only once the run is over
}

// Outputs are all outputs, known or not, in the order of the documentation.
// No value has a line break in it.
func Outputs(r publish.Result) []Output {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	var created string
	if r.CreateTime != nil {
		created = r.CreateTime.UTC().Format(time.RFC3339)
	}
	var duration string
	if r.DurationSeconds > 0 {
		duration = strconv.FormatFloat(r.DurationSeconds, 'f', 1, 64)
	}
	whole, _ := json.Marshal(r) // it holds nothing that has no JSON form
	outputs := []Output{
		{"outcome", string(r.Outcome), true},
		{"version-id", r.VersionID, false},
		{"version-name", r.VersionName, false},
		{"version-status", r.VersionStatus, false},
		{"version-size", number(r.VersionSize), false},
		{"version-regions", strings.Join(r.VersionRegions, ","), false},
		{"version-update-mode", r.VersionUpdateMode, false},
		{"create-time", created, false},
		{"request-id", r.RequestID, false},
		{"application-name", r.ApplicationName, false},
		{"previous-version-id", r.PreviousVersionID, false},
		{"deleted-version-ids", strings.Join(r.DeletedVersionIDs, ","), false},
		{"blocking-version-id", r.BlockingVersionID, false},
		{"failed-checks", strings.Join(r.FailedChecks(), ","), true},
		{"artifact-size", number(r.ArtifactSize), false},
		{"artifact-crc64", r.ArtifactCRC64, false},
		{"duration-seconds", duration, true},
		{"error-code", r.ErrorCode, true},
		{"error-message", r.ErrorMessage, true},
		{"console-url", r.ConsoleURL, false},
		{"message", Message(r), true},
		{"json", string(whole), true},
	}
	for i := range outputs[:len(outputs)-1] { // JSON is one line as it is
		outputs[i].Value = oneLine(outputs[i].Value)
	}
	return outputs
}

// JSON is the whole Result, for a file.
func JSON(r publish.Result) string {
	whole, _ := json.MarshalIndent(r, "", "  ") // it holds nothing that has no JSON form
	return string(whole) + "\n"
}

// What GitLab takes of a dotenv report, on its oldest and smallest plans: a
// bigger one fails the job.
// https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
// https://docs.gitlab.com/administration/instance_limits/#limit-dotenv-variables
const (
	dotenvSize      = 5000 // bytes: less than 5 KB, whichever that is
	dotenvVariables = 20
	longestVariable = 1 << 10 // only the two messages are likely to be long
)

// Dotenv is the outputs as variables for the CIs that read such a file. It
// has no json, and whatever else would make it too big is left out, the
// longest first. GitLab takes neither quotes nor comments nor several lines,
// so a shell must not source it. The prefix is never read as input, since
// GitLab hands these to later jobs; and it replaces $NAME in a value by that
// variable there, a secret's too, so that no $ is left in what may be
// somebody else's text. Jenkins reads it as properties, where a backslash is an
// escape: at the end of a value it would take the next variable in.
func Dotenv(r publish.Result) (text string, left []string) {
	var kept []Output
	size := 0
	for _, o := range Outputs(r) {
		o.Value = strings.TrimSpace(strings.NewReplacer("$", "", `\`, "/").Replace(o.Value))
		if o.Value == "" || o.Name == "json" {
			continue
		}
		o.Value = cut(o.Value, longestVariable)
		kept = append(kept, o)
		size += len(line(o))
	}
	for size >= dotenvSize || len(kept) > dotenvVariables {
		i := slices.IndexFunc(kept, func(o Output) bool {
			return !slices.ContainsFunc(kept, func(other Output) bool { return len(other.Value) > len(o.Value) })
		})
		size -= len(line(kept[i]))
		left = append(left, kept[i].Name)
		kept = slices.Delete(kept, i, i+1)
	}
	var b strings.Builder
	for _, o := range kept {
		b.WriteString(line(o))
	}
	return b.String(), left
}

func line(o Output) string {
	return "CAR_PUBLISHED_" + strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_")) + "=" + o.Value + "\n"
}

// cut shortens a text to so many bytes, between two characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	const dots = "..."
	end := most - len(dots)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + dots
}
