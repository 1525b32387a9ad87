package inputs

import (
	"cmp"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-multierror"

	"github.com/car-publish/car-publish/internal/mistyped"
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
	p := &parser{env: environment(environ), environ: environ}
	p.inAction = isAction(p.env)
	line := p.readArgs(args)
	p.flags = line.flags

	switch words := line.words; {
	case line.version:
		_, err := io.WriteString(out, "car-publish "+version+"\n")
		return Config{}, nil, helpShown(err)
	case line.help, slices.Contains(words, "help"):
		command := ""
		for _, word := range words {
			if word != "help" {
				command = word
			}
		}
		if command == "" || slices.Contains(commandNames(), command) {
			_, err := io.WriteString(out, Help(command))
			return Config{}, nil, helpShown(err)
		}
	}

	c := p.config(line.words)
	p.checkSources()
	p.warnMisspelt()
	c.secrets, c.CredentialSource = p.secrets, p.hide(c.CredentialSource)
	for i := range p.warnings {
		p.warnings[i] = p.hide(p.warnings[i])
	}
	slices.SortStableFunc(p.problems, byTable)
	var problems error
	for _, problem := range p.problems {
		if p.hide(problem.Value) != problem.Value {
			problem.Value = ""
		}
		problem.Input, problem.Text, problem.Hint = p.hide(problem.Input), p.hide(problem.Text), p.hide(problem.Hint)
		problems = Add(problems, problem)
	}
	return c, p.warnings, problems
}

// Add adds a problem that only another package can detect to those that Parse
// returned.
func Add(problems error, more *Problem) error {
	all := multierror.Append(problems, more)
	all.ErrorFormat = format
	return all
}

// byTable compares problems by the order of their inputs in the table. Those that
// belong to no input come first.
func byTable(a, b *Problem) int {
	index := func(p *Problem) int {
		return slices.IndexFunc(Table, func(in Input) bool { return in.Name == p.Name })
	}
	return cmp.Compare(index(a), index(b))
}

// helpShown is ErrShown unless writing failed.
func helpShown(err error) error {
	if err != nil {
		return err
	}
	return ErrShown
}

// parser holds the sources of a Config, and collects problems, warnings and
// secrets while it reads them.
type parser struct {
	env       map[string]string
	environ   []string          // as it was given
	flags     map[string]string // by input name
	problems  []*Problem
	warnings  []string
	secrets   []secret.String
	inAction  bool // the inputs are those of an action
	ambient   bool // the runner's own keys may be used
	uncertain bool // a part of the command line could not be read
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

// hide removes from a text a secret that somebody has put into the wrong place,
// and the beginning of one where a long text was cut: a CI masks only whole
// secrets.
func (p *parser) hide(text string) string {
	for _, s := range p.secrets {
		runes := []rune(s.Reveal())
		if len(runes) < minSecretPart {
			continue
		}
		text = strings.ReplaceAll(text, s.Reveal(), "***")
		for n := min(len(runes), maxShown); n > 0; n-- {
			quoted := strconv.Quote(string(runes[:n]))
			text = strings.ReplaceAll(text, quoted[1:len(quoted)-1]+ellipsis+`"`, "***"+ellipsis+`"`)
		}
	}
	return text
}

// refuse adds a problem with a value. The value is shown unless it may be a secret.
func (p *parser) refuse(in Input, given setting, text, hint string) {
	value := given.text
	if mayHoldSecret(in, given.text) {
		value = ""
	}
	if raw := mistyped.FindUnexpanded(given.text); raw.What != "" && aboutForm.MatchString(text) {
		hint = "it is " + raw.What + " that nobody expanded: " + raw.Hint
	}
	p.problems = append(p.problems, &Problem{Input: given.from, Name: in.Name, Value: value, Text: text, Hint: hint})
}

// aboutForm matches the beginnings of what is said of the form of a value, and not of
// its relation to others.
var aboutForm = regexp.MustCompile(`^(is not |is neither |can be no |cannot be )`)

// mayHoldSecret reports whether a value must never be shown: it is a secret, may
// contain one, or may have been given where a secret was expected.
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
	c := Config{InAction: p.inAction}
	known := p.command(&c, words)

	c.ApplicationID = p.id("application-id")
	c.ApplicationName = p.applicationName()
	c.ApplicationType = p.choice("application-type")
	c.StartPath = p.startPath()
	c.StartParameters = p.startParameters()
	c.StartProcesses = p.startProcesses()
	c.Artifact = p.artifact()
	artifactURL, nameInURL := p.artifactURL()
	c.ArtifactURL = artifactURL
	c.ArtifactName = p.artifactName()
	c.ArchivePrefix = p.archivePrefix()
	c.Compression = p.choice("compression")
	c.Ignore = p.ignore()
	c.NoDefaultIgnores = !p.boolean("ignore-defaults", true)
	c.VersionID = p.id("version-id")
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

	if known && !p.uncertain {
		p.checkCommand(&c, nameInURL)
	}
	return c
}

// command sets the command, and reports whether it was given without a mistake.
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
		p.problems = append(p.problems, &Problem{Input: quote(word), Text: "is not expected after " + quote(first), Hint: "only flags may follow a command"})
	}
	if !slices.Contains(commandNames(), first) {
		hint := "the commands are " + oneOf(commandNames())
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
