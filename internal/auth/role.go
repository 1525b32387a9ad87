package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// Endpoints are where STS is, by site.
var Endpoints = map[string]string{
	"china":         "https://sts.tencentcloudapi.com",
	"international": "https://sts.intl.tencentcloudapi.com",
}

// regions are the regions that STS is asked with, by site, if the user names
// none: it requires one, and gives the same keys in each.
var regions = map[string]string{"china": "ap-guangzhou", "international": "ap-singapore"}

// Role is a role of Tencent Cloud that trusts OIDC tokens.
type Role struct {
	ARN      string // "qcs::cam::uin/100000000001:roleName/publisher"
	Provider string // name of the identity provider in CAM
	Session  string // what the audit log calls us
	Duration time.Duration

	Tokens Tokens
	Fixed  bool // Tokens can only give the same token again

	// For is how long the keys will be needed. If they cannot last that long,
	// Warn is called at the beginning.
	For time.Duration

	Site      string // "china" or "international"
	Endpoint  string // of STS; "" is the site's
	Region    string // "" is one that the site has
	Language  string
	Transport http.RoundTripper
	Retry     retry.Policy
	Called    func(action string, attempt int, took time.Duration, requestID string, err error) // after each request; may be nil
	Retrying  func(action string, attempt int, wait time.Duration, err error)                   // may be nil

	Mask func(secret.String) // called with every secret before it is used
	Warn func(text string)   // called with what a reader of the log should know
}

// action exchanges a token for keys
// (tencentcloud.com/document/product/1150/49454). The request is not signed,
// since the caller has no keys yet.
const action = "AssumeRoleWithWebIdentity"

// AssumeRole trades tokens for the keys of a role.
func AssumeRole(r Role) *Session {
	endpoint, region := r.Endpoint, r.Region
	if endpoint == "" {
		endpoint = Endpoints[r.Site]
	}
	if region == "" {
		region = regions[r.Site]
	}
	sts := cloudapi.New(cloudapi.Config{
		Service: "sts", Version: "2018-08-13", Endpoint: endpoint, Site: r.Site, Region: region, Language: r.Language,
		Transport: r.Transport, Retry: r.Retry, Called: r.Called, Retrying: r.Retrying, Hints: hints,
	})
	warned := false
	var session *Session
	session = newSession(func(ctx context.Context) (lease, error) {
		asked := time.Now()
		token, err := r.token(ctx)
		if err != nil {
			return lease{}, err
		}
		r.Mask(token)
		claims, err := ParseClaims(token)
		if err != nil {
			return lease{}, &cloudapi.Error{
				Action: "OIDC token", Code: CodeBadToken, Message: "it is not a JSON Web Token: " + err.Error(),
				Hint: "Pass the ID token as the CI gives it, all of it and nothing else. An access token, a key or a file name is not an ID token.",
			}
		}
		session.claimed(claims)
		l, err := r.trade(ctx, sts, token, claims, asked)
		if err != nil {
			return lease{}, err
		}
		if !warned {
			warned = true
			r.warn(l, claims, asked)
		}
		return l, nil
	}, func(err error, ends time.Time) {
		r.Warn(fmt.Sprintf("The keys could not be renewed, and those at hand end at %s (in %v): %v", clock(ends), time.Until(ends).Round(time.Second), err))
	})
	return session
}

// token asks for a token, and retries after a failure that may be temporary.
func (r Role) token(ctx context.Context) (token secret.String, err error) {
	policy := r.Retry
	policy.Notify = func(attempt int, wait time.Duration, err error) {
		if r.Retrying != nil {
			r.Retrying("OIDC token", attempt, wait, err)
		}
	}
	err = retry.Do(ctx, policy, func(ctx context.Context) (err error) {
		token, err = r.Tokens(ctx)
		if e := (*cloudapi.Error)(nil); errors.As(err, &e) && e.Temporary {
			return retry.Transient(err, 0)
		}
		return err
	})
	return token, err
}

// trade exchanges a token for keys.
func (r Role) trade(ctx context.Context, sts *cloudapi.Client, token secret.String, claims Claims, asked time.Time) (lease, error) {
	request := struct {
		ProviderID       string `json:"ProviderId"`
		WebIdentityToken string
		RoleArn          string
		RoleSessionName  string
		DurationSeconds  int
	}{r.Provider, token.Reveal(), r.ARN, r.Session, int(r.Duration.Seconds())}
	var answer struct {
		Credentials struct{ Token, TmpSecretID, TmpSecretKey string }
		ExpiredTime int64
	}
	id, err := sts.Do(ctx, cloudapi.Call{Action: action, Request: request, Response: &answer, Unsigned: true})
	if err != nil {
		return lease{}, r.explain(err, claims, sts.Now())
	}
	// The difference of two times of the service's: our own clock may be wrong.
	life := time.Unix(answer.ExpiredTime, 0).Sub(sts.Now())
	l, ok := grant(answer.Credentials.TmpSecretID, answer.Credentials.TmpSecretKey, answer.Credentials.Token, asked, life, r.Mask)
	if !ok {
		return lease{}, &cloudapi.Error{
			Action: action, Code: cloudapi.CodeAnswer, RequestID: id, HTTPStatus: http.StatusOK,
			Message: "the answer holds no keys that are good now", Hint: "Check sts-endpoint: is that STS? If it is, ask Tencent Cloud support with the RequestId.",
		}
	}
	return l, nil
}

// warn says at the beginning if the keys from a fixed token, which cannot be
// renewed, end before the run may.
func (r Role) warn(l lease, claims Claims, asked time.Time) {
	life := l.until.Sub(asked)
	renewable := claims.Expires.After(l.renew)
	if !r.Fixed || r.For <= life || renewable && claims.Expires.After(asked.Add(r.For)) {
		return
	}
	text := fmt.Sprintf("The keys end at %s, in %v, while the run may take %v. ", clock(l.until), life.Round(time.Second), r.For)
	if renewable {
		text += "They can be renewed until the OIDC token expires, at " + clock(claims.Expires) + "."
	} else {
		text += "They cannot be renewed, since the OIDC token was given as a fixed text that has expired by then."
	}
	r.Warn(text + " If the upload takes longer, raise session-duration (and the role's own limit in CAM), or lower timeout.")
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }
