package publish

import (
	"context"
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
	if r.o.Start.given() && !r.app.needsStartPath() {
		r.warn("%s is a %s application of type %s: start-path, start-parameters and start-processes do not apply to it and are left out.", r.appName(), kindText(r.app.category), r.app.Type)
		r.o.Start = StartOptions{}
	}
	if r.build == nil {
		return nil
	}
	if r.tree != nil && r.app.category == car.Mobile {
		return r.refuseFolder()
	}
	if err := r.formatFits(); err != nil {
		return err
	}
	if !r.app.needsStartPath() {
		return nil
	}
	return r.startPathFits()
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
