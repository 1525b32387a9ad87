//go:build unix

package main

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/car-publish/car-publish/test/bombs"
	"github.com/car-publish/car-publish/test/testbin"
)

// An archive that was made to exhaust the machine is refused like any other: with a
// sentence and the exit status of bad input. A large real one is taken.
func TestBombs(t *testing.T) {
	t.Parallel()
	for _, bomb := range bombs.All() {
		if bomb.Name == "bindpairs.7z" { // it takes 15 s: see below
			continue
		}
		dir := t.TempDir()
		if _, err := bomb.Write(dir); err != nil {
			t.Fatal(err)
		}
		said, status := dryRun(t.Context(), dir, bomb.Name)
		accepted := bomb.Real || bomb.Name == "emptynames.zip" // which takes no memory
		switch {
		case accepted && (status != 0 || !strings.Contains(said, "dry run")):
			t.Errorf("%s: exit status %d:\n%s", bomb.Name, status, said)
		case !accepted && (status != exitBadInput || !strings.Contains(said, "publish failed: \""+bomb.Name+"\"") || strings.Contains(said, "goroutine")):
			t.Errorf("%s: exit status %d:\n%s", bomb.Name, status, said)
		}
	}
}

// The deadline ends even the inspection of an archive.
func TestBombAndDeadline(t *testing.T) {
	t.Parallel()
	for _, bomb := range bombs.All() {
		if bomb.Name != "bindpairs.7z" {
			continue
		}
		dir := t.TempDir()
		if _, err := bomb.Write(dir); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // far below what the archive takes
		defer cancel()
		if said, status := dryRun(ctx, dir, bomb.Name, "--timeout", "1s"); status != exitTimedOut || !strings.Contains(said, "The timeout of 1s passed") {
			t.Errorf("exit status %d:\n%s", status, said)
		}
	}
}

func dryRun(ctx context.Context, dir, artifact string, args ...string) (said string, status int) {
	run := exec.CommandContext(ctx, testbin.Path("car-publish"), append([]string{"--dry-run", "--application-id", "app-1", "--artifact", artifact}, args...)...)
	run.Dir, run.Env = dir, []string{}
	out := &bytes.Buffer{}
	run.Stdout, run.Stderr = out, out
	_ = run.Run() // the status says how it ended
	return out.String(), run.ProcessState.ExitCode()
}
