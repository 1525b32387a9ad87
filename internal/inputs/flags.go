package inputs

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// commandLine is what the arguments say, as text.
type commandLine struct {
	words         []string          // those that are neither flags nor their values
	flags         map[string]string // by input name
	help, version bool
}

// flagValue receives the text of one flag. What it means is decided later,
// together with the values from elsewhere, so that all problems are found at
// once.
type flagValue struct {
	set  func(string) error
	bool bool
}

func (v *flagValue) Set(text string) error { return v.set(text) }
func (v *flagValue) Get() any              { return nil }
func (v *flagValue) String() string        { return "" }
func (v *flagValue) IsBoolFlag() bool      { return v.bool }

// readArgs lets urfave/cli take the arguments apart. It stops at the first
// flag that it cannot use, so each of these is noted, taken out, and the rest
// read again.
func (p *parser) readArgs(args []string) commandLine {
	args = slices.DeleteFunc(slices.Clone(args), isEmptyBool)
	p.maskArgs(args)
	for {
		line, err := splitArgs(args)
		if err == nil {
			p.checkFlagValues(line)
			return line
		}
		var problem *Problem
		args, problem = withoutCulprit(args, err.Error())
		p.problems = append(p.problems, problem)
	}
}

// isEmptyBool finds a flag such as "--release=", which is what
// "--release=$RELEASE" becomes when the variable is empty. urfave/cli would
// take it for true; with us, empty is not set.
func isEmptyBool(arg string) bool {
	name, isFlag := strings.CutSuffix(arg, "=")
	return isFlag && slices.ContainsFunc(Table, func(in Input) bool { return in.Kind == Bool && name == "--"+in.Name })
}

func splitArgs(args []string) (commandLine, error) {
	line := commandLine{flags: map[string]string{}}
	set := func(to *bool) *flagValue {
		return &flagValue{bool: true, set: func(string) error { *to = true; return nil }}
	}
	flags := []cli.Flag{
		&cli.GenericFlag{Name: "help", Aliases: []string{"h"}, Value: set(&line.help)},
		&cli.GenericFlag{Name: "version", Value: set(&line.version)},
	}
	for _, in := range Table {
		if in.Kind == Secret {
			continue
		}
		flags = append(flags, &cli.GenericFlag{Name: in.Name, Value: &flagValue{
			bool: in.Kind == Bool,
			set: func(text string) error {
				if earlier, again := line.flags[in.Name]; again && in.Kind == List {
					text = earlier + "," + text
				}
				line.flags[in.Name] = text
				return nil
			},
		}})
	}
	command := &cli.Command{
		Name: "car-publish", Flags: flags, HideHelp: true, HideVersion: true,
		Writer: io.Discard, ErrWriter: io.Discard,
		OnUsageError: func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err },
		Action: func(_ context.Context, c *cli.Command) error {
			line.words = c.Args().Slice()
			return nil
		},
	}
	return line, command.Run(context.Background(), append([]string{"car-publish"}, args...))
}

// maskArgs masks the secrets that somebody gave as flags although these have
// none.
func (p *parser) maskArgs(args []string) {
	for i, arg := range args {
		if !strings.HasPrefix(arg, "-") || !isSecret(flagName(arg)) {
			continue
		}
		if _, value, joined := strings.Cut(arg, "="); joined {
			p.mask(value)
		} else if i+1 < len(args) {
			p.mask(args[i+1])
		}
	}
}

// flagName returns what urfave/cli takes for the name of a flag.
func flagName(arg string) string {
	arg, _, _ = strings.Cut(strings.TrimSpace(arg), "=")
	return strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
}

// withoutCulprit takes the flag out of args that urfave/cli complained about.
// Of a flag that is none, the word after it goes, too: it was meant as its
// value, and may be a secret.
func withoutCulprit(args []string, complaint string) ([]string, *Problem) {
	if name, unknown := strings.CutPrefix(complaint, "flag provided but not defined: -"); unknown {
		i := slices.IndexFunc(args, func(arg string) bool {
			return strings.HasPrefix(strings.TrimSpace(arg), "-") && flagName(arg) == name
		})
		if i >= 0 {
			n := 1
			if next := i + 1; next < len(args) && !strings.Contains(args[i], "=") &&
				!strings.HasPrefix(args[next], "-") && !slices.Contains(commandNames(), args[next]) {
				n = 2
			}
			return slices.Delete(slices.Clone(args), i, i+n), unknownFlag(name)
		}
	}
	if last := len(args) - 1; strings.HasPrefix(complaint, "flag needs an argument: ") {
		return args[:last], &Problem{Input: strings.TrimSpace(args[last]), Name: flagName(args[last]), Text: "has no value", Hint: "write it after the flag"}
	}
	return nil, &Problem{Input: "the command line", Text: "cannot be read: " + complaint}
}

func unknownFlag(name string) *Problem {
	problem := &Problem{Input: "--" + name, Text: "is not a flag"}
	if isSecret(name) {
		problem.Text = "is not a flag, since other processes can read a command line"
		problem.Hint = "set " + carName(name) + ", or --" + name + "-file to a file that holds it"
		return problem
	}
	known := []string{"help", "version"}
	for _, in := range Table {
		if in.Kind != Secret {
			known = append(known, in.Name)
		}
	}
	if meant := nearest(name, known); meant != "" {
		problem.Hint = "did you mean --" + meant + "?"
	} else {
		problem.Hint = "car-publish --help lists them"
	}
	return problem
}

// checkFlagValues refuses a value that is a flag of ours: in
// "--artifact $BUILD --release" with an empty variable, "--release" would be
// the path of the artifact.
func (p *parser) checkFlagValues(line commandLine) {
	for _, in := range Table {
		value, given := line.flags[in.Name]
		name, isFlag := strings.CutPrefix(value, "--")
		name, _, _ = strings.Cut(name, "=")
		if given && isFlag && slices.ContainsFunc(Table, func(in Input) bool { return in.Name == name }) {
			delete(line.flags, in.Name)
			p.problems = append(p.problems, &Problem{
				Input: "--" + in.Name, Name: in.Name,
				Text: "has no value", Hint: "the flag --" + name + " follows it; is a variable empty?",
			})
		}
	}
}
