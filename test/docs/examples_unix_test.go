//go:build unix

package docs_test

import (
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/carsim"
)

// The examples for CIs other than GitHub, as far as they go without the CI:
// their scripts run in a shell, with the variables that the CI would set, and
// their plugin steps as a plugin. docker is a stand-in: it runs the program
// with exactly the variables that the line hands on, so that a forgotten -e is
// found.
const dockerStandIn = `#!/bin/bash
pass=(PATH="$PATH" CAR_ENDPOINT="$CAR_ENDPOINT" CAR_COS_ENDPOINT="$CAR_COS_ENDPOINT")
[ "$1" = run ] && shift || exit 99
while [ $# -gt 1 ]; do
  case $1 in
    -e)
      case $2 in
        *=*) pass+=("$2") ;;
        *) [ -z "${!2+set}" ] || pass+=("$2=${!2}") ;;
      esac
      shift ;;
    -v | -w | --user) shift ;;
    --rm) ;;
    *) echo "docker: what is $1?" >&2 && exit 99 ;;
  esac
  shift
done
[ "$1" = ghcr.io/car-publish/car-publish:1 ] || exit 99
exec env -i "${pass[@]}" car-publish
`

// goInstall stands for the go command of the reader.
const goInstall = `#!/bin/sh
[ "$*" = "install github.com/car-publish/car-publish@v1" ] && mkdir "$GOBIN" && ln -s "$(command -v car-publish)" "$GOBIN/"
`

// place is where an example runs: the desk of the README, with those stand-ins
// in front of the PATH, and without keys but those that the example passes.
type place struct {
	desk
	text string
}

func newPlace(t *testing.T, example string) place {
	t.Helper()
	p := place{newDesk(t, carsim.World{}), examples(t)["examples/"+example]}
	for name, text := range map[string]string{"docker": dockerStandIn, "go": goInstall, "buildkite-agent": "#!/bin/sh\n"} {
		if err := os.Chmod(p.write(t, "stand-ins/"+name, text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range p.env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			p.env[i] = "PATH=" + filepath.Join(p.dir, "stand-ins") + ":" + path
		}
	}
	p.env = slices.DeleteFunc(p.env, func(v string) bool { return strings.HasPrefix(v, "TENCENTCLOUD_") })
	return p
}

// shell runs a script as a CI does.
func (p place) shell(t *testing.T, env map[string]string, lines ...string) (said string, status int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-e", "-c", strings.Join(lines, "\n"))
	command.Dir = p.dir
	command.Env = slices.Clone(p.env)
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	out, err := command.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}

func (p place) published(t *testing.T, said string, status int) {
	t.Helper()
	if status != 0 || !strings.Contains(said, "is online") {
		t.Errorf("got status %d and\n%s", status, said)
	}
}

// dotenv reads what the program wrote for later jobs.
func (p place) dotenv(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "car.env"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		env[name] = value
	}
	return env
}

// at goes into a document: names into mappings, numbers into lists.
func at(t *testing.T, node any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			node = node.(map[string]any)[step]
		case int:
			node = node.([]any)[step]
		}
		if node == nil {
			t.Fatalf("there is no %v in the document", path)
		}
	}
	return node
}

func texts(node any) (all []string) {
	for _, text := range node.([]any) {
		all = append(all, text.(string))
	}
	return all
}

// expanded reads a mapping of variables, and expands those of the CI.
func expanded(node any, of map[string]string) map[string]string {
	all := map[string]string{}
	for name, value := range node.(map[string]any) {
		all[name] = os.Expand(value.(string), func(name string) string { return of[name] })
	}
	return all
}

var keysOfExamples = map[string]string{"CAR_SECRET_ID": carsim.SecretID, "CAR_SECRET_KEY": carsim.SecretKey}

