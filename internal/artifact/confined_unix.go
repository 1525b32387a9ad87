//go:build unix

package artifact

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/car-publish/car-publish/internal/human"
)

// What a process may take to inspect an archive. The system counts memory that the
// runtime has reserved and not touched yet, 64 MiB at a time. The library for RAR
// keeps half a kilobyte of each member, so that a real build of 300,000 files needs
// more there.
const (
	maxMemory    = 288 << 20 // bytes
	maxMemoryRAR = 416 << 20
	maxTime      = 15 * time.Second
	maxTimeZip   = 25 * time.Second // four million members take 7 s: what a zip takes grows with the size of its list alone
	maxReport    = 32 << 20         // bytes
)

// InspectConfined is Inspect in a process of its own, whose memory and time are
// limited by the system: the libraries that read archives believe the counts in
// these, and a few forged bytes make them ask for more memory than there is, which
// ends a Go program at once. The process is a second one of this program, without
// any environment.
func InspectConfined(ctx context.Context, path string) (*Artifact, error) {
	self, err := os.Executable()
	if err != nil {
		return inspectHere(ctx, path)
	}
	most := maxTime
	if startsLike(path, "PK") {
		most = maxTimeZip
	}
	limited, cancel := context.WithTimeout(ctx, most+5*time.Second)
	defer cancel()
	child := exec.CommandContext(limited, self, confinedCommand, path) //nolint:gosec // this program itself
	child.Env = []string{}
	child.WaitDelay = time.Second
	out := capped{most: maxReport}
	child.Stdout = &out // what the runtime says when it ends the process is for nobody
	if err := child.Start(); err != nil {
		return inspectHere(ctx, path)
	}
	err = child.Wait()
	var result report
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case limited.Err() != nil, signalled(err, syscall.SIGXCPU), signalled(err, syscall.SIGKILL):
		return nil, exhausting(path, "more than "+human.Duration(most))
	case err != nil, out.full: // the runtime ends a program that gets no more memory
		return nil, exhausting(path, "more memory than that of a real build")
	}
	if err := gob.NewDecoder(&out.Buffer).Decode(&result); err != nil {
		return nil, damaged(path, errors.New("reading its list of members failed"))
	}
	if result.Error != nil {
		return nil, result.Error
	}
	return result.Artifact, nil
}

// confine limits what this process may take to inspect the file at a path.
func confine(path string) {
	memory, seconds := uint64(maxMemory), uint64(maxTime/time.Second)
	switch {
	case startsLike(path, "Rar!"):
		memory = maxMemoryRAR
	case startsLike(path, "PK"):
		seconds = uint64(maxTimeZip / time.Second)
	}
	debug.SetGCPercent(25)
	debug.SetMemoryLimit(int64(memory) * 2 / 3)
	// If the system does not know a limit, the time that the other process waits is
	// one.
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: memory, Max: memory})
	_ = syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: seconds, Max: seconds + 1})
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}

func startsLike(path, signature string) bool {
	file, err := Open(path) // which does not wait for the writer of a pipe
	if err != nil {
		return false // Inspect says why
	}
	defer file.Close()
	head := make([]byte, len(signature))
	_, _ = io.ReadFull(file, head)
	return string(head) == signature
}

// signalled reports whether a process was ended by a signal.
func signalled(err error, signal syscall.Signal) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == signal
}

// capped keeps the beginning of what is written to it.
type capped struct {
	bytes.Buffer
	most int
	full bool
}

func (c *capped) Write(p []byte) (int, error) {
	if room := c.most - c.Len(); len(p) > room {
		c.full = true
		c.Buffer.Write(p[:room])
		return len(p), nil
	}
	return c.Buffer.Write(p)
}
