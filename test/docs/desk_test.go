package docs_test

import (
	"archive/zip"
	"errors"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/test/testbin"
)

// The exit statuses that the README's table explains.
const (
	exitDone       = 0
	exitFailed     = 1
	exitBadInput   = 2
	exitRefused    = 3
	exitBlocked    = 4
	exitUpload     = 5
	exitNotCreated = 6
	exitTimedOut   = 7
)

// What GitHub's runner gives a job that may ask for ID tokens.
const (
	tokenURL     = "ACTIONS_ID_TOKEN_REQUEST_URL"
	tokenRequest = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// desk is where a reader tries things: a folder with builds in it, and an
// environment with a simulator of CAR at the other end.
type desk struct {
	dir string
	sim *carsim.Sim
	env []string
}

// app is the id that the README uses for "yours".
const app = "app-a1b2c3d4"

func newDesk(t *testing.T, w carsim.World) desk {
	t.Helper()
	w.Applications = append(carsim.Seed(), carsim.Application{
		ID: app, Name: "Yours", StartPath: `Game\Game.exe`,
		Versions: []carsim.Version{
			{ID: "ver-first", Name: "first", Status: carsim.Usable, Age: 48 * time.Hour},
			{ID: "ver-second", Name: "second", Status: carsim.Inuse, Age: 24 * time.Hour},
		},
	}, carsim.Application{
		ID: "app-busy", Name: "Busy", StartPath: `Game\Game.exe`,
		Versions: []carsim.Version{{ID: "ver-busy", Name: "night", Status: carsim.Creating, Age: time.Hour}},
	})
	d := desk{dir: t.TempDir(), sim: carsim.New(w)}
	server := httptest.NewServer(d.sim)
	t.Cleanup(server.Close)
	d.env = append(bareEnvironment(),
		"CAR_ENDPOINT="+server.URL, "CAR_COS_ENDPOINT="+server.URL, "CAR_STS_ENDPOINT="+server.URL,
		tokenURL+"="+server.URL+"/_github/idtoken?api-version=2.0", tokenRequest+"="+carsim.RequestToken,
		"TENCENTCLOUD_SECRET_ID="+carsim.SecretID, "TENCENTCLOUD_SECRET_KEY="+carsim.SecretKey,
	)
	manifest, err := os.ReadFile(filepath.Join("internal", "artifact", "testdata", "manifest.bin"))
	if err != nil {
		t.Fatal(err)
	}
	game := map[string]string{"Game/Game.exe": "the game"}
	for name, members := range map[string]map[string]string{
		"testdata/demo/game.zip":                 game,
		"build/Game.zip":                         game,
		"build/Game-7.zip":                       game,
		"game.zip":                               game,
		"game.7z":                                game,
		"two-1.zip":                              game,
		"two-2.zip":                              game,
		"tools.zip":                              {"Tools/Setup.exe": "no game"},
		"app/build/outputs/apk/release/game.apk": {"AndroidManifest.xml": string(manifest), "classes.dex": "dex"},
	} {
		d.pack(t, name, members)
	}
	const faults = "testdata/demo/faults.json"
	world, err := os.ReadFile(filepath.FromSlash(faults))
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, faults, string(world))
	d.write(t, "text.zip", "no archive")
	d.write(t, "build/MyGame/MyGame.exe", "your game")
	d.write(t, "odd/con.txt", "no name for Windows")
	d.write(t, "bare/.git/HEAD", "left out")
	d.write(t, "lfs.zip", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
	return d
}

func (d desk) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(d.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (d desk) pack(t *testing.T, name string, members map[string]string) {
	t.Helper()
	var b strings.Builder
	w := zip.NewWriter(&b)
	for _, member := range slices.Sorted(maps.Keys(members)) {
		f, err := w.Create(member)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(members[member])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d.write(t, name, b.String())
}

// bareEnvironment is this process's, without what would be an input or tell
// of a CI.
func bareEnvironment() []string {
	env := slices.DeleteFunc(os.Environ(), func(line string) bool {
		return slices.ContainsFunc([]string{"CAR_", "INPUT_", "PLUGIN_", "TENCENTCLOUD_", "GITHUB_", "RUNNER_", "ACTIONS_", "PATH=", "Path="}, func(prefix string) bool {
			return strings.HasPrefix(line, prefix)
		})
	})
	return append(env, "PATH="+testbin.Dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// try runs one of our binaries and returns all that it said, and its status.
func (d desk) try(t *testing.T, env []string, binary string, args ...string) (output string, status int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), testbin.Path(binary), args...)
	command.Dir, command.Env = d.dir, slices.Concat(d.env, env)
	said, err := command.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", binary, err)
	}
	return string(said), command.ProcessState.ExitCode()
}

// run is try for what must go well.
func (d desk) run(t *testing.T, env []string, binary string, args ...string) string {
	t.Helper()
	said, status := d.try(t, env, binary, args...)
	if status != exitDone {
		t.Fatalf("%s %s: exit status %d, want 0:\n%s", binary, strings.Join(args, " "), status, said)
	}
	return said
}

// online is the id of the one version of app-desktop that is online.
func (d desk) online(t *testing.T) string {
	t.Helper()
	var online []string
	for _, a := range d.sim.State().Applications {
		for _, v := range a.Versions {
			if a.ID == "app-desktop" && v.Status == carsim.Inuse {
				online = append(online, v.ID)
			}
		}
	}
	if len(online) != 1 {
		t.Fatalf("online are %q, want one version", online)
	}
	return online[0]
}

// actions are the calls so far, by name.
func (d desk) actions() []string {
	var names []string
	for _, call := range d.sim.Journal() {
		names = append(names, call.Action)
	}
	return names
}
