package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/google/go-cmp/cmp"
)

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

// The number of calls in the table of commands is the number of calls.
func TestReadmeCalls(t *testing.T) {
	t.Parallel()
	publish := []string{"publish", "--application-id", app, "--artifact", "game.zip"}
	commands := map[string][]string{
		"`publish`":                publish,
		"`publish` with `release`": append(slices.Clip(publish), "--release"),
		"`create-application`":     {"create-application", "--application-name", "Kelp"},
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
