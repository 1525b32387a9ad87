package main

import "syscall"

// hideMemory keeps other processes of the same user from reading the memory and the
// environment of this one, which a debugger or /proc/PID/environ would show them
// (https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html).
func hideMemory() {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0) // an old kernel runs without it
}
