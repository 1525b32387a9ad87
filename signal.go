package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/car-publish/car-publish/internal/grace"
	"github.com/car-publish/car-publish/internal/publish"
)

var errInterruptedTwice = errors.New("interrupted twice")

// reportTime is how long a run that was interrupted twice may take to report
// what is left. Nothing waits for the service any more by then, but the
// reader of the log may be slow.
const reportTime = 3 * time.Second

// stopDeadline is how long after the first signal the program exits wherever
// it is. Nearly everything can be cancelled, and has been by then; a read from
// a network drive or a write to a log that nobody reads cannot.
const stopDeadline = 30 * time.Second

// untilSignal returns the context of a run. The first SIGINT, SIGTERM or SIGHUP
// ends it: the run stops and cleans up. A second SIGINT ends its limit (see
// package grace): the cleanup stops, and the run only reports what is left. A
// SIGTERM after a SIGINT changes nothing, since GitHub sends both, 7.5 s apart.
// A closed log (SIGPIPE) stops nothing. After done the program must exit.
func untilSignal(parent context.Context) (ctx context.Context, done func()) {
	ctx, stop := context.WithCancelCause(parent)
	limit, stopCleanup := context.WithCancelCause(context.WithoutCancel(parent))
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE)
	var handling sync.Mutex
	interrupts := 0
	handle := func(s os.Signal) {
		handling.Lock()
		defer handling.Unlock()
		cause := stopSignal{s.(syscall.Signal)}
		if s == syscall.SIGINT {
			interrupts++
		}
		switch {
		case interrupts > 2:
			exitNow(exitInterrupted)
		case interrupts > 1:
			stopCleanup(errInterruptedTwice)
			time.AfterFunc(reportTime, func() { exitNow(exitInterrupted) })
		case ctx.Err() != nil:
			announce(cause.Error() + " as well: the clean-up goes on")
		default:
			stop(cause)
			time.AfterFunc(stopDeadline, func() { exitNow(exitStatus(&publish.Error{Kind: publish.Interrupted, Err: cause}, nil)) })
			ending := "a second interrupt ends that, too"
			if interrupts == 0 { // it was terminated
				ending = "two interrupts end that, too"
			}
			announce(cause.Error() + ": stopping, and cleaning up for " + publish.CleanupTime.String() + " at most; " + ending)
		}
	}
	go func() {
		for s := range signals {
			handle(s)
		}
	}()
	return grace.WithLimit(ctx, limit), func() {
		// The lock is never released: a message that has begun is finished, and a
		// later signal is caught but changes nothing. If it were not caught, it
		// would end the process before the exit status does.
		handling.Lock()
	}
}

// announce writes a line to the log at once. It gives up after a second, since
// nobody may be reading the log.
func announce(text string) {
	written := make(chan struct{})
	go func() {
		_, _ = os.Stderr.WriteString("car-publish: " + text + "\n")
		close(written)
	}()
	select {
	case <-written:
	case <-time.After(time.Second):
	}
}

// exitNow ends the program wherever it is.
func exitNow(status int) {
	announce("stopped at once; car-publish list shows what is left")
	os.Exit(status)
}
