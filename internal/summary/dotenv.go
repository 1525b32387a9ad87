package summary

import (
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/record"
)

// The smallest limits of any version and plan of GitLab for a dotenv report. A
// report above them fails the job.
// https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
// https://docs.gitlab.com/administration/instance_limits/#limit-dotenv-variables
const (
	maxDotenvBytes     = 5000 // the limit is "5 KB": 5,000 or 5,120 bytes
	maxDotenvVariables = 20
	maxVariableBytes   = 1 << 10 // our own limit, so that one long message leaves room for the others
)

// Dotenv returns the outputs as variables, one a line, and the names of those
// that are omitted because the file would become too big. The output json is
// never in it.
//
// The values are not quoted, since GitLab does not read quotes; so a shell must
// not source the file. The prefix CAR_PUBLISHED_ is never read as an input,
// since GitLab passes the variables to later jobs. There it also expands $NAME
// in a value, even to a secret, so each $ is removed. Jenkins reads the file as
// properties, where a backslash at the end of a line would join the next one to
// it, so each backslash becomes a slash.
func Dotenv(r record.Result, harmless func(string) string) (text string, omitted []string) {
	var kept []Output
	size := 0
	for _, o := range Outputs(r, harmless) {
		o.Value = strings.TrimSpace(strings.NewReplacer("$", "", `\`, "/").Replace(o.Value))
		if o.Value == "" || o.Name == "json" {
			continue
		}
		if o.Name == "application-id" && r.Command != "create-application" {
			continue // an input of the job, which leaves room for what is news
		}
		o.Value = cut(o.Value, maxVariableBytes)
		kept = append(kept, o)
		size += len(line(o))
	}
	for size >= maxDotenvBytes || len(kept) > maxDotenvVariables {
		i := slices.IndexFunc(kept, func(o Output) bool {
			return !slices.ContainsFunc(kept, func(other Output) bool { return len(other.Value) > len(o.Value) })
		})
		size -= len(line(kept[i]))
		omitted = append(omitted, kept[i].Name)
		kept = slices.Delete(kept, i, i+1)
	}
	var b strings.Builder
	for _, o := range kept {
		b.WriteString(line(o))
	}
	return b.String(), omitted
}

func line(o Output) string {
	return "CAR_PUBLISHED_" + strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_")) + "=" + o.Value + "\n"
}
