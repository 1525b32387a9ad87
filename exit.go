package main

import (
	"errors"
	"syscall"

	"github.com/car-publish/car-publish/internal/publish"
)

// Exit statuses, a public contract.
const (
	exitDone        = 0
	exitFailed      = 1
	exitBadInput    = 2
	exitRefused     = 3
	exitBlocked     = 4
	exitUpload      = 5
	exitNotCreated  = 6
	exitTimedOut    = 7
	exitInterrupted = 130
	exitTerminated  = 143
)

// exitStatus is where an error becomes a number. A run that did its job but
// could not write the files it was asked for has failed, too.
func exitStatus(err, written error) int {
	var e *publish.Error
	switch {
	case err == nil && written == nil:
		return exitDone
	case !errors.As(err, &e):
		return exitFailed
	}
	switch e.Kind {
	case publish.BadInput:
		return exitBadInput
	case publish.Refused:
		return exitRefused
	case publish.InTheWay:
		return exitBlocked
	case publish.UploadFailed:
		return exitUpload
	case publish.NotCreated:
		return exitNotCreated
	case publish.TimedOut:
		return exitTimedOut
	case publish.Interrupted:
		if errors.Is(e, signalled{syscall.SIGINT}) {
			return exitInterrupted
		}
		return exitTerminated
	case publish.Other:
	}
	return exitFailed
}
