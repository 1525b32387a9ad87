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

// What gives a run its keys, by our own inputs: kept keys, or a role.
var (
	keyInputs  = []string{"secret-id", "secret-id-file", "secret-key", "secret-key-file", "session-token", "session-token-file"}
	roleInputs = []string{"role-arn", "oidc-provider", "oidc-token", "oidc-token-file"}
)

// credentials finds out whose keys the run gets. They come from our own
// inputs, or else from what belongs to the runner, never from both; and they
// are kept keys or those of a role, never both.
func (p *parser) credentials(c *Config) {
	p.ambient = p.choice("credentials") == "ambient"
	for _, name := range theirSecrets {
		p.mask(p.env[name])
	}
	role := p.role() // whether there is one or not: its problems count
	switch keys := p.first(keyInputs); {
	case keys.from != "" && p.lookup(find("role-arn")).text != "":
		arn := p.lookup(find("role-arn"))
		p.refuse(find("role-arn"), arn, "and "+printable(keys.from)+" are both set", "a run has one identity, so give either a role or keys")
		p.keys(c, false)
	case keys.from != "":
		p.keys(c, false)
	case p.first(roleInputs).from != "":
		c.Role = role
		c.CredentialSource = role.source(p.lookup(find("role-arn")).from)
	default:
		p.keys(c, p.withheld() == "")
		if p.ambient && c.SecretID.IsZero() && c.SecretKey.IsZero() {
			p.runner(c, role.Duration)
		}
	}
}

// first returns the first of some inputs that is set, without its value.
func (p *parser) first(names []string) given {
	for _, name := range names {
		if g := p.lookup(find(name)); g.text != "" {
			return given{from: g.from}
		}
	}
	return given{}
}

// withheld returns the variable with which the runner offers keys that this
// run was not told to use: an input for keys is there, and empty.
func (p *parser) withheld() string {
	theirs := owned["secret-id"][0]
	if p.env[theirs] == "" || p.ambient {
		return ""
	}
	for _, name := range slices.Concat(keyInputs, roleInputs) {
		for _, variable := range variables(name) {
			if text, there := p.env[variable]; there && text == "" {
				return theirs
			}
		}
	}
	return ""
}

// keys finds the key pair and its token. They come either from our own inputs
// or, if that is allowed, from TENCENTCLOUD_..., never from both.
func (p *parser) keys(c *Config, theirs bool) {
	names := []string{"secret-id", "secret-key", "session-token"}
	found := map[string]given{}
	ours := false
	for _, name := range names {
		for _, variable := range variables(name) {
			p.mask(p.env[variable])
		}
		g := p.secret(name)
		found[name] = g
		ours = ours || g.from != ""
	}
	if !ours && theirs {
		for _, name := range names {
			for _, variable := range owned[name] {
				if text := p.env[variable]; text != "" && found[name].from == "" {
					found[name] = given{text, variable}
				}
			}
		}
	}

	id, key, token := found["secret-id"], found["secret-key"], found["session-token"]
	for _, name := range names {
		if g := found[name]; !isLine(g.text) {
			p.refuse(find(name), g, "has a line break or another control character in it", "copy it again")
		}
	}
	c.SecretID, c.SecretKey, c.SessionToken = secret.New(id.text), secret.New(key.text), secret.New(token.text)
	switch {
	case id.from == "" && key.from == "":
		c.SessionToken = secret.String{}
		if ours { // a token that another tool left behind is no mistake
			p.refuse(find("session-token"), token, "is of no use without its key", p.how("secret-id")+", and secret-key likewise")
		}
	case id.from == "":
		p.missingHalf("secret-id", key)
	case key.from == "":
		p.missingHalf("secret-key", id)
	default:
		c.CredentialSource = id.from + " and " + key.from
	}
}

// missingHalf refuses a key pair of which one half is there.
func (p *parser) missingHalf(name string, other given) {
	hint, theirs := p.how(name), owned[name][0]
	if strings.HasPrefix(other.from, "TENCENTCLOUD_") {
		hint = "set " + theirs
	} else if p.env[theirs] != "" {
		hint += "; " + theirs + " is not used, since the other half comes from elsewhere"
	}
	p.problems = append(p.problems, &Problem{
		Name: name, Text: "is missing although " + printable(other.from) + " is set", Hint: hint,
	})
}

// secret reads one secret from our own inputs: its variables, or its file. A
// file that cannot be read counts as given, so that it is the one problem.
func (p *parser) secret(name string) given {
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
	return given{text, file.from}
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
	case err != nil && !errors.Is(err, textfile.ErrTooLarge):
		return "", "cannot be read: " + cause(err)
	case err == nil && text == "":
		return "", "names an empty file"
	case err != nil || !isLine(text):
		return "", "names a file that holds more than one line"
	}
	return text, ""
}
