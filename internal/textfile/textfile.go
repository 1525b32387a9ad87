// Package textfile reads the small files that inputs name: keys, tokens,
// certificates. Whoever names one may name a device that never ends, or a pipe
// that nobody writes to; neither may keep a run from ending.
package textfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// timeout is how long a file may take: it may be a pipe from a command that
// asks a vault.
const timeout = 30 * time.Second

var (
	errTimeout = fmt.Errorf("it gave nothing for %v: is it a pipe that nobody writes to?", timeout)

	// ErrTooLarge is a file of more bytes than were asked for.
	ErrTooLarge = errors.New("it is too large")
)

// Read returns the content of a file of at most so many bytes.
func Read(ctx context.Context, name string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	type outcome struct {
		content []byte
		err     error
	}
	done := make(chan outcome, 1)
	go func() { // opening a pipe cannot be stopped: it is left behind
		content, err := read(name, most)
		done <- outcome{content, err}
	}()
	select {
	case o := <-done:
		return o.content, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func read(name string, most int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(content)) > most {
		return nil, ErrTooLarge
	}
	return content, err
}
