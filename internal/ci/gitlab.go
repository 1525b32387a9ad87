package ci

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"time"
)

var gitlabDialect = dialect{
	name: "gitlab",
	// https://docs.gitlab.com/ci/variables/predefined_variables/
	matches: hasExactly("GITLAB_CI", "true"),
	open: func(s Streams) Host {
		return &gitlab{plain: newPlain(s), id: strings.ToLower(rand.Text()[:8])}
	},
}

// gitlab is GitLab CI/CD. It merges both streams, so the log goes to Err and
// leaves Out to data. A job has no command for masks, annotations or outputs:
// we hide secrets ourselves, and the input output-file makes the file for
// artifacts:reports:dotenv.
type gitlab struct {
	*plain
	id   string // of this process, as a job may run us twice
	n    int    // sections so far
	open string // section, or ""
}

func (g *gitlab) Name() string { return gitlabDialect.name }

// Run's Key has the job's name, which has the number of a parallel job or the
// values of a matrix in it. A retry keeps pipeline and name and gets another
// CI_JOB_ID, but nothing says that it is one: the input run-attempt can.
func (g *gitlab) Run() Run {
	key, whole := runKey(g.getenv, "CI_SERVER_URL", "CI_PIPELINE_ID", "CI_JOB_NAME")
	seconds, _ := strconv.Atoi(g.getenv("CI_JOB_TIMEOUT"))
	started, _ := time.Parse(time.RFC3339, g.getenv("CI_JOB_STARTED_AT"))
	return Run{
		Key: key, Complete: whole,
		Repository: g.getenv("CI_PROJECT_URL"),
		Actor:      g.getenv("GITLAB_USER_LOGIN"),
		Commit:     g.getenv("CI_COMMIT_SHA"),
		Ref:        g.getenv("CI_COMMIT_REF_NAME"),
		URL:        g.getenv("CI_JOB_URL"),
		Left:       timeLeft(time.Duration(seconds)*time.Second, started),
		Debug:      g.getenv("CI_DEBUG_TRACE") == "true",
	}
}

// BeginGroup begins a section that is folded:
// https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections
func (g *gitlab) BeginGroup(title string) {
	g.EndGroup()
	g.n++
	g.open = fmt.Sprintf("car_publish_%s_%d", g.id, g.n)
	g.write(fmt.Sprintf("\x1b[0Ksection_start:%d:%s[collapsed=true]\r\x1b[0K%s", time.Now().Unix(), g.open, harmlessLine(g.Hide(title))))
}

func (g *gitlab) EndGroup() {
	if g.open != "" {
		g.write(fmt.Sprintf("\x1b[0Ksection_end:%d:%s\r\x1b[0K", time.Now().Unix(), g.open))
		g.open = ""
	}
}

func (g *gitlab) Summary(level Level, markdown, plain string) error {
	g.EndGroup()
	return g.plain.Summary(level, markdown, plain)
}
