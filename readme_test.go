package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/inputs"
)

// Nothing on the front page is only claimed: this file runs each fenced block
// of README.md, counts the calls that its table of commands states, and
// provokes every error that its troubleshooting table quotes.

// block is a fenced block of the README.
type block struct {
	line           int // of its fence
	language, text string
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n") // a checkout on Windows
}

func blocks(t *testing.T) []block {
	t.Helper()
	var all []block
	open := false
	for i, line := range strings.Split(readme(t), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open:
			open = false
		case isFence:
			open = true
			all = append(all, block{line: i + 1, language: fence})
		case open:
			all[len(all)-1].text += line + "\n"
		}
	}
	if open || len(all) == 0 {
		t.Fatalf("README.md has %d fenced blocks, the last one open: %t", len(all), open)
	}
	return all
}

func TestReadme(t *testing.T) {
	t.Parallel()
	for _, b := range blocks(t) {
		t.Run(fmt.Sprintf("%s in line %d", b.language, b.line), func(t *testing.T) {
			t.Parallel()
			switch b.language {
			case "sh":
				desk := newDesk(t, carsim.World{})
				for line := range strings.Lines(b.text) {
					desk.typed(t, strings.TrimSpace(line))
				}
			case "yaml":
				snippet(t, b.text)
			case "json": // TestReadmePolicy
			case "text": // TestReadmeFirstCommand
			default:
				t.Errorf("nothing checks a block of %q: give it a check here", b.language)
			}
		})
	}
}

// desk is where a reader tries things: a folder with builds in it, and an
// environment with a simulator of CAR at the other end.
type desk struct {
	dir string
	sim *carsim.Sim
	env []string
}

