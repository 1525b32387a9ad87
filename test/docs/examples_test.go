package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/test/workflow"
)

// The examples are pasted by people who have not read the manual. This file
// reads each of them: a name in them that does not exist is found here.

// names are what is said of an input in each spelling, and of an output.
var (
	inputNames = func() []string {
		var all []string
		for _, in := range inputs.Table {
			all = append(all, in.Name)
		}
		return all
	}()
	outputNames = func() []string {
		var all []string
		for _, out := range inputs.Outputs {
			all = append(all, out.Name)
		}
		return all
	}()
)

// kebab turns the name of a variable or a setting into an input's.
func kebab(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

func examples(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("examples", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		all[filepath.ToSlash(name)] = strings.ReplaceAll(string(text), "\r\n", "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestExamplesNameWhatThereIs(t *testing.T) {
	t.Parallel()
	for name, text := range examples(t) {
		if strings.HasSuffix(name, ".md") {
			continue
		}
		for _, complaint := range misnamed(text) {
			t.Errorf("%s: %s", name, complaint)
		}
		if !strings.HasSuffix(name, ".yml") {
			continue
		}
		documents, err := workflow.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		uses := 0
		for _, document := range documents {
			workflow.Walk(document, func(m map[string]any) {
				found, complaints := usage(m)
				if found {
					uses++
				}
				for _, complaint := range complaints {
					t.Errorf("%s: %s", name, complaint)
				}
			})
		}
		if uses == 0 && !strings.Contains(text, "car-publish/car-publish:1") {
			t.Errorf("%s: does not use car-publish", name)
		}
	}
}

// Each example is listed, and each that is listed exists.
func TestExamplesAreListed(t *testing.T) {
	t.Parallel()
	all := examples(t)
	list := all["examples/README.md"]
	for name := range all {
		if link := "](" + strings.TrimPrefix(name, "examples/") + ")"; name != "examples/README.md" && strings.Count(list, link) != 1 {
			t.Errorf("%s is not in the list of examples/README.md, or more than once", name)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(list, -1) {
		if _, ok := all["examples/"+link[1]]; !ok {
			t.Errorf("%s is listed and not there", link[1])
		}
	}
}

var (
	variableOfOurs = regexp.MustCompile(`\bCAR_[A-Z][A-Z0-9_]*`)
	outputRef      = regexp.MustCompile(`steps\.\w+\.outputs\.([\w-]+)`)
	commandLine    = regexp.MustCompile(`(?m)(?:exec +|bin/|; then exec )car-publish (.*)$`)
	flagOfOurs     = regexp.MustCompile(` --([a-z-]+)`)
	shellStart     = regexp.MustCompile(`(?m)^.*(car-publish (publish|release|cleanup|delete|rollback)\b|docker run ).*$`)
)

// misnamed finds names that do not exist, in any kind of file; and a shell
// that starts the program without exec.
func misnamed(text string) (complaints []string) {
	for _, v := range variableOfOurs.FindAllString(text, -1) {
		published, isOutput := strings.CutPrefix(v, "CAR_PUBLISHED_")
		switch {
		case isOutput && !slices.Contains(outputNames, kebab(published)):
			complaints = append(complaints, v+" is not an output")
		case !isOutput && !slices.Contains(inputNames, kebab(strings.TrimPrefix(v, "CAR_"))) && v != "CAR_KEY" && v != "CAR_KEY_ID":
			complaints = append(complaints, v+" is not an input")
		}
	}
	for _, ref := range outputRef.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(outputNames, ref[1]) {
			complaints = append(complaints, ref[0]+" is not an output")
		}
	}
	for _, line := range commandLine.FindAllStringSubmatch(text, -1) {
		command, _, _ := strings.Cut(strings.TrimRight(line[1], "'; "), " ")
		if !slices.ContainsFunc(inputs.Commands, func(c inputs.Command) bool { return c.Name == strings.TrimRight(command, "';") }) {
			complaints = append(complaints, line[0]+": "+command+" is not a command")
		}
		for _, flag := range flagOfOurs.FindAllStringSubmatch(line[1], -1) {
			if !slices.Contains(inputNames, flag[1]) {
				complaints = append(complaints, line[0]+": there is no flag --"+flag[1])
			}
		}
	}
	for _, line := range shellStart.FindAllString(text, -1) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") && !strings.Contains(line, "exec ") {
			complaints = append(complaints, line+": no exec, so that a signal stops the shell and not the program")
		}
	}
	return complaints
}

var (
	actionOfOurs = regexp.MustCompile(`^(https://github\.com/)?car-publish/car-publish(/native)?@v1$`)
	imageOfOurs  = regexp.MustCompile(`^ghcr\.io/car-publish/car-publish:1$`)
)

// usage checks one mapping, if it is a step with the action or the plugin: its
// inputs exist, the choices are ones, and what is required is there.
func usage(m map[string]any) (ours bool, complaints []string) {
	var given map[string]any
	what, _ := m["uses"].(string)
	image, _ := m["image"].(string)
	native := false
	switch {
	case strings.Contains(what, "car-publish"):
		match := actionOfOurs.FindStringSubmatch(what)
		if match == nil {
			return true, []string{what + " is not where the action is"}
		}
		native = match[2] != ""
		given, _ = m["with"].(map[string]any)
	case strings.Contains(image, "car-publish") && m["settings"] != nil:
		if !imageOfOurs.MatchString(image) {
			return true, []string{image + " is not where the image is"}
		}
		given, _ = m["settings"].(map[string]any)
	default:
		return false, nil
	}
	for name, value := range given {
		if native && name == "mirror" {
			continue
		}
		i := slices.IndexFunc(inputs.Table, func(in inputs.Input) bool {
			return in.Name == strings.ReplaceAll(name, "_", "-") && (!in.NotInAction || m["settings"] != nil)
		})
		if i < 0 {
			complaints = append(complaints, name+" is not an input")
			continue
		}
		if text, ok := value.(string); ok && inputs.Table[i].Choices != nil && !slices.Contains(inputs.Table[i].Choices, text) {
			complaints = append(complaints, name+": "+text+" is none of its choices")
		}
	}
	required := "application-id"
	if given["command"] == "create-application" {
		required = "application-name"
	}
	if given[required] == nil && given[strings.ReplaceAll(required, "-", "_")] == nil {
		complaints = append(complaints, required+" is missing")
	}
	return true, complaints
}

// Every job that publishes ends in time, may do no more than it must, and does
// not meet another one of the same application.
func TestExamplesForGitHubAreCareful(t *testing.T) {
	t.Parallel()
	for name, text := range examples(t) {
		if !strings.HasPrefix(name, "examples/github/") {
			continue
		}
		documents, err := workflow.Parse(text)
		if err != nil || len(documents) != 1 {
			t.Fatalf("%s: %d documents, %v", name, len(documents), err)
		}
		jobs := documents[0].(map[string]any)
		for _, complaint := range append(workflow.Careless(jobs), unkeyed(jobs)...) {
			t.Errorf("%s: %s", name, complaint)
		}
	}
}

// unkeyed finds steps of ours that would get no keys. An action gets an input
// that nobody has set as an empty text, and beside that TENCENTCLOUD_... counts
// only with credentials: ambient, which lets a fork publish, too.
func unkeyed(workflow map[string]any) (complaints []string) {
	for id, job := range workflow["jobs"].(map[string]any) {
		job := job.(map[string]any)
		steps, _ := job["steps"].([]any)
		for _, step := range steps {
			step := step.(map[string]any)
			uses, _ := step["uses"].(string)
			with, _ := step["with"].(map[string]any)
			if !strings.HasPrefix(uses, "car-publish/") || with["dry-run"] == true {
				continue
			}
			env, _ := job["env"].(map[string]any)
			if with["secret-id"] == nil && with["role-arn"] == nil && env["CAR_SECRET_ID"] == nil {
				complaints = append(complaints, "a step of "+id+" has no keys")
			}
		}
	}
	return complaints
}

// The tests above find something.
func TestExamplesWithMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"CAR_APPLICATION: app-1":                            "CAR_APPLICATION is not an input",
		"echo $CAR_PUBLISHED_VERSION":                       "CAR_PUBLISHED_VERSION is not an output",
		"${{ steps.car.outputs.version }}":                  "steps.car.outputs.version is not an output",
		"exec car-publish ship":                             "ship is not a command",
		"exec car-publish publish --app app-1":              "there is no flag --app",
		"car-publish publish --release":                     "no exec",
		"docker run --rm ghcr.io/car-publish/car-publish:1": "no exec",
	} {
		if got := strings.Join(misnamed(text), "\n"); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"{uses: car-publish/car-publish@main}":                                              "is not where the action is",
		"{uses: car-publish/car-publish@v1, with: {artifact: a}}":                           "application-id is missing",
		"{uses: car-publish/car-publish@v1, with: {application-id: a, mirror: b}}":          "mirror is not an input",
		"{uses: car-publish/car-publish@v1, with: {application-id: a, run-attempt: 1}}":     "run-attempt is not an input",
		"{uses: car-publish/car-publish@v1, with: {application-id: a, on-full: delete}}":    "none of its choices",
		"{image: ghcr.io/car-publish/car-publish:1, settings: {application_id: a, out: b}}": "out is not an input",
		"{image: car-publish, settings: {application_id: a}}":                               "is not where the image is",
	} {
		documents, err := workflow.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := usage(documents[0].(map[string]any)); !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	documents, err := workflow.Parse("jobs: {a: {}}")
	if err != nil {
		t.Fatal(err)
	}
	if got := workflow.Careless(documents[0].(map[string]any)); len(got) != 4 {
		t.Errorf("got %q, want four complaints", got)
	}
	documents, err = workflow.Parse("jobs: {a: {env: {TENCENTCLOUD_SECRET_ID: a}, steps: [{uses: car-publish/car-publish@v1}]}}")
	if err != nil {
		t.Fatal(err)
	}
	if got := unkeyed(documents[0].(map[string]any)); len(got) != 1 {
		t.Errorf("got %q, want one complaint", got)
	}
}

func document(t *testing.T, text string) any {
	t.Helper()
	documents, err := workflow.Parse(text)
	if err != nil || len(documents) != 1 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	return documents[0]
}
