package inputs

import (
	"os"
	"path/filepath"
	"slices"
)

// misplaced are the inputs that a command does not ignore, and what to do
// instead.
var misplaced = []struct {
	name     string
	commands []string
	text     string
}{
	{"version-id", []string{"publish", "create", "doctor"}, "a new version gets its id from CAR; release, rollback and delete take one"},
	{"version-id", []string{"cleanup"}, "it finds what the run left by itself; delete takes an id"},
	{"artifact", []string{"create", "release", "rollback", "list", "delete"}, "only publish uploads a build"},
	{"artifact-url", []string{"create", "release", "rollback", "list", "delete"}, "only publish delivers a build"},
	// cleanup runs after a step in that step's environment.
	{"probe", []string{"publish", "create", "release", "rollback", "list", "delete"}, "only doctor probes"},
}

// checkCommand checks what the command needs and what contradicts it.
func (p *parser) checkCommand(c *Config, nameInURL string) {
	if p.lookup(find("application-id")).text == "" {
		p.require("application-id", "is required", p.how("application-id")+`, to the "app-..." that the console shows`)
	}
	for _, m := range misplaced {
		if in := find(m.name); slices.Contains(m.commands, c.Command) {
			if g := p.lookup(in); g.text != "" {
				p.refuse(in, g, "does not go with the command "+c.Command, m.text)
			}
		}
	}

	switch c.Command {
	case "publish", "doctor":
		p.checkArtifact(c, nameInURL)
		if wait := p.lookup(find("wait")); c.Release && !c.Wait {
			p.refuse(find("wait"), wait, "does not go with release: true", "only a version that is ready can be released, so drop one of the two")
		}
		if dry := p.lookup(find("dry-run")); c.Probe && c.DryRun {
			p.refuse(find("dry-run"), dry, "does not go with probe", "a probe creates a version and deletes it; without probe, doctor changes nothing")
		}
	case "create":
		if p.lookup(find("artifact-name")).text == "" {
			p.require("artifact-name", "is required by create", p.how("artifact-name")+", to the file name of the build that will be delivered")
		}
		if release := p.lookup(find("release")); c.Release {
			p.refuse(find("release"), release, "does not go with the command create", "run release once the build has been delivered")
		}
	case "release", "delete":
		if p.lookup(find("version-id")).text == "" {
			p.require("version-id", "is required by "+c.Command, p.how("version-id")+`, to the "ver-..." that list shows. If it is set from an expression or a variable, that is empty`)
		}
		if wait := p.lookup(find("wait")); c.Command == "release" && !c.Wait {
			p.refuse(find("wait"), wait, "does not go with the command release", "only a version that is ready can be released")
		}
	}
	p.checkFiles()
	p.checkKeys(c)
}

// checkFiles refuses a report that would replace the build, or another report.
func (p *parser) checkFiles() {
	var earlier []given
	for _, name := range []string{"artifact", "output-file", "json-file", "summary-file"} {
		g := p.lookup(find(name))
		if g.text == "" {
			continue
		}
		i := slices.IndexFunc(earlier, func(other given) bool { return sameFile(other.text, g.text) })
		if i >= 0 {
			p.refuse(find(name), g, "is the same file as "+earlier[i].from, "give each a file of its own")
		}
		earlier = append(earlier, given{g.text, name})
	}
}

// sameFile reports whether two paths lead to one file, which may not be there
// yet. A pipe, or /dev/stdout, takes all that comes.
func sameFile(a, b string) bool {
	fileA, errA := os.Stat(a)
	fileB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(fileA, fileB) && fileA.Mode().IsRegular()
	}
	a, errA = filepath.Abs(a)
	b, errB = filepath.Abs(b)
	return errA == nil && errB == nil && a == b
}

// checkArtifact checks that publish has exactly one build, and a name for it.
func (p *parser) checkArtifact(c *Config, nameInURL string) {
	file, link := p.lookup(find("artifact")), p.lookup(find("artifact-url"))
	switch {
	case file.text == "" && link.text == "" && c.Command == "doctor": // it then checks the rest
	case file.text == "" && link.text == "":
		p.require("artifact", "is missing, and so is artifact-url: publish needs one of the two", p.how("artifact")+
			". If it is set from an expression or a variable, that is empty")
	case file.text != "" && link.text != "":
		p.refuse(find("artifact-url"), link, "and "+printable(file.from)+" are both set", "publish takes one build, so give one of the two")
	case !c.ArtifactURL.IsZero() && p.lookup(find("artifact-name")).text == "":
		if !isFileName(nameInURL) {
			p.require("artifact-name", "is required, since the path of artifact-url does not end in "+oneOf(extensions),
				p.how("artifact-name")+", to the file name of the build")
			return
		}
		c.ArtifactName = nameInURL
	}
}

// checkKeys wants keys, except where a run without them is of use: pull
// requests from forks get none, and a dry run still checks the build.
func (p *parser) checkKeys(c *Config) {
	for _, name := range slices.Concat(keyInputs, roleInputs) {
		if p.lookup(find(name)).text != "" {
			return // what is wrong with them has been said
		}
	}
	theirs := p.withheld()
	if c.KeysOptional() && theirs != "" {
		p.warn(theirs + " is set and not used, since empty inputs never stand for the runner's own keys; credentials: ambient would use it")
	}
	if !c.SecretID.IsZero() || !c.SecretKey.IsZero() || c.Role.ARN != "" || c.InstanceRole || c.KeysOptional() {
		return
	}
	hint := p.how("secret-id") + ", and secret-key likewise; or role-arn and oidc-provider, for a run without kept keys"
	if theirs != "" {
		hint += ". " + theirs + " is set; if this run may use it, set credentials: ambient"
	}
	if c.Command == "publish" || c.Command == "create" {
		hint += ". Without keys, dry-run: true checks the build alone"
	}
	p.require("secret-id", "and secret-key are missing", hint)
}

// probe is set only by the id that application-id has: who has to write it
// twice does not name the application that players use by mistake.
func (p *parser) probe(application string) bool {
	in := find("probe")
	g := p.lookup(in)
	if g.text != "" && g.text != application {
		p.refuse(in, g, "is not the application-id", "name the scratch application in both")
	}
	return g.text != "" && g.text == application
}

// require notes that an input is missing, unless something else is wrong with
// it already: a flag without its value, say.
func (p *parser) require(name, text, hint string) {
	for _, problem := range p.problems {
		if problem.Name == name {
			return
		}
	}
	p.problems = append(p.problems, &Problem{Name: name, Text: text, Hint: hint})
}
