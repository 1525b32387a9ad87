//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/test/testbin"
)

// A terminal that is closed stops a run, but not one that nohup has started.
func TestHangup(t *testing.T) {
	t.Parallel()
	// Where nohup has started the tests, a program would inherit that; what is
	// caught here is not ignored there.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(caught) })
	for script, want := range map[string]struct {
		status int
		left   string
	}{
		`exec "$0" "$@"`:              {exitTerminated, "Usable Inuse"},
		`trap "" HUP; exec "$0" "$@"`: {exitDone, "Usable Inuse Normal"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			sim := carsim.New(carsim.World{})
			reached, goOn := make(chan struct{}), make(chan struct{})
			var once sync.Once
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				once.Do(func() {
					close(reached)
					<-goOn
				})
				sim.ServeHTTP(w, r)
			}))
			defer server.Close()
			proceed := sync.OnceFunc(func() { close(goOn) })
			defer proceed() // or else the server would wait for ever
			build, err := archive("Game/Game.exe")
			if err != nil {
				t.Fatal(err)
			}
			artifact := filepath.Join(t.TempDir(), "game.zip")
			if err := os.WriteFile(artifact, build, 0o600); err != nil {
				t.Fatal(err)
			}
			p := &process{ended: make(chan struct{}), heard: map[string]chan struct{}{}}
			p.command = exec.Command("sh", "-c", script, testbin.Path("car-publish"), "publish", "--application-id", "app-desktop", "--artifact", artifact)
			p.command.Env = []string{
				"CAR_ENDPOINT=" + server.URL, "CAR_COS_ENDPOINT=" + server.URL, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"),
				"TENCENTCLOUD_SECRET_ID=" + carsim.SecretID, "TENCENTCLOUD_SECRET_KEY=" + carsim.SecretKey,
			}
			p.command.Stdout, p.command.Stderr = p, p
			if err := p.command.Start(); err != nil {
				t.Fatal(err)
			}
			go func() {
				_ = p.command.Wait() // the status is looked at
				close(p.ended)
			}()
			p.await(t, "first call", reached)
			p.signal(t, syscall.SIGHUP)
			if want.status == exitTerminated {
				p.await(t, "word of the signal", p.said(": stopping"))
			}
			proceed()
			<-p.ended
			left := ""
			for _, v := range sim.Versions("app-desktop") {
				left += " " + v.Status
			}
			if p.status() != want.status || left != " "+want.left {
				t.Errorf("exit status %d, versions%s; want %d, %s\n%s", p.status(), left, want.status, want.left, p.log())
			}
		})
	}
}

// A signal that comes when all is done, and only the exit is left, does not
// take the place of the exit status.
func TestSignalAtTheEnd(t *testing.T) {
	const inside = "CAR_PUBLISH_TEST_SIGNAL_AT_THE_END"
	if os.Getenv(inside) != "" {
		later := make(chan os.Signal, 1)
		signal.Notify(later, syscall.SIGUSR1)
		_, done := untilSignal(t.Context())
		done()
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGUSR1} {
			if err := syscall.Kill(os.Getpid(), s); err != nil {
				t.Fatal(err)
			}
		}
		<-later // and so has the first
		os.Exit(7)
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestSignalAtTheEnd$")
	again.Env = append(os.Environ(), inside+"=1")
	out, err := again.CombinedOutput()
	if again.ProcessState.ExitCode() != 7 {
		t.Errorf("%v, want exit status 7:\n%s", err, out)
	}
}
