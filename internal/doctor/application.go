package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// application reports what the application is.
func (e *exam) application(ctx context.Context) {
	const check = "Application"
	if !e.accepted {
		e.skip(check, "needs Credentials")
		return
	}
	if !e.listed {
		// Package publish explains the reason best, for example with the
		// applications that the key sees.
		o := e.o.Publish
		o.Command = "list"
		if _, err := e.play(ctx, o); err != nil && err.Kind != publish.Refused {
			e.fail(check, err, 0)
			return
		}
		e.skip(check, "needs car:DescribeApplicationVersion")
		return
	}
	if e.app == nil {
		e.warn(check, "", "%s is there, but its kind and start path are not known", e.o.Publish.ApplicationID)
		return
	}
	about := fmt.Sprintf("%q (%s), %s", e.app.Name, strings.ToLower(string(e.kind)), e.app.RunStatus)
	switch {
	case e.kind == car.Desktop && e.app.ExePath == "" && e.o.Publish.Start.Path != "":
		e.ok(check, "%s, starts nothing yet; start-path sets %s with the release", about, e.o.Publish.Start.Path)
	case e.kind == car.Desktop && e.app.ExePath == "":
		e.warn(check, "Set start-path.", "%s, no start path yet: a release would start nothing", about)
	case e.kind == car.Desktop:
		e.ok(check, "%s, starts %s", about, e.app.ExePath)
	default:
		e.ok(check, "%s", about)
	}
}

// applications lists those of the account, for somebody who has not chosen one yet.
func (e *exam) applications(ctx context.Context) {
	const check = "Applications"
	o := e.o.Publish
	o.Command, o.ApplicationID = "list", ""
	result, err := e.play(ctx, o)
	switch {
	case err != nil:
		e.fail(check, err, 0)
	case len(result.Applications) == 0:
		e.warn(check, "Run create-application, with an application-name.", "this account has none")
	default:
		e.result.Applications = result.Applications
		var lines []string
		for _, app := range result.Applications[:min(len(result.Applications), 20)] {
			lines = append(lines, fmt.Sprintf("%s %q", app.ID, app.Name))
		}
		e.ok(check, "%d in this account: %s", len(result.Applications), strings.Join(lines, ", "))
	}
}

// players says whether anybody can get what a release puts online.
func (e *exam) players(context.Context) {
	if e.projects == nil || e.app == nil {
		return // no release is asked for, or its permission tells why they are not known
	}
	const check = "Players"
	p, doubts := publish.Players(*e.projects, e.o.Publish.ApplicationID, e.o.Publish.Regions)
	e.result.Players = &p
	about := fmt.Sprintf("%s, concurrency %d, %d playing now", human.Count(p.Projects, "project"), p.Concurrency, p.Playing)
	if len(doubts) > 0 {
		e.warn(check, strings.Join(doubts, " "), "%s", about)
		return
	}
	e.ok(check, "%s", about)
}

// room lets package publish make a dry run, and reports whether the build fits the
// application and what would be done to make room for it.
func (e *exam) room(ctx context.Context) {
	const fits, room = "Build", "Room"
	switch name := e.wrong("on-blocked", "on-full", "keep", "run-key", "run-attempt", "release", "wait"); {
	case !e.accepted:
		e.skip(fits, "needs Credentials")
		e.skip(room, "needs Credentials")
		return
	case !e.listed:
		e.skip(fits, "needs Application")
		e.skip(room, "needs Application")
		return
	case name != "":
		e.skip(fits, "needs %s", name)
		e.skip(room, "needs %s", name)
		return
	}
	o := e.o.Publish
	o.Command, o.DryRun = "publish", true
	var result record.Result
	var err *publish.Error
	if e.build == nil && o.ArtifactURL.IsZero() {
		e.skip(fits, "needs Artifact")
		err = &publish.Error{Kind: publish.BadInput}
	} else {
		result, err = e.play(ctx, o)
		switch {
		case err != nil && err.Kind != publish.InTheWay:
			e.fail(fits, err, 0)
		case len(result.Warnings) > 0:
			e.warn(fits, "", "%s", strings.Join(result.Warnings, " "))
		case e.build == nil:
			e.skip(fits, "CAR itself downloads artifact-url")
		default:
			e.ok(fits, "%s goes with this application", e.build.Format)
		}
	}
	if err != nil && err.Kind != publish.InTheWay {
		// Room can be checked without the build.
		o.Command, o.ArtifactName, o.Wait = "create", "build.zip", false
		result, err = e.play(ctx, o)
	}
	if err != nil {
		e.result.BlockingVersionID = result.BlockingVersionID
		e.fail(room, err, 0)
		return
	}
	e.result.MakeRoom = result.MakeRoom
	about := fmt.Sprintf("%d of %d versions (%s)", len(e.versions), publish.Limit, tally(e.versions))
	if len(e.versions) == 0 {
		about = "no version yet"
	}
	e.ok(room, "%s", strings.Join(append([]string{about}, result.MakeRoom...), "; "))
}

// play lets package publish run. It passes on only the events that do not tell of
// a run of its own.
func (e *exam) play(ctx context.Context, o publish.Options) (record.Result, *publish.Error) {
	result, err := publish.Run(ctx, o, e.d, func(event record.Event) {
		switch event.(type) {
		case record.Masked, record.Called, record.Retrying:
			e.emit(event)
		}
	})
	var failure *publish.Error
	if errors.As(err, &failure) {
		return result, failure
	}
	return result, nil
}

// tally counts the versions by status, in the order of their first one.
func tally(versions []car.Version) string {
	var order []car.Status
	count := map[car.Status]int{}
	for _, v := range versions {
		if !slices.Contains(order, v.Status) {
			order = append(order, v.Status)
		}
		count[v.Status]++
	}
	var parts []string
	for _, s := range order {
		parts = append(parts, fmt.Sprintf("%d %s", count[s], s))
	}
	return strings.Join(parts, ", ")
}