func TestExampleGitLab(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "gitlab/.gitlab-ci.yml")
	pipeline := document(t, p.text)
	ci := map[string]string{"CI_COMMIT_TAG": "v1.2.3", "GITLAB_CI": "true", "CI_SERVER_URL": "https://gitlab.example.com", "CI_PIPELINE_ID": "42", "CI_JOB_NAME": "publish"}
	env := func(job string, more ...map[string]string) map[string]string {
		all := expanded(at(t, pipeline, job, "variables"), ci)
		for _, m := range append(more, ci, keysOfExamples) {
			maps.Copy(all, m)
		}
		return all
	}

	said, status := p.shell(t, env("publish"), texts(at(t, pipeline, "publish", "script"))...)
	if status != 0 || !strings.Contains(said, "NOT online") {
		t.Fatalf("publish: got status %d and\n%s", status, said)
	}
	outputs := p.dotenv(t)
	said, status = p.shell(t, env("release", outputs), texts(at(t, pipeline, "release", "script"))...)
	p.published(t, said, status)

	// The next publish gets the outputs of the first one, as every later job
	// of a pipeline could, and makes a version of its own.
	if said, status = p.shell(t, env("publish", outputs), texts(at(t, pipeline, "publish", "script"))...); status != 0 || strings.Contains(said, "is not an input") {
		t.Errorf("the second publish: got status %d and\n%s", status, said)
	}
	if first, second := outputs["CAR_PUBLISHED_VERSION_ID"], p.dotenv(t)["CAR_PUBLISHED_VERSION_ID"]; first == second || second == "" {
		t.Errorf("the second publish made %q, the first %q", second, first)
	}

	// A third one is blocked, with the status that the pipeline allows.
	allowed := at(t, pipeline, "publish", "allow_failure", "exit_codes", 0).(int)
	if said, status = p.shell(t, env("publish"), texts(at(t, pipeline, "publish", "script"))...); status != allowed {
		t.Errorf("a publish that is blocked: got status %d, the pipeline allows %d:\n%s", status, allowed, said)
	}
	for job, want := range map[string]string{"success": "", "failed": "Nothing to clean up"} {
		after := env("publish", map[string]string{"CI_JOB_STATUS": job, "CAR_RUN_KEY": "42/publish"})
		if said, status = p.shell(t, after, texts(at(t, pipeline, "publish", "after_script"))...); status != 0 || !strings.Contains(said, want) || want == "" && said != "" {
			t.Errorf("after a job that is %s: got status %d and\n%s", job, status, said)
		}
	}
}

// The plugin steps of Drone, Woodpecker and CNB, each one after the other.
func TestExamplesWithPlugins(t *testing.T) {
	t.Parallel()
	for example, ci := range map[string]map[string]string{
		"drone/.drone.yml":       {"DRONE_TAG": "v1.2.3", "DRONE_REPO": "a/b", "DRONE_BUILD_NUMBER": "42"},
		"woodpecker/publish.yml": {"CI_COMMIT_TAG": "v1.2.3", "CI_REPO": "a/b", "CI_PIPELINE_NUMBER": "42"},
		"cnb/.cnb.yml":           {"CNB_BRANCH": "v1.2.3", "CAR_SECRET_ID": carsim.SecretID, "CAR_SECRET_KEY": carsim.SecretKey},
	} {
		t.Run(example, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, example)
			plugins := 0
			steps := document(t, p.text)
			if _, inside := steps.(map[string]any)["steps"]; inside {
				steps = at(t, steps, "steps")
			} else {
				steps = at(t, steps, "$", "tag_push", 0, "stages")
			}
			for _, s := range steps.([]any) {
				s := s.(map[string]any)
				settings, ok := s["settings"].(map[string]any)
				if commands, has := s["commands"]; has && s["name"] != "build" {
					if said, status := p.shell(t, ci, texts(commands)...); status != 0 || !strings.Contains(said, "ver-") {
						t.Errorf("%s: got status %d and\n%s", s["name"], status, said)
					}
				}
				if !ok {
					continue
				}
				plugins++
				var env []string
				for name, value := range settings {
					text, isText := value.(string)
					switch value := value.(type) {
					case bool:
						text, isText = "true", value
					case map[string]any:
						text, isText = keysOfExamples[strings.ToUpper(value["from_secret"].(string))], true
					}
					if text = os.Expand(text, func(name string) string { return ci[name] }); !isText || text == "" {
						t.Errorf("%s: %s is %v, which the test does not know", s["name"], name, value)
					}
					env = append(env, "PLUGIN_"+strings.ToUpper(name)+"="+text)
				}
				said, status := p.try(t, env, "car-publish")
				if settings["command"] == "cleanup" {
					if status != 0 || !strings.Contains(said, "Nothing to clean up") {
						t.Errorf("%s: got status %d and\n%s", s["name"], status, said)
					}
					continue
				}
				p.published(t, said, status)
			}
			if plugins == 0 {
				t.Error("there is no plugin step in it")
			}
		})
	}
}

