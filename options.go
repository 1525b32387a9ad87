package main

import (
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
)

// optionsOf turns the inputs into what publish takes, name by name.
func optionsOf(c inputs.Config, host string, job ci.Run) publish.Options {
	o := publish.Options{
		Tool: "car-publish " + toolVersion(), Command: c.Command,
		ApplicationID: c.ApplicationID, Artifact: c.Artifact, ArtifactURL: c.ArtifactURL, ArtifactName: c.ArtifactName,
		VersionID: c.VersionID, Regions: c.Regions, UpdateMode: c.UpdateMode, VersionName: c.VersionName,
		Release: c.Release, Wait: c.Wait, DryRun: c.DryRun, Timeout: c.Timeout, QueueTimeout: c.QueueTimeout,
		OnBlocked: c.OnBlocked, OnFull: c.OnFull, OnFailure: c.OnFailure, Keep: c.Keep, RunKey: c.RunKey, Attempt: c.RunAttempt,
		Run: publish.Job{CI: host, Repository: withoutUser(job.Repository), Actor: job.Actor, Commit: job.Commit, Ref: job.Ref, URL: withoutUser(job.URL)},
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

// withoutUser is an address without the name and the password in it: whoever
// clones with a token may have it in GIT_URL (Jenkins) or BUILDKITE_REPO.
func withoutUser(address string) string {
	scheme, place, found := strings.Cut(address, "://")
	if !found {
		return address // git@host:path
	}
	end := strings.IndexAny(place, "/?#")
	if end < 0 {
		end = len(place)
	}
	if at := strings.LastIndexByte(place[:end], '@'); at >= 0 {
		place = place[at+1:]
	}
	return scheme + "://" + place
}

// completeKey reports whether a run-key has every part that it is made of: an
// expression that gives nothing leaves two slashes side by side.
func completeKey(key string) bool {
	return key != "" && !slices.Contains(strings.Split(key, "/"), "")
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
	if c.Command == "publish" || c.Command == "create" || c.Command == "doctor" {
		lines = append(lines, "policies     on-blocked "+c.OnBlocked+", on-full "+c.OnFull+", on-failure "+c.OnFailure+", timeout "+c.Timeout.String())
	}
	return lines
}

// version is set by the release build; go install knows it by itself.
var version = ""

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
