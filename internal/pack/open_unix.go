//go:build unix

package pack

import "syscall"

// dontWait lets the open of a pipe return at once: somebody may have put one in the
// place of a file.
const dontWait = syscall.O_NONBLOCK
