package ci

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

var (
	// https://docs.drone.io/pipeline/environment/reference/drone/
	droneDialect = dialect{
		name:    "drone",
		matches: hasExactly("DRONE", "true"),
		open:    func(s Streams) Host { return newDrone("drone", s) },
	}
	// https://developer.harness.io/docs/continuous-integration/troubleshoot-ci/ci-env-var
	harnessDialect = dialect{
		name:    "harness",
		matches: hasValue("HARNESS_BUILD_ID"),
		open:    func(s Streams) Host { return newDrone("harness", s) },
	}
)

// drone is Drone, and Harness CI, which runs its plugins. The log is text;
// outputs are Harness's, and the card is Drone's.
type drone struct {
	*plain
	name     string
	out, err io.Writer
	outputs  map[string]string
}

func newDrone(name string, s Streams) *drone {
	return &drone{plain: newPlain(s), name: name, out: s.Out, err: s.Err, outputs: map[string]string{}}
}

func (d *drone) Name() string { return d.name }

// Run's Key is never complete. On Drone a restart is another build, which
// knows the number of the one before (DRONE_BUILD_PARENT), as a promotion
// does, and after two restarts that is not the first one's. Harness tells a
// step neither that it is a retry nor which turn of a loop it is.
func (d *drone) Run() Run {
	names := []string{"DRONE_SYSTEM_HOST", "DRONE_REPO", "DRONE_BUILD_NUMBER", "DRONE_STAGE_NUMBER", "DRONE_STEP_NUMBER"}
	if d.name == harnessDialect.name {
		names = []string{"HARNESS_ACCOUNT_ID", "HARNESS_ORG_ID", "HARNESS_PROJECT_ID", "HARNESS_PIPELINE_ID", "HARNESS_BUILD_ID", "HARNESS_STAGE_ID", "HARNESS_STEP_ID"}
	}
	key, _ := runKey(d.getenv, names...)
	return Run{
		Key:        key,
		Repository: firstOf(d.getenv, "DRONE_REPO_LINK", "DRONE_REPO"),
		Actor:      firstOf(d.getenv, "DRONE_BUILD_TRIGGER", "DRONE_COMMIT_AUTHOR"),
		Commit:     d.getenv("DRONE_COMMIT_SHA"),
		Ref:        d.getenv("DRONE_COMMIT_REF"),
		URL:        d.getenv("DRONE_BUILD_LINK"),
		Debug:      d.getenv("DRONE_BUILD_DEBUG") == "true",
	}
}

// droneLimit is below the longest line that Harness reads: one that is longer
// would cost all outputs.
const droneLimit = 48 << 10

// Output adds to the file that Harness reads after the step. Drone has none.
// https://developer.harness.io/docs/continuous-integration/use-ci/use-drone-plugins/plugin-step-settings-reference
func (d *drone) Output(name, value string) error {
	value = withoutReferences(d.Hide(value))
	d.outputs[name] = value
	path := d.getenv("DRONE_OUTPUT")
	if path == "" {
		return nil
	}
	if len(value) >= droneLimit {
		d.Print(tooLong(name, "Harness", "48 KiB"))
		return nil
	}
	// The runner's step makes the file, not the runner.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644) //nolint:gosec // the runner reads it
	if err != nil {
		return fmt.Errorf("open DRONE_OUTPUT: %w", err)
	}
	if _, err := f.WriteString(variable(name) + "=" + dotenv(value) + "\n"); err != nil {
		_ = f.Close()
		return fmt.Errorf("write DRONE_OUTPUT: %w", err)
	}
	return f.Close()
}

// dotenv is a value as both of Harness's parsers read it. They disagree on
// quotes and on what follows a #; what begins with __B64__ is decoded, whichever
// reads it (fetchExportedVarsFromEnvFile of https://github.com/harness/lite-engine).
func dotenv(value string) string {
	if value == harmlessLine(strings.TrimLeft(value, `"' `)) && !strings.Contains(value, "#") && !strings.HasPrefix(value, "__B64__") {
		return value
	}
	return "__B64__" + base64.StdEncoding.EncodeToString([]byte(value))
}

// cardTemplate is what a card looks like; the page of the build loads it.
const cardTemplate = "https://raw.githubusercontent.com/car-publish/car-publish/main/docs/drone-card.json"

// cardFields are the outputs that the card shows.
var cardFields = []string{
	"outcome", "message", "application-name", "version-id", "version-name", "version-status",
	"previous-version-id", "error-code", "duration-seconds",
}

// Summary is text in the log and, where the runner says where, a card.
// https://docs.drone.io/plugins/adaptive_cards/
func (d *drone) Summary(level Level, markdown, plain string) error {
	if err := d.plain.Summary(level, markdown, plain); err != nil {
		return err
	}
	path := d.getenv("DRONE_CARD_PATH")
	if path == "" || len(d.outputs) == 0 {
		return nil
	}
	data := map[string]string{"colour": map[Level]string{Notice: "good", Warning: "warning", Error: "attention"}[level]}
	for _, name := range cardFields {
		value := d.outputs[name]
		if value == "" {
			value = "-"
		}
		data[strings.ReplaceAll(name, "-", "_")] = value
	}
	card, _ := json.Marshal(map[string]any{"schema": cardTemplate, "data": data}) // texts alone
	// The runner finds the card at the begin of what it reads at once, so
	// that it must be written at once.
	escaped := "\x1b]1338;" + base64.StdEncoding.EncodeToString(card) + "\x1b]0m\n"
	switch path {
	case "/dev/stdout":
		_, _ = io.WriteString(d.out, escaped) // as for the log, nobody may be reading
	case "/dev/stderr":
		_, _ = io.WriteString(d.err, escaped)
	default:
		if err := os.WriteFile(path, card, 0o644); err != nil { //nolint:gosec // the runner reads it
			return fmt.Errorf("write the card: %w", err)
		}
	}
	return nil
}
