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

// The limits of a session: STS gives no longer one, and a shorter one would be
// renewed all the time.
const (
	shortestSession = 15 * time.Minute
	longestSession  = 12 * time.Hour
)

// role reads what our own inputs say of a role. It is whole if there is an
// ARN in it.
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
	if !isLine(token.text) {
		p.refuse(find("oidc-token"), token, "has a line break or another control character in it", "pass the token alone, as the CI gives it")
	}
	role.Token = secret.New(token.text)
	if file := p.lookup(find("oidc-token-file")); file.text != "" && !givesOnce(file.text) {
		role.Token, role.TokenFile = secret.String{}, file.text
	}
	in := find("role-arn")
	switch g := p.lookup(in); {
	case g.text == "":
		p.roleMissing()
		return Role{Duration: role.Duration}
	case !roleARN.MatchString(g.text):
		p.refuse(in, g, "is no role of CAM", "it looks like qcs::cam::uin/100000000001:roleName/publisher, as the page of the role in CAM shows it")
	default:
		role.ARN = g.text
	}
	if p.lookup(find("oidc-provider")).text == "" {
		p.require("oidc-provider", "is required with role-arn", p.how("oidc-provider")+", to the name of the identity provider in CAM")
	}
	return role
}

// givesOnce reports whether what has been read from a file cannot be read
// again: a pipe.
func givesOnce(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.Mode().IsRegular()
}

// roleMissing refuses what is of no use without a role.
func (p *parser) roleMissing() {
	for _, name := range roleInputs {
		if g := p.lookup(find(name)); g.text != "" && name != "role-arn" {
			p.require("role-arn", "is missing although "+printable(g.from)+" is set", p.how("role-arn")+
				". If it is set from an expression or a variable, that is empty")
			return
		}
	}
}

// provider is a name; the resource that it is a part of is a common mistake.
func (p *parser) provider() string {
	in := find("oidc-provider")
	g := p.lookup(in)
	if isLine(g.text) && !strings.ContainsAny(g.text, ":/") {
		return g.text
	}
	hint := "write the name that it has in CAM"
	if _, name, ok := strings.Cut(g.text, ":oidc-provider/"); ok {
		hint += ": " + quote(path.Base(name))
	}
	p.refuse(in, g, "is no name of an identity provider", hint)
	return ""
}

func (p *parser) audience() string {
	in := find("oidc-audience")
	g := p.lookup(in)
	switch {
	case g.text == "":
		return in.Default
	case !isLine(g.text) || strings.HasPrefix(g.text, "-"):
		p.refuse(in, g, "is no audience", "write one of the client ids of the identity provider")
		return in.Default
	}
	return g.text
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

// source says where the keys come from; the CI's name is added by whoever
// knows it.
func (r Role) source(from string) string {
	if r.ARN == "" {
		return ""
	}
	text := "role " + quote(path.Base(r.ARN)) + " (" + printable(from) + ") for an OIDC token"
	switch {
	case r.TokenFile != "":
		return text + " from a file"
	case !r.Token.IsZero():
		return text + " that was given"
	}
	return text
}

// The variables with which Tencent Cloud's own tools find a role, for what
// the runner owns. Those of the Terraform provider:
// https://registry.terraform.io/providers/tencentcloudstack/tencentcloud/latest/docs
// and those of a pod of TKE, as the SDKs read them.
const (
	theirRole     = "TENCENTCLOUD_ASSUME_ROLE_ARN"
	theirProvider = "TENCENTCLOUD_ASSUME_ROLE_PROVIDER_ID"
	theirToken    = "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN" //nolint:gosec // the name of a variable
	theirFile     = "TENCENTCLOUD_ASSUME_ROLE_WEB_IDENTITY_TOKEN_FILE"
	theirSession  = "TENCENTCLOUD_ASSUME_ROLE_SESSION_NAME"
	theirDuration = "TENCENTCLOUD_ASSUME_ROLE_SESSION_DURATION" // in seconds

	podRole     = "TKE_ROLE_ARN"
	podProvider = "TKE_PROVIDER_ID"
	podFile     = "TKE_WEB_IDENTITY_TOKEN_FILE"
	podRegion   = "TKE_REGION"
)

// theirSecrets are masked whether they are used or not.
var theirSecrets = []string{"TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN", theirToken}

// runner finds the role that the runner has: one for Tencent Cloud's own
// tools, that of its pod, or that of its virtual machine.
func (p *parser) runner(c *Config, duration time.Duration) {
	role := Role{Duration: duration}
	from := ""
	switch {
	case p.env[theirRole] != "" && (p.env[theirToken] != "" || p.env[theirFile] != ""):
		from = theirRole
		role.Provider = p.env[theirProvider]
		if role.Provider == "" {
			role.Provider = "OIDC" // the Terraform provider's default
		}
		role.Session = p.env[theirSession]
		role.Token, role.TokenFile = secret.New(p.env[theirToken]), p.env[theirFile]
		if !role.Token.IsZero() {
			role.TokenFile = ""
		}
		if text := p.env[theirDuration]; text != "" && p.lookup(find("session-duration")).text == "" {
			seconds, err := strconv.Atoi(text)
			role.Duration = time.Duration(seconds) * time.Second
			if err != nil || role.Duration < shortestSession || role.Duration > longestSession {
				p.problems = append(p.problems, &Problem{Name: "session-duration", Input: theirDuration, Value: text, Text: "is no number of seconds between 900 and 43200"})
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
		p.problems = append(p.problems, &Problem{Name: "role-arn", Input: from, Value: role.ARN, Text: "is no role of CAM"})
	}
	if role.TokenFile != "" {
		if _, problem := readSecret(role.TokenFile); problem != "" {
			p.problems = append(p.problems, &Problem{Name: "oidc-token-file", Value: role.TokenFile, Text: problem, Hint: "it is named by the runner's own variables beside " + from})
		}
	}
	c.Role, c.CredentialSource = role, role.source(from)
}
