package cos

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"sync/atomic"

	"github.com/car-publish/car-publish/internal/checksum"
)

var errTooLong = errors.New("there are more bytes than Size says")

// MostMemory is what the parts of a stream may take where there is no reason to take
// less, in bytes: with fewer in flight a long, fast line would not be full.
const MostMemory = 224 << 20

// stream cuts what Options.Stream writes into parts, and holds each in a buffer until
// COS has it. There is a limited number of buffers: where all are in use, Stream
// waits, so that neither a slow line nor a large object takes more memory.
type stream struct {
	*scheduler
	ready   chan *outgoing
	free    chan []byte // buffers of the parts that COS has
	unmade  int         // buffers that have not been needed yet; only fill uses it
	buffers int         // that there may be
	ended   atomic.Bool // all parts were handed out
}

func newStream(s *scheduler) *stream {
	buffers := int(max(2, min(s.o.Memory, s.o.Size+s.o.PartSize)/s.o.PartSize))
	return &stream{
		scheduler: s, ready: make(chan *outgoing), free: make(chan []byte, buffers), unmade: buffers, buffers: buffers,
	}
}

// fill runs the stream to its end.
func (s *stream) fill(ctx context.Context) error {
	defer close(s.ready)
	w := &partWriter{stream: s, ctx: ctx}
	if err := s.o.Stream(ctx, w); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(w.buffer) > 0 {
		return w.cut()
	}
	return nil
}

// buffer waits for a free buffer.
func (s *stream) buffer(ctx context.Context) ([]byte, error) {
	select {
	case b := <-s.free:
		return b[:0], nil
	default:
	}
	if s.unmade > 0 {
		s.unmade--
		return make([]byte, 0, s.o.PartSize), nil
	}
	select {
	case b := <-s.free:
		return b[:0], nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// release gives a buffer back.
func (s *stream) release(buffer []byte) { s.free <- buffer }

// next waits for the next part; nil if there is none any more.
func (s *stream) next(ctx context.Context) *outgoing {
	select {
	case p, ok := <-s.ready:
		if !ok {
			s.ended.Store(true)
		}
		return p
	case <-ctx.Done():
		return nil
	}
}

// mayNeed is how many workers can be of use.
func (s *stream) mayNeed() int {
	if s.ended.Load() {
		return 0
	}
	return s.buffers
}

// partWriter cuts what is written to it into parts.
type partWriter struct {
	*stream
	ctx    context.Context //nolint:containedctx // io.Writer has none
	buffer []byte          // of the part that is being filled
}

func (w *partWriter) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		if w.buffer == nil {
			if w.buffer, err = w.stream.buffer(w.ctx); err != nil {
				return written, err
			}
		}
		n := min(len(p), cap(w.buffer)-len(w.buffer))
		w.buffer = append(w.buffer, p[:n]...)
		written, p = written+n, p[n:]
		if len(w.buffer) == cap(w.buffer) {
			if err := w.cut(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// cut makes a part of what the buffer holds, and hands it to a worker unless an
// earlier attempt has sent the same bytes.
func (w *partWriter) cut() error {
	body := w.buffer
	w.buffer = nil
	p := &part{length: int64(len(body))}
	w.mu.Lock()
	w.parts = append(w.parts, p)
	number := len(w.parts)
	w.mu.Unlock()
	if number > maxParts {
		return errTooLong
	}
	if listed, found := w.listed[number]; found && listed.size == p.length {
		if sum := md5.Sum(body); listed.matches(sum[:]) {
			p.etag, p.crc = listed.etag, checksum.Update(0, body)
			w.resumed.Add(p.length)
			w.done.Add(p.length)
			w.release(body)
			return nil
		}
	}
	select {
	case w.ready <- &outgoing{part: p, number: number, body: bytes.NewReader(body), buffer: body}:
		return nil
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
}
