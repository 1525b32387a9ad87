package publish

import (
	"context"

	"github.com/car-publish/car-publish/internal/record"
)

// list records all versions of the application.
func (r *run) list(ctx context.Context) error {
	r.begin(record.Check)
	versions, err := r.inventory(ctx)
	if err != nil {
		return err
	}
	r.learn(func(t *record.Result) {
		for _, v := range oldestFirst(versions) {
			l := record.Listed{ID: v.ID, Name: v.Name, Status: string(v.Status), Size: v.Size, Regions: v.Regions, UpdateMode: v.UpdateMode}
			if !v.CreateTime.IsZero() {
				l.CreateTime = &v.CreateTime.Time
			}
			t.Versions = append(t.Versions, l)
		}
	})
	return nil
}
