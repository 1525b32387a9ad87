package ci

var (
	// https://forgejo.org/docs/latest/user/actions/reference/ and, for
	// Gitea, internal/app/run/runner.go of https://gitea.com/gitea/runner:
	// each sets its own variable to tell itself from GitHub. Forgejo's runner
	// sets Gitea's, too.
	forgejoDialect = dialect{
		name:    "forgejo",
		matches: hasExactly("FORGEJO_ACTIONS", "true"),
		open:    func(s Streams) Host { return &gitea{newGitHub(s), "forgejo"} },
	}
	giteaDialect = dialect{
		name:    "gitea",
		matches: hasExactly("GITEA_ACTIONS", "true"),
		open:    func(s Streams) Host { return &gitea{newGitHub(s), "gitea"} },
	}
)

// gitea is Gitea's and Forgejo's runner. Masks, groups, outputs and what is
// kept for the post step are GitHub's, and so are the variables that say who
// the run is. https://docs.gitea.com/usage/actions/comparison
type gitea struct {
	*github
	name string
}

func (g *gitea) Name() string { return g.name }

// Annotate writes readable text: there is no place for annotations, and many
// a runner shows GitHub's command for one as it is, escapes and all.
func (g *gitea) Annotate(level Level, title, text string) {
	for _, line := range g.annotation(levelWords[level], title, text) {
		g.Print(line)
	}
}

// Summary writes both: the file is there on every runner, and Gitea shows it
// from 1.27 on.
func (g *gitea) Summary(_ Level, markdown, plain string) error {
	_ = g.append("GITHUB_STEP_SUMMARY", shorten(g.Hide(markdown), summaryLimit)) // the log has it, too
	g.EndGroup()
	if plain == "" {
		return nil
	}
	for _, line := range harmlessLines(g.Hide(plain)) {
		g.Print(line)
	}
	return nil
}
