package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/car-publish/car-publish/internal/publish"
)

// signalled is the cause of a context that a signal has ended.
type signalled struct{ signal syscall.Signal }

func (s signalled) Error() string {
	if s.signal == syscall.SIGINT {
		return "interrupted"
	}
	return "terminated"
}

// errHurry is why nothing is waited for any more.
var errHurry = errors.New("interrupted twice")

// lastWords is how long a run that was interrupted twice may take to tell what
// it leaves. It waits for nothing but the reader of its log.
const lastWords = 3 * time.Second

// lastResort is when a run that was stopped is ended wherever it is: what can
// be cancelled has ended long before, but a file of a network drive that does
// not answer, or a log that nobody reads, cannot be.
const lastResort = 30 * time.Second

// untilSignal returns a context that the first SIGINT, SIGTERM or SIGHUP ends,
// and one that a second SIGINT ends: then the clean-up stops as well, and only
// what is left is still told. A SIGTERM after a SIGINT changes nothing, since
// GitHub sends both, 7.5 s apart, while we clean up. A reader of our log that
// goes away is no reason to stop halfway. After done the program is to exit.
func untilSignal(parent context.Context) (ctx, hurry context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(parent)
	hurry, noTimeLeft := context.WithCancelCause(context.WithoutCancel(parent))
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(signals, syscall.SIGHUP)
	}
	signal.Ignore(syscall.SIGPIPE)
	var handling sync.Mutex
	interrupts := 0
	handle := func(s os.Signal) {
		handling.Lock()
		defer handling.Unlock()
		cause := signalled{s.(syscall.Signal)}
		if s == syscall.SIGINT {
			interrupts++
		}
		switch {
		case interrupts > 2:
			leave(exitInterrupted)
		case interrupts > 1:
			noTimeLeft(errHurry)
			time.AfterFunc(lastWords, func() { leave(exitInterrupted) })
		case ctx.Err() != nil:
			say(cause.Error() + " as well: the clean-up goes on")
		default:
			cancel(cause)
			time.AfterFunc(lastResort, func() { leave(exitStatus(&publish.Error{Kind: publish.Interrupted, Err: cause}, nil)) })
			say(cause.Error() + ": stopping, and cleaning up for " + publish.CleanupTime.String() + " at most; a second interrupt ends that, too")
		}
	}
	go func() {
		for s := range signals {
			handle(s)
		}
	}()
	return ctx, hurry, func() {
		// For good: what was begun to be said is said, and a signal that comes
		// now changes nothing. Not caught any more, it would end the program
		// before its status does.
		handling.Lock()
	}
}

// say tells at once that a signal has arrived, unless nobody reads the log.
func say(text string) {
	said := make(chan struct{})
	go func() {
		_, _ = os.Stderr.WriteString("car-publish: " + text + "\n")
		close(said)
	}()
	select {
	case <-said:
	case <-time.After(time.Second):
	}
}

// leave ends the program wherever it is.
func leave(status int) {
	say("stopped at once; car-publish list shows what is left")
	os.Exit(status)
}
