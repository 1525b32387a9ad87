package publish

import (
	"context"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// listApplications records all applications of the account.
func (r *run) listApplications(ctx context.Context) error {
	r.begin(record.Check)
	applications, err := r.api.Applications(ctx, "")
	if err != nil {
		return err
	}
	var listed []record.ListedApplication
	for _, app := range applications {
		listed = append(listed, listedApplication(app))
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
