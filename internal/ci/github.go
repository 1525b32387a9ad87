package ci

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/sethvargo/go-githubactions"

	"github.com/car-publish/car-publish/internal/secret"
)

var githubDialect = dialect{
	name: "github",
	// Gitea's and Forgejo's runners set it as well: they are asked before.
	matches: hasExactly("GITHUB_ACTIONS", "true"),
	open:    func(s Streams) Host { return newGitHub(s) },
}

// github speaks workflow commands:
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
//
// All goes to Out. The runner reads commands from both streams, but keeps
// lines in order only within one.
type github struct {
	masks
	beat    progressThrottle
	w       io.Writer
	getenv  func(string) string
	action  *githubactions.Action
	inGroup bool
}

func newGitHub(s Streams) *github {
	w := ignoreErrors{s.Out}
	return &github{
		w:      w,
		getenv: s.Getenv,
		action: githubactions.New(githubactions.WithWriter(w), githubactions.WithGetenv(s.Getenv)),
	}
}

// ignoreErrors hides failed writes, on which the library would panic: a run must not
// stop half-done because the log is closed.
type ignoreErrors struct{ w io.Writer }

func (d ignoreErrors) Write(b []byte) (int, error) {
	// The library ends lines as the system does; runners accept \n on every system.
	_, _ = d.w.Write(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
	return len(b), nil
}

func (g *github) Name() string { return githubDialect.name }

// Run implements Host. The environment does not tell a matrix leg from its
// siblings, so the key is not complete; action.yml passes a complete one.
func (g *github) Run() Run {
	attempt, _ := strconv.Atoi(g.getenv("GITHUB_RUN_ATTEMPT"))
	var repository, url string
	if place, whole := runKey(g.getenv, "GITHUB_SERVER_URL", "GITHUB_REPOSITORY"); whole {
		repository = place
		if id := g.getenv("GITHUB_RUN_ID"); id != "" {
			url = place + "/actions/runs/" + id
		}
	}
	return Run{
		Key:        strings.Join([]string{g.getenv("GITHUB_RUN_ID"), g.getenv("GITHUB_JOB"), g.getenv("GITHUB_ACTION")}, "/"),
		Attempt:    attempt,
		Repository: repository,
		Actor:      g.getenv("GITHUB_ACTOR"),
		Commit:     g.getenv("GITHUB_SHA"),
		Ref:        g.getenv("GITHUB_REF"),
		URL:        url,
		Debug:      g.getenv("RUNNER_DEBUG") == "1",
	}
}

// Mask tells the runner the secret and each of its lines; GitHub's own runner
// finds the usual encodings by itself.
func (g *github) Mask(s secret.String) {
	g.add(s)
	for _, text := range spellings(s) {
		g.action.AddMask(text)
	}
}

func (g *github) Print(line string) {
	_, _ = io.WriteString(g.w, harmlessLine(g.Hide(line))+"\n")
}

func (g *github) BeginGroup(title string) {
	g.EndGroup()
	g.action.Group(harmlessLine(g.Hide(title)))
	g.inGroup = true
}

func (g *github) EndGroup() {
	if g.inGroup {
		g.action.EndGroup()
		g.inGroup = false
	}
}

func (g *github) Annotate(level Level, title, text string) {
	name := map[Level]string{Notice: "notice", Warning: "warning", Error: "error"}[level]
	cmd := &githubactions.Command{
		Name:    name,
		Message: strings.Join(harmlessLines(g.Hide(text)), "\n"),
	}
	if title != "" {
		cmd.Properties = githubactions.CommandProperties{"title": harmlessLine(g.Hide(title))}
	}
	g.action.IssueCommand(cmd)
}

func (g *github) Progress(p Progress) {
	if g.beat.due(p) {
		g.Print(p.line())
	}
}

// Output writes the file command ourselves: the library panics when there is
// no file, and its delimiter is fixed, so that a value could end early and
// set outputs of its own.
func (g *github) Output(name, value string) error {
	if err := g.appendPair("GITHUB_OUTPUT", name, value); err != nil {
		return fmt.Errorf("set output %s: %w", name, err)
	}
	return nil
}

// Save is for the action's post step, which gets the value in a variable.
func (g *github) Save(name, value string) error {
	if err := g.appendPair("GITHUB_STATE", name, value); err != nil {
		return fmt.Errorf("save state %s: %w", name, err)
	}
	return nil
}

func (g *github) Saved(name string) string { return g.getenv("STATE_" + name) }

// appendPair adds a value to a file of names and values.
func (g *github) appendPair(variable, name, value string) error {
	value = g.Hide(value)
	delimiter := rand.Text()
	for strings.Contains(value, delimiter) {
		delimiter = rand.Text()
	}
	return g.append(variable, name+"<<"+delimiter+"\n"+value+"\n"+delimiter+"\n")
}

// summaryLimit is what GitHub takes from one step; it drops all of a longer
// one. https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
const summaryLimit = 1 << 20

const cutNote = "\n\n_The rest was cut off: a summary has at most 1 MiB._\n"

func (g *github) Summary(_ Level, markdown, plain string) error {
	markdown = strings.TrimRight(g.Hide(markdown), "\n") + "\n"
	limit := summaryLimit
	if info, err := os.Stat(g.getenv("GITHUB_STEP_SUMMARY")); err == nil {
		limit -= int(min(info.Size(), summaryLimit))
	}
	if err := g.append("GITHUB_STEP_SUMMARY", shorten(markdown, limit)); err != nil {
		g.Print("This runner does not take a summary (" + err.Error() + "); here it is:")
		for _, line := range harmlessLines(g.Hide(plain)) {
			g.Print(line)
		}
	}
	return nil
}

// shorten cuts Markdown at the end of a paragraph, since a table or a fenced
// block that is cut in the middle would swallow the note about it.
func shorten(markdown string, limit int) string {
	if len(markdown) <= limit {
		return markdown
	}
	limit -= len(cutNote)
	if limit < 0 {
		return ""
	}
	end := strings.LastIndex(markdown[:limit], "\n\n")
	if end < 0 {
		end = max(0, strings.LastIndex(markdown[:limit], "\n"))
	}
	return markdown[:end] + cutNote
}

// append adds to one of the files that the runner provides. It does not make
// one: nobody would read it.
func (g *github) append(variable, text string) error {
	path := g.getenv(variable)
	if path == "" {
		return fmt.Errorf("%s is not set", variable)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", variable, err)
	}
	if _, err := f.WriteString(text); err != nil {
		_ = f.Close()
		return fmt.Errorf("write %s: %w", variable, err)
	}
	return f.Close()
}