func TestExampleAzure(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "azure/azure-pipelines.yml")
	steps := at(t, document(t, p.text), "jobs", 0, "strategy", "runOnce", "deploy", "steps")
	env := map[string]string{"TF_BUILD": "True", "AGENT_TEMPDIRECTORY": p.dir, "BUILD_BUILDID": "42", "SYSTEM_JOBATTEMPT": "1"}
	for _, s := range steps.([]any) {
		if s := s.(map[string]any); s["name"] == "car" {
			macros := strings.NewReplacer("$(CAR_KEY_ID)", carsim.SecretID, "$(CAR_KEY)", carsim.SecretKey)
			for name, value := range s["env"].(map[string]any) {
				env[name] = macros.Replace(value.(string))
			}
			said, status := p.shell(t, env, s["script"].(string))
			p.published(t, said, status)
			return
		}
	}
	t.Error("there is no step car")
}

func TestExampleBuildkite(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "buildkite/pipeline.yml")
	step := at(t, document(t, p.text), "steps", 2)
	env := expanded(at(t, step, "env"), nil)
	maps.Copy(env, keysOfExamples)
	maps.Copy(env, map[string]string{"BUILDKITE": "true", "BUILDKITE_BUILD_ID": "42", "BUILDKITE_JOB_ID": "43"})
	lines := texts(at(t, step, "command"))
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "$$", "$")
	}
	said, status := p.shell(t, env, lines...)
	p.published(t, said, status)
	if p.dotenv(t)["CAR_PUBLISHED_OUTCOME"] != "released" {
		t.Error("car.env does not say that it is released")
	}
}

func TestExampleJenkins(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "jenkins/Jenkinsfile")
	env := map[string]string{"JENKINS_URL": "https://jenkins.example.com/", "BUILD_TAG": "jenkins-game-42", "CAR_RUN_KEY": "jenkins-game-42"}
	maps.Copy(env, keysOfExamples)
	for _, v := range regexp.MustCompile(`(?m)^ +(CAR_\w+) = '(.*)'$`).FindAllStringSubmatch(p.text, -1) {
		env[v[1]] = v[2]
	}
	scripts := regexp.MustCompile(`\bsh '(exec [^']+)'`).FindAllStringSubmatch(p.text, -1)
	if len(scripts) != 2 {
		t.Fatalf("got %d scripts, want one that publishes and one that cleans up", len(scripts))
	}
	said, status := p.shell(t, env, scripts[0][1])
	p.published(t, said, status)
	if said, status := p.shell(t, env, scripts[1][1]); status != 0 || !strings.Contains(said, "Nothing to clean up") {
		t.Errorf("cleanup: got status %d and\n%s", status, said)
	}
}

func TestExamplesInShell(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"docker.sh", "mainland.sh"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, "shell/"+name)
			said, status := p.shell(t, map[string]string{
				"TENCENTCLOUD_SECRET_ID": carsim.SecretID, "TENCENTCLOUD_SECRET_KEY": carsim.SecretKey,
			}, p.text)
			p.published(t, said, status)
		})
	}
}

func TestExampleGitea(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "gitea/publish.yml")
	all := stepsOf(t, p.text)
	if len(all) != 1 {
		t.Fatalf("got %d steps of ours, want 1", len(all))
	}
	got := p.step(t, all[0], map[string]string{"secrets.CAR_SECRET_ID": carsim.SecretID, "secrets.CAR_SECRET_KEY": carsim.SecretKey})
	if got.Outcome != "released" {
		t.Errorf("got %q, want released", got.Outcome)
	}
}
