package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// signalled is the cause of a context that a signal has ended.
type signalled struct{ signal syscall.Signal }

func (s signalled) Error() string {
	if s.signal == syscall.SIGINT {
		return "interrupted"
	}
	return "terminated"
}

// untilSignal returns a context that the first SIGINT, SIGTERM or SIGHUP ends.
// A second SIGINT ends the program at once; a SIGTERM after a SIGINT does not,
// since GitHub sends both, 7.5 s apart, while we clean up. A reader of our log
// that goes away is no reason to stop halfway.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		interrupts := 0
		for s := range signals {
			if s == syscall.SIGINT {
				interrupts++
			}
			if interrupts > 1 {
				_, _ = os.Stderr.WriteString("\ncar-publish: interrupted twice, stopped at once; car-publish list shows what is left\n")
				os.Exit(exitInterrupted)
			}
			cancel(signalled{s.(syscall.Signal)})
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
