package publish

import (
	"context"
	"slices"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// listApplications records all applications of the account.
func (r *run) listApplications(ctx context.Context) error {
	r.begin(record.Check)
	var listed []record.ListedApplication
	for _, kind := range []car.Category{car.Desktop, car.Mobile} {
		list, err := r.api.Applications(ctx, kind, "")
		if err != nil {
			return err
		}
		for _, app := range list {
			if !slices.ContainsFunc(listed, func(l record.ListedApplication) bool { return l.ID == app.ID }) {
				listed = append(listed, listedApplication(app))
			}
		}
	}
	if len(listed) == 0 {
		r.note("This account has no applications. create-application makes one.")
	}
	r.learn(func(t *record.Result) { t.Applications = listed })
	return nil
}

func listedApplication(app car.Application) record.ListedApplication {
	l := record.ListedApplication{
		ID: app.ID, Name: app.Name, Type: app.Type, Status: app.RunStatus, Versions: len(app.Versions), StartPath: app.ExePath,
	}
	if online, there := findOnline(app.Versions); there {
		l.Online = online.ID
	}
	return l
}
