package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/record"
)

// application is what CAR says of the application.
type application struct {
	car.Application
	known    bool // whether CAR told anything; if not, no check depends on it
	category car.Category
}

// needsStartPath reports whether the application cannot run without a start path.
func (a application) needsStartPath() bool {
	return a.known && a.category == car.Desktop && a.Type != "ApplicationWeb"
}

// look lists the versions, asks what the application is, and logs both.
func (r *run) look(ctx context.Context) ([]car.Version, error) {
	versions, err := r.inventory(ctx)
	for _, v := range oldestFirst(versions) {
		r.note("  %-12s %s", v.Status, title(v))
		if v.Status == car.Inuse {
			r.setPrevious(v.ID)
		}
	}
	return versions, err
}

// inventory is look without logging the versions.
func (r *run) inventory(ctx context.Context) ([]car.Version, error) {
	versions, err := r.listVersions(ctx)
	if err != nil {
		return nil, r.notFound(ctx, err)
	}
	if err := r.describeApplication(ctx); err != nil {
		if r.o.Start.given() && r.o.Command != List {
			return nil, err // what it starts cannot be changed without knowing it
		}
		r.advisory(err, "the application's kind and start path are not known, so the build could not be checked against them")
	}
	if r.app.known {
		r.note("%s (%s, %s)", r.appName(), r.o.ApplicationID, kindText(r.app.category))
	}
	return versions, nil
}

// describeApplication asks what the application is.
func (r *run) describeApplication(ctx context.Context) error {
	app, kind, ok, err := r.api.FindApplication(ctx, r.o.ApplicationID)
	switch {
	case err != nil:
		return err
	case !ok:
		return errors.New("DescribeApplicationList does not have it")
	}
	r.app, r.appRead = application{app, true, kind}, time.Now()
	r.learn(func(t *record.Result) { t.ApplicationName, t.ApplicationCategory = app.Name, kindText(kind) })
	return nil
}

// notFound adds the applications that this key sees to the error for a missing
// one.
func (r *run) notFound(ctx context.Context, err error) error {
	var api *car.Error
	if !errors.As(err, &api) || !api.Is(car.Code("FailedOperation.ApplicationNotFind")) {
		return err
	}
	message := r.o.ApplicationID + " is not in this account"
	switch applications, err := r.api.Applications(ctx, ""); {
	case err != nil: // the first error says enough
	case len(applications) == 0:
		message += ", and this key sees no application at all"
	default:
		var seen []string
		for _, app := range applications {
			seen = append(seen, fmt.Sprintf("%s %q (%s)", app.ID, app.Name, kindText(app.Category)))
		}
		message += "; this key sees: " + some(seen, 20)
	}
	return &Error{Kind: Other, Code: api.Code, Message: message + ".", Hint: api.Hint, RequestID: api.RequestID, Err: err}
}

// appName is the application's name, or its id while the name is not known.
func (r *run) appName() string {
	if r.app.Name != "" {
		return r.app.Name
	}
	return r.o.ApplicationID
}

func kindText(k car.Category) string { return strings.ToLower(string(k)) }