// What GitHub's runner gives a job that may ask for ID tokens.
const (
	mayAskURL   = "ACTIONS_ID_TOKEN_REQUEST_URL"
	mayAskToken = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// app is the id that the README uses for "yours".
const app = "app-a1b2c3d4"

func newDesk(t *testing.T, w carsim.World) desk {
	t.Helper()
	w.Applications = append(carsim.Seed(), carsim.Application{
		ID: app, Name: "Yours", StartPath: `Game\Game.exe`,
		Versions: []carsim.Version{
			{ID: "ver-first", Name: "first", Status: carsim.Usable, Age: 48 * time.Hour},
			{ID: "ver-second", Name: "second", Status: carsim.Inuse, Age: 24 * time.Hour},
		},
	}, carsim.Application{
		ID: "app-busy", Name: "Busy", StartPath: `Game\Game.exe`,
		Versions: []carsim.Version{{ID: "ver-busy", Name: "night", Status: carsim.Creating, Age: time.Hour}},
	})
	d := desk{dir: t.TempDir(), sim: carsim.New(w)}
	server := httptest.NewServer(d.sim)
	t.Cleanup(server.Close)
	d.env = append(bareEnvironment(),
		"CAR_ENDPOINT="+server.URL, "CAR_COS_ENDPOINT="+server.URL, "CAR_STS_ENDPOINT="+server.URL,
		mayAskURL+"="+server.URL+"/_github/idtoken?api-version=2.0", mayAskToken+"="+carsim.RequestToken,
		"TENCENTCLOUD_SECRET_ID="+carsim.SecretID, "TENCENTCLOUD_SECRET_KEY="+carsim.SecretKey,
	)
	manifest, err := os.ReadFile(filepath.Join("internal", "artifact", "testdata", "manifest.bin"))
	if err != nil {
		t.Fatal(err)
	}
	game := map[string]string{"Game/Game.exe": "the game"}
	for name, members := range map[string]map[string]string{
		"testdata/demo/game.zip":                 game,
		"build/Game.zip":                         game,
		"build/Game-7.zip":                       game,
		"game.zip":                               game,
		"game.7z":                                game,
		"two-1.zip":                              game,
		"two-2.zip":                              game,
		"build/MyGame.zip":                       {"MyGame/MyGame.exe": "your game"},
		"tools.zip":                              {"Tools/Setup.exe": "no game"},
		"app/build/outputs/apk/release/game.apk": {"AndroidManifest.xml": string(manifest), "classes.dex": "dex"},
	} {
		d.pack(t, name, members)
	}
	const faults = "testdata/demo/faults.json"
	world, err := os.ReadFile(filepath.FromSlash(faults))
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, faults, string(world))
	d.write(t, "text.zip", "no archive")
	d.write(t, "lfs.zip", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
	return d
}

func (d desk) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(d.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (d desk) pack(t *testing.T, name string, members map[string]string) {
	t.Helper()
	var b strings.Builder
	w := zip.NewWriter(&b)
	for _, member := range slices.Sorted(maps.Keys(members)) {
		f, err := w.Create(member)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(members[member])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d.write(t, name, b.String())
}

// bareEnvironment is this process's, without what would be an input or tell
// of a CI.
func bareEnvironment() []string {
	env := slices.DeleteFunc(os.Environ(), func(line string) bool {
		return slices.ContainsFunc([]string{"CAR_", "INPUT_", "PLUGIN_", "TENCENTCLOUD_", "GITHUB_", "RUNNER_", "ACTIONS_", "PATH=", "Path="}, func(prefix string) bool {
			return strings.HasPrefix(line, prefix)
		})
	})
	return append(env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// try runs one of our binaries and returns all that it said, and its status.
func (d desk) try(t *testing.T, env []string, binary string, args ...string) (output string, status int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), filepath.Join(bin, binary), args...)
	command.Dir, command.Env = d.dir, slices.Concat(d.env, env)
	said, err := command.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", binary, err)
	}
	return string(said), command.ProcessState.ExitCode()
}

// run is try for what must go well.
func (d desk) run(t *testing.T, env []string, binary string, args ...string) string {
	t.Helper()
	said, status := d.try(t, env, binary, args...)
	if status != exitDone {
		t.Fatalf("%s %s: exit status %d, want 0:\n%s", binary, strings.Join(args, " "), status, said)
	}
	return said
}

// What a go command on the page runs, and the binary that is made of it.
const (
	goRunSimulator = "go run ./cmd/carsim "
	goRunProgram   = "go run . "
)

// typed does what a line of a sh block says, without a shell, so that it is
// the same on every system.
func (d desk) typed(t *testing.T, line string) {
	t.Helper()
	switch {
	case strings.HasPrefix(line, "docker "):
		d.docker(t, line)
	case strings.HasPrefix(line, goRunSimulator):
		line = strings.Replace(line, "-- "+goRunProgram, "-- car-publish ", 1)
		if said := d.run(t, nil, "carsim", words(t, strings.TrimPrefix(line, goRunSimulator))...); !strings.Contains(said, "Inuse  ") {
			t.Errorf("%s: no version is Inuse in the end:\n%s", line, said)
		}
	case strings.HasPrefix(line, "car-publish "):
		d.run(t, nil, "car-publish", words(t, line)[1:]...)
	case strings.HasPrefix(line, "go install "):
		mod, err := os.ReadFile("go.mod")
		if err != nil {
			t.Fatal(err)
		}
		module, version, _ := strings.Cut(strings.TrimPrefix(line, "go install "), "@")
		if !strings.HasPrefix(string(mod), "module "+module+"\n") || version != "latest" {
			t.Errorf("%s: it installs %s at %s, want the module of go.mod, latest", line, module, version)
		}
	default:
		t.Errorf("it is not known how to run %q here: extend typed", line)
	}
}

// words splits a line as every shell does, and refuses what shells would
// treat in different ways.
func words(t *testing.T, line string) []string {
	t.Helper()
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out[len(out)-1] += part // quoted, after what stands before it
			continue
		}
		if strings.ContainsAny(part, "\"\\$`*?;&|<>(){}~#") {
			t.Fatalf("%s: %q has a character that a shell would not leave alone", line, part)
		}
		out = append(out, strings.Fields(part)...)
		if strings.HasSuffix(part, " ") {
			out = append(out, "") // a quoted word begins
		}
	}
	return slices.DeleteFunc(out, func(word string) bool { return word == "" })
}

// image is what the page calls the image that the reader builds.
const image = "car-publish"

// docker checks a docker line; where it runs the image, the binary runs with
// the environment that the line passes on.
func (d desk) docker(t *testing.T, line string) {
	t.Helper()
	if line == "docker build -t "+image+" ." {
		return
	}
	fields := strings.Fields(line)
	if len(fields) < 3 || fields[1] != "run" || fields[len(fields)-1] != image || !strings.Contains(line, ` -v "$PWD:/work" -w /work `) {
		t.Fatalf("%s: want docker build of %s, or docker run of it with the working directory in /work", line, image)
	}
	outside := map[string]string{}
	for _, variable := range d.env {
		name, value, _ := strings.Cut(variable, "=")
		outside[name] = value
	}
	env := []string{"TENCENTCLOUD_SECRET_ID=", "TENCENTCLOUD_SECRET_KEY="} // nothing comes in by itself
	for i, field := range fields {
		if field != "-e" {
			continue
		}
		name, value, given := strings.Cut(fields[i+1], "=")
		if !given {
			value = outside[name]
		}
		known := slices.ContainsFunc(inputs.Table, func(in inputs.Input) bool {
			return name == "CAR_"+strings.ToUpper(strings.ReplaceAll(in.Name, "-", "_"))
		})
		if !known && !strings.HasPrefix(name, "TENCENTCLOUD_SECRET_") {
			t.Errorf("%s: %s is not an input", line, name)
		}
		env = append(env, name+"="+value)
	}
	said := d.run(t, env, "car-publish")
	if !strings.Contains(said, "is online") {
		t.Errorf("%s: nothing is online:\n%s", line, said)
	}
}

