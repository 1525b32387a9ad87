//go:build unix

// Only here can a process send itself an interrupt.

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A simulator that stays up, and the questions to it.
func TestAlone(t *testing.T) {
	reader, writer := io.Pipe()
	file := filepath.Join(t.TempDir(), "env")
	ended := make(chan int)
	go func() {
		ended <- run([]string{"-processing", "0", "-env", file, "-start-path", `App\App.exe`}, surroundings{strings.NewReader(""), writer, io.Discard, os.Getenv})
		writer.Close()
	}()
	var exports string
	lines := bufio.NewScanner(reader)
	for range 7 {
		if !lines.Scan() {
			t.Fatalf("got %q, want seven lines", exports)
		}
		exports += lines.Text() + "\n"
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		t.Setenv(name, value)
	}
	if written, err := os.ReadFile(file); err != nil || string(written) != exports {
		t.Errorf("got %q and %v in the -env file, want %q", written, err, exports)
	}
	ask := func(want string, args ...string) {
		t.Helper()
		status, stdout, stderr := invoke(args...)
		if status != 0 {
			t.Errorf("carsim %q: got exit status %d and %q, want 0", args, status, stderr)
		}
		if diff := cmp.Diff(want, stdout); diff != "" {
			t.Errorf("carsim %q (-want +got):\n%s", args, diff)
		}
	}
	do := func(action string, params map[string]any) {
		t.Helper()
		if err := call(action, params); err != nil && !strings.Contains(err.Error(), "Code=") {
			t.Fatalf("%s: %v", action, err)
		}
	}
	app := map[string]any{"ApplicationId": "app-desktop"}
	create := map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": "ocean-3.zip"}
	do("DescribeApplicationVersion", app)
	do("DescribeApplicationStatus", map[string]any{"ApplicationIdList": []string{"app-desktop"}})
	do("DescribeApplicationVersion", app)
	do("CreateApplicationVersion", create)
	do("DescribeApplicationVersion", app)
	do("CreateApplicationVersion", create)
	ask("DescribeApplicationVersion\nDescribeApplicationStatus\nCreateApplicationVersion\nDescribeApplicationVersion\nCreateApplicationVersion OperationDenied.VersionCreating\n",
		"journal")
	ask("DescribeApplicationVersion\nDescribeApplicationStatus\nDescribeApplicationVersion\nCreateApplicationVersion\nDescribeApplicationVersion\nCreateApplicationVersion OperationDenied.VersionCreating\n",
		"journal", "-polls")
	ask("Usable   ocean-1\nInuse    ocean-2\nCreating ocean-3\n", "versions", "app-desktop")
	if _, _, stderr := invoke("versions", "app-x"); !strings.Contains(stderr, "app-desktop, app-noconfig") {
		t.Errorf("got %q for an unknown application, want those that there are", stderr)
	}
	do("ModifyApplicationBaseInfo", configuration)
	ask("app-desktop   Application3D   Ocean         App/Sea.exe    Sea.exe|Crash.exe  -full screen\n"+
		"app-noconfig  Application3D   Reef          -              -                  -\n"+
		"app-mobile    ApplicationAPK  Ocean Mobile  -              -                  -\n"+
		"app-full      Application3D   Lagoon        Game\\Game.exe  Game.exe           -\n"+
		"app-waiting   Application3D   Delta         Game\\Game.exe  Game.exe           -\n"+
		"app-failing   Application3D   Abyss         Game\\Game.exe  Game.exe           -\n", "applications")
	if _, all, _ := invoke("applications", "-l"); !strings.Contains(all, `LOG,ON,logs-1,ap-tokyo,C:\logs`) {
		t.Errorf("got %q with -l, want the stores too", all)
	}
	ask("", "uploads")
	ask("", "objects")
	ask("", "world", world(t, `{"Faults": [{"Action": "DeleteApplicationVersion", "Kind": "refuse", "Code": "ResourceInUse"}]}`))
	do("DeleteApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": "ver-desktop1"})
	if _, journal, _ := invoke("journal"); !strings.HasSuffix(journal, "DeleteApplicationVersion ResourceInUse (refuse)\n") {
		t.Errorf("got journal %q, want the refusal at its end", journal)
	}
	if status, _, stderr := invoke("world", world(t, `{"Nonsense": 1}`)); status != 1 || !strings.Contains(stderr, "World has these") {
		t.Errorf("got exit status %d and %q for a wrong world, want 1 and the valid fields", status, stderr)
	}
	if err := interrupt(); err != nil {
		t.Fatal(err)
	}
	if status := <-ended; status != 0 {
		t.Errorf("got exit status %d after an interrupt, want 0", status)
	}
	if _, err := http.Get(os.Getenv("CAR_ENDPOINT")); err == nil {
		t.Error("the simulator still answers, want it closed")
	}
}

// interrupt signals this process, in which carsim runs.
func interrupt() error {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	return self.Signal(os.Interrupt)
}

func TestSignalsReachTheCommand(t *testing.T) {
	t.Setenv(roleVariable, "wait")
	reader, writer := io.Pipe()
	ended := make(chan int)
	go func() {
		ended <- run([]string{"--", os.Args[0]}, surroundings{strings.NewReader(""), writer, io.Discard, os.Getenv})
		writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("got %q, want ready", lines.Text())
	}
	if err := interrupt(); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "interrupt" {
		t.Errorf("the command got %q, want interrupt", lines.Text())
	}
	if status := <-ended; status != 42 {
		t.Errorf("got exit status %d, want the command's 42", status)
	}
}

// A command that a signal ends has no exit status of its own.
func TestKilledCommand(t *testing.T) {
	if status, _, stderr := invoke("--", "sh", "-c", "kill -KILL $$"); status != 128+9 {
		t.Errorf("got exit status %d and %q, want 137 as a shell says", status, stderr)
	}
}
