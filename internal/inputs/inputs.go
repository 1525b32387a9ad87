// Package inputs turns text into values: flags, environment variables and
// defaults into a typed Config. Table is the one description of all inputs;
// the help, action.yml and the tables of the README are made from it.
//
// # Where a value comes from
//
// The first of these that is there:
//
//   - the flag --x, if it is not empty; secrets have none, since every process of
//     a machine can see command lines
//   - INPUT_X, as GitHub passes the inputs of an action: in upper case, with the
//     hyphens kept; also with underscores. If it is present, even empty, no other
//     variable is used, since an earlier step of the job could have set it
//   - PLUGIN_X: Drone keeps the hyphens, Woodpecker turns them into underscores,
//     so both are read. If it is present, even empty, CAR_X is not used
//   - CAR_X, with underscores
//   - for the keys alone, the variables that Tencent Cloud's own tools read.
//     A key pair and its token come from one owner: if any of the three is
//     given by one of the ways above, no variable TENCENTCLOUD_... is read, so
//     that the id of one account is never used with the key of another
//
// # Whose keys
//
// An action gets an input that was not set as an empty text, and the same holds for
// a secret that a fork does not get. That must not make a run publish with the keys
// of the runner. So if an input for keys is present and empty, or if the keys belong
// to the machine (the role of a pod or of a virtual machine), the keys of the runner
// are used only with credentials: ambient. On a plain command line the variables
// TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY count without that, since they
// were set for it.
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
	Name        string
	Kind        Kind
	Group       string   // its heading in the help
	Default     string   // "" where there is none, or none that is fixed
	DefaultNote string   // the default in words, if it is not fixed
	Choices     []string // of Kind Choice

	// Commands are those that use the input; nil means all.
	Commands []string

	// Meaning is one or two plain sentences, with code in backticks.
	Meaning string

	// ActionDefault is the default in action.yml where that is not Default: an
	// expression that only GitHub can evaluate.
	ActionDefault string

	// NotInAction keeps the input out of action.yml.
	NotInAction bool
}

// AppliesTo reports whether a command uses the input. Doctor uses everything that
// publish does, except for dry-run.
func (in Input) AppliesTo(command string) bool {
	return in.Commands == nil || slices.Contains(in.Commands, command) ||
		command == "doctor" && slices.Contains(in.Commands, "publish") && in.Name != "dry-run"
}

// Required reports whether every command needs the input.
func (in Input) Required() bool { return in.DefaultNote == required }

// required is the DefaultNote of such an input.
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
	Number // 1 or more
	Rate   // bytes a second, with a unit
)

// Command is a command of the program and what it does, in one line.
type Command struct{ Name, Meaning string }

// Output is one output of a run.
type Output struct{ Name, Meaning string }

func commandNames() []string {
	var names []string
	for _, c := range Commands {
		names = append(names, c.Name)
	}
	return names
}

// find returns the input with a name. It panics if there is none: all names are
// constants of this package.
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
