package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// identity is who a run is to the service.
type identity struct {
	role    inputs.Role // zero without a role
	source  string      // where the keys come from, for the log; empty without keys
	tokens  ci.IDTokens // how the CI is asked for a token of the role; zero if it is not
	warning string      // why the role is not used; empty if it is, or if there is none
}

// identityOf returns the identity that the inputs ask for. A role without a
// token is a problem, except where the run is useful without keys.
func identityOf(c inputs.Config, getenv func(string) string) (identity, *inputs.Problem) {
	id := identity{role: c.Role, source: c.CredentialSource}
	if c.Role.ARN == "" || !c.Role.Token.IsZero() || c.Role.TokenFile != "" {
		return id, nil
	}
	tokens, err := ci.NewIDTokens(getenv)
	var none *ci.IDTokenError
	switch {
	case err == nil:
		id.tokens = tokens
		id.source += " of " + tokens.Name
		return id, nil
	case !errors.As(err, &none):
		return id, &inputs.Problem{Name: "oidc-token", Text: "is missing: " + err.Error()}
	case c.KeysOptional():
		return identity{warning: "role-arn is not used: " + none.Message}, nil
	}
	return id, &inputs.Problem{Name: "oidc-token", Text: "is missing: " + none.Message, Hint: none.Hint}
}

// backoff is how often a call is retried, and how long each retry waits.
func backoff() retry.Policy {
	return retry.Policy{Base: time.Second, Cap: 20 * time.Second, Attempts: 7, Patience: 10 * time.Minute, Float: rand.Float64}
}

// credentials returns the source of the keys: none for a run without keys, a
// fixed pair, or a session that renews its keys.
func (w wiring) credentials() (auth.Source, *auth.Session) {
	var session *auth.Session
	switch {
	case !w.config.SecretID.IsZero():
		return auth.Static(w.config.SecretID, w.config.SecretKey, w.config.SessionToken), nil
	case w.config.InstanceRole:
		session = auth.InstanceRole(auth.Instance{Transport: w.transport, Mask: w.mask, Warn: w.warn})
	case w.identity.role.ARN != "":
		session = auth.AssumeRole(w.role())
	default:
		return nil, nil
	}
	return session.Credentials, session
}

func (w wiring) mask(s secret.String) { w.report.Handle(record.Masked{Secret: s}) }

func (w wiring) warn(text string) { w.report.Handle(record.Warning{Text: text}) }

func (w wiring) role() auth.Role {
	c, given := w.config, w.identity.role
	role := auth.Role{
		ARN: given.ARN, Provider: given.Provider, Session: given.Session, Duration: given.Duration, For: w.options.Timeout,
		Site: c.Site, Endpoint: c.STSEndpoint, Region: c.Region, Language: c.ServiceLanguage,
		Transport: w.transport, Retry: backoff(), Mask: w.mask, Warn: w.warn,
		Called: func(action string, attempt int, took time.Duration, id string, err error) {
			w.report.Handle(record.Called{Action: action, Attempt: attempt, Took: took, RequestID: id, Err: err})
		},
		Retrying: func(action string, attempt int, wait time.Duration, err error) {
			w.report.Handle(record.Retrying{What: action, Attempt: attempt, Wait: wait, Err: err})
		},
	}
	if role.Session == "" {
		role.Session = sessionName(w.job, w.options)
	}
	if role.Region == "" {
		role.Region = given.Region
	}
	switch {
	case given.TokenFile != "":
		role.Tokens = auth.TokenFile(given.TokenFile)
	case !given.Token.IsZero():
		role.Tokens, role.Fixed = auth.FixedToken(given.Token), true
	default:
		role.Tokens = w.askForToken
	}
	return role
}

// askForToken asks the CI for an OIDC token of this job.
func (w wiring) askForToken(ctx context.Context) (secret.String, error) {
	token, err := w.identity.tokens.Ask(ctx, w.transport, w.identity.role.Audience)
	if none := (*ci.IDTokenError)(nil); errors.As(err, &none) {
		err = &cloudapi.Error{
			Action: "OIDC token", Code: auth.CodeNoToken, Message: none.Message, Hint: none.Hint, Temporary: none.Passing, Err: none.Err,
		}
	}
	return token, err
}

// The most bytes that a session name may have, and its part for the repository
// (tencentcloud.com/document/product/1150/49454).
const (
	longestName       = 128
	longestRepository = 60
)

// sessionName is the name of this run in the audit log of the account: the
// repository, the run and the attempt, so that each call can be traced to the
// page of its run. It has only characters that STS accepts.
func sessionName(job ci.Run, o publish.Options) string {
	repository := job.Repository
	if _, place, found := strings.Cut(repository, "://"); found {
		_, repository, _ = strings.Cut(place, "/")
	}
	if repository == "" {
		repository = "car-publish"
	}
	name := stsName(repository)
	name = name[max(0, len(name)-longestRepository):]
	end := "@" + strconv.Itoa(max(1, o.Attempt))
	if key := stsName(o.RunKey); key != "" {
		name += "@" + key[:min(len(key), longestName-len(name)-1-len(end))]
	}
	return name + end
}

// stsName replaces each slash by a dot, and each other character that STS
// refuses in a session name by an underscore.
func stsName(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '/':
			return '.'
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', strings.ContainsRune("+=,.@_-", r):
			return r
		}
		return '_'
	}, text)
}
