package inputs

import (
	"os"
	"path/filepath"
	"slices"
)

// misplaced are inputs that some commands refuse instead of ignoring them, with what
// to do instead.
var misplaced = []struct {
	name     string
	commands []string
	text     string
}{
	{"version-id", []string{"publish", "create", "doctor"}, "a new version gets its id from CAR; release, rollback and delete take one"},
	{"version-id", []string{"create-application"}, "it makes an application, and no version"},
	{"version-id", []string{"cleanup"}, "it finds what the run left by itself; delete takes an id"},
	{"artifact", []string{"create-application"}, "it makes an application; publish it to that in a step of its own"},
	{"artifact", []string{"create", "release", "rollback", "list", "delete"}, "only publish uploads a build"},
	{"artifact-url", []string{"create", "release", "rollback", "list", "delete"}, "only publish delivers a build"},
	// The command cleanup runs after a step, in the environment of that step.
	{"probe", []string{"publish", "create", "release", "rollback", "list", "delete"}, "only doctor probes"},
}

// checkCommand checks what the command needs and what contradicts it.
func (p *parser) checkCommand(c *Config, nameInURL string) {
	if p.lookup(find("application-id")).text == "" && !slices.Contains([]string{"create-application", "list"}, c.Command) {
		p.require("application-id", "is required", p.howToSet("application-id")+`, to the "app-..." that the console shows`)
	}
	for _, m := range misplaced {
		if in := find(m.name); slices.Contains(m.commands, c.Command) {
			if given := p.lookup(in); given.text != "" {
				p.refuse(in, given, "does not go with the command "+c.Command, m.text)
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
	case "create-application":
		if p.lookup(find("application-name")).text == "" {
			p.require("application-name", "is required by create-application", p.howToSet("application-name")+", to the name that the console shall show")
		}
	case "create":
		if p.lookup(find("artifact-name")).text == "" {
			p.require("artifact-name", "is required by create", p.howToSet("artifact-name")+", to the file name of the build that will be delivered")
		}
		if release := p.lookup(find("release")); c.Release {
			p.refuse(find("release"), release, "does not go with the command create", "run release once the build has been delivered")
		}
	case "release", "delete":
		if p.lookup(find("version-id")).text == "" {
			p.require("version-id", "is required by "+c.Command, p.howToSet("version-id")+`, to the "ver-..." that list shows. If it is set from an expression or a variable, that is empty`)
		}
		if wait := p.lookup(find("wait")); c.Command == "release" && !c.Wait {
			p.refuse(find("wait"), wait, "does not go with the command release", "only a version that is ready can be released")
		}
	}
	p.checkFiles(c)
	p.checkKeys(c)
}

// checkFiles refuses a report that would replace the build, a file of keys, or another
// report. It is not written then, not even to tell of that.
func (p *parser) checkFiles(c *Config) {
	earlier := []setting{{c.Artifact, "artifact"}}
	for _, in := range Table {
		if in.Kind == Path && in.Name != "artifact" && !slices.Contains(reports, in.Name) {
			earlier = append(earlier, setting{p.lookup(in).text, in.Name})
		}
	}
	for _, name := range reports {
		given := p.lookup(find(name))
		if given.text == "" {
			continue
		}
		i := slices.IndexFunc(earlier, func(other setting) bool { return other.text != "" && sameFile(other.text, given.text) })
		if i >= 0 {
			p.refuse(find(name), given, "is the same file as "+earlier[i].from, "give each a file of its own")
			*c.report(name) = ""
		}
		earlier = append(earlier, setting{given.text, name})
	}
}

// reports are the inputs that name a file to write.
var reports = []string{"output-file", "json-file", "summary-file"}

// report is where the path of a report is kept.
func (c *Config) report(name string) *string {
	return map[string]*string{"output-file": &c.OutputFile, "json-file": &c.JSONFile, "summary-file": &c.SummaryFile}[name]
}

// WritesReports reports whether an input names a file to write.
func (c *Config) WritesReports() bool {
	return c.OutputFile+c.JSONFile+c.SummaryFile != ""
}

// SpareFromReports refuses reports that would replace a file, which artifact turned out
// to be: a glob says it only when it is resolved. It returns nil if there are none.
func (c *Config) SpareFromReports(file string) (problem *Problem) {
	for _, name := range reports {
		if path := c.report(name); *path != "" && sameFile(*path, file) {
			problem = &Problem{Input: name, Name: name, Value: *path, Text: "is the same file as artifact", Hint: "give each a file of its own"}
			*path = ""
		}
	}
	return problem
}

// sameFile reports whether two paths lead to one regular file, which need not exist
// yet. Several reports may go to one pipe, or to /dev/stdout.
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
		p.require("artifact", "is missing, and so is artifact-url: publish needs one of the two", p.howToSet("artifact")+
			". If it is set from an expression or a variable, that is empty")
	case file.text != "" && link.text != "":
		p.refuse(find("artifact-url"), link, "and "+showName(file.from)+" are both set", "publish takes one build, so give one of the two")
	case !c.ArtifactURL.IsZero() && p.lookup(find("artifact-name")).text == "":
		if !isFileName(nameInURL) {
			p.require("artifact-name", "is required, since the path of artifact-url does not end in "+oneOf(extensions),
				p.howToSet("artifact-name")+", to the file name of the build")
			return
		}
		c.ArtifactName = nameInURL
	}
}

// checkKeys requires keys, except if the run is useful without: pull requests from
// forks get none, and a dry run still checks the build.
func (p *parser) checkKeys(c *Config) {
	for _, name := range slices.Concat(keyInputs, roleInputs) {
		if p.lookup(find(name)).text != "" {
			return // what is wrong with them has been said
		}
	}
	runnerKey := p.withheldKey()
	if c.KeysOptional() && runnerKey != "" {
		p.warn(runnerKey + " is set but ignored: an input for keys was passed empty, and an empty input never falls back to the runner's keys. To use them, set credentials: ambient.")
	}
	if !c.SecretID.IsZero() || !c.SecretKey.IsZero() || c.Role.ARN != "" || c.InstanceRole || c.KeysOptional() {
		return
	}
	hint := p.howToSet("secret-id") + ", and secret-key likewise; or role-arn and oidc-provider, for a run without stored keys"
	if runnerKey != "" {
		hint += ". " + runnerKey + " is set; if this run may use it, set credentials: ambient"
	}
	if c.Command == "publish" || c.Command == "create" {
		hint += ". Without keys, dry-run: true checks the build alone"
	}
	p.require("secret-id", "and secret-key are missing", hint)
}

// probe is only accepted if it names the same application as application-id: having
// to write the id twice protects the application that players use.
func (p *parser) probe(application string) bool {
	in := find("probe")
	given := p.lookup(in)
	if given.text != "" && given.text != application {
		p.refuse(in, given, "is not the application-id", "name the scratch application in both")
	}
	return given.text != "" && given.text == application
}

// require reports that an input is missing, unless a problem with it has been
// reported already, such as a flag without its value, or unless a flag that
// could not be read may have been meant to set it.
func (p *parser) require(name, text, hint string) {
	if p.uncertain {
		return
	}
	for _, problem := range p.problems {
		if problem.Name == name {
			return
		}
	}
	p.problems = append(p.problems, &Problem{Name: name, Text: text, Hint: hint})
}
