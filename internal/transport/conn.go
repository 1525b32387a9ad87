package transport

import (
	"context"
	"io"
	"net"
	"sync"
)

// chunk is how much of a body is read and written at a time, in bytes. It
// fits into the second cache of a core, so that what is read and checksummed
// is still there when it is sent, and 64 of them fit into the memory that an
// upload may take. net/http alone would copy 32 KiB at a time.
const chunk = 64 << 10

var chunks = sync.Pool{New: func() any { return new([chunk]byte) }}

// conn is a TCP connection that takes a body in chunks.
type conn struct{ net.Conn }

// wide returns a dialer of such connections.
func wide(dialer *net.Dialer) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return conn{c}, nil
	}
}

// ReadFrom is what net/http calls for a body, once it has written the header.
func (c conn) ReadFrom(r io.Reader) (n int64, err error) {
	buffer := chunks.Get().(*[chunk]byte)
	defer chunks.Put(buffer)
	// Without the two methods that would choose another buffer.
	return io.CopyBuffer(struct{ io.Writer }{c.Conn}, struct{ io.Reader }{r}, buffer[:])
}
