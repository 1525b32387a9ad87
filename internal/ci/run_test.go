package ci_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/ci"
)

// runOf is the Run of a CI with this environment.
func runOf(t *testing.T, name string, env map[string]string) ci.Run {
	t.Helper()
	h, err := ci.Detect(name, ci.Streams{Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	return h.Run()
}

// TestRun holds what each CI sets, with the values of its documentation, and
// what a later attempt and a sibling have different.
func TestRun(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		want ci.Run

		again   map[string]string // a later attempt; nil: the CI has no such thing, or does not tell
		attempt int               // of again
		sibling map[string]string // nil: the CI does not tell them apart
		needed  []string          // without one of them the Key is not complete
	}{
		"gitlab": {
			env: map[string]string{
				"CI_SERVER_URL": "https://gitlab.example", "CI_PIPELINE_ID": "42", "CI_JOB_NAME": "publish: [pc]", "CI_JOB_ID": "1",
				"CI_PROJECT_URL": "https://gitlab.example/ocean/game", "GITLAB_USER_LOGIN": "me", "CI_COMMIT_SHA": "abc", "CI_COMMIT_REF_NAME": "main",
				"CI_JOB_URL": "https://gitlab.example/ocean/game/-/jobs/1", "CI_DEBUG_TRACE": "true", "CI_JOB_TIMEOUT": "3600", "CI_JOB_STARTED_AT": "1999-12-31T23:50:00Z",
			},
			want: ci.Run{
				Key: "https://gitlab.example/42/publish: [pc]", Complete: true,
				Repository: "https://gitlab.example/ocean/game", Actor: "me", Commit: "abc", Ref: "main",
				URL: "https://gitlab.example/ocean/game/-/jobs/1", Left: 50 * time.Minute, Debug: true,
			},
			again:   map[string]string{"CI_JOB_ID": "2"},
			sibling: map[string]string{"CI_JOB_NAME": "publish: [phone]"},
			needed:  []string{"CI_SERVER_URL", "CI_PIPELINE_ID", "CI_JOB_NAME"},
		},
		"azure": {
			env: map[string]string{
				"SYSTEM_COLLECTIONID": "c", "SYSTEM_TEAMPROJECTID": "p", "BUILD_BUILDID": "42", "SYSTEM_STAGENAME": "__default", "SYSTEM_PHASENAME": "publish",
				"SYSTEM_JOBNAME": "pc", "SYSTEM_JOBPOSITIONINPHASE": "1", "SYSTEM_JOBTIMEOUT": "60", "SYSTEM_STAGEATTEMPT": "1", "SYSTEM_PHASEATTEMPT": "1", "SYSTEM_JOBATTEMPT": "1", "SYSTEM_JOBID": "g1",
				"BUILD_REPOSITORY_URI": "https://dev.azure.com/ocean/_git/game", "BUILD_REQUESTEDFOR": "me", "BUILD_SOURCEVERSION": "abc",
				"BUILD_SOURCEBRANCH": "refs/heads/main", "SYSTEM_DEBUG": "True", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/ocean/",
			},
			want: ci.Run{
				Key: "c/p/42/__default/publish/pc/1", Complete: true, Attempt: 1, Left: time.Hour,
				Repository: "https://dev.azure.com/ocean/_git/game", Actor: "me", Commit: "abc", Ref: "refs/heads/main",
				URL: "https://dev.azure.com/ocean/p/_build/results?buildId=42", Debug: true,
			},
			again: map[string]string{"SYSTEM_STAGEATTEMPT": "2", "SYSTEM_JOBID": "g2"}, attempt: 2,
			sibling: map[string]string{"SYSTEM_JOBPOSITIONINPHASE": "2"},
			needed:  []string{"SYSTEM_COLLECTIONID", "SYSTEM_TEAMPROJECTID", "BUILD_BUILDID", "SYSTEM_STAGENAME", "SYSTEM_PHASENAME", "SYSTEM_JOBNAME", "SYSTEM_JOBPOSITIONINPHASE"},
		},
		"buildkite": {
			env: map[string]string{
				"BUILDKITE_BUILD_ID": "b", "BUILDKITE_STEP_ID": "s", "BUILDKITE_PARALLEL_JOB": "0", "BUILDKITE_LABEL": "pc", "BUILDKITE_COMMAND": "publish.sh",
				"BUILDKITE_RETRY_COUNT": "0", "BUILDKITE_JOB_ID": "j1", "BUILDKITE_TIMEOUT": "15", "BUILDKITE_BUILD_CREATOR": "me", "BUILDKITE_UNBLOCKER": "she",
				"BUILDKITE_REPO": "git@github.com:ocean/game.git", "BUILDKITE_COMMIT": "abc", "BUILDKITE_BRANCH": "main", "BUILDKITE_BUILD_URL": "https://buildkite.com/ocean/game/builds/7",
			},
			want: ci.Run{
				Key: "b/s/0/pc/publish.sh", Attempt: 1, Repository: "git@github.com:ocean/game.git", Actor: "she", Commit: "abc", Ref: "main",
				URL: "https://buildkite.com/ocean/game/builds/7#j1", Left: 15 * time.Minute,
			},
			again: map[string]string{"BUILDKITE_RETRY_COUNT": "1", "BUILDKITE_JOB_ID": "j2"}, attempt: 2,
			sibling: map[string]string{"BUILDKITE_PARALLEL_JOB": "1"},
		},
		"woodpecker": {
			env: map[string]string{
				"CI_SYSTEM_URL": "https://ci.example", "CI_REPO": "ocean/game", "CI_PIPELINE_NUMBER": "8", "CI_PIPELINE_PARENT": "7", "CI_WORKFLOW_NUMBER": "1",
				"CI_STEP_NUMBER": "2", "CI_STEP_NAME": "publish", "CI_REPO_URL": "https://forge.example/ocean/game", "CI_PIPELINE_AUTHOR": "me",
				"CI_COMMIT_SHA": "abc", "CI_COMMIT_REF": "refs/heads/main", "CI_PIPELINE_URL": "https://ci.example/repos/7/pipeline/8",
			},
			want: ci.Run{
				Key: "https://ci.example/ocean/game/8/1/2/publish", Repository: "https://forge.example/ocean/game", Actor: "me", Commit: "abc",
				Ref: "refs/heads/main", URL: "https://ci.example/repos/7/pipeline/8",
			},
			sibling: map[string]string{"CI_WORKFLOW_NUMBER": "2"},
		},
		"drone": {
			env: map[string]string{
				"DRONE_SYSTEM_HOST": "drone.example", "DRONE_REPO": "ocean/game", "DRONE_BUILD_NUMBER": "8", "DRONE_BUILD_PARENT": "7", "DRONE_STAGE_NUMBER": "1",
				"DRONE_STEP_NUMBER": "2", "DRONE_REPO_LINK": "https://forge.example/ocean/game", "DRONE_BUILD_TRIGGER": "me", "DRONE_COMMIT_SHA": "abc",
				"DRONE_COMMIT_REF": "refs/heads/main", "DRONE_BUILD_LINK": "https://drone.example/ocean/game/8", "DRONE_BUILD_DEBUG": "true",
			},
			want: ci.Run{
				Key: "drone.example/ocean/game/8/1/2", Repository: "https://forge.example/ocean/game", Actor: "me", Commit: "abc",
				Ref: "refs/heads/main", URL: "https://drone.example/ocean/game/8", Debug: true,
			},
			sibling: map[string]string{"DRONE_STAGE_NUMBER": "2"},
		},
		"harness": {
			env: map[string]string{
				"HARNESS_ACCOUNT_ID": "a", "HARNESS_ORG_ID": "o", "HARNESS_PROJECT_ID": "p", "HARNESS_PIPELINE_ID": "pipe", "HARNESS_BUILD_ID": "7",
				"HARNESS_STAGE_ID": "build", "HARNESS_STEP_ID": "car", "DRONE_COMMIT_SHA": "abc",
			},
			want:    ci.Run{Key: "a/o/p/pipe/7/build/car", Commit: "abc"},
			sibling: map[string]string{"HARNESS_STEP_ID": "car2"},
		},
		"cnb": {
			env: map[string]string{
				"CNB_WEB_ENDPOINT": "https://cnb.cool", "CNB_BUILD_ID": "cnb-1qa-1i3f5ecau", "CNB_PIPELINE_ID": "cnb-1qa-1i3f5ecau-001", "CNB_BUILD_STAGE_NAME": "publish",
				"CNB_BUILD_JOB_KEY": "job-0", "CNB_REPO_URL_HTTPS": "https://cnb.cool/ocean/game", "CNB_BUILD_USER": "me", "CNB_COMMIT": "abc", "CNB_BRANCH": "main",
				"CNB_BUILD_WEB_URL": "https://cnb.cool/ocean/game/-/build/logs/cnb-1qa-1i3f5ecau", "CNB_PIPELINE_MAX_RUN_TIME": "3600000",
				"CNB_BUILD_START_TIME": "Fri, 31 Dec 1999 23:50:00 GMT", "CNB_IS_RETRY": "false",
			},
			want: ci.Run{
				Key:        "https://cnb.cool/cnb-1qa-1i3f5ecau/cnb-1qa-1i3f5ecau-001/publish/job-0",
				Repository: "https://cnb.cool/ocean/game", Actor: "me", Commit: "abc", Ref: "main",
				URL: "https://cnb.cool/ocean/game/-/build/logs/cnb-1qa-1i3f5ecau", Left: 50 * time.Minute,
			},
			sibling: map[string]string{"CNB_BUILD_JOB_KEY": "job-1"},
		},
		"jenkins": {
			env: map[string]string{
				"JENKINS_URL": "https://ci.example/", "JOB_NAME": "ocean/main", "BUILD_NUMBER": "7", "STAGE_NAME": "Publish", "GIT_URL": "https://forge.example/ocean/game",
				"BUILD_USER_ID": "me", "GIT_COMMIT": "abc", "BRANCH_NAME": "main", "BUILD_URL": "https://ci.example/job/ocean/7/",
			},
			want: ci.Run{
				Key: "https://ci.example//ocean/main/7/Publish", Repository: "https://forge.example/ocean/game", Actor: "me", Commit: "abc",
				Ref: "main", URL: "https://ci.example/job/ocean/7/",
			},
		},
		"plain": {env: map[string]string{"CI_JOB_TIMEOUT": "3600", "BUILDKITE_TIMEOUT": "15"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // it is 2000-01-01 00:00 UTC
				if diff := cmp.Diff(tt.want, runOf(t, name, tt.env)); diff != "" {
					t.Errorf("run (-want +got):\n%s", diff)
				}
				with := func(changed map[string]string) ci.Run {
					env := maps.Clone(tt.env)
					maps.Copy(env, changed)
					return runOf(t, name, env)
				}
				if tt.again != nil {
					again := with(tt.again)
					if again.Key != tt.want.Key || again.Attempt != tt.attempt || again.Complete != tt.want.Complete {
						t.Errorf("got %+v for the next attempt, want key %q, attempt %d", again, tt.want.Key, tt.attempt)
					}
				}
				if tt.sibling != nil {
					if got := with(tt.sibling).Key; got == tt.want.Key {
						t.Errorf("got key %q for a sibling, too", got)
					}
				}
				for _, variable := range tt.needed {
					if with(map[string]string{variable: ""}).Complete {
						t.Errorf("got a complete key without %s", variable)
					}
				}
			})
		})
	}
}

// A limit that is over, a start that cannot be read, and no limit.
func TestTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			timeout, started string
			want             time.Duration
		}{
			{"3600", "1999-12-31T22:00:00Z", time.Second},
			{"3600", "a while ago", time.Hour},
			{"3600", "", time.Hour},
			{"", "1999-12-31T23:50:00Z", 0},
			{"-1", "", 0},
		} {
			got := runOf(t, "gitlab", map[string]string{"CI_JOB_TIMEOUT": tt.timeout, "CI_JOB_STARTED_AT": tt.started}).Left
			if got != tt.want {
				t.Errorf("timeout %q, started %q: got %v left, want %v", tt.timeout, tt.started, got, tt.want)
			}
		}
		if got := runOf(t, "buildkite", map[string]string{"BUILDKITE_TIMEOUT": "false"}).Left; got != 0 {
			t.Errorf(`BUILDKITE_TIMEOUT "false": got %v left, want no limit`, got)
		}
	})
}
