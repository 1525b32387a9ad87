package publish

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// Limit is how many versions an application holds
// (tencentcloud.com/document/product/1158/49620). Whether one that is being
// deleted counts is not documented: every listed one does, until it is gone.
const Limit = record.MostVersions

// MaxListLag is how long a version that was just created may be missing from the
// list. Tencent does not document it.
const MaxListLag = time.Minute

// title names a version for a reader: ver-b "hotfix".
func title(v car.Version) string {
	if v.Name == "" {
		return v.ID
	}
	return fmt.Sprintf("%s %q", v.ID, v.Name)
}

// find returns the version with that id.
func find(versions []car.Version, id string) (car.Version, bool) {
	i := slices.IndexFunc(versions, func(v car.Version) bool { return v.ID == id })
	if i < 0 {
		return car.Version{}, false
	}
	return versions[i], true
}

// findOnline returns the version that players get.
func findOnline(versions []car.Version) (car.Version, bool) {
	i := slices.IndexFunc(versions, func(v car.Version) bool { return v.Status == car.Inuse })
	if i < 0 {
		return car.Version{}, false
	}
	return versions[i], true
}

// oldestFirst returns the versions by age. The service promises no order.
func oldestFirst(versions []car.Version) []car.Version {
	sorted := slices.Clone(versions)
	slices.SortStableFunc(sorted, func(a, b car.Version) int { return a.CreateTime.Compare(b.CreateTime.Time) })
	return sorted
}

// stem is a file name without its extension, which CAR takes as the version's
// name.
func stem(fileName string) string { return strings.TrimSuffix(fileName, path.Ext(fileName)) }

// missing returns what was requested and is not there.
func missing(requested, there []string) []string {
	have := make(map[string]bool)
	for _, t := range there {
		have[t] = true
	}
	var out []string
	for _, a := range requested {
		if !have[a] {
			out = append(out, a)
		}
	}
	return out
}

// unreleased reports whether players have never had a version.
func unreleased(s car.Status) bool { return s != car.Inuse && s != car.Usable }

// noSuchVersion is the error for a version-id that the application does not have.
func (r *run) noSuchVersion(versions []car.Version) error {
	var have []string
	for _, v := range oldestFirst(versions) {
		have = append(have, title(v)+" ("+string(v.Status)+")")
	}
	return fail(BadInput, "VersionNotFound", "It has: "+orDash(some(have, 10))+".", "%s has no version %s.", r.appName(), r.o.VersionID)
}
