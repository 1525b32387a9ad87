package inputs

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/car-publish/car-publish/internal/secret"
)

// ErrShown is returned when the help or the version was asked for and has
// been written: there is nothing else to do.
var ErrShown = errors.New("help or version shown")

// Parse reads the arguments (without the program's name) and the environment
// ("KEY=value"). It returns the warnings as plain lines, and either nil,
// ErrShown, or a *multierror.Error with every *Problem there is. Help and
// version go to out; nothing else is written.
func Parse(args, environ []string, version string, out io.Writer) (Config, []string, error) {
	p := &parser{env: environment(environ)}
	line := p.readArgs(args)
	p.flags = line.flags

	switch words := line.words; {
	case line.version:
		_, err := io.WriteString(out, "car-publish "+version+"\n")
		return Config{}, nil, shown(err)
	case line.help, slices.Contains(words, "help"):
		command := ""
		for _, word := range words {
			if word != "help" {
				command = word
			}
		}
		if command == "" || slices.Contains(commandNames(), command) {
			_, err := io.WriteString(out, Help(command))
			return Config{}, nil, shown(err)
		}
	}

	c := p.config(line.words)
	p.warnUnknown()
	c.secrets = p.secrets
	slices.SortStableFunc(p.problems, byTable)
	var problems error
	for _, problem := range p.problems {
		if p.hasSecret(problem.Value) {
			problem.Value = ""
		}
		problems = Add(problems, problem)
	}
	return c, p.warnings, problems
}

// Add adds a problem to those that Parse returned, for what only somebody
// else can know.
func Add(problems error, more *Problem) error {
	all := multierror.Append(problems, more)
	all.ErrorFormat = format
	return all
}

// byTable puts problems into the order of the table, those of the command
// line as a whole first.
func byTable(a, b *Problem) int {
	index := func(p *Problem) int {
		return slices.IndexFunc(Table, func(in Input) bool { return in.Name == p.Name })
	}
	return cmp.Compare(index(a), index(b))
}

// shown is ErrShown unless writing failed.
func shown(err error) error {
	if err != nil {
		return err
	}
	return ErrShown
}

// parser collects what is found on the way.
type parser struct {
	env      map[string]string
	flags    map[string]string // by input name
	problems []*Problem
	warnings []string
	secrets  []secret.String
	ambient  bool // what the runner owns may be used
}

func (p *parser) warn(text string) {
	if !slices.Contains(p.warnings, text) {
		p.warnings = append(p.warnings, text)
	}
}

// mask adds a text to what the caller must mask.
func (p *parser) mask(text string) {
	known := slices.ContainsFunc(p.secrets, func(s secret.String) bool { return s.Reveal() == text })
	if text != "" && !known {
		p.secrets = append(p.secrets, secret.New(text))
	}
}

// hasSecret reports whether somebody has put a secret into another input, too.
// A value is shown shortened, and half a secret is recognised by no mask.
func (p *parser) hasSecret(value string) bool {
	return slices.ContainsFunc(p.secrets, func(s secret.String) bool {
		return len(s.Reveal()) >= shortest && strings.Contains(value, s.Reveal())
	})
}

// refuse notes a problem with a value, shown unless it may be a secret.
func (p *parser) refuse(in Input, g given, text, hint string) {
	value := g.text
	if mayHoldSecret(in, g.text) {
		value = ""
	}
	p.problems = append(p.problems, &Problem{Input: g.from, Name: in.Name, Value: value, Text: text, Hint: hint})
}

// mayHoldSecret reports whether a value is never shown: it is a secret, it may
// have one in it, or somebody may have taken its place for the place of one.
func mayHoldSecret(in Input, text string) bool {
	switch in.Name {
	case "artifact":
		return strings.Contains(text, "://")
	case "artifact-url", "proxy":
		return true
	}
	return in.Kind == Secret || isSecret(strings.TrimSuffix(in.Name, "-file"))
}

// config reads every input and then checks them against each other.
func (p *parser) config(words []string) Config {
	var c Config
	known := p.command(&c, words)

	c.ApplicationID = p.id("application-id", "app-", "version-id")
	c.Artifact = p.artifact()
	artifactURL, nameInURL := p.artifactURL()
	c.ArtifactURL = artifactURL
	c.ArtifactName = p.artifactName()
	c.VersionID = p.id("version-id", "ver-", "application-id")
	c.Regions = p.regions()
	c.UpdateMode = p.updateMode()
	c.VersionName = p.versionName()

	c.Release = p.boolean("release", false)
	c.Wait = p.boolean("wait", c.Command != "create")
	c.Timeout = p.duration("timeout")
	c.QueueTimeout = p.duration("queue-timeout")
	c.OnBlocked = p.choice("on-blocked")
	c.OnFull = p.choice("on-full")
	c.Keep = p.keep()
	c.OnFailure = p.choice("on-failure")
	c.DryRun = p.boolean("dry-run", false)
	c.Probe = p.probe(c.ApplicationID)

	p.credentials(&c)

	c.Site = p.choice("site")
	c.Endpoint = p.endpoint("endpoint")
	c.STSEndpoint = p.endpoint("sts-endpoint")
	c.COSEndpoint, c.Accelerate = p.cosEndpoint()
	c.LimitRate = p.rate("limit-rate")
	c.Region = p.region()
	c.ServiceLanguage = p.choice("service-language")
	c.Proxy = p.proxy()
	c.CAFile = p.caFile()

	c.RunKey = p.runKey()
	c.RunAttempt = p.number("run-attempt")
	c.OutputFile = p.newFile("output-file")
	c.JSONFile = p.newFile("json-file")
	c.SummaryFile = p.newFile("summary-file")
	c.CI = p.choice("ci")
	c.Verbose = p.boolean("verbose", false)

	if known {
		p.checkCommand(&c, nameInURL)
	}
	return c
}

// command finds the command and reports whether it is certain.
func (p *parser) command(c *Config, words []string) bool {
	in := find("command")
	before := len(p.problems)
	c.Command = p.choice(in.Name)
	valid := len(p.problems) == before

	words = slices.DeleteFunc(words, func(word string) bool { return word == "help" })
	if len(words) == 0 {
		return valid
	}
	first, rest := words[0], words[1:]
	for _, word := range rest {
		hint := cmp.Or(afterBoolean(word), "a command takes flags only")
		p.problems = append(p.problems, &Problem{Input: quote(word), Text: "is not expected after " + quote(first), Hint: hint})
	}
	if !slices.Contains(commandNames(), first) {
		hint := cmp.Or(afterBoolean(first), "the commands are "+oneOf(commandNames()))
		if meant := nearest(first, commandNames()); meant != "" {
			hint = "did you mean " + meant + "?"
		} else if first == "version" {
			hint = "did you mean --version?"
		}
		p.problems = append(p.problems, &Problem{Input: quote(first), Text: "is not a command", Hint: hint})
		return false
	}
	if set := p.lookup(in); set.text != "" && c.Command != first {
		if valid {
			p.refuse(in, set, "contradicts the command "+first+" of the command line", "give one of the two")
		}
		return false
	}
	c.Command = first
	return valid
}

// afterBoolean is the hint for a word that was meant as the value of the flag
// before it, where that takes none: "--release yes".
func afterBoolean(word string) string {
	switch strings.ToLower(word) {
	case "true", "yes", "on":
		return "the flag alone means true, or write --flag=true, with an equals sign"
	case "false", "no", "off":
		return "write --flag=false, with an equals sign"
	}
	return ""
}
