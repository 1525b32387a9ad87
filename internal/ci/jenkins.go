package ci

var jenkinsDialect = dialect{
	name: "jenkins",
	// https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables:
	// JENKINS_URL is missing where the administrator has set none.
	matches: func(getenv func(string) string) bool {
		return getenv("JENKINS_URL") != "" || getenv("JENKINS_HOME") != "" && getenv("BUILD_TAG") != ""
	},
	open: func(s Streams) Host { return &jenkins{newPlain(s)} },
}

// jenkins is Jenkins. It has no commands: the log is text, and a pipeline
// reads json-file (readJSON) or output-file (readProperties). The log goes to
// Err, so that sh(returnStdout: true) gets the data alone.
type jenkins struct{ *plain }

func (j *jenkins) Name() string { return jenkinsDialect.name }

// Run's Key is never complete: the branches of parallel and the cells of a
// matrix have the same variables, a step inside of retry is not told that it
// is one, and a restart from a stage is another build.
func (j *jenkins) Run() Run {
	key, _ := runKey(j.getenv, "JENKINS_URL", "JOB_NAME", "BUILD_NUMBER", "STAGE_NAME")
	return Run{
		Key:        key,
		Repository: j.getenv("GIT_URL"),
		Actor:      firstOf(j.getenv, "BUILD_USER_ID", "CHANGE_AUTHOR"), // of plugins that many have
		Commit:     j.getenv("GIT_COMMIT"),
		Ref:        firstOf(j.getenv, "TAG_NAME", "BRANCH_NAME", "GIT_BRANCH"),
		URL:        j.getenv("BUILD_URL"),
	}
}
