package repository_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/test/workflow"
)

var (
	usesLine = regexp.MustCompile(`(?m)^ *(?:- )?uses: *(.*)$`)
	pinned   = regexp.MustCompile(`^[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
)

// Our own workflows run nothing that can change under them, and hold no more
// rights than they use.
func TestWorkflowsAreCareful(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{".github/workflows/*.yml", "test/e2e/workflows/*.yml"} {
		names, err := filepath.Glob(filepath.FromSlash(pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(string(content), "\r\n", "\n")
			for _, complaint := range trusting(text) {
				t.Errorf("%s: %s", name, complaint)
			}
			documents, err := workflow.Parse(text)
			if err != nil || len(documents) != 1 {
				t.Fatalf("%s: %d documents, %v", name, len(documents), err)
			}
			for _, complaint := range workflow.Careless(documents[0].(map[string]any)) {
				// Those of test/e2e run on this machine, one after the other.
				if !strings.HasPrefix(pattern, "test/") || !strings.Contains(complaint, "concurrency") {
					t.Errorf("%s: %s", name, complaint)
				}
			}
		}
	}
}

// trusting finds actions that are not pinned to a commit, checkouts that leave
// a token behind, and expressions inside of scripts.
func trusting(text string) (complaints []string) {
	for _, uses := range usesLine.FindAllStringSubmatch(text, -1) {
		local := strings.HasPrefix(uses[1], "./") || strings.HasPrefix(uses[1], "car-publish/car-publish/native@")
		if !local && !pinned.MatchString(uses[1]) {
			complaints = append(complaints, uses[1]+" is not pinned by its commit, with the version in a comment")
		}
	}
	if strings.Count(text, "uses: actions/checkout@") != strings.Count(text, "persist-credentials: false") {
		complaints = append(complaints, "a checkout has no persist-credentials: false")
	}
	script := -1 // the indent of the run: that we are in
	for line := range strings.Lines(text) {
		content := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " -"))
		if strings.HasPrefix(strings.TrimPrefix(content, "- "), "run: ") {
			script = indent
		} else if content != "" && indent <= script {
			script = -1
		}
		if script >= 0 && strings.Contains(content, "${{") {
			complaints = append(complaints, content+": an expression in a script can become a command; pass it through env:")
		}
	}
	return complaints
}

func TestWorkflowsWithMistakes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"      - uses: actions/checkout@v5\n":                             "not pinned",
		"      - uses: a/b@08c6903cd8c0fde910a37f88322edcfb5dd907a8\n":    "not pinned",
		"        uses: a/b/c@08c6903cd8c0fde910a37f88322edcfb5dd9 # v1\n": "not pinned",
		"      - uses: actions/checkout@x\n":                              "no persist-credentials",
		"      - run: echo ${{ github.ref }}\n":                           "in a script",
		"        run: |\n          a\n          echo ${{ x }}\n":          "in a script",
	} {
		if got := strings.Join(trusting(text), "\n"); !strings.Contains(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	good := "      - run: a\n        env:\n          B: ${{ b }}\n      - uses: a/b@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v1.2.3\n"
	if got := trusting(good); got != nil {
		t.Errorf("got %q for what is right", got)
	}
}

// Whatever is pinned is also kept up to date.
func TestDependabotKnowsEveryEcosystem(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(".github", "dependabot.yml"))
	if err != nil {
		t.Fatal(err)
	}
	documents, err := workflow.Parse(string(content))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, update := range documents[0].(map[string]any)["updates"].([]any) {
		known[update.(map[string]any)["package-ecosystem"].(string)] = true
	}
	for _, ecosystem := range []string{"gomod", "github-actions", "docker", "npm"} {
		if !known[ecosystem] {
			t.Errorf("dependabot.yml has no %s", ecosystem)
		}
	}
}

// A job that may sign with what GitHub says of the run starts no code but that of
// pinned actions: nothing is built or run in it.
func TestSigningJobs(t *testing.T) {
	text, err := os.ReadFile(".github/workflows/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	signing := 0
	for name, body := range jobsOf(string(text)) {
		if !strings.Contains(body, "id-token: write") {
			continue
		}
		signing++
		if strings.Contains(body, "run:") || strings.Contains(body, "uses: ./") {
			t.Errorf("the job %s may sign, and runs code", name)
		}
	}
	if signing == 0 {
		t.Error("no job signs the binaries")
	}
}

// jobsOf returns the text of each job of a workflow.
func jobsOf(workflow string) map[string]string {
	jobs, name := map[string]string{}, ""
	_, rest, _ := strings.Cut(workflow, "\njobs:\n")
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ") && strings.HasSuffix(strings.TrimSpace(line), ":") {
			name = strings.TrimSuffix(strings.TrimSpace(line), ":")
		}
		jobs[name] += line
	}
	return jobs
}
