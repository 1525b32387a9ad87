package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/inputs"
)

var root = filepath.Join("..", "..", "..")

func TestFilesAreGenerated(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]func(string) (string, error){
		"action.yml":             func(text string) (string, error) { return action(image(text)), nil },
		"native/action.yml":      func(string) (string, error) { return native(), nil },
		"docs/drone-plugin.yaml": func(string) (string, error) { return drone(), nil },
		"README.md":              pages[0].fill,
		"docs.md":                pages[1].fill,
	} {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(got), "\r\n", "\n") // a checkout on Windows
		want, err := want(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, text); diff != "" {
			t.Errorf("%s is not what the table of inputs says; run go generate ./... (-want +got):\n%s", name, diff)
		}
	}
}

const readme = `# Title
<!-- inputs:begin -->
old
<!-- inputs:end -->
between
<!-- outputs:begin -->
<!-- outputs:end -->
<!-- exit-statuses:begin -->
<!-- exit-statuses:end -->
last
`

func TestFill(t *testing.T) {
	t.Parallel()
	got, err := pages[0].fill(readme)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Title\n<!-- inputs:begin -->\n| input | default | meaning |\n",
		"| `timeout` | `5h30m` | ",
		"| `application-id` | required | ",
		"<!-- inputs:end -->\nbetween\n<!-- outputs:begin -->\n| output |",
		"| `outcome` | ",
		"| 143 | terminated |\n<!-- exit-statuses:end -->\nlast\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\nold\n") {
		t.Error("got the old content of a section, want it replaced")
	}
	again, err := pages[0].fill(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("a second run changes the file (-first +second):\n%s", diff)
	}
}

func TestGenerateNeedsTheMarkers(t *testing.T) {
	t.Parallel()
	for _, marker := range []string{
		"<!-- inputs:begin -->", "<!-- inputs:end -->",
		"<!-- outputs:begin -->", "<!-- outputs:end -->",
		"<!-- exit-statuses:begin -->", "<!-- exit-statuses:end -->",
	} {
		t.Run(marker, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "README.md")
			text := strings.Replace(readme, marker+"\n", "", 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := generate(dir)
			if err == nil || !strings.Contains(err.Error(), marker) {
				t.Errorf("got error %v, want one that names %s", err, marker)
			}
			if got, _ := os.ReadFile(file); string(got) != text {
				t.Error("got a changed README, want it left as it was")
			}
		})
	}
	if err := generate(t.TempDir()); err == nil || !strings.Contains(err.Error(), "README.md") {
		t.Errorf("got error %v without a README, want one that names it", err)
	}
}

// The native action hands each input on by hand, and each output back.
func TestNativeHasEveryInputAndOutput(t *testing.T) {
	t.Parallel()
	text := native()
	for _, in := range inputs.Table {
		handed := strings.Contains(text, ": ${{ inputs."+in.Name+" }}\n") && strings.Contains(text, "\n  "+in.Name+":\n")
		if handed == in.NotInAction {
			t.Errorf("%s: handed on %t, want %t", in.Name, handed, !in.NotInAction)
		}
	}
	for _, out := range inputs.Outputs {
		if !strings.Contains(text, "\n    value: ${{ steps.car.outputs."+out.Name+" }}\n") {
			t.Errorf("the output %s has no value", out.Name)
		}
	}
	if _, script, _ := strings.Cut(text, "run: "); strings.Contains(strings.SplitN(script, "env:", 2)[0], "${{") {
		t.Error("an expression is part of the script: whatever it gives would be run")
	}
}

func TestGenerateWritesAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, folder := range []string{"native", "docs"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, page := range pages {
		if err := os.WriteFile(filepath.Join(dir, page.name), []byte(readme), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	released := "runs:\n  using: docker\n  image: docker://ghcr.io/car-publish/car-publish:1.2.3@sha256:00\n"
	if err := os.WriteFile(filepath.Join(dir, "action.yml"), []byte(released), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := generate(dir); err != nil {
		t.Fatal(err)
	}
	const input = "\n  application-id:\n    description: 'Id of the application; it begins with `app-`. `create-application` has it as an output, and needs none; `list` and `doctor` list the applications without one.'\n    required: false\n  application-name:\n"
	for _, want := range []struct{ name, text string }{
		{"README.md", "| `release` | `false` | "},
		{"docs.md", "| `release` | `false` | "},
		{filepath.Join("docs", "drone-plugin.yaml"), "\n  secret_key:\n    type: string\n    defaultValue: ''\n    description: 'SecretKey of the API key.'\n    secret: true\n    required: false\n"},
		{"action.yml", input},
		{"action.yml", "\n  image: docker://ghcr.io/car-publish/car-publish:1.2.3@sha256:00\n"}, // what a release has put there stays
		{"native/action.yml", input},
	} {
		got, err := os.ReadFile(filepath.Join(dir, want.name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(got), want.text) {
			t.Errorf("got no %q in %s:\n%s", want.text, want.name, got)
		}
	}
	if got := image("runs:\n"); got != "Dockerfile" {
		t.Errorf("an action.yml without an image: got %q, want Dockerfile", got)
	}
}
