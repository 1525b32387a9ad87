package ci

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

var buildkiteDialect = dialect{
	name: "buildkite",
	// https://buildkite.com/docs/pipelines/configure/environment-variables
	matches: hasExactly("BUILDKITE", "true"),
	open: func(s Streams) Host {
		b := &buildkite{plain: newPlain(s), outputs: map[string]string{}}
		// In a container it is there if the user has mounted it.
		b.agent, _ = exec.LookPath("buildkite-agent")
		return b
	},
}

// buildkite is Buildkite. It reads the heads of groups in the log; all else
// is asked of its agent, where there is one.
type buildkite struct {
	*plain
	agent    string // its path, or ""
	unfolded bool   // the last group is
	names    []string
	outputs  map[string]string
}

func (b *buildkite) Name() string { return buildkiteDialect.name }

// Run's Key is never complete: the jobs of a matrix are one step, and only
// their command or label may differ. A job that is retried knows how often.
func (b *buildkite) Run() Run {
	key, _ := runKey(b.getenv, "BUILDKITE_BUILD_ID", "BUILDKITE_STEP_ID", "BUILDKITE_PARALLEL_JOB", "BUILDKITE_LABEL", "BUILDKITE_COMMAND")
	run := Run{
		Key:        key,
		Repository: b.getenv("BUILDKITE_REPO"),
		Actor:      firstOf(b.getenv, "BUILDKITE_UNBLOCKER", "BUILDKITE_BUILD_CREATOR", "BUILDKITE_BUILD_AUTHOR"),
		Commit:     b.getenv("BUILDKITE_COMMIT"),
		Ref:        firstOf(b.getenv, "BUILDKITE_TAG", "BUILDKITE_BRANCH"),
		URL:        b.getenv("BUILDKITE_BUILD_URL"),
	}
	if id := b.getenv("BUILDKITE_JOB_ID"); run.URL != "" && id != "" {
		run.URL += "#" + id
	}
	if retries, err := strconv.Atoi(b.getenv("BUILDKITE_RETRY_COUNT")); err == nil {
		run.Attempt = retries + 1
	}
	if minutes, err := strconv.Atoi(b.getenv("BUILDKITE_TIMEOUT")); err == nil && minutes > 0 { // else "false"
		run.Left = time.Duration(minutes) * time.Minute
	}
	return run
}

// BeginGroup writes the head of a group that is folded. A group ends where
// the next one begins.
// https://buildkite.com/docs/pipelines/configure/managing-log-output
func (b *buildkite) BeginGroup(title string) {
	b.EndGroup()
	b.write("--- " + harmlessLine(b.Hide(title)))
	b.unfolded = false
}

// Annotate unfolds the group that an error is in, or has just ended.
func (b *buildkite) Annotate(level Level, title, text string) {
	if level == Error && !b.unfolded {
		b.write("^^^ +++")
		b.unfolded = true
	}
	b.plain.Annotate(level, title, text)
}

// Output waits for the end: setting one is a call to Buildkite, and no upload
// should wait for that.
func (b *buildkite) Output(name, value string) error {
	if _, again := b.outputs[name]; !again {
		b.names = append(b.names, name)
	}
	b.outputs[name] = b.Hide(value)
	if b.agent != "" && len(value) >= buildkiteLimit {
		b.Print(tooLong(name, "Buildkite", "100 KB"))
	}
	return nil
}

const (
	buildkiteLimit = 100_000 // of one value of the build's meta-data

	// The agent tries again for minutes. We are not to hang that long, and
	// after a cancel Buildkite kills us 10 s later.
	agentTimeout = 8 * time.Second
)

// Summary is an annotation of the build, and the outputs are its meta-data.
// https://buildkite.com/docs/agent/cli/reference/annotate and
// https://buildkite.com/docs/agent/cli/reference/meta-data
func (b *buildkite) Summary(level Level, markdown, plain string) error {
	if b.agent == "" {
		b.EndGroup()
		b.write("+++ Summary")
		return b.plain.Summary(level, markdown, plain)
	}
	b.EndGroup()
	ctx, cancel := context.WithTimeout(context.Background(), agentTimeout)
	defer cancel()
	style := map[Level]string{Notice: "success", Warning: "warning", Error: "error"}[level]
	// A context of its own, so that no other run's annotation is replaced:
	// a build may publish several applications.
	failed := b.runAgent(ctx, shorten(b.Hide(markdown), summaryLimit), "annotate", "--style", style, "--context", "car-publish-"+rand.Text())
	if failed != nil {
		b.write("+++ Summary")
		_ = b.plain.Summary(level, markdown, plain)
	}
	return errors.Join(failed, b.setMetaData(ctx))
}

// setMetaData sets the outputs, a few at a time.
func (b *buildkite) setMetaData(ctx context.Context) error {
	names := slices.DeleteFunc(b.names, func(name string) bool { // the agent refuses these
		return strings.TrimSpace(b.outputs[name]) == "" || len(b.outputs[name]) >= buildkiteLimit
	})
	const workers = 4
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(names) && errs[w] == nil; i += workers {
				errs[w] = b.runAgent(ctx, b.outputs[names[i]], "meta-data", "set", variable(names[i]))
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err // the others say the same
		}
	}
	return nil
}

// agentVariables are the variables that the agent itself has set or needs: some are
// masked, and the agent can do nothing without them.
var agentVariables = regexp.MustCompile(`(?i)^(BUILDKITE_.*|https?_proxy)$`)

// runAgent runs the agent. What may be secret or foreign is its input, never an
// argument, which every process of the machine can read; and it does not get
// the variables that hold our secrets.
func (b *buildkite) runAgent(ctx context.Context, input string, args ...string) error {
	command := exec.CommandContext(ctx, b.agent, args...) //nolint:gosec // the agent that started this job
	command.Stdin = strings.NewReader(input)
	command.WaitDelay = time.Second
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if agentVariables.MatchString(name) || b.Hide(variable) == variable {
			command.Env = append(command.Env, variable)
		}
	}
	if err := command.Run(); err != nil {
		return fmt.Errorf("buildkite-agent %s: %w", args[0], err)
	}
	return nil
}
