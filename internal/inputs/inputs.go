// Package inputs turns text into values: flags, environment variables and
// defaults into a typed Config. Table is the one description of all inputs;
// the help, action.yml and the tables of the README are made from it.
//
// # Where a value comes from
//
// The first of these that is not empty:
//
//   - the flag --x; secrets have none, since every process of a machine can
//     see command lines
//   - INPUT_X, as GitHub passes the inputs of an action: upper-cased, with
//     the hyphens kept; with underscores, too
//   - PLUGIN_X: Drone keeps the hyphens, Woodpecker turns them into
//     underscores, so both are read
//   - CAR_X, with underscores
//   - for the keys alone, the variables that Tencent Cloud's own tools read.
//     A key pair and its token come from one owner: as soon as one of the
//     three is set in a way of ours, TENCENTCLOUD_... is not looked at, so
//     that the id of one account never meets the key of another
//
// # Whose keys
//
// An action gets an input that nobody has set as an empty text, and so arrives
// a secret that a fork does not get. That must not make a run publish as the
// runner. So where an input for keys is there and empty, or
// where the keys are a matter of the machine (roles of a pod, of a virtual
// machine), they are used only with credentials: ambient. On a plain command
// line the variables TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY count
// without that: somebody has set them for it.
//
// # Inputs that do not belong to the command
//
// They are ignored, since one environment often serves several commands,
// except where ignoring would surprise: a version id given to publish or
// create, an artifact given to a command that uploads nothing, and release
// given to create.
package inputs

import "slices"

//go:generate go run ./generate

// Input is one input of the program.
type Input struct {
	Name    string
	Kind    Kind
	Group   string   // its heading in the help
	Default string   // "" where there is none, or none that is fixed
	Else    string   // what holds where there is no fixed default, in words
	Choices []string // of Kind Choice

	// Commands are those that the input means something to; nil is all.
	Commands []string

	// Meaning is one or two plain sentences, with code in backticks.
	Meaning string

	// Action is the default in action.yml where that is not Default: an
	// expression that only GitHub can evaluate.
	Action string

	// NotInAction keeps the input out of action.yml.
	NotInAction bool
}

// For reports whether the input means something to a command. To doctor,
// everything does that publish takes.
func (in Input) For(command string) bool {
	return in.Commands == nil || slices.Contains(in.Commands, command) ||
		command == "doctor" && slices.Contains(in.Commands, "publish") && in.Name != "dry-run"
}

// Required reports whether every command needs the input.
func (in Input) Required() bool { return in.Else == required }

// required is the Else of such an input.
const required = "required"

// Kind is what the text of an input stands for.
type Kind int

// The kinds.
const (
	Text Kind = iota
	Bool
	Duration
	List
	Choice
	Secret
	Path
	URL
	Number // from 1
	Rate   // bytes a second, with a unit
)

// Command is a command of the program and what it does, in one line.
type Command struct{ Name, Meaning string }

// Output is one output of a run.
type Output struct{ Name, Meaning string }

// ExitStatus is one exit status of the program.
type ExitStatus struct {
	Code    int
	Meaning string
}

func commandNames() []string {
	var names []string
	for _, c := range Commands {
		names = append(names, c.Name)
	}
	return names
}

// find returns the input of a name. The names are constants of this package:
// an unknown one is a mistake in it.
func find(name string) Input {
	i := slices.IndexFunc(Table, func(in Input) bool { return in.Name == name })
	if i < 0 {
		panic("inputs: the table has no " + name)
	}
	return Table[i]
}

func isSecret(name string) bool {
	return slices.ContainsFunc(Table, func(in Input) bool { return in.Name == name && in.Kind == Secret })
}
