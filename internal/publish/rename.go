package publish

import (
	"context"

	"github.com/car-publish/car-publish/internal/record"
)

// rename gives the version its final name. A failure is only a warning, since
// the build is delivered.
func (r *run) rename(ctx context.Context) {
	if r.o.VersionName == "" || r.o.VersionName == r.ours.Name {
		return
	}
	r.begin(record.Name)
	requestID, err := r.api.ModifyApplicationVersion(ctx, r.o.ApplicationID, r.ours.ID, r.o.VersionName)
	r.recordRequest("ModifyApplicationVersion", requestID, nil)
	if err != nil {
		r.advisory(err, "the version could not be renamed and keeps the name "+r.ours.Name)
		return
	}
	r.ours.Name = r.o.VersionName
	r.learn(func(t *record.Result) { t.VersionName = r.o.VersionName })
}
