package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/car-publish/car-publish/internal/record"
)

// Command is what a run does.
type Command string

// The commands of the flow.
const (
	Publish           Command = "publish" // make a version of a build
	CreateApplication Command = "create-application"
	Create            Command = "create"   // make a version that somebody else delivers the build for
	Release           Command = "release"  // put a version online
	Rollback          Command = "rollback" // put a former version online again
	List              Command = "list"
	Delete            Command = "delete"
	Cleanup           Command = "cleanup" // remove what a killed run left
)

// OnBlocked says what happens when another version keeps CAR from taking a new
// one.
type OnBlocked string

// The policies for a blocking version.
const (
	BlockedFail              OnBlocked = "fail"
	BlockedWait              OnBlocked = "wait"               // until it is out of the way
	BlockedReplace           OnBlocked = "replace"            // delete it if it is still being created
	BlockedReplaceUnreleased OnBlocked = "replace-unreleased" // delete it also if it is ready and not released
)

// OnFull says what happens when the application holds as many versions as CAR
// allows.
type OnFull string

// The policies for a full application.
const (
	FullFail         OnFull = "fail"
	FullDeleteOldest OnFull = "delete-oldest" // the oldest one that may go, see oldestSpare
)

// OnFailure says what happens to the version of a run that fails.
type OnFailure string

// The policies for a failed run.
const (
	FailureAuto   OnFailure = "auto" // see removes
	FailureKeep   OnFailure = "keep"
	FailureDelete OnFailure = "delete"
)

// validate refuses values that no command and no policy has. Nothing is done
// for a misspelt command.
func (o Options) validate() error {
	check := func(input, value string, valid ...string) error {
		if slices.Contains(valid, value) {
			return nil
		}
		return fail(BadInput, "Options", "Choose one of: "+some(valid, len(valid))+".", "%s is %q, which is none of its values.", input, value)
	}
	if err := check("on-blocked", string(o.OnBlocked), string(BlockedFail), string(BlockedWait), string(BlockedReplace), string(BlockedReplaceUnreleased)); err != nil {
		return err
	}
	if err := check("on-full", string(o.OnFull), string(FullFail), string(FullDeleteOldest)); err != nil {
		return err
	}
	return check("on-failure", string(o.OnFailure), string(FailureAuto), string(FailureKeep), string(FailureDelete))
}

// do carries out the command and returns its outcome.
func (r *run) do(ctx context.Context) (record.Outcome, error) {
	if err := r.o.validate(); err != nil {
		return "", err
	}
	switch r.o.Command {
	case Publish:
		return r.publish(ctx)
	case CreateApplication:
		return r.createApplication(ctx)
	case Create:
		return r.createOnly(ctx)
	case Release:
		return r.release(ctx)
	case Rollback:
		return r.rollback(ctx)
	case List:
		if r.o.ApplicationID == "" {
			return record.Listing, r.listApplications(ctx)
		}
		return record.Listing, r.list(ctx)
	case Delete:
		return r.delete(ctx)
	case Cleanup:
		return record.Cleaned, r.cleanup(ctx)
	default:
		return "", fmt.Errorf("there is no command %q", r.o.Command)
	}
}
