package carsim

import (
	"regexp"
	"slices"
	"time"
)

// sts is the Security Token Service, as far as a job needs it that has an
// OIDC token and no keys (tencentcloud.com/document/product/1150/49454).
var sts = api{
	service: "sts",
	version: "2018-08-13",
	actions: map[string]action{
		"AssumeRoleWithWebIdentity": {
			params: []param{
				{"ProviderId", text, true},
				{"WebIdentityToken", text, true},
				{"RoleArn", text, true},
				{"RoleSessionName", text, true},
				{"DurationSeconds", integer, false},
			},
			do:       (*Sim).assumeRole,
			unsigned: true,
			regional: true,
		},
	},
}

// What STS takes
// (tencentcloud.com/document/product/1150/49454, and 1150/49452 for names).
const (
	defaultSession = 2 * time.Hour
	longestSession = 12 * time.Hour
)

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,128}$`)

func (s *Sim) assumeRole(r request) (any, *refusal) {
	wrong := func(format string, args ...any) (any, *refusal) {
		return nil, refused("InvalidParameter.ParamError", format, args...)
	}
	life := defaultSession
	if _, given := r.params["DurationSeconds"]; given {
		life = time.Duration(r.integer("DurationSeconds")) * time.Second
	}
	if !sessionName.MatchString(r.text("RoleSessionName")) {
		return wrong("RoleSessionName must be 2 to 128 letters, digits or any of =,.@_-+.")
	}
	if life <= 0 || life > longestSession {
		return wrong("DurationSeconds must be between 1 and %d.", int(longestSession.Seconds()))
	}
	p := slices.IndexFunc(s.world.Providers, func(p Provider) bool { return p.Name == r.text("ProviderId") })
	if p < 0 {
		return wrong("The identity provider does not exist.")
	}
	provider := s.world.Providers[p]
	i := slices.IndexFunc(s.world.Roles, func(role Role) bool { return role.ARN == r.text("RoleArn") && role.Site == r.site })
	if i < 0 {
		return nil, refused("InternalError.GetRoleError", "Failed to get the role.")
	}
	role := s.world.Roles[i]
	if life > role.MaxSession {
		return wrong("DurationSeconds is larger than the role's maximum session duration of %d.", int(role.MaxSession.Seconds()))
	}
	claims, err := s.verify(r.text("WebIdentityToken"), provider, r.now)
	if err != nil {
		return nil, refused("InvalidParameter.WebIdentityTokenError", "The web identity token is not valid: %v.", err)
	}
	if !role.trusts(provider, claims) {
		return nil, refused("UnauthorizedOperation", "You are not authorized to perform sts:AssumeRoleWithWebIdentity on resource (%s).", role.ARN)
	}
	key := Key{
		SecretID: s.newID("AKIDsession"), SecretKey: requestID(), Token: requestID() + requestID() + requestID(),
		Expires: r.now.Add(life).Truncate(time.Second), Site: role.Site, Denied: role.Denied,
	}
	s.sessions = append(s.sessions, key)
	type credentials struct{ Token, TmpSecretId, TmpSecretKey string } //nolint:revive // the API's spelling
	return struct {
		Credentials credentials
		ExpiredTime int64
		Expiration  string
	}{credentials{key.Token, key.SecretID, key.SecretKey}, key.Expires.Unix(), key.Expires.UTC().Format(time.RFC3339)}, nil
}

// trusts reports whether the role's trust policy takes a token. Every
// condition is a string_equal; its values are alternatives.
func (role Role) trusts(p Provider, c claims) bool {
	return role.Provider == p.Name &&
		oneIn(role.Issuer, c.Issuer) && oneIn(role.Audience, c.Audience...) && oneIn(role.Subject, c.Subject)
}

// oneIn reports whether one of the values is allowed; an empty list allows all.
func oneIn(wanted []string, values ...string) bool {
	return len(wanted) == 0 || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(wanted, v) })
}
