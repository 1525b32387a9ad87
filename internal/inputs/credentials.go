package inputs

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/textfile"
)

// The inputs that give a run its keys: fixed keys, or a role.
var (
	keyInputs  = []string{"secret-id", "secret-id-file", "secret-key", "secret-key-file", "session-token", "session-token-file"}
	roleInputs = []string{"role-arn", "oidc-provider", "oidc-token", "oidc-token-file"}
)

// credentials finds out whose keys the run gets. They come from our own inputs, or
// else from the runner, never from both; and they are fixed keys or those of a
// role, never both.
func (p *parser) credentials(c *Config) {
	p.ambient = p.choice("credentials") == "ambient"
	for _, name := range sdkSecrets {
		p.mask(p.env[name])
	}
	role := p.role() // called even if it is not used, for the problems that it finds
	switch keys := p.firstSet(keyInputs); {
	case keys.from != "" && p.lookup(find("role-arn")).text != "":
		arn := p.lookup(find("role-arn"))
		p.refuse(find("role-arn"), arn, "and "+showName(keys.from)+" are both set", "a run has one identity, so give either a role or keys")
		p.keys(c, false)
	case keys.from != "":
		p.keys(c, false)
	case p.firstSet(roleInputs).from != "":
		c.Role = role
		c.CredentialSource = role.source(p.lookup(find("role-arn")).from)
	default:
		p.keys(c, p.withheldKey() == "")
		if p.ambient && c.SecretID.IsZero() && c.SecretKey.IsZero() {
			p.runnerIdentity(c, role.Duration)
		}
	}
}

// firstSet returns the first of some inputs that is set, without its value.
func (p *parser) firstSet(names []string) setting {
	for _, name := range names {
		if given := p.lookup(find(name)); given.text != "" {
			return setting{from: given.from}
		}
	}
	return setting{}
}

// withheldKey returns the variable that holds a key of the runner which this run
// must not use, since an input for keys is present and empty; "" if there is none.
func (p *parser) withheldKey() string {
	runnerKey := sdkVariables["secret-id"][0]
	if p.env[runnerKey] == "" || p.ambient {
		return ""
	}
	for _, name := range slices.Concat(keyInputs, roleInputs) {
		for _, variable := range variables(name) {
			if text, there := p.env[variable]; there && text == "" {
				return runnerKey
			}
		}
	}
	return ""
}

// keys finds the key pair and its token. They come either from our own inputs or,
// if the keys of the runner are allowed, from TENCENTCLOUD_..., never from both.
func (p *parser) keys(c *Config, allowRunner bool) {
	names := []string{"secret-id", "secret-key", "session-token"}
	found := map[string]setting{}
	anyGiven := false
	for _, name := range names {
		for _, variable := range variables(name) {
			p.mask(p.env[variable])
		}
		given := p.secret(name)
		found[name] = given
		anyGiven = anyGiven || given.from != ""
	}
	if !anyGiven && allowRunner {
		for _, name := range names {
			for _, variable := range sdkVariables[name] {
				if text := p.env[variable]; text != "" && found[name].from == "" {
					found[name] = setting{text, variable}
				}
			}
		}
	}

	id, key, token := found["secret-id"], found["secret-key"], found["session-token"]
	wellFormed := true
	for _, name := range names {
		wellFormed = p.checkKeyForm(name, found[name]) && wellFormed
	}
	if wellFormed {
		p.checkPair(id, key)
	}
	c.SecretID, c.SecretKey, c.SessionToken = secret.New(id.text), secret.New(key.text), secret.New(token.text)
	switch {
	case id.from == "" && key.from == "":
		c.SessionToken = secret.String{}
		if anyGiven { // a token in another tool's variable may belong to that tool
			p.refuse(find("session-token"), token, "is of no use without its key", p.howToSet("secret-id")+", and secret-key likewise")
		}
	case id.from == "":
		p.requireHalf("secret-id", key)
	case key.from == "":
		p.requireHalf("secret-key", id)
	default:
		c.CredentialSource = id.from + " and " + key.from
	}
}

// requireHalf reports the half of a key pair that is missing.
func (p *parser) requireHalf(name string, other setting) {
	hint, runnerKey := p.howToSet(name), sdkVariables[name][0]
	if strings.HasPrefix(other.from, "TENCENTCLOUD_") {
		hint = "set " + runnerKey
	} else if p.env[runnerKey] != "" {
		hint += "; " + runnerKey + " is not used, since the other half comes from elsewhere"
	}
	p.require(name, "is missing although "+showName(other.from)+" is set", hint)
}

// secret reads one secret from our own inputs: its variables, or its file. A file
// that cannot be read counts as given, so that the secret is not also reported as
// missing.
func (p *parser) secret(name string) setting {
	direct := p.lookup(find(name))
	in := find(name + "-file")
	file := p.lookup(in)
	switch {
	case file.text == "":
		return direct
	case direct.text != "":
		p.refuse(in, file, "and "+direct.from+" are both set", "give one of the two")
		return direct
	}
	text, problem := readSecret(file.text)
	if problem != "" {
		p.refuse(in, file, problem, "name a file whose content is the "+name+" alone")
	}
	p.mask(text)
	return setting{text, file.from}
}

// readSecret returns the content of a file, or what is wrong with it.
func readSecret(name string) (text, problem string) {
	const most = 16 << 10 // bytes; a token has at most 4,096
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return "", "names a directory"
	}
	content, err := textfile.Read(context.Background(), name, most)
	text = strings.TrimSpace(string(content))
	switch {
	case err == nil && slices.Contains(content, 0):
		return "", "names a file in UTF-16, as Windows PowerShell writes it: write it in ASCII, for example with Set-Content -Encoding ascii"
	case err != nil && !errors.Is(err, textfile.ErrTooLarge):
		return "", "cannot be read: " + reason(err)
	case err == nil && text == "":
		return "", "names an empty file"
	case err != nil || !isLine(text):
		return "", "names a file that holds more than one line"
	}
	return text, ""
}
