package docs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/test/workflow"
)

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

// snippet checks a piece of a workflow, and runs each step of ours in it as
// the CI would, one after the other against one simulator.
func snippet(t *testing.T, text string) {
	if strings.Contains(text, "jobs:") && strings.Count(text, "cancel-in-progress: false") != strings.Count(text, "runs-on:") {
		t.Error("a job has no concurrency group, or one that cancels what is in progress")
	}
	all := stepsOf(t, text)
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
		d.env = append(d.env, tokenURL+"=", tokenRequest+"=")
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

// stepsOf returns the steps with car-publish in a workflow or a pipeline.
func stepsOf(t *testing.T, text string) (found []step) {
	t.Helper()
	workflow.Walk(document(t, text), func(m map[string]any) {
		uses, image := fmt.Sprint(m["uses"]), fmt.Sprint(m["image"])
		if !strings.Contains(uses+image, "car-publish") {
			return
		}
		s := step{id: fmt.Sprint(m["id"]), uses: uses}
		given, _ := m["with"].(map[string]any)
		if m["settings"] != nil {
			s.uses, s.plugin = image, true
			given = m["settings"].(map[string]any)
		}
		for name, value := range given {
			if secret, ok := value.(map[string]any); ok {
				value = fmt.Sprintf("${{ secrets.%v }}", secret["from_secret"])
			}
			s.inputs = append(s.inputs, [2]string{name, fmt.Sprint(value)})
		}
		found = append(found, s)
	})
	return found
}

var (
	expression   = regexp.MustCompile(`\$\{\{ *([^ }]+) *\}\}`)
	outputOfStep = regexp.MustCompile(`steps\.([\w-]+)\.outputs\.([\w-]+)`)
)

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

// What a go command on the page runs, and the binary that is made of it.
const (
	goRunSimulator = "go run ./cmd/carsim "
	goRunProgram   = "go run . "
)
