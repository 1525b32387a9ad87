package inputs

import (
	"io"
	"os"
	"strings"

	"github.com/car-publish/car-publish/internal/secret"
)

// credentials finds the key pair and its token. They come either from our own
// inputs or from TENCENTCLOUD_..., never from both.
func (p *parser) credentials(c *Config) {
	names := []string{"secret-id", "secret-key", "session-token"}
	found := map[string]given{}
	ours := false
	for _, name := range names {
		for _, variable := range variables(name) {
			p.mask(p.env[variable])
		}
		for _, variable := range owned[name] {
			p.mask(p.env[variable])
		}
		g := p.secret(name)
		found[name] = g
		ours = ours || g.from != ""
	}
	if !ours {
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
	file, err := os.Open(name)
	if err != nil {
		return "", "cannot be read: " + cause(err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return "", "names a directory"
	}
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	text = strings.TrimSpace(string(content))
	switch {
	case err != nil:
		return "", "cannot be read: " + cause(err)
	case text == "":
		return "", "names an empty file"
	case len(content) > most || !isLine(text):
		return "", "names a file that holds more than one line"
	}
	return text, ""
}
