// Command carsim runs the simulator of Tencent Cloud CAR.
//
//	carsim                       serve until interrupted; prints the environment to export
//	carsim -- command args...    run a command against a fresh simulator
//	carsim journal               what the simulator at $CAR_ENDPOINT was asked
//	carsim versions APP          an application's versions
//	carsim applications          what there is, and how it is started
//	carsim uploads               unfinished multipart uploads
//	carsim objects               what is in the bucket
//	carsim world FILE            change how it behaves, for example its faults ("-" is stdin)
//
// What it prints about a running simulator holds no ids and no times, so that
// a test can compare it; with -l it has both. Only the ids of applications are
// always there: they are the same in each run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
)

func main() {
	os.Exit(run(os.Args[1:], surroundings{os.Stdin, os.Stdout, os.Stderr, os.Getenv}))
}

// surroundings are the streams and the environment of the process.
type surroundings struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
}

// The exit statuses besides the command's own.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func run(args []string, std surroundings) int {
	var err error
	status := exitDone
	if len(args) > 0 && slices.Contains(questionNames, args[0]) {
		err = ask(args[0], args[1:], std)
	} else {
		status, err = simulate(args, std)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.As(err, new(usageError)):
		fmt.Fprintf(std.err, "carsim: %v\n", err)
		return exitUsage
	case err != nil:
		fmt.Fprintf(std.err, "carsim: %v\n", err)
		return exitFailed
	}
	return status
}

// usageError is a mistake in the command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// options are the flags of a simulation.
type options struct {
	listen     string
	world      string
	processing time.Duration
	startPath  string
	env        string
	keep       string
	journal    bool
	command    []string
}

// kinds are the kinds of faults, for people.
func kinds() string {
	var names []string
	for _, kind := range carsim.FaultKinds() {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	if i := slices.Index(args, "--"); i >= 0 {
		args, o.command = args[:i], args[i+1:]
		if len(o.command) == 0 {
			return o, usageError{"there is no command after --"}
		}
	}
	flags := flag.NewFlagSet("carsim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "carsim simulates Tencent Cloud CAR, the bucket that its uploads go to, and STS.\n\n"+
			"  carsim [flags]                       serve until interrupted\n"+
			"  carsim [flags] -- command args...    run a command against a fresh simulator\n"+
			"  carsim journal|uploads|objects [-l]  ask the simulator at $CAR_ENDPOINT\n"+
			"  carsim applications [-l]             ask for its applications: id, type, name,\n"+
			"                                       start path, processes, parameters\n"+
			"  carsim versions [-l] APP             ask for an application's versions\n"+
			"  carsim world FILE                    change how it behaves\n\n")
		flags.PrintDefaults()
		fmt.Fprint(stderr, "\nA world without applications of its own has these:\n")
		for _, a := range carsim.Seed() {
			fmt.Fprintf(stderr, "  %-12s  %d versions\n", a.ID, len(a.Versions))
		}
		fmt.Fprintf(stderr, "\nA world in which the answer to a call is lost, once:\n"+
			"  {\"Faults\": [{\"Action\": \"CreateApplicationVersion\", \"Nth\": 1, \"Kind\": %q}]}\n"+
			"The kinds of faults are %s.\n", carsim.DropAfter, kinds())
	}
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to listen on")
	flags.StringVar(&o.world, "world", "", "`file` with a World as JSON: open facts, applications, keys, faults")
	flags.DurationVar(&o.processing, "processing", 2*time.Second, "how long CAR takes for a build, unless the world says")
	flags.StringVar(&o.startPath, "start-path", "", "start `path` of app-desktop, such as App\\App.exe")
	flags.StringVar(&o.env, "env", "", "write the export lines to this `file` as well, once listening")
	flags.StringVar(&o.keep, "keep", "", "write what was uploaded into this `folder`")
	flags.BoolVar(&o.journal, "journal", false, "print all calls at the end")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, usageError{"see carsim -help"}
	}
	if flags.NArg() > 0 {
		return o, usageError{fmt.Sprintf("%q is neither a flag nor one of %s; a command to run goes after --", flags.Arg(0), strings.Join(questionNames, ", "))}
	}
	return o, nil
}

