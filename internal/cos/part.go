package cos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"
	"sync/atomic"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/checksum"
)

const (
	mib      = 1 << 20
	maxParts = 10_000   // cloud.tencent.com/document/product/436/14112
	maxPart  = 5 << 30  // bytes; of one part
	smallest = 8 * mib  // see partSize
	largest  = 32 * mib // see partSize
	maxETag  = 256      // bytes; far above COS's, to bound what 10,000 of them take
)

// partSize returns the size of the parts of a file, in bytes. It depends on
// the file's size alone, so that a later attempt cuts the file alike.
//
// The aim is 32 parts, four for each of the eight in flight, so that the last
// ones do not leave the line half idle. But a part costs a round trip on top
// of its bytes, so it is never below 8 MiB; and a part that fails is sent
// again as a whole, so it is not above 32 MiB until 10,000 parts of that do
// not hold the file (at 312 GiB).
func partSize(size int64) int64 {
	part := min(max(size/32, smallest), largest)
	part = max(part, (size+maxParts-1)/maxParts)
	return (part + mib - 1) / mib * mib
}

// part is a part that COS has.
type part struct {
	etag string
	crc  uint64
}

// sendParts sends the parts, several at a time. The first one that fails
// stops the others, and is what it returns.
func (u *Upload) sendParts(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var last atomic.Int64
	var workers sync.WaitGroup
	for range min(u.o.Parallel, len(u.parts)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				n := int(last.Add(1))
				if n > len(u.parts) {
					return
				}
				if u.parts[n-1].etag != "" {
					continue // an earlier attempt sent it
				}
				if err := u.sendPart(ctx, n); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// bounds returns where part n, from 1, begins and how long it is.
func (u *Upload) bounds(n int) (offset, length int64) {
	offset = int64(n-1) * u.o.PartSize
	return offset, min(u.o.PartSize, u.o.Size-offset)
}

func (u *Upload) sendPart(ctx context.Context, n int) error {
	const op = "UploadPart"
	offset, length := u.bounds(n)
	return u.repeat(ctx, fmt.Sprintf("part %d", n), u.o.Policy, func(ctx context.Context, attempt int) error {
		return u.call(ctx, op, n, attempt, func(ctx context.Context, ex *exchange) error {
			body := &partReader{file: io.NewSectionReader(u.o.File, offset, length), length: length, done: &u.done}
			_, err := u.client.Object.UploadPart(ctx, u.object, url.QueryEscape(u.id), n, body,
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
				u.parts[n-1] = part{etag, crc}
				return nil
			}
			body.undo()
			return err
		})
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
	done   *atomic.Int64 // of the whole upload

	mu    sync.Mutex
	sent  int64
	crc   uint64
	err   error // of the file
	ended bool
}

var errEnded = errors.New("this try is over")

func (r *partReader) Read(p []byte) (int, error) {
	n, err := r.file.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return 0, errEnded
	}
	r.crc = checksum.Update(r.crc, p[:n])
	r.sent += int64(n)
	r.done.Add(int64(n))
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
	r.ended = true
	return r.crc, r.err
}

// undo takes back what this try has added to the progress.
func (r *partReader) undo() { r.done.Add(-r.sent) }
