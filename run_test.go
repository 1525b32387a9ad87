package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/carsim"
)

// The program uses the streams and the environment that it is given, and none
// of those of its process.
func TestRunInProcess(t *testing.T) {
	server := httptest.NewServer(carsim.New(carsim.World{}))
	defer server.Close()
	t.Setenv("GITHUB_ACTIONS", "true") // must not count
	t.Setenv("CAR_APPLICATION_ID", "app-gone")
	outputs := filepath.Join(t.TempDir(), "outputs")
	if err := os.WriteFile(outputs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	service := []string{
		"CAR_ENDPOINT=" + server.URL, "CAR_COS_ENDPOINT=" + server.URL, "CAR_APPLICATION_ID=app-desktop",
		"CAR_SECRET_ID=" + carsim.SecretID, "CAR_SECRET_KEY=" + carsim.SecretKey,
	}
	github := append(service[:len(service):len(service)], "GITHUB_ACTIONS=true", "GITHUB_OUTPUT="+outputs)
	for name, test := range map[string]struct {
		args, environ  []string
		status         int
		stdout, stderr string
	}{
		"list":                {[]string{"car-publish", "list"}, service, exitDone, "VERSION", "Ocean: 2 versions"},
		"list on GitHub":      {[]string{"car-publish", "list"}, github, exitDone, "VERSION", ""},
		"help":                {[]string{"car-publish", "--help"}, nil, exitDone, "car-publish", ""},
		"no input":            {[]string{"car-publish", "delete"}, nil, exitBadInput, "", "application-id is required"},
		"no input, on GitHub": {[]string{"car-publish", "list"}, []string{"GITHUB_ACTIONS=true", "GITHUB_OUTPUT=" + outputs}, exitBadInput, "::error", ""},
		"an unknown CI":       {[]string{"car-publish", "list"}, append(service[:len(service):len(service)], "CAR_CI=hudson"), exitBadInput, "", "hudson"},
		"a step without keys": {[]string{"/cleanup"}, []string{"GITHUB_ACTIONS=true", "INPUT_COMMAND=publish"}, exitDone, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			p := program{environ: test.environ, stdout: &stdout, stderr: &stderr}
			status := p.run(t.Context(), test.args)
			if status != test.status || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) ||
				test.stdout == "" && stdout.Len() > 0 || test.stderr == "" && stderr.Len() > 0 {
				t.Errorf("exit status %d, want %d; stdout, want %q in it:\n%s\nstderr, want %q in it:\n%s", status, test.status, test.stdout, &stdout, test.stderr, &stderr)
			}
		})
	}
}

// On Windows the name of a variable can be written in any case.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	given := []string{"input_dry_run=True", "Path=C:\\a=b"}
	for system, want := range map[string][]string{"linux": given, "windows": {"INPUT_DRY_RUN=True", "PATH=C:\\a=b"}} {
		if got := environment(given, system); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", system, got, want)
		}
	}
}
