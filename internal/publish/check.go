package publish

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
)

// check asks what the application is and has, and refuses now what would
// fail after an upload of many gigabytes.
func (r *run) check(ctx context.Context) ([]car.Version, error) {
	r.begin(Check)
	versions, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	return versions, r.fits()
}

// look lists the versions, learns what the application is, and notes both.
func (r *run) look(ctx context.Context) ([]car.Version, error) {
	versions, err := r.inventory(ctx)
	for _, v := range oldestFirst(versions) {
		r.note("  %-12s %s", v.Status, title(v))
		if v.Status == car.Inuse {
			r.learn(func(t *Result) { t.PreviousVersionID = v.ID })
		}
	}
	return versions, err
}

// inventory is look without the versions in the log.
func (r *run) inventory(ctx context.Context) ([]car.Version, error) {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return nil, r.notFound(ctx, err)
	}
	if err := r.describeApplication(ctx); err != nil {
		r.advisory(err, "the application's kind and start path are not known, so the build could not be checked against them")
	}
	if r.known {
		r.note("%s (%s, %s)", r.appName(), r.o.ApplicationID, kindText(r.kind))
	}
	return versions, nil
}

// listVersions lists the versions of the application.
func (r *run) listVersions(ctx context.Context) ([]car.Version, error) {
	versions, id, err := r.api.DescribeApplicationVersion(ctx, r.o.ApplicationID)
	if err != nil {
		r.changed("DescribeApplicationVersion", id, err)
	}
	return versions, err
}

// describeApplication learns what the application is.
func (r *run) describeApplication(ctx context.Context) error {
	app, kind, ok, err := r.api.FindApplication(ctx, r.o.ApplicationID)
	switch {
	case err != nil:
		return err
	case !ok:
		return errors.New("DescribeApplicationList does not have it")
	}
	r.app, r.kind, r.known = app, kind, true
	r.learn(func(t *Result) { t.ApplicationName, t.ApplicationCategory = app.Name, kindText(kind) })
	return nil
}

// notFound adds to "no such application" which ones this key sees.
func (r *run) notFound(ctx context.Context, err error) error {
	var api *car.Error
	if !errors.As(err, &api) || !api.Is(car.Code("FailedOperation.ApplicationNotFind")) {
		return err
	}
	var seen []string
	for _, kind := range []car.Category{car.Desktop, car.Mobile} {
		list, _, err := r.api.DescribeApplicationList(ctx, car.ListRequest{Limit: 100, Category: kind})
		if err != nil {
			continue // the first error says enough
		}
		for _, app := range append(list.Desktop, list.Mobile...) {
			if line := fmt.Sprintf("%s %q (%s)", app.ID, app.Name, kindText(kind)); !slices.Contains(seen, line) {
				seen = append(seen, line)
			}
		}
	}
	message := r.o.ApplicationID + " is not in this account"
	if len(seen) > 0 {
		message += "; this key sees: " + some(seen, 20)
	}
	return &Error{Kind: Other, Code: api.Code, Message: message + ".", Hint: api.Hint, RequestID: api.RequestID, Err: err}
}

// fits refuses a build that this application cannot take.
func (r *run) fits() error {
	if !r.known {
		return nil
	}
	if r.kind == car.Mobile && (len(r.o.Regions) > 0 || r.o.UpdateMode != "") {
		r.warn("%s is a mobile application: regions and update-mode do not apply to it and are left out.", r.appName())
		r.o.Regions, r.o.UpdateMode = nil, ""
	}
	if r.build == nil {
		return nil
	}
	if err := r.formatFits(); err != nil {
		return err
	}
	if r.kind != car.Desktop || r.app.Type == "ApplicationWeb" {
		return nil
	}
	if r.app.ExePath == "" {
		return r.noStartPath()
	}
	if artifact.IsAbsWindows(r.app.ExePath) || r.build.Encrypted || r.build.Contains(r.app.ExePath) {
		return nil
	}
	if r.build.ForeignNames {
		r.warn("%s starts %q. Names in %s are not UTF-8, so it is not known whether they hold that: pack it with UTF-8 names.", r.appName(), r.app.ExePath, r.build.Name)
		return nil
	}
	hint := "Set the start path in the CAR console, or fix the archive. "
	if near := artifact.Nearest(r.app.ExePath, r.build.Executables); len(near) > 0 {
		hint += "Executables in it, nearest first: " + some(near, 8) + "."
	} else {
		hint += "There is no .exe in it."
	}
	return fail(BadInput, "StartPath", hint, "%s starts %q, and %s does not hold that. Nothing was uploaded.", r.appName(), r.app.ExePath, r.build.Name)
}

// formatFits compares the build's format with what the application runs.
func (r *run) formatFits() error {
	takes := map[car.Category][]artifact.Format{
		car.Desktop: {artifact.Zip, artifact.RAR, artifact.SevenZip},
		car.Mobile:  {artifact.APK, artifact.XAPK, artifact.Zip},
	}[r.kind]
	b := r.build
	if !slices.Contains(takes, b.Format) {
		var names []string
		for _, f := range takes {
			names = append(names, string(f))
		}
		return fail(BadInput, "Format", "Check application-id and artifact: one of them is another's.",
			"%s is a %s application and takes %s; %s is %s. Nothing was uploaded.", r.appName(), kindText(r.kind), strings.Join(names, ", "), b.Name, b.Format)
	}
	if r.kind == car.Mobile && b.Format == artifact.Zip && !b.HoldsAPK {
		return fail(BadInput, "Format", "Check application-id and artifact: one of them is another's.",
			"%s is a mobile application, and %s is a zip without an .apk in it. Nothing was uploaded.", r.appName(), b.Name)
	}
	return nil
}

// noStartPath is about a desktop application that was never configured: CAR
// knows its executables only after a first build was processed.
func (r *run) noStartPath() error {
	hint := "Publish without release, choose the start path in the CAR console, then run: " + r.line("release", "VERSION-ID")
	if list := r.build.Executables; len(list) > 0 {
		hint += ". Executables in the build: " + some(list, 8)
	}
	if r.o.Release {
		return fail(BadInput, "StartPath", hint+".", "%s has no start path yet, so a release would start nothing. Nothing was uploaded.", r.appName())
	}
	r.warn("%s has no start path yet: it cannot run before one is chosen in the CAR console.", r.appName())
	return nil
}

func kindText(k car.Category) string { return strings.ToLower(string(k)) }
