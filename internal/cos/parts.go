package cos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"sync"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/checksum"
)

const (
	mib             = 1 << 20
	maxParts        = 10_000   // cloud.tencent.com/document/product/436/14112
	maxPartSize     = 5 << 30  // bytes; of COS, same page
	minDefaultPart  = 8 * mib  // see partSize
	maxDefaultPart  = 16 * mib // see partSize
	maxETag         = 256      // bytes; far longer than COS's, to bound the memory that 10,000 of them take
	partsForBalance = 2 * maxInFlight
)

// partSize returns the size of a file's parts, in bytes. It depends on the
// file's size alone, so that a later attempt can resume.
//
// It aims at two parts for each of the connections there may be, so that few
// connections idle while the last parts are sent. But each part costs a round
// trip, so a part has at least 8 MiB; and a part that fails, or whose process
// is killed, is sent again, so it has at most 16 MiB, until 10,000 parts of that
// size no longer hold the file (from 156 GiB on).
func partSize(size int64) int64 {
	part := min(max(size/partsForBalance, minDefaultPart), maxDefaultPart)
	part = max(part, (size+maxParts-1)/maxParts)
	return (part + mib - 1) / mib * mib
}

// streamPartSize returns the size of the parts of a stream of at most so many bytes.
// They are held in memory, so they are as small as 10,000 parts allow.
func streamPartSize(atMost int64) int64 {
	part := max(minDefaultPart, (atMost+maxParts-1)/maxParts)
	return (part + mib - 1) / mib * mib
}

// part is a part of the file.
type part struct {
	length int64 // bytes

	// Once COS has it:
	etag string
	crc  uint64
}

// outgoing is a part on its way to COS.
type outgoing struct {
	*part
	number int // from 1
	body   io.ReaderAt
	begin  int64  // where it begins in body
	buffer []byte // of a stream's part: body reads it. It is used again once COS has the part
}

// sendPart sends one part (cloud.tencent.com/document/product/436/7750), as
// often as it takes.
func (s *scheduler) sendPart(ctx context.Context, p *outgoing) error {
	return s.repeat(ctx, fmt.Sprintf("part %d", p.number), s.o.Policy, func(ctx context.Context, attempt int) error {
		err := s.attempt(ctx, request{action: uploadPart, part: p.number, attempt: attempt, send: func(ctx context.Context, client *sdk.Client, answer *exchange) error {
			return s.sendBody(ctx, p, client, answer)
		}})
		s.observe(err)
		return err
	})
}

// sendBody sends a part once, and compares COS's checksum with our own.
func (s *scheduler) sendBody(ctx context.Context, p *outgoing, client *sdk.Client, answer *exchange) error {
	section := &revocable{from: io.NewSectionReader(p.body, p.begin, p.length), shared: p.buffer != nil}
	defer section.revoke()
	body := &partReader{
		section: section, length: p.length, scheduler: s,
		wait: func(bytes int64) error { return s.limiter.wait(ctx, bytes) },
	}
	_, err := client.Object.UploadPart(ctx, s.object, url.QueryEscape(s.id), p.number, body, &sdk.ObjectUploadPartOptions{ContentLength: p.length})
	crc, readErr := body.finish()
	if readErr != nil {
		err = Final(readErr)
	}
	etag := answer.header.Get("ETag")
	stated, ok := answer.crc64()
	switch {
	case err != nil:
	case !ok, etag == "", len(etag) > maxETag:
		err = errUnclear
	case stated != crc:
		err = fmt.Errorf("%w: the CRC-64 there is %d, here %d", ErrChecksum, stated, crc)
	default:
		p.etag, p.crc = etag, crc
		return nil
	}
	body.undoProgress()
	return err
}

// revocable is a reader that can be stopped for good: net/http may still be reading a
// part when its buffer is filled with the next one.
type revocable struct {
	from   io.Reader
	shared bool // what it reads is used again. Otherwise a slow read holds nobody up

	mu      sync.Mutex
	revoked bool
}

func (r *revocable) Read(p []byte) (int, error) {
	if !r.shared {
		return r.from.Read(p)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.revoked {
		return 0, errFinished
	}
	return r.from.Read(p)
}

func (r *revocable) revoke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.revoked = true
}

// partReader is the body of one attempt to send a part. It computes the
// part's CRC-64 as the bytes pass.
//
// After an early answer net/http may still be reading the body for a moment;
// what it reads after finish does not count.
type partReader struct {
	section   io.Reader
	length    int64
	scheduler *scheduler
	wait      func(bytes int64) error // returns when the rate limit lets so many bytes pass

	mu       sync.Mutex
	sent     int64
	crc      uint64
	readErr  error // of the file
	finished bool
}

var errFinished = errors.New("this attempt is over")

// Read implements io.Reader.
func (r *partReader) Read(p []byte) (int, error) {
	if l := r.scheduler.limiter; l != nil {
		// Only the goroutine that reads changes sent.
		n := min(int64(len(p)), l.slice(), r.length-r.sent)
		if err := r.wait(n); err != nil {
			return 0, err
		}
		if n > 0 {
			p = p[:n]
		}
	}
	n, err := r.section.Read(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return 0, errFinished
	}
	r.crc = checksum.Update(r.crc, p[:n])
	if r.sent == 0 && n > 0 {
		r.scheduler.sending.Add(1)
	}
	r.sent += int64(n)
	r.scheduler.done.Add(int64(n))
	r.scheduler.sent.Add(int64(n))
	switch {
	case err == nil:
	case err != io.EOF:
		r.readErr = fmt.Errorf("read the file: %w", err)
	case r.sent < r.length:
		r.readErr = ErrFileChanged
	}
	return n, err
}

// finish ends the attempt. It returns the CRC-64 of what was read, and the
// error of the file, if any.
func (r *partReader) finish() (crc uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sent > 0 {
		r.scheduler.sending.Add(-1)
	}
	r.finished = true
	return r.crc, r.readErr
}

// undoProgress takes back what this attempt has added to the progress.
func (r *partReader) undoProgress() { r.scheduler.done.Add(-r.sent) }
