package publish

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// check asks what the application is and has, and refuses now what would
// fail after an upload of many gigabytes.
func (r *run) check(ctx context.Context) ([]car.Version, error) {
	r.begin(record.Check)
	versions, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	return versions, r.fits()
}

// fits refuses a build that this application cannot take.
func (r *run) fits() error {
	if !r.app.known {
		return nil
	}
	if r.app.category == car.Mobile && (len(r.o.Regions) > 0 || r.o.UpdateMode != "") {
		r.warn("%s is a mobile application: regions and update-mode do not apply to it and are left out.", r.appName())
		r.o.Regions, r.o.UpdateMode = nil, ""
	}
	if r.build == nil {
		return nil
	}
	if r.tree != nil && r.app.category == car.Mobile {
		return r.folderFits()
	}
	if err := r.formatFits(); err != nil {
		return err
	}
	if !r.app.needsStartPath() {
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
	hint := cmp.Or(r.folderHint(), "Set the start path in the CAR console, or fix the archive. ")
	if near := artifact.Nearest(r.app.ExePath, r.build.Executables); len(near) > 0 {
		hint += "Executables in it, nearest first: " + some(near, 8) + "."
	} else {
		hint += "There is no .exe in it."
	}
	if r.build.Inner != "" {
		hint = fmt.Sprintf("Publish %s, which is the only file in it: CAR does not unpack an archive in an archive.", r.build.Inner)
	}
	return fail(BadInput, "StartPath", hint, "%s starts %q, and %s does not hold that. Nothing was uploaded.", r.appName(), r.app.ExePath, r.build.Name)
}

// formatFits compares the build's format with what the application runs.
func (r *run) formatFits() error {
	takes := map[car.Category][]artifact.Format{
		car.Desktop: {artifact.Zip, artifact.RAR, artifact.SevenZip},
		car.Mobile:  {artifact.APK, artifact.XAPK, artifact.Zip},
	}[r.app.category]
	b := r.build
	if !slices.Contains(takes, b.Format) {
		var names []string
		for _, f := range takes {
			names = append(names, string(f))
		}
		return fail(BadInput, "Format", "Check application-id and artifact: one of them is another's.",
			"%s is a %s application and takes %s; %s is %s. Nothing was uploaded.", r.appName(), kindText(r.app.category), strings.Join(names, ", "), b.Name, b.Format)
	}
	if r.app.category == car.Mobile && b.Format == artifact.Zip && !b.HoldsAPK {
		return fail(BadInput, "Format", "Check application-id and artifact: one of them is another's.",
			"%s is a mobile application, and %s is a zip without an .apk in it. Nothing was uploaded.", r.appName(), b.Name)
	}
	return nil
}
