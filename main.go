// Command car-publish takes a build and makes it a released version on
// Tencent Cloud CAR (Cloud Application Rendering), from any CI.
//
// This file is the wiring: streams, signals, rooms, exit status.
package main

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/report"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/summary"
	"github.com/car-publish/car-publish/internal/transport"
)

// version is set by the release build; go install knows it by itself.
var version = ""

func main() {
	ctx, stop := untilSignal(context.Background())
	status := run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run is the program: inputs in, streams out, and the exit status.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	config, warnings, problems := inputs.Parse(args, environ, toolVersion(), stdout)
	if errors.Is(problems, inputs.ErrShown) {
		return exitDone
	}
	host, err := ci.Detect(config.CI, ci.Streams{Out: stdout, Err: stderr, Getenv: os.Getenv, Terminal: term.IsTerminal(int(os.Stderr.Fd()))})
	if err != nil {
		_, _ = io.WriteString(stderr, err.Error()+"\n")
		return exitBadInput
	}
	for _, s := range config.Secrets() {
		host.Mask(s)
	}
	job := host.Run()
	rep := report.New(host, report.Options{
		Verbose:    config.Verbose || job.Debug,
		OutputFile: config.OutputFile, JSONFile: config.JSONFile, SummaryFile: config.SummaryFile,
	})
	for _, w := range warnings {
		rep.Handle(publish.Warning{Text: w})
	}
	options := optionsOf(config, host.Name(), job)
	if problems != nil {
		return exitStatus(rep.Refuse(options, problems), nil)
	}
	roundTripper, err := transport.New(transport.Options{UserAgent: "car-publish/" + toolVersion(), Proxy: config.Proxy.Reveal(), CAFile: config.CAFile})
	if err != nil {
		return exitStatus(rep.Refuse(options, err), nil)
	}
	rep.Header(header(config, host.Name()))

	backoff := retry.Policy{Base: time.Second, Cap: 20 * time.Second, Attempts: 7, Float: rand.Float64}
	deps := publish.Deps{
		CAR: car.Config{
			Site: config.Site, Endpoint: config.Endpoint, Region: config.Region, Language: config.ServiceLanguage,
			Transport: roundTripper, Retry: backoff,
		},
		COS: roundTripper, Endpoint: config.COSEndpoint, Float: rand.Float64,
	}
	if !config.SecretID.IsZero() {
		deps.CAR.Credentials = auth.Static(config.SecretID, config.SecretKey, config.SessionToken)
	}
	result, err := publish.Run(ctx, options, deps, rep.Handle)
	if len(result.Versions) > 0 {
		_, _ = io.WriteString(stdout, summary.Table(result.Versions))
	}
	return exitStatus(err, rep.Finish(result, err))
}

// Exit statuses, a public contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitBadInput    = 2
	exitRefused     = 3
	exitBlocked     = 4
	exitUpload      = 5
	exitNotCreated  = 6
	exitTimedOut    = 7
	exitInterrupted = 130
	exitTerminated  = 143
)

// exitStatus is where an error becomes a number. A run that did its job but
// could not write the files it was asked for has failed, too.
func exitStatus(err, written error) int {
	var e *publish.Error
	switch {
	case err == nil && written == nil:
		return exitDone
	case !errors.As(err, &e):
		return exitFailed
	}
	switch e.Kind {
	case publish.BadInput:
		return exitBadInput
	case publish.Refused:
		return exitRefused
	case publish.InTheWay:
		return exitBlocked
	case publish.UploadFailed:
		return exitUpload
	case publish.NotCreated:
		return exitNotCreated
	case publish.TimedOut:
		return exitTimedOut
	case publish.Interrupted:
		if errors.Is(e, signalled{syscall.SIGTERM}) {
			return exitTerminated
		}
		return exitInterrupted
	}
	return exitFailed
}

// optionsOf turns the inputs into what publish takes, name by name.
func optionsOf(c inputs.Config, host string, job ci.Run) publish.Options {
	o := publish.Options{
		Tool: "car-publish " + toolVersion(), Command: c.Command,
		ApplicationID: c.ApplicationID, Artifact: c.Artifact, ArtifactURL: c.ArtifactURL, ArtifactName: c.ArtifactName,
		VersionID: c.VersionID, Regions: c.Regions, UpdateMode: c.UpdateMode, VersionName: c.VersionName,
		Release: c.Release, Wait: c.Wait, DryRun: c.DryRun, Timeout: c.Timeout, QueueTimeout: c.QueueTimeout,
		OnBlocked: c.OnBlocked, OnFull: c.OnFull, OnFailure: c.OnFailure, Keep: c.Keep, RunKey: c.RunKey,
		Run: publish.Job{CI: host, Repository: job.Repository, Actor: job.Actor, Commit: job.Commit, Ref: job.Ref, URL: job.URL},
	}
	if o.RunKey == "" {
		o.RunKey = job.Key
	}
	if job.Left > time.Minute {
		o.Timeout = min(o.Timeout, job.Left-time.Minute)
	}
	var arguments []string
	if c.Site != "china" {
		arguments = append(arguments, "--site", c.Site)
	}
	if c.Endpoint != "" {
		arguments = append(arguments, "--endpoint", c.Endpoint)
	}
	o.Arguments = strings.Join(arguments, " ")
	return o
}

// header is what every log begins with.
func header(c inputs.Config, host string) []string {
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = car.Endpoints[c.Site]
	}
	keys := c.CredentialSource
	if keys == "" {
		keys = "none"
	}
	lines := []string{
		"car-publish " + toolVersion() + ", " + c.Command + " on " + host,
		"application  " + c.ApplicationID,
		"service      " + endpoint + " (" + c.Site + " site)",
		"credentials  " + keys,
	}
	if c.Command == "publish" || c.Command == "create" {
		lines = append(lines, "policies     on-blocked "+c.OnBlocked+", on-full "+c.OnFull+", on-failure "+c.OnFailure+", timeout "+c.Timeout.String())
	}
	return lines
}

// signalled is the cause of a context that a signal has ended.
type signalled struct{ signal syscall.Signal }

func (s signalled) Error() string {
	if s.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// untilSignal returns a context that the first SIGINT or SIGTERM ends. A
// second SIGINT ends the program at once; a SIGTERM after a SIGINT does not,
// since GitHub sends both, 7.5 s apart, while we clean up.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		interrupts := 0
		for s := range signals {
			if s == syscall.SIGINT {
				interrupts++
			}
			if interrupts > 1 {
				os.Exit(exitInterrupted)
			}
			cancel(signalled{s.(syscall.Signal)})
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

// toolVersion is the release's, the module's or "dev".
func toolVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "dev"
}