// step is one use of the action, or of the image as a plugin, in a snippet.
type step struct {
	id, uses string
	plugin   bool
	inputs   [][2]string
}

// steps reads the little YAML that the page has. What it does not understand
// is not ours.
func steps(text string) []step {
	all := []step{{}}
	section := -1 // the indent of with: or settings:
	for line := range strings.Lines(text) {
		content := strings.TrimSpace(line)
		indent := strings.Index(line, content)
		if item, ok := strings.CutPrefix(content, "- "); ok {
			all = append(all, step{})
			content, indent, section = item, indent+2, -1
		}
		key, value, _ := strings.Cut(content, ":")
		value = strings.Trim(value, ` "`)
		s := &all[len(all)-1]
		switch {
		case section >= 0 && indent > section && key == "from_secret":
			s.inputs[len(s.inputs)-1][1] = "${{ secrets." + value + " }}"
			continue
		case section >= 0 && indent > section:
			s.inputs = append(s.inputs, [2]string{key, value})
			continue
		}
		section = -1
		switch key {
		case "id":
			s.id = value
		case "uses":
			s.uses = value
		case "image":
			s.uses = value
		case "with":
			section = indent
		case "settings":
			section, s.plugin = indent, true
		}
	}
	return slices.DeleteFunc(all, func(s step) bool { return !strings.Contains(s.uses, "car-publish") })
}

var (
	expression   = regexp.MustCompile(`\$\{\{ *([^ }]+) *\}\}`)
	outputOfStep = regexp.MustCompile(`steps\.([\w-]+)\.outputs\.([\w-]+)`)
)

// snippet checks a piece of a workflow, and runs each step of ours in it as
// the CI would, one after the other against one simulator.
func snippet(t *testing.T, text string) {
	if strings.Contains(text, "jobs:") && strings.Count(text, "cancel-in-progress: false") != strings.Count(text, "runs-on:") {
		t.Error("a job has no concurrency group, or one that cancels what is in progress")
	}
	all := steps(text)
	if len(all) == 0 {
		t.Fatal("there is no step of ours in it")
	}
	for _, ref := range outputOfStep.FindAllStringSubmatch(text, -1) {
		if !slices.ContainsFunc(all, func(s step) bool { return s.id == ref[1] }) {
			t.Errorf("%s: no step of ours has the id %s", ref[0], ref[1])
		}
		if !slices.ContainsFunc(inputs.Outputs, func(o inputs.Output) bool { return o.Name == ref[2] }) {
			t.Errorf("%s: %s is not an output", ref[0], ref[2])
		}
	}
	values := map[string]string{
		"secrets.CAR_SECRET_ID": carsim.SecretID, "secrets.CAR_SECRET_KEY": carsim.SecretKey,
		"secrets.car_secret_id": carsim.SecretID, "secrets.car_secret_key": carsim.SecretKey,
		"vars.CAR_APPLICATION_ID": app, "github.ref_name": "v1.2.3", "vars.CAR_ROLE_ARN": carsim.RoleARN,
	}
	d := newDesk(t, carsim.World{})
	if !strings.Contains(text, "id-token: write") {
		d.env = append(d.env, mayAskURL+"=", mayAskToken+"=")
	}
	for _, s := range all {
		if want := map[bool]string{false: "car-publish/car-publish@v1", true: "registry.example.com/" + image}[s.plugin]; s.uses != want && s.uses != "car-publish/car-publish/native@v1" {
			t.Errorf("a step uses %s, want %s", s.uses, want)
		}
		got := d.step(t, s, values)
		if want := outcome(s); got.Outcome != want {
			t.Errorf("the step that uses %v ended as %q, want %q", s.inputs, got.Outcome, want)
		}
		values["needs.publish.outputs.version-id"] = got.VersionID
	}
}

// told is what a step of a snippet left behind.
type told struct {
	Outcome   string `json:"outcome"`
	VersionID string `json:"version_id"`
}

