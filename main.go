// Command car-publish takes a build and makes it a released version on
// Tencent Cloud CAR (Cloud Application Rendering), from any CI.
//
// This file is the wiring; the exit statuses, the signals and what the inputs
// mean to publish are in the files beside it.
package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"

	"golang.org/x/term"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/report"
	"github.com/car-publish/car-publish/internal/summary"
	"github.com/car-publish/car-publish/internal/transport"
)

func main() {
	// Memory is dear where many jobs share a runner, and an upload makes little
	// garbage beside what its connections hold: to collect that often costs
	// nothing that can be measured, and to let it grow as large would double all.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
	ctx, hurry, done := untilSignal(context.Background())
	status := run(ctx, hurry, os.Args, os.Environ(), os.Stdout, os.Stderr)
	done()
	os.Exit(status)
}

// ofTheStep are the inputs that only the step itself obeys: its command, and
// the files that tell of it, whose folders may be gone when we clean up.
var ofTheStep = regexp.MustCompile(`^(INPUT|PLUGIN|CAR)_(COMMAND|(OUTPUT|JSON|SUMMARY)[_-]FILE)=`)

// run is the program: inputs in, streams out, and the exit status. The end of
// ctx makes it stop and clean up, that of hurry ends the clean-up, too.
func run(ctx, hurry context.Context, args, environ []string, stdout, stderr io.Writer) int {
	// GitHub starts the clean-up after a step under a name of its own, in the
	// environment of that step.
	after := filepath.Base(args[0]) == "cleanup"
	args = args[1:]
	if after {
		args = []string{"cleanup"}
		environ = slices.DeleteFunc(slices.Clone(environ), func(s string) bool { return ofTheStep.MatchString(s) })
	}
	config, warnings, problems := inputs.Parse(args, environ, toolVersion(), stdout) //nolint:contextcheck // parsing ends by itself
	if errors.Is(problems, inputs.ErrShown) {
		return exitDone
	}
	tokens, withoutToken, noToken := tokensFor(&config, os.Getenv)
	if noToken != nil {
		problems = inputs.Add(problems, noToken)
	}
	host, err := ci.Detect(config.CI, ci.Streams{Out: stdout, Err: stderr, Getenv: os.Getenv, Terminal: term.IsTerminal(int(os.Stderr.Fd()))})
	if err != nil {
		_, _ = io.WriteString(stderr, err.Error()+"\n")
		return exitBadInput
	}
	owned := report.Saved(host)
	if after && owned == (publish.Owned{}) {
		return exitDone // the step left nothing, whatever else is wrong with it
	}
	for _, s := range append(config.Secrets(), tokens.Key()) {
		host.Mask(s)
	}
	job := host.Run()
	rep := report.New(host, report.Options{
		Verbose:    config.Verbose || job.Debug,
		OutputFile: config.OutputFile, JSONFile: config.JSONFile, SummaryFile: config.SummaryFile,
	})
	if withoutToken != "" {
		warnings = append(warnings, withoutToken)
	}
	for _, w := range warnings {
		rep.Handle(publish.Warning{Text: w})
	}
	options := optionsOf(config, host.Name(), job)
	if after {
		options.Owned = &owned
	}
	examining := examines(config, after)
	if problems != nil && !examining {
		_ = rep.Finish(publish.NewResult(options), problems) // what it could not write, it has told
		return exitBadInput
	}
	way := transport.Options{UserAgent: "car-publish/" + toolVersion(), Proxy: config.Proxy.Reveal(), Local: auth.MetadataHost, CAFile: config.CAFile}
	roundTripper, wayErr := transport.New(way) //nolint:contextcheck // reading ca-file ends by itself
	if wayErr != nil && !examining {
		_ = rep.Finish(publish.NewResult(options), wayErr)
		return exitBadInput
	}
	rep.Print(header(config, host.Name())...)

	deps := publish.Deps{
		CAR: car.Config{
			Site: config.Site, Endpoint: config.Endpoint, Region: config.Region, Language: config.ServiceLanguage,
			Transport: roundTripper, Retry: backoff(),
		},
		COS: roundTripper, Endpoint: config.COSEndpoint, Accelerate: config.Accelerate, LimitRate: config.LimitRate, Float: rand.Float64, Hurry: hurry,
	}
	var session *auth.Session
	deps.CAR.Credentials, deps.CAR.Refused, session = source(config, tokens, job, options, roundTripper, rep)
	var result publish.Result
	if examining {
		result, err = examine(ctx, config, job, way, session, []error{problems, wayErr}, options, deps, rep.Handle)
	} else {
		result, err = publish.Run(ctx, options, deps, rep.Handle)
	}
	var unshown error
	if result.Outcome == publish.Listing {
		unshown = show(stdout, host, summary.Table(result.Versions))
	}
	return exitStatus(err, errors.Join(rep.Finish(result, err), unshown))
}

// show prints a table for a script to read. A line of it may be a command of
// a CI, whether or not this is one that we know.
func show(stdout io.Writer, host ci.Host, table string) error {
	_, err := io.WriteString(stdout, ci.Harmless(host.Hide(table)))
	return err
}
