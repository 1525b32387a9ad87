package doctor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// The inputs that say whose keys a run gets: kept ones, or a role's.
var (
	keyInputs  = []string{"secret-id", "secret-key", "session-token", "secret-id-file", "secret-key-file", "session-token-file", "credentials"}
	roleInputs = []string{"role-arn", "oidc-provider", "oidc-audience", "oidc-token", "oidc-token-file", "session-duration"}
)

// identity gets temporary keys, if the run uses them, and reports on the token and
// on the answer of STS.
func (e *exam) identity(ctx context.Context) {
	const token, sts, machine = "Token", "STS", "Virtual machine"
	if e.o.Session == nil && e.wrong(roleInputs...) == "" {
		return // fixed keys, or none
	}
	if name := e.wrong(slices.Concat(keyInputs, roleInputs, []string{"sts-endpoint", "site", "region", "service-language", "proxy", "ca-file"})...); name != "" {
		e.refused = true
		e.skip(token, "needs %s", name)
		e.skip(sts, "needs %s", name)
		return
	}
	start := time.Now()
	_, err := e.d.CAR.Credentials(ctx)
	took := time.Since(start)
	if ctx.Err() != nil {
		return
	}
	claims := e.o.Session.Claims()
	e.refused = err != nil
	switch {
	case e.o.RoleARN == "" && err != nil:
		e.fail(machine, unkeyed(err), took)
		return
	case e.o.RoleARN == "":
		e.add(record.Finding{Check: machine, Verdict: record.OK, Detail: "its role gives keys, " + until(e.o.Session), Milliseconds: took.Milliseconds()})
		return
	case claims.Issuer == "" && claims.Subject == "" && err != nil:
		e.fail(token, unkeyed(err), took)
		e.skip(sts, "needs %s", token)
		return
	}
	about := claims.String()
	if !claims.Expires.IsZero() {
		about += fmt.Sprintf(", expires at %s", claims.Expires.UTC().Format("15:04:05 UTC"))
	}
	e.ok(token, "%s", about)
	e.trust(claims)
	if err != nil {
		e.fail(sts, unkeyed(err), took)
		return
	}
	e.add(record.Finding{Check: sts, Verdict: record.OK, Detail: "the role gives keys, " + until(e.o.Session), Milliseconds: took.Milliseconds()})
}

func until(s *auth.Session) string { return "good until " + s.Until().UTC().Format("15:04:05 UTC") }

// unkeyed is the error of a publish that cannot get keys.
func unkeyed(err error) *publish.Error {
	return publish.Explain(&car.Error{Code: car.CodeCredentials, Message: "no credentials could be obtained", Err: err})
}

// account matches the start of a role's ARN, which is also that of a provider's.
var account = regexp.MustCompile(`^qcs::cam::uin/[0-9]+:`)

// trust makes the policy with which the role takes tokens like this one. Each
// condition is string_equal: a pattern would let others in
// (tencentcloud.com/document/product/1150/49454).
func (e *exam) trust(claims auth.Claims) {
	uin := account.FindString(e.o.RoleARN)
	if uin == "" || claims.Issuer == "" || claims.Subject == "" || len(claims.Audience) == 0 {
		return
	}
	e.result.TrustPolicy = &record.Policy{Version: "2.0", Statement: []record.Statement{{
		Effect: "allow", Action: []string{"name/sts:AssumeRoleWithWebIdentity"},
		Principal: &record.Principal{Federated: []string{uin + "oidc-provider/" + e.o.Provider}},
		Condition: &record.Condition{StringEqual: record.Claims{
			Issuer: []string{claims.Issuer}, Audience: claims.Audience, Subject: []string{claims.Subject},
		}},
	}}}
}
