package ci

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

var azureDialect = dialect{
	name: "azure",
	// https://learn.microsoft.com/azure/devops/pipelines/build/variables
	matches: hasExactly("TF_BUILD", "True"),
	open: func(s Streams) Host {
		s.Err = s.Out // commands are lines of standard output: one stream keeps the order
		return &azure{plain: newPlain(s)}
	},
}

// azure is Azure Pipelines. It speaks logging commands:
// https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
type azure struct {
	*plain
	inGroup bool
}

func (a *azure) Name() string { return azureDialect.name }

// Run's Key tells the jobs of a matrix apart by their name and their position,
// and those of parallel by the latter; SYSTEM_JOBID is another in each
// attempt. The three attempts grow when a stage, or a job in it, is run again.
// The job's limit, in minutes, is not documented; when it began is not said.
func (a *azure) Run() Run {
	key, whole := runKey(a.getenv, "SYSTEM_COLLECTIONID", "SYSTEM_TEAMPROJECTID", "BUILD_BUILDID", "SYSTEM_STAGENAME", "SYSTEM_PHASENAME", "SYSTEM_JOBNAME", "SYSTEM_JOBPOSITIONINPHASE")
	var attempts []int
	for _, name := range []string{"SYSTEM_STAGEATTEMPT", "SYSTEM_PHASEATTEMPT", "SYSTEM_JOBATTEMPT"} {
		n, _ := strconv.Atoi(a.getenv(name))
		attempts = append(attempts, n)
	}
	limit, _ := strconv.Atoi(a.getenv("SYSTEM_JOBTIMEOUT"))
	run := Run{
		Key: key, Complete: whole, Attempt: slices.Max(attempts), Left: timeLeft(time.Duration(limit)*time.Minute, time.Time{}),
		Repository: a.getenv("BUILD_REPOSITORY_URI"),
		Actor:      a.getenv("BUILD_REQUESTEDFOR"),
		Commit:     a.getenv("BUILD_SOURCEVERSION"),
		Ref:        a.getenv("BUILD_SOURCEBRANCH"),
		Debug:      strings.EqualFold(a.getenv("SYSTEM_DEBUG"), "true"),
	}
	if server, project := firstOf(a.getenv, "SYSTEM_COLLECTIONURI", "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI"), a.getenv("SYSTEM_TEAMPROJECTID"); server != "" && project != "" {
		run.URL = strings.TrimSuffix(server, "/") + "/" + project + "/_build/results?buildId=" + a.getenv("BUILD_BUILDID")
	}
	return run
}

// azureData escapes the text of a command. The agent decodes %AZP25 last:
// https://github.com/microsoft/azure-pipelines-agent/blob/master/docs/design/percentEncoding.md
var azureData = strings.NewReplacer("%", "%AZP25", ";", "%3B", "\r", "%0D", "\n", "%0A", "]", "%5D")

// command writes a logging command; properties are ours, data may be foreign.
func (a *azure) command(name, properties, data string) {
	if properties != "" {
		name += " " + properties
	}
	a.write("##vso[" + name + "]" + azureData.Replace(data))
}

// Mask tells the agent the secret and each of its lines: a log is made of
// lines.
func (a *azure) Mask(s secret.String) {
	a.add(s)
	for _, text := range spellings(s) {
		a.command("task.setsecret", "", text)
	}
}

func (a *azure) BeginGroup(title string) {
	a.EndGroup()
	a.write("##[group]" + harmlessLine(a.Hide(title)))
	a.inGroup = true
}

func (a *azure) EndGroup() {
	if a.inGroup {
		a.write("##[endgroup]")
		a.inGroup = false
	}
}

// Annotate logs an issue, which the page of the run lists. There is no issue
// for a notice.
func (a *azure) Annotate(level Level, title, text string) {
	kind := map[Level]string{Warning: "warning", Error: "error"}[level]
	if kind == "" {
		a.plain.Annotate(level, title, text)
		return
	}
	lines := harmlessLines(a.Hide(text))
	if title != "" {
		lines[0] = harmlessLine(a.Hide(title)) + ": " + lines[0]
	}
	a.command("task.logissue", "type="+kind, strings.Join(lines, "\n"))
}

func (a *azure) Progress(p Progress) {
	p.What, p.Detail = harmlessLine(a.Hide(p.What)), harmlessLine(a.Hide(p.Detail))
	if !a.beat.due(p) {
		return
	}
	a.write(p.line())
	if p.Percent >= 0 {
		a.command("task.setprogress", fmt.Sprintf("value=%d", p.Percent), p.What)
	}
}

// azureLimit is what a variable may have on Windows. A longer one would keep
// every later step of the job from starting.
const azureLimit = 32_000

// Output sets an output variable of the step, which later ones read as
// $(name-of-the-step.CAR_PUBLISHED_...). The agent replaces $(other) in it.
func (a *azure) Output(name, value string) error {
	value = withoutReferences(a.Hide(value))
	if len(value) >= azureLimit {
		a.Print(tooLong(name, "Azure Pipelines", "32 KB"))
		return nil
	}
	a.command("task.setvariable", "variable="+variable(name)+";isOutput=true", value)
	return nil
}

// Summary puts a file on the page of the run. The path must exist on the host, or
// the command fails the step. In a container job the agent translates it. In a
// container that the user starts, the temporary directory exists only if it was
// mounted; without it file fails, and the summary goes to the log.
func (a *azure) Summary(level Level, markdown, plain string) error {
	a.EndGroup()
	path, err := a.file(a.Hide(markdown))
	if err != nil {
		return a.plain.Summary(level, markdown, plain)
	}
	a.command("task.uploadsummary", "", path)
	return nil
}

// file writes the summary to a folder of its own, since the page shows the
// file's name. The agent reads it later, as another user perhaps, and cleans
// the folder up after the job.
func (a *azure) file(markdown string) (string, error) {
	temp := a.getenv("AGENT_TEMPDIRECTORY")
	if !filepath.IsAbs(temp) {
		return "", os.ErrNotExist
	}
	dir, err := os.MkdirTemp(temp, "car-publish-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the agent reads it
		return "", err
	}
	path := filepath.Join(dir, "car-publish.md")
	return path, os.WriteFile(path, []byte(markdown), 0o644) //nolint:gosec // the agent reads it
}
