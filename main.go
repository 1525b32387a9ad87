// Command car-publish takes a build and makes it a released version on
// Tencent Cloud CAR (Cloud Application Rendering), from any CI.
//
// This file starts the program and connects the packages. Beside it are the
// exit statuses (exit.go), the signals (signal.go), the credentials
// (identity.go) and what the inputs mean to the flow (options.go).
package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/report"
	"github.com/car-publish/car-publish/internal/summary"
	"github.com/car-publish/car-publish/internal/transport"
)

func main() {
	if artifact.Confined(os.Args, os.Stdout) {
		return
	}
	keepNoCore()
	// Many jobs may share the memory of a runner. An upload makes little garbage
	// beside its buffers: collecting it early costs no time that can be measured,
	// and collecting it at the default rate would double the memory.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	ctx, done := untilSignal(context.Background())
	p := program{environ: environment(os.Environ(), runtime.GOOS), stdout: os.Stdout, stderr: os.Stderr, terminal: term.IsTerminal(int(os.Stderr.Fd())), width: terminalWidth}
	status := p.run(ctx, os.Args)
	done()
	os.Exit(status)
}

// environment returns the variables of the process as the program looks for them.
// On Windows upper and lower case are the same in a name, and a name keeps the case
// in which it was set first. An earlier step that sets input_dry_run would hide
// INPUT_DRY_RUN, which the runner sets afterwards, from us.
func environment(environ []string, system string) []string {
	if system != "windows" {
		return environ
	}
	upper := make([]string, len(environ))
	for i, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		upper[i] = strings.ToUpper(name) + "=" + value
	}
	return upper
}

// program holds what a process gives the program, so that a test can give it
// something else.
type program struct {
	environ        []string
	stdout, stderr io.Writer
	terminal       bool // whether stderr is one
	width          func() int
}

// terminalWidth is the width of the terminal that stderr is, in columns; 0 if it is
// none, or does not tell.
func terminalWidth() int {
	width, _, err := term.GetSize(int(os.Stderr.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// stepOnly matches the inputs that the step after a step must not obey: the
// command, and the files for the outcome, whose folders may be gone by then.
var stepOnly = regexp.MustCompile(`^(INPUT|PLUGIN|CAR)_(COMMAND|(OUTPUT|JSON|SUMMARY)[_-]FILE)=`)

// run runs the program and returns its exit status. The first argument is the
// program's name. When ctx ends the run stops and cleans up; when the limit of
// ctx ends (see package grace) the cleanup stops as well.
func (p program) run(ctx context.Context, args []string) int {
	// GitHub's post step starts the program under this name, in the environment
	// of the step before it.
	postStep := filepath.Base(args[0]) == "cleanup"
	args = args[1:]
	if postStep {
		args = []string{"cleanup"}
		p.environ = slices.DeleteFunc(slices.Clone(p.environ), stepOnly.MatchString)
	}
	config, warnings, problems := inputs.Parse(args, p.environ, toolVersion(), p.stdout) //nolint:contextcheck // it waits for nothing
	if errors.Is(problems, inputs.ErrShown) {
		return exitDone
	}
	if config.Artifact != "" && config.WritesReports() { // a glob may match what they would replace
		if build, err := artifact.Find(config.Artifact); err == nil { // else the flow says why
			if problem := config.SpareFromReports(build); problem != nil {
				problems = inputs.Add(problems, problem)
			}
		}
	}
	id, problem := identityOf(config, p.getenv)
	if problem != nil {
		problems = inputs.Add(problems, problem)
	}
	host, err := ci.Detect(config.CI, ci.Streams{Out: p.stdout, Err: p.stderr, Getenv: p.getenv, Terminal: p.terminal, Width: p.width})
	if err != nil {
		_, _ = io.WriteString(p.stderr, err.Error()+"\n")
		return exitBadInput
	}
	owned := report.Saved(host)
	if postStep && owned == (record.Owned{}) {
		return exitDone // the step has left nothing, so no problem of its inputs matters
	}
	for _, s := range append(config.Secrets(), id.tokens.Key()) {
		host.Mask(s)
	}
	w := wiring{config: config, identity: id, host: host, job: host.Run(), getenv: p.getenv}
	w.report = report.New(host, report.Options{
		Verbose:    config.Verbose || w.job.Debug,
		OutputFile: config.OutputFile, JSONFile: config.JSONFile, SummaryFile: config.SummaryFile,
	})
	if !postStep {
		w.report.Handle(record.Owned{})
	}
	if id.warning != "" {
		warnings = append(warnings, id.warning)
	}
	for _, text := range warnings {
		w.report.Handle(record.Warning{Text: text})
	}
	w.options = optionsOf(config, host.Name(), w.job)
	if postStep {
		w.options.Owned = &owned
	}
	return w.run(ctx, problems, p.stdout)
}

// getenv is os.Getenv for the environment of p. The last value of a name counts,
// as in inputs.Parse.
func (p program) getenv(name string) string {
	for _, line := range slices.Backward(p.environ) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

// wiring is one run: its inputs, its CI, and what connects them to the flow.
type wiring struct {
	config    inputs.Config
	identity  identity
	host      ci.Host
	job       ci.Run
	getenv    func(string) string
	report    *report.Report
	options   publish.Options
	network   transport.Options
	transport http.RoundTripper // made from network
}

// run runs the command, tells how it ended, and returns the exit status.
// Doctor runs even if there are problems with the inputs, to report them.
func (w wiring) run(ctx context.Context, problems error, stdout io.Writer) int {
	doctor := w.config.Command == "doctor"
	if problems != nil && !doctor {
		_ = w.report.Finish(publish.NewResult(w.options), problems) // it has reported what it could not write
		return exitBadInput
	}
	w.network = transport.Options{UserAgent: "car-publish/" + toolVersion(), Proxy: w.config.Proxy.Reveal(), Local: auth.MetadataHost, CAFile: w.config.CAFile}
	var err error
	if w.transport, err = transport.New(w.network); err != nil && !doctor { //nolint:contextcheck // it only reads ca-file
		_ = w.report.Finish(publish.NewResult(w.options), err)
		return exitBadInput
	}
	w.report.Print(header(w.config, w.identity.source, w.host.Name(), w.network.ProxyFor, w.getenv)...)

	deps := publish.Deps{
		CAR: car.Config{
			Site: w.config.Site, Endpoint: w.config.Endpoint, Region: w.config.Region, Language: w.config.ServiceLanguage,
			Transport: w.transport, Retry: backoff(),
		},
		COS: w.transport, Endpoint: w.config.COSEndpoint, Accelerate: w.config.Accelerate, LimitRate: w.config.LimitRate, Memory: memoryForParts(), Inspect: artifact.InspectConfined, Float: rand.Float64,
	}
	if w.config.SessionToken.IsZero() {
		deps.ProofKey = w.config.SecretKey // temporary keys change from one attempt to the next
	}
	var session *auth.Session
	deps.CAR.Credentials, session = w.credentials()
	if session != nil {
		deps.CAR.Refused = session.Refused
	}
	var result record.Result
	if doctor {
		result, err = w.examine(ctx, []error{problems, err}, session, deps)
	} else {
		result, err = publish.Run(ctx, w.options, deps, w.report.Handle)
	}
	var unwritten error
	if result.Outcome == record.Listing {
		// A script reads the table. A CI, known to us or not, could take a line of it for a command.
		_, unwritten = io.WriteString(stdout, ci.Harmless(w.host.Hide(summary.Table(result))))
	}
	return exitStatus(err, errors.Join(w.report.Finish(result, err), unwritten))
}
