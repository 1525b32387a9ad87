package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/report"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// tokensFor returns how the CI is asked for OIDC tokens, if the run needs
// that, or what is wrong with it. A run that is of use without keys goes on
// without, and the warning says why.
func tokensFor(c *inputs.Config, getenv func(string) string) (tokens ci.IDTokens, warning string, problem *inputs.Problem) {
	if c.Role.ARN == "" || !c.Role.Token.IsZero() || c.Role.TokenFile != "" {
		return tokens, "", nil
	}
	tokens, err := ci.NewIDTokens(getenv)
	var none *ci.IDTokenError
	switch {
	case err == nil:
		c.CredentialSource += " of " + tokens.Name
		return tokens, "", nil
	case !errors.As(err, &none):
		return tokens, "", &inputs.Problem{Name: "oidc-token", Text: "is missing: " + err.Error()}
	case c.KeysOptional():
		c.Role, c.CredentialSource = inputs.Role{}, ""
		return tokens, "role-arn is not used: " + none.Message, nil
	}
	return tokens, "", &inputs.Problem{Name: "oidc-token", Text: "is missing: " + none.Message, Hint: none.Hint}
}

// backoff is how often and how slowly a call is repeated.
func backoff() retry.Policy {
	return retry.Policy{Base: time.Second, Cap: 20 * time.Second, Attempts: 7, Patience: 10 * time.Minute, Float: rand.Float64}
}

// source is where a run's keys come from: none in a dry run, a fixed pair, or
// a session that renews them and takes note when the service refuses them.
func source(c inputs.Config, tokens ci.IDTokens, job ci.Run, o publish.Options, via http.RoundTripper, rep *report.Report) (auth.Source, func(cloudapi.Credentials) bool, *auth.Session) {
	mask := func(s secret.String) { rep.Handle(publish.Masked{Secret: s}) }
	warn := func(text string) { rep.Handle(publish.Warning{Text: text}) }
	var session *auth.Session
	switch {
	case !c.SecretID.IsZero():
		return auth.Static(c.SecretID, c.SecretKey, c.SessionToken), nil, nil
	case c.InstanceRole:
		session = auth.InstanceRole(auth.Instance{Transport: via, Mask: mask, Warn: warn})
	case c.Role.ARN != "":
		session = auth.AssumeRole(roleOf(c, tokens, job, o, via, rep, mask, warn))
	default:
		return nil, nil, nil
	}
	return session.Credentials, session.Refused, session
}

func roleOf(c inputs.Config, tokens ci.IDTokens, job ci.Run, o publish.Options, via http.RoundTripper, rep *report.Report, mask func(secret.String), warn func(string)) auth.Role {
	role := auth.Role{
		ARN: c.Role.ARN, Provider: c.Role.Provider, Session: c.Role.Session, Duration: c.Role.Duration, For: o.Timeout,
		Site: c.Site, Endpoint: c.STSEndpoint, Region: c.Region, Language: c.ServiceLanguage,
		Transport: via, Retry: backoff(), Mask: mask, Warn: warn,
		Called: func(action string, attempt int, took time.Duration, id string, err error) {
			rep.Handle(publish.Called{Action: action, Attempt: attempt, Took: took, RequestID: id, Err: err})
		},
		Retrying: func(action string, attempt int, wait time.Duration, err error) {
			rep.Handle(publish.Retrying{What: action, Attempt: attempt, Wait: wait, Err: err})
		},
	}
	if role.Session == "" {
		role.Session = sessionName(job, o)
	}
	if role.Region == "" {
		role.Region = c.Role.Region
	}
	switch {
	case c.Role.TokenFile != "":
		role.Tokens = auth.TokenFile(c.Role.TokenFile)
	case !c.Role.Token.IsZero():
		role.Tokens, role.Fixed = auth.FixedToken(c.Role.Token), true
	default:
		role.Tokens = func(ctx context.Context) (secret.String, error) {
			token, err := tokens.Ask(ctx, via, c.Role.Audience)
			if none := (*ci.IDTokenError)(nil); errors.As(err, &none) {
				return token, &cloudapi.Error{
					Action: "OIDC token", Code: auth.CodeNoToken, Message: none.Message, Hint: none.Hint, Passing: none.Passing, Err: none.Err,
				}
			}
			return token, err
		}
	}
	return role
}

// The lengths of a session name and of its first part, in bytes
// (tencentcloud.com/document/product/1150/49454).
const (
	longestName       = 128
	longestRepository = 60
)

// sessionName is what the audit log of the account calls this run, so that
// what it did can be traced to its page: repository, run and attempt, in the
// letters that STS takes.
func sessionName(job ci.Run, o publish.Options) string {
	repository := job.Repository
	if _, place, found := strings.Cut(repository, "://"); found {
		_, repository, _ = strings.Cut(place, "/")
	}
	if repository == "" {
		repository = "car-publish"
	}
	name := plainName(repository)
	name = name[max(0, len(name)-longestRepository):]
	end := "@" + strconv.Itoa(max(1, o.Attempt))
	if key := plainName(o.RunKey); key != "" {
		name += "@" + key[:min(len(key), longestName-len(name)-1-len(end))]
	}
	return name + end
}

// plainName puts a dot in the place of a slash, and an underscore in that of
// every other letter that STS refuses.
func plainName(text string) string {
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
