package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
)

// createApplication finds the application with the given name, or creates it. The
// call has no client token, so each run looks by name first.
func (r *run) createApplication(ctx context.Context) (record.Outcome, error) {
	r.begin(record.Check)
	found, err := r.applicationNamed(ctx)
	if err != nil {
		return "", err
	}
	if found != nil {
		r.note("%s (%s) is there already: nothing was created.", found.Name, found.ID)
		return record.Exists, nil
	}
	if r.o.DryRun {
		return r.planned("Would create the application %q of type %s.", r.o.ApplicationName, r.o.ApplicationType), nil
	}
	r.begin(record.CreateApplication)
	id, requestID, err := r.api.CreateApplication(ctx, r.o.ApplicationName, r.o.ApplicationType)
	r.recordRequest("CreateApplication", requestID, err)
	switch {
	case err != nil && isDoubtful(err):
		return r.findLostApplication(ctx, err)
	case err != nil:
		return "", err
	case !car.IsApplicationID(id):
		return "", fail(Other, car.CodeAnswer, "Ask Tencent Cloud support, with the RequestId.", "CreateApplication answered with %q, which is not an application id.", id)
	}
	r.recordApplication(car.Application{ID: id, Name: r.o.ApplicationName, Category: categoryOf(r.o.ApplicationType)})
	r.note("Created the application %s (%s).", r.o.ApplicationName, id)
	r.warnOfTwins(ctx, id)
	return record.Created, nil
}

// findLostApplication looks for the application whose create was not answered. The
// list may lag behind by a time that is not documented, so a create that left no trace
// is not sent again: there could be two.
func (r *run) findLostApplication(ctx context.Context, createErr error) (record.Outcome, error) {
	ctx, cancel := despiteCancel(ctx)
	defer cancel()
	for start := time.Now(); ; {
		found, err := r.applicationNamed(ctx)
		switch {
		case err != nil:
			return "", err
		case found != nil:
			r.note("The answer of CreateApplication was lost (%v), and the application is there: %s.", createErr, found.ID)
			return record.Created, nil
		case time.Since(start) >= MaxListLag:
			return "", fail(Other, "Doubtful", "Run again in some minutes: if it was created, it is found by its name.",
				"The answer of CreateApplication was lost (%v), and no application %q is listed yet: it was not sent again.", createErr, r.o.ApplicationName)
		}
		if err := retry.Sleep(ctx, pollFloor); err != nil {
			return "", err
		}
	}
}

// applicationNamed returns the application with the given name; nil if there is none.
// One of another type and several of the same name are errors.
func (r *run) applicationNamed(ctx context.Context) (*car.Application, error) {
	named, err := r.api.Applications(ctx, r.o.ApplicationName)
	if err != nil {
		return nil, err
	}
	named = slices.DeleteFunc(named, func(app car.Application) bool { return app.Name != r.o.ApplicationName || !car.IsApplicationID(app.ID) })
	switch {
	case len(named) == 0:
		return nil, nil
	case len(named) > 1:
		var ids []string
		for _, app := range named {
			ids = append(ids, fmt.Sprintf("%s (%s)", app.ID, app.Type))
		}
		return nil, fail(InTheWay, "SameName", "Set application-id to the one that is meant, and leave create-application out; or rename or delete the others in the CAR console.",
			"There are %d applications named %q: %s.", len(named), r.o.ApplicationName, some(ids, 10))
	case named[0].Type != r.o.ApplicationType:
		return nil, fail(InTheWay, "OtherType", "Choose another application-name, or the application-type that it has.",
			"%q (%s) is there and is of type %s, not %s. The type of an application cannot be changed.", named[0].Name, named[0].ID, named[0].Type, r.o.ApplicationType)
	}
	r.recordApplication(named[0])
	return &named[0], nil
}

// recordApplication takes the application that create-application has found or made.
func (r *run) recordApplication(app car.Application) {
	r.o.ApplicationID = app.ID
	r.learn(func(t *record.Result) {
		t.ApplicationID, t.ApplicationName, t.ApplicationCategory = app.ID, app.Name, kindText(app.Category)
	})
}

// warnOfTwins looks whether another run has created an application of the same name
// at the same time.
func (r *run) warnOfTwins(ctx context.Context, id string) {
	list, err := r.api.Applications(ctx, r.o.ApplicationName)
	if err != nil {
		return // the application is there, and the next run looks again
	}
	for _, app := range list {
		if app.Name == r.o.ApplicationName && app.ID != id {
			r.warn("%s has the same name: two runs have created it at the same time. Delete one of them in the CAR console.", app.ID)
		}
	}
}

func categoryOf(applicationType string) car.Category {
	if strings.EqualFold(applicationType, "ApplicationAPK") {
		return car.Mobile
	}
	return car.Desktop
}