// build makes the world that the options ask for.
func (o options) build() (carsim.World, error) {
	world := carsim.World{ProcessingTime: o.processing}
	if o.world != "" {
		text, err := os.ReadFile(o.world)
		if err != nil {
			return world, fmt.Errorf("read world: %w", err)
		}
		if world, err = carsim.ReadWorld(text, world); err != nil {
			return world, err
		}
	}
	if o.startPath != "" {
		if world.Applications == nil {
			world.Applications = carsim.Seed()
		}
		i := slices.IndexFunc(world.Applications, func(a carsim.Application) bool { return a.ID == "app-desktop" })
		if i < 0 {
			return world, usageError{"-start-path is for app-desktop, which this world does not have"}
		}
		world.Applications[i].StartPath = o.startPath
	}
	return world, nil
}

// simulate serves, alone or around a command, and returns the exit status.
func simulate(args []string, std surroundings) (int, error) {
	o, err := parse(args, std.err)
	if err != nil {
		return exitUsage, err
	}
	world, err := o.build()
	if err != nil {
		return exitFailed, err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", o.listen)
	if err != nil {
		return exitFailed, fmt.Errorf("listen: %w", err)
	}
	sim := carsim.New(world)
	if o.keep != "" {
		if err := os.MkdirAll(o.keep, 0o755); err != nil { //nolint:gosec // others may look at what was uploaded
			return exitFailed, err
		}
	}
	sim.Keep(o.keep)
	server := &http.Server{Handler: sim, ReadHeaderTimeout: time.Minute}
	defer server.Close()
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(listener) }()

	address := "http://" + listener.Addr().String()
	environment := []string{
		"TENCENTCLOUD_SECRET_ID=" + carsim.SecretID,
		"TENCENTCLOUD_SECRET_KEY=" + carsim.SecretKey,
		"CAR_ENDPOINT=" + address,
		"CAR_COS_ENDPOINT=" + address,
		"CAR_STS_ENDPOINT=" + address,
		// As GitHub's runner does for a job that may have ID tokens.
		"ACTIONS_ID_TOKEN_REQUEST_URL=" + address + "/_github/idtoken?api-version=2.0",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN=" + requestToken(world),
	}
	var exports strings.Builder
	for _, line := range environment {
		name, value, _ := strings.Cut(line, "=")
		if strings.Contains(value, "?") {
			value = "'" + value + "'" // for a shell
		}
		exports.WriteString("export " + name + "=" + value + "\n")
	}
	if o.env != "" {
		if err := writeWhole(o.env, exports.String()); err != nil {
			return exitFailed, fmt.Errorf("write -env: %w", err)
		}
	}
	// Signals are handled before the address is printed: a reader of the address
	// may send one at once.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	status := exitDone
	if o.command == nil {
		fmt.Fprint(std.out, exports.String())
		select {
		case <-signals:
		case err = <-serving:
			err = fmt.Errorf("serve: %w", err)
		}
	} else {
		before := sim.State()
		status, err = around(o.command, environment, signals, std)
		if err == nil {
			printChanges(std.err, before, sim.State())
		}
	}
	if o.journal {
		printJournal(std.err, sim.Journal(), true, true)
	}
	return status, err
}

// requestToken is what the world's job shows to get an ID token.
func requestToken(world carsim.World) string {
	if world.Issuer.RequestToken != "" {
		return world.Issuer.RequestToken
	}
	return carsim.RequestToken
}

// writeWhole writes a file that other processes wait for, so that they never see a
// part of it.
func writeWhole(name, text string) error {
	partial := name + ".partial"
	if err := os.WriteFile(partial, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(partial, name)
}

// around runs a command with additional variables and passes signals on to it.
func around(command, environment []string, signals <-chan os.Signal, std surroundings) (int, error) {
	// Nothing cancels the command: it gets the signals and decides when to end.
	child := exec.CommandContext(context.Background(), command[0], command[1:]...) //nolint:gosec // running what the user names is the purpose
	child.Stdin, child.Stdout, child.Stderr = std.in, std.out, std.err
	child.Env = append(os.Environ(), environment...)
	apart(child)
	if err := child.Start(); err != nil {
		return exitFailed, fmt.Errorf("run command: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for {
			select {
			case s := <-signals:
				_ = child.Process.Signal(s) // it may have ended just now
			case <-ctx.Done():
				return
			}
		}
	}()
	err := child.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exitStatus(exit.ProcessState), nil
	}
	if err != nil {
		return exitFailed, fmt.Errorf("run command: %w", err)
	}
	return exitDone, nil
}
