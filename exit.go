package main

import (
	"errors"
	"syscall"

	"github.com/car-publish/car-publish/internal/publish"
)

// The exit statuses, as inputs.ExitStatuses describes them. Pipelines rely on them,
// so none of them ever changes.
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

// stopSignal is the cause of a context that a signal has ended.
type stopSignal struct{ signal syscall.Signal }

func (s stopSignal) Error() string {
	if s.signal == syscall.SIGINT {
		return "interrupted"
	}
	return "terminated"
}

// exitStatus returns the status for the error of a run. A run that did its job
// but could not write the files that it was asked for, unwritten, has failed.
func exitStatus(err, unwritten error) int {
	var e *publish.Error
	switch {
	case err == nil && unwritten == nil:
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
		if errors.Is(e, stopSignal{syscall.SIGINT}) {
			return exitInterrupted
		}
		return exitTerminated
	case publish.Other:
	}
	return exitFailed
}
