package inputs

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// commandLine holds the arguments, split into flags and words but not yet parsed.
type commandLine struct {
	words         []string          // arguments that are neither flags nor their values
	flags         map[string]string // by input name
	help, version bool
}

// flagValue receives the text of one flag. It is checked later, together with
// the values of variables, so that all problems are found at once.
type flagValue struct {
	set  func(string) error
	bool bool
}

func (v *flagValue) Set(text string) error { return v.set(text) }
func (v *flagValue) Get() any              { return nil }
func (v *flagValue) String() string        { return "" }
func (v *flagValue) IsBoolFlag() bool      { return v.bool }

// readArgs lets urfave/cli split the arguments. It stops at the first flag that
// it cannot use, so each of these is reported, removed, and the rest read again.
func (p *parser) readArgs(args []string) commandLine {
	args = slices.DeleteFunc(slices.Clone(args), isEmptyBool)
	p.maskArgs(args)
	args = p.withoutStrayValues(args)
	for {
		line, err := splitArgs(args)
		if err == nil {
			p.checkFlagValues(line)
			return line
		}
		var problem *Problem
		args, problem = withoutBadFlag(args, err.Error())
		p.misread(problem)
	}
}

// misread reports that a part of the command line cannot be read. What else is
// missing is then not reported: it may be what that part was meant to say.
func (p *parser) misread(problem *Problem) {
	p.uncertain = true
	p.problems = append(p.problems, problem)
}

// isEmptyBool finds a flag such as "--release=", which is what
// "--release=$RELEASE" becomes when the variable is empty. urfave/cli would
// take it for true; here an empty value means that the input is not set.
func isEmptyBool(arg string) bool {
	name, isFlag := strings.CutSuffix(arg, "=")
	return isFlag && slices.ContainsFunc(Table, func(in Input) bool { return in.Kind == Bool && name == "--"+in.Name })
}

// withoutStrayValues reports words that were meant as part of the value of the flag
// before them, and returns args without them: "true" in "--release true", and
// "Game.zip" in "--artifact My Game.zip".
func (p *parser) withoutStrayValues(args []string) []string {
	for i := 0; i < len(args); i++ {
		name := flagName(args[i])
		known := slices.IndexFunc(Table, func(in Input) bool { return in.Name == name })
		if !strings.HasPrefix(args[i], "-") || strings.Contains(args[i], "=") || known < 0 || i+1 == len(args) {
			continue
		}
		in, first := Table[known], i+1
		if in.Kind == Bool {
			if meant := boolMeant(args[first]); meant != "" {
				p.misread(&Problem{Input: args[i], Text: "takes its value after an equals sign", Hint: "write " + args[i] + "=" + meant})
				args = slices.Delete(args, first, first+1)
			}
			continue
		}
		end := first + 1
		for end < len(args) && !strings.HasPrefix(args[end], "-") {
			end++
		}
		i = end - 1
		if mayHaveSpaces(in) && end > first+1 && !slices.Contains(commandNames(), args[first+1]) {
			p.misread(cutOff("--"+name, args[first:end]))
			args = slices.Delete(args, first+1, end)
			i = first
		}
	}
	return args
}

// boolMeant returns the value that a word was meant to give to a flag, or "".
func boolMeant(word string) string {
	switch word = strings.ToLower(word); word {
	case "yes", "on", "1", "y":
		return "true"
	case "no", "off", "0", "n":
		return "false"
	}
	return nearest(word, []string{"true", "false"})
}

// mayHaveSpaces reports whether values of the input often have spaces, and are
// written without the quotes that a shell then needs.
func mayHaveSpaces(in Input) bool {
	return in.Kind == Path || in.Kind == List || in.Name == "version-name" || in.Name == "artifact-name"
}

// cutOff is the problem of a value that the shell has split into words. If each
// word is a file, the shell has replaced a pattern by the files that match.
func cutOff(flag string, words []string) *Problem {
	problem := &Problem{Input: flag, Text: "has only " + quote(words[0]) + " as its value, since a space follows it"}
	problem.Hint = "put the whole value in quotes: " + flag + " " + quote(strings.Join(words, " "))
	isMissing := func(name string) bool {
		_, err := os.Stat(name)
		return err != nil
	}
	if !slices.ContainsFunc(words, isMissing) {
		problem.Text = "has more than one file as its value, such as " + quote(words[0]) + " and " + quote(words[1])
		problem.Hint = "name one, or put a pattern in quotes, so that the shell leaves it as it is"
	}
	return problem
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

// maskArgs masks secrets that were given as flags by mistake.
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

// flagName returns the name of a flag as urfave/cli reads it, with one hyphen in
// front or two.
func flagName(arg string) string {
	arg, _, _ = strings.Cut(strings.TrimSpace(arg), "=")
	return strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-")
}

// withoutBadFlag removes the flag that urfave/cli complained about from args,
// and the words after it: they were meant as its value, and may be a secret.
func withoutBadFlag(args []string, complaint string) ([]string, *Problem) {
	if name, unknown := strings.CutPrefix(complaint, "flag provided but not defined: -"); unknown {
		i := slices.IndexFunc(args, func(arg string) bool {
			return strings.HasPrefix(strings.TrimSpace(arg), "-") && flagName(arg) == name
		})
		if i >= 0 {
			end := i + 1
			for !strings.Contains(args[i], "=") && end < len(args) &&
				!strings.HasPrefix(args[end], "-") && !slices.Contains(commandNames(), args[end]) {
				end++
			}
			written, _, _ := strings.Cut(strings.TrimSpace(args[i]), "=")
			return slices.Delete(slices.Clone(args), i, end), unknownFlag(written, name)
		}
	}
	if last := len(args) - 1; strings.HasPrefix(complaint, "flag needs an argument: ") {
		return args[:last], &Problem{Input: strings.TrimSpace(args[last]), Name: flagName(args[last]), Text: "has no value", Hint: "write it after the flag"}
	}
	return nil, &Problem{Input: "the command line", Text: "cannot be read: " + complaint}
}

// unknownFlag says which flag was probably meant by one that does not exist.
func unknownFlag(written, name string) *Problem {
	problem := &Problem{Input: written, Text: "is not a flag", Hint: "car-publish --help lists them"}
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
	if meant := similar(name, known); meant != nil {
		problem.Hint = "did you mean --" + strings.Join(meant, " or --") + "?"
	}
	return problem
}

// checkFlagValues refuses a value that is itself a flag. In
// "--artifact $BUILD --release", an empty variable would make "--release" the
// path of the artifact.
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