// step runs a step as its CI would: the environment is all that the program
// sees of it.
func (d desk) step(t *testing.T, s step, values map[string]string) told {
	t.Helper()
	env := []string{"CAR_JSON_FILE=out.json", "TENCENTCLOUD_SECRET_ID=", "TENCENTCLOUD_SECRET_KEY="}
	if !s.plugin {
		env = append(env, "GITHUB_ACTIONS=true", "GITHUB_OUTPUT="+d.write(t, "output", ""), "GITHUB_STEP_SUMMARY="+d.write(t, "summary", ""))
		for _, in := range inputs.Table { // the runner passes each default on
			if !in.NotInAction && in.Default != "" {
				env = append(env, "INPUT_"+strings.ToUpper(in.Name)+"="+in.Default)
			}
		}
	}
	for _, given := range s.inputs {
		name, prefix := given[0], "INPUT_"
		if s.plugin {
			name, prefix = strings.ReplaceAll(name, "_", "-"), "PLUGIN_"
		}
		if !slices.ContainsFunc(inputs.Table, func(in inputs.Input) bool { return in.Name == name && !in.NotInAction }) {
			t.Errorf("%s is not an input", given[0])
		}
		value := expression.ReplaceAllStringFunc(given[1], func(e string) string {
			of := expression.FindStringSubmatch(e)[1]
			if values[of] == "" {
				t.Errorf("%s: the test does not know what %s is here", given[0], of)
			}
			return values[of]
		})
		env = append(env, prefix+strings.ToUpper(given[0])+"="+value)
	}
	d.run(t, env, "car-publish")
	text, err := os.ReadFile(filepath.Join(d.dir, "out.json"))
	if err != nil {
		t.Fatal(err)
	}
	var result told
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// outcome is how a step should end, by its inputs.
func outcome(s step) string {
	switch {
	case slices.Contains(s.inputs, [2]string{"dry-run", "true"}):
		return "planned"
	case slices.Contains(s.inputs, [2]string{"release", "true"}), slices.Contains(s.inputs, [2]string{"command", "release"}):
		return "released"
	}
	return "ready"
}

// The first command does what the page says, by the go command, on a machine
// that has nothing else; and what it publishes can be published ten times
// over.
func TestReadmeFirstCommand(t *testing.T) {
	t.Parallel()
	all := blocks(t)
	if all[0].language != "sh" || all[1].language != "text" {
		t.Fatalf("the page begins with blocks of %s and %s, want sh and text", all[0].language, all[1].language)
	}
	line := strings.TrimSpace(all[0].text)

	t.Run("by go run", func(t *testing.T) {
		t.Parallel()
		args := words(t, line)
		command := exec.CommandContext(t.Context(), args[0], args[1:]...)
		command.Env = bareEnvironment()
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		said := strings.Split(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n")
		for _, phase := range regexp.MustCompile(`(?m)^\d\. \*\*(.+?)\*\*`).FindAllStringSubmatch(readme(t), -1) {
			if !slices.Contains(said, phase[1]) {
				t.Errorf("the page names the phase %q, and the log has none:\n%s", phase[1], out)
			}
		}
		// In order, with anything in between: the page shows it shortened.
		rest := said
		for want := range strings.Lines(all[1].text) {
			if want = strings.TrimSuffix(want, "\n"); want == "..." {
				continue
			}
			i := slices.IndexFunc(rest, func(got string) bool { return timeless(got) == timeless(want) })
			if i < 0 {
				t.Fatalf("the page shows the line %q, and there is none like it, or not there:\n%s", want, out)
			}
			rest = rest[i+1:]
		}
	})

	t.Run("ten times", func(t *testing.T) {
		t.Parallel()
		_, publish, ok := strings.Cut(line, "-- "+goRunProgram)
		if !ok {
			t.Fatalf("%s: no %q in it", line, goRunProgram)
		}
		d := newDesk(t, carsim.World{})
		seen := map[string]bool{}
		for range 10 {
			d.run(t, nil, "car-publish", words(t, publish)...)
			id := d.online(t)
			if seen[id] {
				t.Fatalf("%s is online again, want a new version", id)
			}
			seen[id] = true
		}
	})
}

// timeless is a line of a log without what differs from run to run.
func timeless(line string) string {
	line = regexp.MustCompile(` in \S+ \([^)]+/s\)`).ReplaceAllString(line, " in TIME (RATE)")
	line = regexp.MustCompile(`(-cp[a-z2-7]{13})[a-z2-7]{3}\b`).ReplaceAllString(line, "${1}xxx") // another in each process
	return regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(line, "127.0.0.1:PORT")
}

// online is the id of the one version of app-desktop that is online.
func (d desk) online(t *testing.T) string {
	t.Helper()
	var online []string
	for _, a := range d.sim.State().Applications {
		for _, v := range a.Versions {
			if a.ID == "app-desktop" && v.Status == carsim.Inuse {
				online = append(online, v.ID)
			}
		}
	}
	if len(online) != 1 {
		t.Fatalf("online are %q, want one version", online)
	}
	return online[0]
}

// The simulator has the applications that the page tells of, and a publish to
// each ends as it says.
func TestReadmeApplications(t *testing.T) {
	t.Parallel()
	table := rows(t, "Try it")
	var told, seed []string
	for _, cells := range table {
		told = append(told, strings.Trim(cells[0], "`"))
	}
	for _, a := range carsim.Seed() {
		seed = append(seed, a.ID)
	}
	slices.Sort(told)
	slices.Sort(seed)
	if diff := cmp.Diff(seed, told); diff != "" {
		t.Errorf("the table is not what the simulator has (-simulator +page):\n%s", diff)
	}
	for _, cells := range table {
		var want int
		if _, err := fmt.Sscanf(cells[2], "exit status %d", &want); err != nil {
			t.Fatalf("%s: %q: %v", cells[0], cells[2], err)
		}
		said, status := newDesk(t, carsim.World{}).try(t, nil, "car-publish",
			"--application-id", strings.Trim(cells[0], "`"), "--artifact", "testdata/demo/game.zip", "--release")
		if status != want {
			t.Errorf("%s: exit status %d, want %d:\n%s", cells[0], status, want, said)
		}
	}
}

// The inputs of each recipe exist, and a publish with them goes well.
func TestReadmeRecipes(t *testing.T) {
	t.Parallel()
	_, text, _ := strings.Cut(readme(t), "\n### Recipes\n")
	text, _, _ = strings.Cut(text, "\n### ")
	input := regexp.MustCompile("`([a-z-]+): ([^`]+)`")
	ran := 0
	for line := range strings.Lines(text) {
		s := step{inputs: [][2]string{{"secret-id", carsim.SecretID}, {"secret-key", carsim.SecretKey}}}
		application, artifact := app, "build/Game.zip"
		given := input.FindAllStringSubmatch(line, -1)
		if !strings.HasPrefix(line, "| ") || len(given) == 0 || strings.Contains(line, "`command: release`") { // of a second job
			continue
		}
		for _, in := range given {
			if in[1] == "artifact" {
				application, artifact = "app-mobile", in[2]
			} else {
				s.inputs = append(s.inputs, [2]string{in[1], in[2]})
			}
			if in[1] == "cos-endpoint" { // a host of Tencent's
				s.inputs = append(s.inputs, [2]string{"dry-run", "true"})
			}
		}
		s.inputs = append(s.inputs, [2]string{"application-id", application}, [2]string{"artifact", artifact})
		if got := newDesk(t, carsim.World{}).step(t, s, nil); got.Outcome != outcome(s) {
			t.Errorf("%s\nended as %q, want %q", line, got.Outcome, outcome(s))
		}
		ran++
	}
	if ran < 5 {
		t.Errorf("%d recipes ran, want all that have inputs", ran)
	}
}

// row matches a line of a table with three columns.
var row = regexp.MustCompile(`(?m)^\| (.+?) \| (.+?) \| (.+?) \|$`)

// rows returns the cells of each row of the table in a section.
func rows(t *testing.T, heading string) [][]string {
	t.Helper()
	_, section, ok := strings.Cut(readme(t), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("there is no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var all [][]string
	for _, cells := range row.FindAllStringSubmatch(section, -1) {
		all = append(all, cells[1:])
	}
	if len(all) < 3 {
		t.Fatalf("%q has a table of %d lines", heading, len(all))
	}
	return all[2:] // without its head
}

// The number of calls in the table of commands is the number of calls.
func TestReadmeCalls(t *testing.T) {
	t.Parallel()
	publish := []string{"publish", "--application-id", app, "--artifact", "game.zip"}
	commands := map[string][]string{
		"`publish`":                publish,
		"`publish` with `release`": append(slices.Clip(publish), "--release"),
		"`create`":                 {"create", "--application-id", app, "--artifact-name", "game.zip"},
		"`release`":                {"release", "--application-id", "app-waiting", "--version-id", "ver-waiting2"},
		"`rollback`":               {"rollback", "--application-id", app},
		"`list`":                   {"list", "--application-id", app},
		"`delete`":                 {"delete", "--application-id", app, "--version-id", "ver-first"},
		"`doctor`":                 {"doctor", "--application-id", app, "--artifact", "game.zip"},
		"`cleanup`":                {"cleanup", "--application-id", app, "--run-key", "1/a"},
		"`publish` with `dry-run`": append(slices.Clip(publish), "--dry-run"),
	}
	table := rows(t, "Commands")
	if len(table) != len(commands) {
		t.Errorf("the table has %d commands, this test %d", len(table), len(commands))
	}
	for _, c := range inputs.Commands {
		if !slices.ContainsFunc(table, func(cells []string) bool { return cells[0] == "`"+c.Name+"`" }) {
			t.Errorf("the command %s is not in the table", c.Name)
		}
	}
	for _, cells := range table {
		t.Run(cells[0], func(t *testing.T) {
			t.Parallel()
			args, ok := commands[cells[0]]
			if !ok {
				t.Fatal("the test does not know how to run it")
			}
			d := newDesk(t, carsim.World{}) // where nobody waits for anything, so that no poll repeats
			d.run(t, nil, "car-publish", args...)
			calls, uploads := 0, 0
			for _, call := range d.sim.Journal() {
				if strings.HasPrefix(call.Action, "cos:") {
					uploads++
				} else {
					calls++
				}
			}
			got := fmt.Sprint(calls)
			if uploads > 0 {
				got = fmt.Sprintf("%d + %d", calls, uploads)
			}
			if got != cells[2] {
				t.Errorf("the table says %s calls, and it makes %s: %v", cells[2], got, d.actions())
			}
		})
	}
}

// actions are the calls so far, by name.
func (d desk) actions() []string {
	var names []string
	for _, call := range d.sim.Journal() {
		names = append(names, call.Action)
	}
	return names
}

// The policy allows what a run may call, and nothing else.
func TestReadmePolicy(t *testing.T) {
	t.Parallel()
	all := blocks(t)
	i := slices.IndexFunc(all, func(b block) bool { return b.language == "json" && strings.Contains(b.text, `"car:`) })
	if i < 0 {
		t.Fatal("there is no json block with a policy for CAR")
	}
	type statement struct {
		Effect           string
		Action, Resource []string
	}
	var policy struct {
		Version   string
		Statement []statement
	}
	if err := json.Unmarshal([]byte(all[i].text), &policy); err != nil {
		t.Fatal(err)
	}

	// One run that needs every call: it makes room, waits, releases, renames.
	d := newDesk(t, carsim.World{ProcessingTime: time.Second})
	d.run(t, nil, "car-publish", "--application-id", "app-full", "--artifact", "game.zip", "--release", "--version-name", "1.0", "--on-full", "delete-oldest")
	var called []string
	for _, name := range d.actions() {
		if !strings.HasPrefix(name, "cos:") {
			called = append(called, "car:"+name)
		}
	}
	slices.Sort(called)
	want := []statement{{Effect: "allow", Action: slices.Compact(called), Resource: []string{"*"}}}
	if diff := cmp.Diff(want, policy.Statement); diff != "" {
		t.Errorf("the policy is not what a run calls (-called +policy):\n%s", diff)
	}
	if policy.Version != "2.0" {
		t.Errorf("the policy's version is %q, want 2.0, which CAM asks for", policy.Version)
	}
}

// The trust policy lets in the job that the page describes, and nobody else.
func TestReadmeTrustPolicy(t *testing.T) {
	t.Parallel()
	all := blocks(t)
	i := slices.IndexFunc(all, func(b block) bool { return b.language == "json" && strings.Contains(b.text, "federated") })
	if i < 0 {
		t.Fatal("there is no json block with a trust policy")
	}
	type statement struct {
		Effect    string
		Action    []string
		Principal struct{ Federated []string }
		Condition struct {
			StringEqual struct {
				Issuer   []string `json:"oidc:iss"`
				Audience []string `json:"oidc:aud"`
				Subject  []string `json:"oidc:sub"`
			} `json:"string_equal"`
		}
	}
	var policy struct {
		Version   string
		Statement []statement
	}
	decoder := json.NewDecoder(strings.NewReader(all[i].text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&policy); err != nil || len(policy.Statement) != 1 || policy.Version != "2.0" {
		t.Fatalf("it is no policy of one statement: %v", err)
	}
	s := policy.Statement[0]
	provider := strings.Replace(carsim.RoleARN, "roleName/publisher", "oidc-provider/"+carsim.ProviderName, 1)
	if s.Effect != "allow" || !slices.Equal(s.Action, []string{"name/sts:AssumeRoleWithWebIdentity"}) || !slices.Equal(s.Principal.Federated, []string{provider}) {
		t.Errorf("got %+v, want that it allows AssumeRoleWithWebIdentity to %s", s, provider)
	}
	is := s.Condition.StringEqual
	if len(is.Subject) != 1 {
		t.Fatal("a trust policy without a subject lets everybody in")
	}
	if !strings.Contains(readme(t), "\n    environment: production\n") || !strings.HasSuffix(is.Subject[0], ":environment:production") {
		t.Errorf("the workflow does not run in the environment of %q", is.Subject[0])
	}
	for subject, want := range map[string]int{
		is.Subject[0]:                            exitDone,
		"repo:octo/ocean:ref:refs/heads/main":    exitRefused,
		"repo:evil/ocean:environment:production": exitRefused,
	} {
		d := newDesk(t, carsim.World{
			Issuer: carsim.Issuer{Subject: subject},
			Roles:  []carsim.Role{{ARN: carsim.RoleARN, Provider: carsim.ProviderName, Issuer: is.Issuer, Audience: is.Audience, Subject: is.Subject}},
		})
		said, status := d.try(t, nil, "car-publish", "list", "--application-id", app, "--role-arn", carsim.RoleARN, "--oidc-provider", carsim.ProviderName)
		if status != want {
			t.Errorf("%s: exit status %d, want %d:\n%s", subject, status, want, said)
		}
	}
}

// Each text in the troubleshooting table is one that a real run prints.
func TestReadmeTroubleshooting(t *testing.T) {
	t.Parallel()
	refused := func(action, code string) carsim.World {
		return carsim.World{Faults: []carsim.Fault{{Action: action, Kind: carsim.Refuse, Code: code}}}
	}
	list := []string{"list", "--application-id", app}
	role := func(more ...string) []string {
		return append([]string{"list", "--application-id", app, "--role-arn", carsim.RoleARN, "--oidc-provider", carsim.ProviderName}, more...)
	}
	publish := func(artifact string, more ...string) []string {
		return append([]string{"--application-id", app, "--artifact", artifact}, more...)
	}
	to := func(other string, more ...string) []string {
		return append([]string{"--application-id", other, "--artifact", "game.zip"}, more...)
	}
	provoke := map[string]struct {
		args   []string
		world  carsim.World
		env    []string
		status int
	}{
		"secret-id and secret-key are missing":                                 {args: list, env: []string{"TENCENTCLOUD_SECRET_ID=", "TENCENTCLOUD_SECRET_KEY="}, status: exitBadInput},
		"is a folder":                                                          {args: publish("build"), status: exitBadInput},
		"is not an archive":                                                    {args: publish("text.zip"), status: exitBadInput},
		"is no duration":                                                       {args: publish("game.zip", "--timeout", "30"), status: exitBadInput},
		"the server could not be reached":                                      {args: publish("game.zip", "--endpoint", "http://127.0.0.1:1", "--timeout", "1s"), status: exitTimedOut},
		"AuthFailure.SecretIdNotFound":                                         {args: list, env: []string{"TENCENTCLOUD_SECRET_ID=" + carsim.OtherSiteSecretID}, status: exitRefused},
		"AuthFailure.SignatureFailure":                                         {args: list, env: []string{"TENCENTCLOUD_SECRET_KEY=another"}, status: exitRefused},
		"AuthFailure.SignatureExpire":                                          {args: list, world: refused("DescribeApplicationVersion", "AuthFailure.SignatureExpire"), status: exitRefused},
		"AuthFailure.TokenFailure":                                             {args: list, env: []string{"TENCENTCLOUD_SECRET_ID=" + carsim.ExpiredSecretID, "TENCENTCLOUD_TOKEN=" + carsim.SessionToken}, status: exitRefused},
		"this job may not ask for an OIDC token":                               {args: role(), env: []string{mayAskURL + "=", "GITHUB_ACTIONS=true"}, status: exitBadInput},
		"AssumeRoleWithWebIdentity: UnauthorizedOperation":                     {args: role(), world: carsim.World{Issuer: carsim.Issuer{Subject: "repo:octo/ocean:pull_request"}}, status: exitRefused},
		"InvalidParameter.WebIdentityTokenError":                               {args: role("--oidc-audience", "sts.example.com"), status: exitRefused},
		"InvalidParameter.ParamError":                                          {args: role("--session-duration", "12h"), status: exitRefused},
		"InternalError.GetRoleError":                                           {args: role("--role-arn", "qcs::cam::uin/1:roleName/nobody"), status: exitRefused},
		"it is no JSON Web Token":                                              {args: role(), env: []string{"CAR_OIDC_TOKEN=token.txt"}, status: exitRefused},
		"and CAR_SECRET_ID are both set: a run has one identity":               {args: role(), env: []string{"CAR_SECRET_ID=" + carsim.SecretID, "CAR_SECRET_KEY=" + carsim.SecretKey}, status: exitBadInput},
		"UnauthorizedOperation":                                                {args: publish("game.zip"), env: []string{"TENCENTCLOUD_SECRET_ID=" + carsim.ReadOnlySecretID}, status: exitRefused},
		"app-gone is not in this account; this key sees:":                      {args: to("app-gone"), status: exitFailed},
		"is ready and waits for release":                                       {args: to("app-waiting"), status: exitBlocked},
		"is still being created":                                               {args: to("app-busy"), status: exitBlocked},
		"OperationDenied.VersionCreating":                                      {args: publish("game.zip"), world: refused("CreateApplicationVersion", "OperationDenied.VersionCreating"), status: exitBlocked},
		"holds 5 versions and takes no more than 5":                            {args: to("app-full"), status: exitBlocked},
		"OperationDenied.VersionLimitExceeded":                                 {args: publish("game.zip"), world: refused("CreateApplicationVersion", "OperationDenied.VersionLimitExceeded"), status: exitBlocked},
		`"game.7z" is named .7z, but its content is zip`:                       {args: publish("game.7z"), status: exitBadInput},
		"is a mobile application, and game.zip is a zip without an .apk in it": {args: to("app-mobile"), status: exitBadInput},
		"and tools.zip does not hold that":                                     {args: publish("tools.zip"), status: exitBadInput},
		"has no start path yet, so a release would start nothing":              {args: to("app-noconfig", "--release"), status: exitBadInput},
		"is CreateFailed":                                                      {args: to("app-failing"), status: exitNotCreated},
		"upload part 1: AccessDenied":                                          {args: publish("game.zip"), world: refused("cos:UploadPart", "AccessDenied"), status: exitUpload},
		`The timeout of 1s passed in the phase "Wait for CAR"`:                 {args: publish("game.zip", "--timeout", "1s"), world: carsim.World{ProcessingTime: time.Hour}, status: exitTimedOut},
		"instead of an answer came an HTML or XML page":                        {args: list, world: carsim.World{Faults: []carsim.Fault{{Action: "DescribeApplicationVersion", Kind: carsim.HTML}}}, status: exitFailed},
		"redirects are not followed":                                           {args: list, world: carsim.World{Faults: []carsim.Fault{{Action: "DescribeApplicationVersion", Kind: carsim.Redirect}}}, status: exitFailed},
		`No file matches "nothing*.zip"`:                                       {args: publish("nothing*.zip"), status: exitBadInput},
		`"two-*.zip" matches 2 files`:                                          {args: publish("two-*.zip"), status: exitBadInput},
		"it is a Git LFS pointer":                                              {args: publish("lfs.zip"), status: exitBadInput},
		"artifact is missing, and so is artifact-url":                          {args: publish(""), status: exitBadInput},
		"is plain http to another machine":                                     {args: append(slices.Clip(list), "--endpoint", "http://car.tencentcloudapi.com"), status: exitBadInput},
		"is online: it is not deleted":                                         {args: []string{"delete", "--application-id", app, "--version-id", "ver-second"}, status: exitBlocked},
		"has no version that was online before":                                {args: []string{"rollback", "--application-id", "app-mobile"}, status: exitBlocked},
	}
	table := rows(t, "Troubleshooting by error text")
	if len(table) != len(provoke) {
		t.Errorf("the table has %d errors, this test provokes %d", len(table), len(provoke))
	}
	for _, cells := range table {
		text := strings.Trim(cells[0], "`")
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			p, ok := provoke[text]
			if !ok {
				t.Fatal("the test does not know how to provoke it")
			}
			said, status := newDesk(t, p.world).try(t, p.env, "car-publish", p.args...)
			if status != p.status || !strings.Contains(said, text) {
				t.Errorf("exit status %d, want %d, and that text in:\n%s", status, p.status, said)
			}
		})
	}
}

// Links lead somewhere.
func TestReadmeLinks(t *testing.T) {
	t.Parallel()
	text := readme(t)
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(text, -1)
	if len(links) == 0 {
		t.Error("there is no link")
	}
	headings := func(text string) (anchors []string) {
		for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
			name := strings.ReplaceAll(heading[1], " ", "-")
			anchors = append(anchors, strings.ToLower(strings.ReplaceAll(name, ",", "")))
		}
		return anchors
	}
	for _, link := range links {
		file, anchor, _ := strings.Cut(link[1], "#")
		page := text
		if file != "" {
			b, err := os.ReadFile(path.Clean(file))
			if err != nil {
				t.Errorf("link to %s: %v", link[1], err)
			}
			page = string(b)
		}
		if anchor != "" && !slices.Contains(headings(page), anchor) {
			t.Errorf("there is no heading for %s", link[1])
		}
	}
}
