package main

import (
	"cmp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// optionsOf returns the options of the flow: the inputs and, where they are
// empty, what the CI says of its job.
func optionsOf(c inputs.Config, host string, job ci.Run) publish.Options {
	o := publish.Options{
		Tool: "car-publish " + toolVersion(), Command: publish.Command(c.Command),
		ApplicationID: c.ApplicationID, ApplicationName: c.ApplicationName, ApplicationType: applicationTypes[c.ApplicationType],
		Start:    publish.StartOptions{Path: c.StartPath, Parameters: c.StartParameters, Processes: c.StartProcesses},
		Artifact: c.Artifact, ArtifactURL: c.ArtifactURL, ArtifactName: c.ArtifactName,
		Pack:      pack.Options{Prefix: c.ArchivePrefix, Ignore: c.Ignore, NoDefaultIgnores: c.NoDefaultIgnores, Compression: pack.Compression(c.Compression), Own: []string{c.OutputFile, c.JSONFile, c.SummaryFile}},
		VersionID: c.VersionID, Regions: c.Regions, UpdateMode: c.UpdateMode, VersionName: c.VersionName,
		Release: c.Release, Wait: c.Wait, DryRun: c.DryRun, Timeout: c.Timeout, QueueTimeout: c.QueueTimeout,
		OnBlocked: publish.OnBlocked(c.OnBlocked), OnFull: publish.OnFull(c.OnFull), OnFailure: publish.OnFailure(c.OnFailure), Keep: c.Keep, RunKey: c.RunKey, Attempt: c.RunAttempt,
		Run: record.Job{CI: host, Repository: withoutUser(job.Repository), Actor: job.Actor, Commit: job.Commit, Ref: job.Ref, URL: withoutUser(job.URL)},
	}
	if o.Command == publish.CreateApplication {
		o.ApplicationID = "" // the environment may hold that of another one
	}
	o.KeyComplete = completeKey(c.RunKey)
	if o.RunKey == "" {
		o.RunKey, o.KeyComplete = job.Key, job.Complete
	}
	if o.Attempt == 0 {
		o.Attempt = job.Attempt
	}
	if job.Left > time.Minute {
		o.Timeout = min(o.Timeout, job.Left-time.Minute)
	}
	if c.Site != "china" {
		o.Arguments = append(o.Arguments, publish.Argument{Name: "site", Value: c.Site})
	}
	if c.Endpoint != "" {
		o.Arguments = append(o.Arguments, publish.Argument{Name: "endpoint", Value: c.Endpoint})
	}
	o.InAction = c.InAction
	return o
}

// applicationTypes are CAR's names for the values of application-type.
var applicationTypes = map[string]string{"3d": "Application3D", "xr": "ApplicationXR", "apk": "ApplicationAPK"}

// withoutUser returns an address without its user and password. A job that
// clones with a token may have it in GIT_URL (Jenkins) or BUILDKITE_REPO.
func withoutUser(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		return address // git@host:path
	}
	end := strings.IndexAny(rest, "/?#") // of the host
	if end < 0 {
		end = len(rest)
	}
	if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
		rest = rest[at+1:]
	}
	return scheme + "://" + rest
}

// completeKey reports whether no part of a run-key is empty. A workflow builds
// it of expressions, and an empty one would leave two slashes side by side.
func completeKey(key string) bool {
	return key != "" && !slices.Contains(strings.Split(key, "/"), "")
}

// header returns the first lines of the log. keys says where the keys come from.
func header(c inputs.Config, keys, host string, proxyFor, getenv func(string) string) []string {
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = car.Endpoints[c.Site]
	}
	if keys == "" {
		keys = "none"
	}
	lines := []string{
		"car-publish " + toolVersion() + ", " + c.Command + " on " + host,
		"application  " + cmp.Or(c.ApplicationID, c.ApplicationName, "none given"),
		"service      " + endpoint + " (" + c.Site + " site)",
		"credentials  " + keys,
	}
	services := []string{endpoint, cmp.Or(c.COSEndpoint, "https://service.cos.myqcloud.com")}
	if c.Role.ARN != "" {
		services = append(services, cmp.Or(c.STSEndpoint, auth.Endpoints[c.Site]))
	}
	lines = append(lines, network(c, services, proxyFor, getenv)...)
	if c.Command == "publish" || c.Command == "create" || c.Command == "doctor" {
		lines = append(lines, "policies     on-blocked "+c.OnBlocked+", on-full "+c.OnFull+", on-failure "+c.OnFailure+", timeout "+c.Timeout.String())
	}
	return lines
}

// network returns the lines about a proxy and further certificates. An earlier step
// of the job can set the variables that they come from, so that a reader of the log
// should see that they are in force. NO_PROXY may leave only one service to a proxy.
func network(c inputs.Config, services []string, proxyFor, getenv func(string) string) (lines []string) {
	for _, service := range services {
		proxy, from := proxyFor(service), "the input proxy"
		for _, name := range []string{"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"} {
			if c.Proxy.IsZero() && getenv(name) != "" {
				from = name
			}
		}
		if line := "proxy        " + proxy + ", by " + from; proxy != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	// NO_PROXY may leave out just the services that are asked for here, and not a host
	// that CAR names later.
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		if len(lines) == 0 && c.Proxy.IsZero() && getenv(name) != "" {
			lines = append(lines, "proxy        by "+name+", for hosts that NO_PROXY does not name")
		}
	}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if getenv(name) != "" {
			lines = append(lines, "certificates by "+name)
		}
	}
	if c.CAFile != "" {
		lines = append(lines, "certificates those of this machine and of "+strconv.Quote(c.CAFile))
	}
	return lines
}

// version is set by the linker in a release. go install leaves it empty, and
// the version is in the build information.
var version = ""

// toolVersion returns the version of the release or of the module, or "dev".
func toolVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return strings.TrimPrefix(info.Main.Version, "v")
	}
	return "dev"
}
