package cos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/checksum"
)

const (
	mib      = 1 << 20
	maxParts = 10_000   // cloud.tencent.com/document/product/436/14112
	maxPart  = 5 << 30  // bytes; of one part
	smallest = 8 * mib  // see partSize
	largest  = 16 * mib // see partSize
	maxETag  = 256      // bytes; far above COS's, to bound what 10,000 of them take
)

// partSize returns the size of the parts of a file, in bytes. It depends on
// the file's size alone, so that a later attempt cuts the file alike.
//
// The aim is 128 parts, two for each of the most that may be in flight, so
// that the last ones do not leave the line half idle. But a part costs a round
// trip on top of its bytes, so it is never below 8 MiB; and what was sent of a
// part is lost when it fails, or when the process is killed, so it is not above
// 16 MiB until 10,000 parts of that do not hold the file (at 156 GiB).
func partSize(size int64) int64 {
	part := min(max(size/128, smallest), largest)
	part = max(part, (size+maxParts-1)/maxParts)
	return (part + mib - 1) / mib * mib
}

// part is a part that COS has.
type part struct {
	etag string
	crc  uint64
}

// crew sends the parts, as many at a time as the pace says. The first part
// that fails stops the others.
type crew struct {
	*Upload
	ctx    context.Context
	cancel context.CancelCauseFunc
	limit  *limiter // nil is none
	all    sync.WaitGroup
	begun  atomic.Int64 // parts in flight that have begun to send

	mu      sync.Mutex
	pace    *pace
	next    int // the last part that was taken
	working int
}

// sendParts sends the parts that COS does not have yet.
func (u *Upload) sendParts(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &crew{Upload: u, ctx: ctx, cancel: cancel, pace: newPace()}
	if u.o.Parallel > 0 {
		c.pace.now = u.o.Parallel
	}
	if u.o.LimitRate > 0 {
		c.limit = &limiter{rate: u.o.LimitRate}
	}
	adapts := u.o.Parallel == 0 && len(u.parts) > c.pace.now
	c.hire()
	if adapts {
		defer c.adapt()()
	}
	c.all.Wait()
	return context.Cause(ctx)
}

// adapt looks at the pace until it is stopped.
func (c *crew) adapt() (stop func()) {
	quit := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				c.mu.Lock()
				// Not the ticker's time: on a busy machine that is over.
				c.pace.beat(time.Now(), c.sent.Load(), int(c.begun.Load()))
				c.mu.Unlock()
				c.hire()
			}
		}
	})
	return func() {
		close(quit)
		watcher.Wait()
	}
}

// hire puts as many to work as the pace says and the parts need.
func (c *crew) hire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	for c.working < min(c.pace.now, len(c.parts)-c.next) {
		c.working++
		c.all.Go(c.work)
	}
}

func (c *crew) work() {
	for {
		n, ok := c.take()
		if !ok {
			return
		}
		if err := c.send(c.ctx, n); err != nil {
			c.cancel(err)
		}
	}
}

// take returns the next part, unless there is none or too many are at work.
func (c *crew) take() (n int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.ctx.Err() == nil && c.working <= c.pace.now && c.next < len(c.parts) {
		c.next++
		if c.parts[c.next-1].etag == "" { // else an earlier attempt sent it
			return c.next, true
		}
	}
	c.working--
	return 0, false
}

// told tells the pace what came of a try.
func (c *crew) told(err error) {
	if c.o.Parallel > 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var e *Error
	switch {
	case err == nil:
		c.pace.arrived()
	case errors.As(err, &e) && e.temporary():
		c.pace.failed(time.Now(), e.Code == "SlowDown" || e.HTTPStatus == http.StatusServiceUnavailable || e.HTTPStatus == http.StatusTooManyRequests)
	}
}

// bounds returns where part n, from 1, begins and how long it is.
func (u *Upload) bounds(n int) (offset, length int64) {
	offset = int64(n-1) * u.o.PartSize
	return offset, min(u.o.PartSize, u.o.Size-offset)
}

// send sends one part, again and again if need be.
func (c *crew) send(ctx context.Context, n int) error {
	const op = sending
	offset, length := c.bounds(n)
	return c.repeat(ctx, fmt.Sprintf("part %d", n), c.o.Policy, func(ctx context.Context, attempt int) error {
		err := c.call(ctx, op, n, attempt, func(ctx context.Context, ex *exchange) error {
			body := &partReader{file: io.NewSectionReader(c.o.File, offset, length), length: length, crew: c}
			_, err := client(ctx).Object.UploadPart(ctx, c.object, url.QueryEscape(c.id), n, body,
				&sdk.ObjectUploadPartOptions{ContentLength: length})
			crc, fileErr := body.finish()
			if fileErr != nil {
				err = Final(fileErr)
			}
			etag := ex.header.Get("ETag")
			theirs, ok := ex.crc64()
			switch {
			case err != nil:
			case !ok, etag == "", len(etag) > maxETag:
				err = errUnclear
			case theirs != crc:
				err = fmt.Errorf("%w: the CRC-64 there is %d, here %d", ErrChecksum, theirs, crc)
			default:
				c.parts[n-1] = part{etag, crc}
				return nil
			}
			body.undo()
			return err
		})
		c.told(err)
		return err
	})
}

// partReader reads one part once, for one try, and computes its CRC-64 as
// the bytes pass by. Nothing of it is kept.
//
// After an early answer net/http may still be reading a body for a moment:
// what comes after finish does not count.
type partReader struct {
	file   io.Reader
	length int64
	crew   *crew

	mu    sync.Mutex
	sent  int64
	crc   uint64
	err   error // of the file
	ended bool
}

var errEnded = errors.New("this try is over")

func (r *partReader) Read(p []byte) (int, error) {
	if l := r.crew.limit; l != nil {
		// Only this reader's own goroutine changes sent.
		n := min(int64(len(p)), l.slice(), r.length-r.sent)
		if err := l.wait(r.crew.ctx, n); err != nil {
			return 0, err
		}
		if n > 0 {
			p = p[:n]
		}
	}
	n, err := r.file.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return 0, errEnded
	}
	r.crc = checksum.Update(r.crc, p[:n])
	if r.sent == 0 && n > 0 {
		r.crew.begun.Add(1)
	}
	r.sent += int64(n)
	r.crew.done.Add(int64(n))
	r.crew.sent.Add(int64(n))
	switch {
	case err == nil:
	case err != io.EOF:
		r.err = fmt.Errorf("read the file: %w", err)
	case r.sent < r.length:
		r.err = ErrFileChanged
	}
	return n, err
}

// finish ends the reading. It returns the checksum of what was read, and
// what was wrong with the file.
func (r *partReader) finish() (crc uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent > 0 {
		r.crew.begun.Add(-1)
	}
	r.ended = true
	return r.crc, r.err
}

// undo takes back what this try has added to the progress.
func (r *partReader) undo() { r.crew.done.Add(-r.sent) }
