// Package grace lets work outlive the context that began it, for a short time:
// a request whose abort would leave a doubt, and the cleanup of a run that was
// stopped.
package grace

import (
	"context"
	"time"
)

// limitKey is where a context keeps the one that WithLimit was given.
type limitKey struct{}

// WithLimit returns ctx with a second context, whose end also ends whatever
// Extend makes of the result. It does not end ctx itself. So a second interrupt
// can end a cleanup that the first one has begun.
func WithLimit(ctx, limit context.Context) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

// Extend returns a context that goes on for at most extra after ctx has ended,
// and then ends with the given cause; nil is the cause of ctx. The limit of ctx
// ends it as soon as both are over. The caller calls the returned function when
// the work is done.
func Extend(ctx context.Context, extra time.Duration, cause error) (context.Context, context.CancelFunc) {
	extended, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	limit, _ := ctx.Value(limitKey{}).(context.Context)
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(extra, func() {
			if cause == nil {
				cause = context.Cause(ctx)
			}
			cancel(cause)
		})
		context.AfterFunc(extended, func() { timer.Stop() })
		if limit != nil {
			unlimited := context.AfterFunc(limit, func() { cancel(context.Cause(limit)) })
			context.AfterFunc(extended, func() { unlimited() })
		}
	})
	return extended, func() { stop(); cancel(nil) }
}
