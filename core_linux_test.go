package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/carsim"
	"github.com/car-publish/car-publish/test/testbin"
)

// A crash leaves no file with keys in it, and no other process of the same user reads
// them from memory or environment.
func TestNoCore(t *testing.T) {
	t.Parallel()
	limits := make(chan string, 1)
	var process *exec.Cmd
	started := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-started
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", process.Process.Pid))
		owner, _ := exec.CommandContext(t.Context(), "stat", "-c", "%u", fmt.Sprintf("/proc/%d/environ", process.Process.Pid)).Output()
		select {
		case limits <- string(text) + "owner " + string(owner):
		default:
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	process = exec.CommandContext(t.Context(), testbin.Path("car-publish"), "list", "--timeout", "5s")
	process.Env = []string{"CAR_ENDPOINT=" + server.URL, "CAR_APPLICATION_ID=app-desktop", "CAR_SECRET_ID=" + carsim.SecretID, "CAR_SECRET_KEY=" + carsim.SecretKey}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	_ = process.Wait() // the service refuses everything
	said := <-limits
	for line := range strings.Lines(said) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "Max core file size") && fields[4] != "0" {
			t.Errorf("got %q", line)
		}
	}
	if !strings.Contains(said, "Max core file size") || !strings.Contains(said, "owner 0") { // not dumpable: it is root's, whoever runs it
		t.Errorf("got %q", said)
	}
}
