package artifact

import (
	"context"
	"encoding/gob"
	"errors"
	"io"
)

// confinedCommand is the first argument of the process that inspects an archive for
// another one.
const confinedCommand = "inspect-confined"

// report is what that process writes to its standard output.
type report struct {
	Artifact *Artifact
	Error    *Error
}

// Confined reports whether the arguments are those of the process that
// InspectConfined starts. If so, it has inspected the archive and written the result.
func Confined(args []string, out io.Writer) bool {
	if len(args) != 3 || args[1] != confinedCommand {
		return false
	}
	confine(args[2])
	a, err := Inspect(args[2])
	result := report{Artifact: a}
	errors.As(err, &result.Error)          // Inspect has no other errors
	_ = gob.NewEncoder(out).Encode(result) // names need not be UTF-8, so this is not JSON. Without a result the other process says so
	return true
}

// inspectHere inspects an archive in this process, and returns as soon as the context
// ends.
func inspectHere(ctx context.Context, path string) (*Artifact, error) {
	type result struct {
		a   *Artifact
		err error
	}
	done := make(chan result, 1)
	go func() {
		a, err := Inspect(path)
		done <- result{a, err}
	}()
	select {
	case r := <-done:
		return r.a, r.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
