package summary

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/record"
)

// Output is one output of the step.
type Output struct {
	Name, Value string
	Final       bool // has a meaning only after the run
}

// Outputs returns all outputs, in the order of the documentation. The value of
// one that is not known is empty. No value has a line break. The next step may print
// a value, so harmless takes out what a CI would then obey; the JSON stays exact.
func Outputs(r record.Result, harmless func(string) string) []Output {
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
	result, _ := json.Marshal(r) // a Result always has a JSON form
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
		{"application-id", r.ApplicationID, false},
		{"application-name", r.ApplicationName, false},
		{"previous-version-id", r.PreviousVersionID, false},
		{"previous-start-path", r.PreviousStartPath, false},
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
		// A step that prints the JSON must not command a runner by it: Azure's and GitHub's
		// commands begin with two of these.
		{"json", strings.ReplaceAll(string(result), "##", `#\u0023`), true},
	}
	for i := range outputs[:len(outputs)-1] { // the JSON is already one line
		outputs[i].Value = harmless(oneLine(outputs[i].Value))
	}
	return outputs
}

// JSON is the Result as a document for a file.
func JSON(r record.Result) string {
	result, _ := json.MarshalIndent(r, "", "  ") // a Result always has a JSON form
	return string(result) + "\n"
}

// cut shortens a text to at most so many bytes, without splitting a character.
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
