//go:build unix

package main

import "syscall"

// keepNoCore makes the system write no memory of this process to a file if it
// crashes: keys are in it.
func keepNoCore() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // lowering a limit is always allowed
	hideMemory()
}
