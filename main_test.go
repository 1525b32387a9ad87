package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/test/testbin"
)

func TestMain(m *testing.M) {
	// The programs that these tests start wait for each other most of the
	// time, so more of them than the machine has cores may run at once.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(4*runtime.GOMAXPROCS(0))); err != nil {
		panic(err)
	}
	os.Exit(testbin.Main(m))
}

// TestStories runs testdata/script: each story starts with a simulator of its
// own, whose world is the story's file world.json, and with its environment.
func TestStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_STORIES") != "",
		Setup: func(env *testscript.Env) error {
			return setup(env, carsim.World{Keys: carsim.DefaultKeys("")}, func(sim http.Handler) http.Handler { return sim })
		},
		Cmds: storyCommands,
	})
}

// storyCommands are those that the stories have besides testscript's own.
var storyCommands = map[string]func(*testscript.TestScript, bool, []string){
	"archive": makeArchive,
	"bytes":   makeBytes,
	"exits":   exits,
	"fault":   fault,
	"idtoken": idToken,
	"jq":      query,
	"saved":   saved,
	"signal":  interrupt,

	"variables": variables,
}

// setup starts the simulator of a story, whose world.json is laid over world,
// behind something that may look at its calls.
func setup(env *testscript.Env, world carsim.World, behind func(http.Handler) http.Handler) error {
	keys := world.Keys
	text, err := os.ReadFile(filepath.Join(env.WorkDir, "world.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&world); err != nil {
			return fmt.Errorf("world.json: %w", err)
		}
	}
	sim := carsim.New(world)
	server := httptest.NewServer(behind(sim))
	env.Values["sim"], env.Values["keys"] = sim, keys
	env.Defer(server.Close)
	env.Setenv("PATH", testbin.Dir+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("CAR_ENDPOINT", server.URL)
	env.Setenv("CAR_COS_ENDPOINT", server.URL)
	env.Setenv("CAR_STS_ENDPOINT", server.URL)
	env.Setenv("TENCENTCLOUD_SECRET_ID", keys[0].SecretID)
	env.Setenv("TENCENTCLOUD_SECRET_KEY", keys[0].SecretKey)
	env.Setenv("CAR_APPLICATION_ID", "app-desktop")
	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		env.Setenv("GOCOVERDIR", dir)
	}
	return nil
}

// exits is the story command "exits STATUS COMMAND...": exec, with the exit
// status that it must have.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits status command...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if want := args[0]; fmt.Sprint(got) != want {
		ts.Fatalf("exit status %d, want %s", got, want)
	}
}

// fault is the story command "fault ACTION CODE": from now on the service
// refuses the action with the code.
func fault(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fault action code")
	}
	sim := ts.Value("sim").(*carsim.Sim)
	keys := ts.Value("keys").([]carsim.Key)
	ts.Check(sim.SetWorld(carsim.World{Keys: keys, Faults: []carsim.Fault{{Action: args[0], Kind: carsim.Refuse, Code: args[1]}}}))
}

// idToken is the story command "idtoken VARIABLE|FILE": an OIDC token of the
// simulated issuer, in a variable if the name is in upper case.
func idToken(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: idtoken variable-or-file")
	}
	token := ts.Value("sim").(*carsim.Sim).IDToken(carsim.Audience)
	if args[0] == strings.ToUpper(args[0]) {
		ts.Setenv(args[0], token)
		return
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(token+"\n"), 0o600))
}

// interrupt is the story command "signal NAME ACTION STATUS COMMAND...": it
// sends the signal once the simulator has been asked for the action, and the
// command must then exit with the status.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: signal name action status command...")
	}
	signals := map[string]os.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "KILL": os.Kill}
	command := exec.Command(testbin.Path(args[3]), args[4:]...)
	command.Dir = ts.Getenv("WORK")
	for _, name := range []string{
		"PATH", "CAR_ENDPOINT", "CAR_COS_ENDPOINT", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "CAR_APPLICATION_ID", "GOCOVERDIR",
		"CAR_RUN_KEY", "CAR_VERBOSE", "CAR_OUTPUT_FILE", "CAR_JSON_FILE", "CAR_SUMMARY_FILE", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY",
		"CI", "GITEA_ACTIONS", "GITLAB_CI", "DRONE", "DRONE_CARD_PATH", "DRONE_OUTPUT", "HARNESS_BUILD_ID", "CNB",
		"TF_BUILD", "AGENT_TEMPDIRECTORY", "BUILDKITE", "JENKINS_URL",
	} {
		command.Env = append(command.Env, name+"="+ts.Getenv(name))
	}
	for _, in := range inputs.Table {
		if name := "INPUT_" + strings.ToUpper(in.Name); ts.Getenv(name) != "" {
			command.Env = append(command.Env, name+"="+ts.Getenv(name))
		}
	}
	command.Stdout, command.Stderr = ts.Stdout(), ts.Stderr()
	sim := ts.Value("sim").(*carsim.Sim)
	before := len(sim.Journal())
	ts.Check(command.Start())
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	asked := func(c carsim.Call) bool { return c.Action == args[1] }
	for over := false; !slices.ContainsFunc(sim.Journal()[before:], asked); runtime.Gosched() {
		if over {
			ts.Fatalf("%s ended before it asked for %s", args[3], args[1])
		}
		select {
		case <-ended:
			over = true
		default:
		}
	}
	ts.Check(command.Process.Signal(signals[args[0]]))
	<-ended
	if got, want := fmt.Sprint(command.ProcessState.ExitCode()), args[2]; got != want {
		ts.Fatalf("exit status %s, want %s", got, want)
	}
}

