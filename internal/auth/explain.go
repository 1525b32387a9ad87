package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/cloudapi"
)

// GitHubIssuer is the issuer of github.com's tokens
// (https://docs.github.com/actions/reference/security/oidc).
const GitHubIssuer = "https://token.actions.githubusercontent.com"

// hints are for codes that mean something else at STS than at CAR.
var hints = map[string]string{
	"InternalError":        "The fault is on the side of STS. Run again later; if it stays, ask Tencent Cloud support with the RequestId.",
	"InvalidAction":        "This endpoint does not know the action. Check sts-endpoint: {host} must be STS.",
	"MissingParameter":     "STS misses a parameter; its message says which. Check role-arn and oidc-provider.",
	"NoSuchVersion":        "This endpoint does not know version 2018-08-13 of STS. Check sts-endpoint: {host}.",
	"RequestLimitExceeded": "STS is called too often by this account, and kept being so. Run fewer jobs at once.",
	"ServiceUnavailable":   "STS is not available now. Run again later.",
	"UnknownParameter":     "This endpoint does not know a parameter. Check sts-endpoint: {host}.",
	"UnsupportedRegion":    "STS does not take this Region. Set region to one like ap-guangzhou or ap-singapore.",

	"InvalidParameter.OverLimit": "STS is called too often, and kept being so. Run fewer jobs at once.",
}

// explain adds to a refusal of STS what to do, and the claims of the token: STS
// does not say which values it compared.
func (r Role) explain(err error, claims Claims, now time.Time) error {
	e := (*cloudapi.Error)(nil)
	if !errors.As(err, &e) {
		return err
	}
	explained := *e
	switch {
	case e.Is(cloudapi.Code("UnauthorizedOperation")):
		explained.Hint = "The trust policy of the role does not take this token, or there is no such role. The token says: " + claims.String() + ". " +
			"Under string_equal, oidc:iss, oidc:aud and oidc:sub of the trust policy of " + quote(r.ARN) + " must be exactly these." + subjects(claims)
	case e.Is(cloudapi.Code("InvalidParameter.WebIdentityTokenError")):
		explained.Hint = r.tokenError(claims, now)
	case e.Is(cloudapi.Code("InternalError.GetRoleError")):
		explained.Hint = "STS finds no such role. Check role-arn " + quote(r.ARN) + ", account and name, and site: roles of the other site do not exist here."
	case e.Is(cloudapi.Code("InvalidParameter")) && !e.Is(cloudapi.Code("InvalidParameter.OverLimit")), e.Is(cloudapi.Code("InvalidParameterValue")):
		explained.Hint = fmt.Sprintf("Check three things: oidc-provider %s is the name of an identity provider of this account (CAM, Identity providers, Role SSO); "+
			"role-arn %s is the role's own text from CAM; session-duration %v is no longer than the role's maximum session duration in CAM.", quote(r.Provider), quote(r.ARN), r.Duration)
	}
	return &explained
}

// tokenError tells what is wrong with a token that STS does not take.
func (r Role) tokenError(claims Claims, now time.Time) string {
	switch {
	case !claims.Expires.IsZero() && !now.Before(claims.Expires):
		return fmt.Sprintf("The token expired at %s; the clock of STS shows %s. Ask the CI for a new one right before this step: tokens live for minutes.", clock(claims.Expires), clock(now))
	case now.Add(2 * time.Second).Before(claims.NotBefore): // now is known to the second
		return fmt.Sprintf("The token counts only from %s on, and the clock of STS shows %s: the clock of its issuer is ahead.", clock(claims.NotBefore), clock(now))
	}
	issuer := strings.TrimSuffix(claims.Issuer, "/")
	keys := "the issuer's keys"
	if issuer == GitHubIssuer {
		keys = GitHubIssuer + "/.well-known/jwks"
	}
	return "The identity provider " + quote(r.Provider) + " in CAM does not take this token. The token says: " + claims.String() + ". " +
		"Its iss must be the provider's URL, and its aud one of the provider's client ids (set oidc-audience to that). " +
		"If both are right, the issuer has new keys: CAM keeps a copy of them, so put " + keys + " into the provider again."
}

// subjects explains the two forms of GitHub's sub claim.
func subjects(claims Claims) string {
	if claims.Issuer != GitHubIssuer {
		return ""
	}
	return " GitHub has two forms of sub: repo:OWNER/REPO:..., and repo:OWNER@ID/REPO@ID:... for repositories made, renamed or moved since July 2026;" +
		" what follows says branch, tag, environment or pull_request."
}
