package ci

var woodpeckerDialect = dialect{
	name: "woodpecker",
	// https://woodpecker-ci.org/docs/usage/environment
	matches: hasExactly("CI", "woodpecker"),
	open:    func(s Streams) Host { return &woodpecker{newPlain(s)} },
}

// woodpecker is Woodpecker CI. It has no commands, neither masks, groups nor
// outputs: later steps of the workflow read what output-file or json-file
// leave in the workspace.
type woodpecker struct{ *plain }

func (w *woodpecker) Name() string { return woodpeckerDialect.name }

// Run's Key is never complete: a restart is another pipeline. It knows the
// number of the one before (CI_PIPELINE_PARENT), which after two restarts is
// not the first one's, and may be still running.
func (w *woodpecker) Run() Run {
	key, _ := runKey(w.getenv, "CI_SYSTEM_URL", "CI_REPO", "CI_PIPELINE_NUMBER", "CI_WORKFLOW_NUMBER", "CI_STEP_NUMBER", "CI_STEP_NAME")
	return Run{
		Key:        key,
		Repository: w.getenv("CI_REPO_URL"),
		Actor:      w.getenv("CI_PIPELINE_AUTHOR"),
		Commit:     w.getenv("CI_COMMIT_SHA"),
		Ref:        w.getenv("CI_COMMIT_REF"),
		URL:        firstOf(w.getenv, "CI_STEP_URL", "CI_PIPELINE_URL"),
	}
}
