package publish

import (
	"cmp"
	"context"
	"fmt"

	"github.com/car-publish/car-publish/internal/artifact"
)

// startPathFits refuses a build that does not hold the program to start.
func (r *run) startPathFits() error {
	start := r.wantedStart()
	if start == "" {
		return r.noStartPath()
	}
	if artifact.IsAbsWindows(start) || r.build.Encrypted || r.build.Contains(start) {
		return nil
	}
	hint := cmp.Or(r.folderHint(), "Set start-path, or fix the build. ")
	if near := artifact.Nearest(start, r.build.Executables); len(near) > 0 {
		hint += "Executables in it, nearest first: " + some(near, 8) + "."
	} else {
		hint += "There is no .exe in it."
		if r.tree != nil && r.tree.LeftOut.Files > 0 {
			hint += " What is left out: " + some(r.tree.LeftOut.Names, 5) + "."
		}
	}
	if r.build.Inner != "" {
		hint = fmt.Sprintf("Publish %s, which is the only file in it: CAR does not unpack an archive in an archive.", r.build.Inner)
	}
	return fail(BadInput, "StartPath", hint, "%s, and %s does not hold that. Nothing was uploaded.", r.startsWhat(), r.build.Name)
}

// noStartPath is about a desktop application that was never told what to start.
func (r *run) noStartPath() error {
	hint := "Set start-path to the program that a player is to start."
	if list := r.build.Executables; len(list) > 0 {
		hint += " Executables in the build: " + some(list, 8) + "."
	}
	if r.o.Release {
		return fail(BadInput, "StartPath", hint, "%s has no start path yet, so a release would start nothing. Nothing was uploaded.", r.appName())
	}
	r.warn("%s has no start path yet: it cannot run before one is set, with start-path at the release or in the CAR console.", r.appName())
	return nil
}

// startPathThere refuses a release that would start nothing. CAR lists the
// executables of a processed version, with backslashes.
func (r *run) startPathThere(ctx context.Context, id string) (executables []string, err error) {
	start := r.wantedStart()
	if !r.app.needsStartPath() || artifact.IsAbsWindows(start) {
		return nil, nil
	}
	executables, err = r.executables(ctx, id)
	if err != nil {
		return nil, err
	}
	if start == "" {
		hint := "Set start-path to the program that a player is to start."
		if len(executables) > 0 {
			hint += " Executables in the version: " + some(executables, 8) + "."
		}
		return nil, fail(BadInput, "StartPath", hint, "%s has no start path yet, so %s would start nothing: it was not released.", r.appName(), id)
	}
	if len(executables) == 0 {
		r.warn("The executables of %s are not known, so the start path %q could not be checked.", id, start)
		return nil, nil
	}
	if artifact.Holds(executables, start) {
		return executables, nil
	}
	return nil, fail(Other, "StartPath", "Set start-path to one that it holds, or publish a build that has the other. Executables, nearest first: "+some(artifact.Nearest(start, executables), 8)+".",
		"%s, and %s does not hold that: it was not released.", r.startsWhat(), id)
}
