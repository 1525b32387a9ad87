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
	if s.signal == syscall.SIGTERM {
		return "terminated"
	}
	return "interrupted"
}

// untilSignal returns a context that the first SIGINT or SIGTERM ends. A
// second SIGINT ends the program at once; a SIGTERM after a SIGINT does not,
// since GitHub sends both, 7.5 s apart, while we clean up.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		interrupts := 0
		for s := range signals {
			if s == syscall.SIGINT {
				interrupts++
			}
			if interrupts > 1 {
				os.Exit(exitInterrupted)
			}
			cancel(signalled{s.(syscall.Signal)})
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
