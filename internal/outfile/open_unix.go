//go:build unix

package outfile

import "syscall"

// dontWait lets the open of a pipe without a reader fail at once, with noReader.
const (
	dontWait = syscall.O_NONBLOCK
	noReader = syscall.ENXIO
)
