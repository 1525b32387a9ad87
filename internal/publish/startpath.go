package publish

import (
	"context"
	"errors"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
)

// noStartPath is about a desktop application that was never configured: CAR
// knows its executables only after a first build was processed.
func (r *run) noStartPath() error {
	hint := "Publish without release, choose the start path in the CAR console, then run: " + r.line(Release, "VERSION-ID")
	if list := r.build.Executables; len(list) > 0 {
		hint += ". Executables in the build: " + some(list, 8)
	}
	if r.o.Release {
		return fail(BadInput, "StartPath", hint+".", "%s has no start path yet, so a release would start nothing. Nothing was uploaded.", r.appName())
	}
	r.warn("%s has no start path yet: it cannot run before one is chosen in the CAR console.", r.appName())
	return nil
}

// startPathThere refuses a release that would start nothing. CAR lists the
// executables of a processed version, with backslashes.
func (r *run) startPathThere(ctx context.Context, id string) error {
	start := r.app.ExePath
	if !r.app.needsStartPath() || artifact.IsAbsWindows(start) {
		return nil
	}
	paths, _, err := r.api.DescribeApplicationPathList(ctx, r.o.ApplicationID, id)
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, car.Code("FailedOperation.ApplicationNotFind")) {
			return err
		}
		r.advisory(err, "the start path could not be checked before the release")
		if start != "" {
			return nil
		}
	}
	if start == "" {
		hint := "Choose it in the CAR console, and run again."
		if len(paths) > 0 {
			hint += " Executables in the version: " + some(paths, 8) + "."
		}
		return fail(BadInput, "StartPath", hint, "%s has no start path yet, so %s would start nothing: it was not released.", r.appName(), id)
	}
	if len(paths) == 0 {
		r.warn("CAR lists no executables for %s, so the start path %q could not be checked.", id, start)
		return nil
	}
	processed := artifact.Artifact{Executables: paths}
	if processed.Contains(start) {
		return nil
	}
	return fail(Other, "StartPath", "Set the start path in the CAR console, or publish a build that has it. Executables, nearest first: "+some(artifact.Nearest(start, paths), 8)+".",
		"%s starts %q, and %s does not hold that: it was not released.", r.appName(), start, id)
}