// saved is the story command "saved FILE": what a step has kept there reaches
// the clean-up after it in variables, as GitHub's runner passes them.
func saved(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: saved file")
	}
	state, err := fileCommands(ts.ReadFile(args[0]))
	ts.Check(err)
	for name, value := range state {
		ts.Setenv("STATE_"+name, value)
	}
}

// fileCommands reads what a step has set in one of GitHub's files.
func fileCommands(text string) (map[string]string, error) {
	set := map[string]string{}
	for lines := strings.Split(text, "\n"); len(lines) > 1; {
		name, delimiter, ok := strings.Cut(lines[0], "<<")
		end := slices.Index(lines, delimiter)
		if !ok || end < 0 {
			return nil, fmt.Errorf("%q does not begin a value", lines[0])
		}
		set[name] = strings.Join(lines[1:end], "\n")
		lines = lines[end+1:]
	}
	return set, nil
}

// variables is the story command "variables FILE": each line of a dotenv file
// becomes a variable, as GitLab's parser reads it.
func variables(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: variables file")
	}
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			ts.Fatalf("GitLab refuses the line %q", line)
		}
		ts.Setenv(strings.TrimSpace(name), strings.TrimSpace(value))
	}
}

// makeArchive is the story command "archive FILE MEMBER...": a zip with those
// members, each a few bytes long.
func makeArchive(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: archive file member...")
	}
	build, err := archive(args[1:]...)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), build, 0o600))
}

func archive(members ...string) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range members {
		content := []byte("content of " + name)
		f, err := w.CreateRaw(&zip.FileHeader{
			Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(content),
			CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content)),
		})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// makeBytes is the story command "bytes FILE MiB": a zip with Game/Game.exe
// of that many MiB in it, stored.
func makeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bytes file MiB")
	}
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	w := zip.NewWriter(file)
	member, err := w.CreateHeader(&zip.FileHeader{Name: "Game/Game.exe", Method: zip.Store})
	ts.Check(err)
	_, err = io.CopyN(member, rand.NewChaCha8([32]byte{}), int64(size)<<20)
	ts.Check(err)
	ts.Check(w.Close())
}

// query is the story command "jq FILE FIELD": the field of a JSON file on
// standard output; a.b is field b of field a.
func query(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jq file field")
	}
	field := json.RawMessage(ts.ReadFile(args[0]))
	for name := range strings.SplitSeq(args[1], ".") {
		var value map[string]json.RawMessage
		ts.Check(json.Unmarshal(field, &value))
		var ok bool
		if field, ok = value[name]; !ok {
			ts.Fatalf("%s has no field %s", args[0], args[1])
		}
	}
	_, err := fmt.Fprintln(ts.Stdout(), strings.Trim(string(field), `"`))
	ts.Check(err)
}

// The table that the README shows and the numbers that the program exits with
// are the same.
func TestExitStatuses(t *testing.T) {
	want := []int{exitDone, exitFailed, exitBadInput, exitRefused, exitBlocked, exitUpload, exitNotCreated, exitTimedOut, exitInterrupted, exitTerminated}
	var got []int
	for _, s := range inputs.ExitStatuses {
		got = append(got, s.Code)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the table says %v, the program %v", got, want)
	}
}

// The CIs that the input ci takes are those that there are.
func TestChoicesOfCI(t *testing.T) {
	i := slices.IndexFunc(inputs.Table, func(in inputs.Input) bool { return in.Name == "ci" })
	got, want := slices.Sorted(slices.Values(inputs.Table[i].Choices)), slices.Sorted(slices.Values(ci.Names()))
	if !slices.Equal(got, want) {
		t.Errorf("the input takes %q, there are %q", got, want)
	}
}
