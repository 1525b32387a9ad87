//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// apart gives the command its own process group. A terminal sends Ctrl-C to the
// whole group, and we pass it on, so it would reach the command twice.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// exitStatus is the command's exit status, as a shell counts it.
func exitStatus(p *os.ProcessState) int {
	if w, ok := p.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return p.ExitCode()
}
