package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// permissions tries the keys with every call of a publish that only reads. It
// names the calls that change something, and never makes them.
func (e *exam) permissions(ctx context.Context) {
	why := ""
	switch wrong := e.wrong(slices.Concat(keyInputs, roleInputs)...); {
	case wrong != "":
		why = "needs " + wrong
	case e.refused && e.o.RoleARN != "":
		why = "needs STS"
	case e.refused:
		why = "needs the role of this virtual machine"
	case e.d.CAR.Credentials == nil:
		why = "needs secret-id and secret-key"
	case !e.reached:
		why = "needs CAR API"
	case e.wrong("application-id") != "":
		why = "needs application-id"
	case e.wrong("region", "service-language") != "":
		why = "needs " + e.wrong("region", "service-language")
	}
	if why == "needs application-id" {
		e.applications(ctx)
	}
	if why != "" {
		e.skip("Credentials", "%s", why)
		why = "needs Credentials"
	}
	for _, need := range publish.Needs(e.o.Publish) {
		check := "car:" + need.Action
		switch {
		case need.Changes:
			e.skip(check, "would change something")
		case why != "":
			e.skip(check, "%s", why)
		default:
			// The first call is the one that tells whether the keys are good.
			if refused := e.permission(ctx, check, need); refused {
				why = "needs Credentials"
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
	if why == "" && !e.accepted {
		e.skip("Credentials", "CAR has not answered a single call")
	}
}

// permission makes one call and reports whether the keys as such were
// refused.
func (e *exam) permission(ctx context.Context, check string, need publish.Need) (refused bool) {
	if need.Action == "DescribeCosCredential" {
		if why := e.mustNotAskForKeys(); why != "" {
			e.skip(check, "%s", why)
			return false
		}
	}
	err := e.ask(ctx, need.Action)
	if ctx.Err() != nil {
		return false
	}
	took := e.calls[need.Action].took
	denied := errors.Is(err, car.Code("UnauthorizedOperation")) || errors.Is(err, car.Code("AuthFailure.UnauthorizedOperation"))
	switch {
	case errors.Is(err, car.Code("AuthFailure")) && !denied:
		e.fail("Credentials", publish.Explain(err), took)
		e.skip(check, "needs Credentials")
		return true
	case !e.accepted && !isTrouble(err):
		e.accepted = true
		e.ok("Credentials", "%s, accepted by CAR", e.o.Credentials)
	}
	f := record.Finding{Check: check, Verdict: record.OK, Detail: "allowed", Milliseconds: took.Milliseconds(), RequestID: e.calls[need.Action].requestID}
	var refusal *car.Error
	switch {
	case denied && need.Without != "":
		failure := publish.Explain(err)
		f.Verdict, f.Detail, f.Hint, f.Code = record.Doubtful, "not allowed; a publish continues, but "+need.Without, failure.Hint, failure.Code
	case denied:
		e.fail(check, publish.Explain(err), took)
		return false
	case err == nil:
		f.Detail += ", " + milliseconds(took)
	case isTrouble(err) && need.Without != "":
		failure := publish.Explain(err)
		f.Verdict, f.Detail, f.Hint, f.Code = record.Doubtful, failure.Message, failure.Hint, failure.Code
	case isTrouble(err):
		e.fail(check, publish.Explain(err), took)
		return false
	case errors.As(err, &refusal): // the call was let through, and then refused for another reason
		f.Detail, f.Code = fmt.Sprintf("allowed, %s; CAR answered %s", milliseconds(took), refusal.Code), refusal.Code
	}
	e.add(f)
	return false
}

// isTrouble reports whether an error says nothing about the permission. The other
// errors come from checks that the service makes after that of the permission.
func isTrouble(err error) bool {
	var api *car.Error
	if !errors.As(err, &api) {
		return err != nil
	}
	return !slices.ContainsFunc([]car.Code{
		"OperationDenied", "FailedOperation", "InvalidParameter", "InvalidParameterValue", "ResourceNotFound", "UnauthorizedOperation", "AuthFailure",
	}, func(c car.Code) bool { return api.Is(c) }) || api.Temporary
}

// mustNotAskForKeys says why DescribeCosCredential is not called now, or "".
// The call names no version: it hands out keys for the upload of whatever
// version is in flight. While there is none, all it can do is refuse, and that
// refusal tells the permission. A file name, which might rename a version, is
// not sent.
func (e *exam) mustNotAskForKeys() string {
	if !e.listed {
		return "needs the list of versions"
	}
	for _, v := range e.versions {
		if v.Status.Underway() {
			return fmt.Sprintf("%s is being created, and the call would hand out the keys to its upload", v.ID)
		}
	}
	return ""
}

// ask makes one of the calls that only read, and keeps the answer.
func (e *exam) ask(ctx context.Context, action string) error {
	app := e.o.Publish.ApplicationID
	switch action {
	case "DescribeApplicationVersion":
		versions, _, err := e.api.DescribeApplicationVersion(ctx, app)
		e.versions, e.listed = versions, err == nil
		return err
	case "DescribeApplicationList":
		return e.list(ctx)
	case "DescribeApplicationStatus":
		_, _, err := e.api.DescribeApplicationStatus(ctx, app)
		return err
	case "DescribeApplicationPathList":
		_, _, err := e.api.DescribeApplicationPathList(ctx, app, "")
		return err
	case "DescribeApplicationProjects":
		projects, err := e.api.Projects(ctx, cmp.Or(e.kind, car.Desktop))
		if err == nil {
			e.projects = &projects
		}
		return err
	case "DescribeCosCredential":
		// Should keys come although nothing is in flight, they are masked and
		// thrown away.
		keys, _, err := e.api.DescribeCosCredential(ctx, app, "")
		for _, s := range []record.Masked{{Secret: keys.SecretID}, {Secret: keys.SecretKey}, {Secret: keys.SessionToken}} {
			if !s.Secret.IsZero() {
				e.emit(s)
			}
		}
		return err
	}
	panic("doctor: does not know how to ask for " + action) // a need that changes nothing has a case here
}

// list looks for the application in the account's list.
func (e *exam) list(ctx context.Context) error {
	app, kind, ok, err := e.api.FindApplication(ctx, e.o.Publish.ApplicationID)
	if ok {
		e.app, e.kind = &app, kind
		e.result.ApplicationName, e.result.ApplicationCategory = app.Name, strings.ToLower(string(kind))
	}
	return err
}

// policies makes the least policy for a publish with these inputs.
func (e *exam) policies() {
	var actions []string
	for _, need := range publish.Needs(e.o.Publish) {
		actions = append(actions, "car:"+need.Action)
	}
	slices.Sort(actions)
	// CAR knows operation-level permissions only: a policy that names a
	// resource allows nothing (tencentcloud.com/document/product/598/57462).
	e.result.Policy = &record.Policy{Version: "2.0", Statement: []record.Statement{{
		Effect: "allow", Action: actions, Resource: []string{"*"},
	}}}
}
