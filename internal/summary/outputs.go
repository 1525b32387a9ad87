package summary

import (
	"encoding/json"
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
		{"failed-checks", strings.Join(failedChecks(r), ","), true},
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

// longestVariable keeps a dotenv file under the 5 KiB that GitLab takes
// (docs.gitlab.com/ci/yaml/artifacts_reports, "artifacts:reports:dotenv"):
// only the two messages may be long.
const longestVariable = 1 << 10

// Dotenv is the outputs as variables for the CIs that read such a file. GitLab
// takes neither quotes nor several lines, so a shell must not source it. The
// prefix is never read as input, since GitLab hands these to later jobs.
func Dotenv(r publish.Result) string {
	var b strings.Builder
	for _, o := range Outputs(r) {
		if o.Value == "" || o.Name == "json" {
			continue
		}
		name := strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_"))
		b.WriteString("CAR_PUBLISHED_" + name + "=" + cut(o.Value, longestVariable) + "\n")
	}
	return b.String()
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
