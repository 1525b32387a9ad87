package inputs

import (
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/secret"
)

// roleARN is the form of a role's name in CAM
// (tencentcloud.com/document/product/1150/49454).
var roleARN = regexp.MustCompile(`^qcs::cam::uin/[0-9]+:(roleName|role)/[\w+=,.@/-]+$`)

// The limits of a session. STS gives no longer one (its documentation of
// AssumeRoleWithWebIdentity says 43200 seconds); a shorter one would be renewed all
// the time.
const (
	shortestSession = 15 * time.Minute
	longestSession  = 12 * time.Hour
)

// role reads the inputs of a role. There is a role if it has an ARN.
func (p *parser) role() Role {
	role := Role{
		Provider: p.provider(),
		Audience: p.audience(),
		Duration: p.sessionDuration(),
	}
	for _, variable := range variables("oidc-token") {
		p.mask(p.env[variable])
	}
	token := p.secret("oidc-token")
	p.checkKeyForm("oidc-token", token)
	role.Token = secret.New(token.text)
	if file := p.lookup(find("oidc-token-file")); file.text != "" && !readableOnce(file.text) {
		role.Token, role.TokenFile = secret.String{}, file.text
	}
	in := find("role-arn")
	switch given := p.lookup(in); {
	case given.text == "":
		p.checkNoRole()
		return Role{Duration: role.Duration}
	case !roleARN.MatchString(given.text):
		p.refuse(in, given, "is not a role of CAM", "it looks like qcs::cam::uin/100000000001:roleName/publisher, as the page of the role in CAM shows it")
	default:
		role.ARN = given.text
	}
	if p.lookup(find("oidc-provider")).text == "" {
		p.require("oidc-provider", "is required with role-arn", p.howToSet("oidc-provider")+", to the name of the identity provider in CAM")
	}
	return role
}

// readableOnce reports whether a file can be read only once, as a pipe can.
func readableOnce(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular()
}

// checkNoRole refuses the inputs that mean nothing without role-arn.
func (p *parser) checkNoRole() {
	for _, name := range roleInputs {
		if given := p.lookup(find(name)); given.text != "" && name != "role-arn" {
			p.require("role-arn", "is missing although "+showName(given.from)+" is set", p.howToSet("role-arn")+
				". If it is set from an expression or a variable, that is empty")
			return
		}
	}
}

// provider returns the name of the identity provider. A common mistake is the name
// of its resource in CAM, which ends in that name.
func (p *parser) provider() string {
	in := find("oidc-provider")
	given := p.lookup(in)
	if isLine(given.text) && !strings.ContainsAny(given.text, ":/") {
		return given.text
	}
	hint := "write the name that it has in CAM"
	if _, name, ok := strings.Cut(given.text, ":oidc-provider/"); ok {
		hint += ": " + quote(path.Base(name))
	}
	p.refuse(in, given, "is not the name of an identity provider", hint)
	return ""
}

func (p *parser) audience() string {
	in := find("oidc-audience")
	given := p.lookup(in)
	switch {
	case given.text == "":
		return in.Default
	case !isLine(given.text) || strings.HasPrefix(given.text, "-"):
		p.refuse(in, given, "is not an audience", "write one of the client ids of the identity provider")
		return in.Default
	}
	return given.text
}

func (p *parser) sessionDuration() time.Duration {
	const name = "session-duration"
	before := len(p.problems)
	d := p.duration(name)
	if len(p.problems) == before && (d < shortestSession || d > longestSession) {
		p.refuse(find(name), p.lookup(find(name)), "is not between 15m and 12h", "keys that live longer than 2h also need a longer maximum session duration of the role in CAM")
	}
	return d
}

// source says where the keys come from. The caller adds the name of the CI.
func (r Role) source(from string) string {
	if r.ARN == "" {
		return ""
	}
	text := "role " + quote(path.Base(r.ARN)) + " (" + showName(from) + ") for an OIDC token"
	switch {
	case r.TokenFile != "":
		return text + " from a file"
	case !r.Token.IsZero():
		return text + " that was given"
	}
	return text
}

// The variables that a role of the runner is found by: those of the Terraform
// provider (https://registry.terraform.io/providers/tencentcloudstack/tencentcloud/latest/docs)
// and those of a pod of TKE, as Tencent Cloud's SDKs read them.
const (
	sdkRole      = "TENCENTCLOUD_ASSUME_ROLE_ARN"
	sdkProvider  = "TENCENTCLOUD_ASSUME_ROLE_PROVIDER_ID"
	sdkToken     = "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN"      //nolint:gosec // the name of a variable
	sdkTokenFile = "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN_FILE" //nolint:gosec // and this one too
	sdkSession   = "TENCENTCLOUD_ASSUME_ROLE_SESSION_NAME"
	sdkDuration  = "TENCENTCLOUD_ASSUME_ROLE_SESSION_DURATION" // in seconds

	podRole     = "TKE_ROLE_ARN"
	podProvider = "TKE_PROVIDER_ID"
	podFile     = "TKE_WEB_IDENTITY_TOKEN_FILE"
	podRegion   = "TKE_REGION"
)

// sdkSecrets are masked whether they are used or not.
var sdkSecrets = []string{"TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN", sdkToken}

// runnerIdentity finds the role that the runner has: one for Tencent Cloud's own
// tools, that of its pod, or that of its virtual machine.
func (p *parser) runnerIdentity(c *Config, duration time.Duration) {
	role := Role{Duration: duration}
	from := ""
	switch {
	case p.env[sdkRole] != "" && (p.env[sdkToken] != "" || p.env[sdkTokenFile] != ""):
		from = sdkRole
		role.Provider = p.env[sdkProvider]
		if role.Provider == "" {
			role.Provider = "OIDC" // the Terraform provider's default
		}
		role.Session = p.env[sdkSession]
		role.Token, role.TokenFile = secret.New(p.env[sdkToken]), p.env[sdkTokenFile]
		if !role.Token.IsZero() {
			role.TokenFile = ""
		}
		if text := p.env[sdkDuration]; text != "" && p.lookup(find("session-duration")).text == "" {
			seconds, err := strconv.Atoi(text)
			role.Duration = time.Duration(seconds) * time.Second
			if err != nil || role.Duration < shortestSession || role.Duration > longestSession {
				p.problems = append(p.problems, &Problem{Name: "session-duration", Input: sdkDuration, Value: text, Text: "is not a number of seconds between 900 and 43200"})
			}
		}
	case p.env[podRole] != "" && p.env[podProvider] != "" && p.env[podFile] != "":
		from = podRole
		role.Provider, role.TokenFile, role.Region = p.env[podProvider], p.env[podFile], p.env[podRegion]
	default:
		c.InstanceRole = true
		c.CredentialSource = "role of this virtual machine"
		return
	}
	role.ARN = p.env[from]
	if !roleARN.MatchString(role.ARN) {
		p.problems = append(p.problems, &Problem{Name: "role-arn", Input: from, Value: role.ARN, Text: "is not a role of CAM"})
	}
	if role.TokenFile != "" {
		if _, problem := readSecret(role.TokenFile); problem != "" {
			p.problems = append(p.problems, &Problem{Name: "oidc-token-file", Value: role.TokenFile, Text: problem, Hint: "it is named by the runner's own variables beside " + from})
		}
	}
	c.Role, c.CredentialSource = role, role.source(from)
}
