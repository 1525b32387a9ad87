package transport

import (
	"context"
	"io"
	"net"
	"sync"
)

// How much of a body is read and written at a time, in bytes. Large pieces
// take less of the processor, and fit into a core's second cache, so that what
// is read and checksummed is still there when it is sent. But a connection
// keeps its piece while it waits for the network. So, to save memory, at most 16
// bodies at a time get a large piece and any further ones a small one: where so many
// connections are needed, the network is the limit and not the processor. (net/http
// holds 32 KiB of its own for each body, which it then does not touch.)
const (
	largePiece = 64 << 10
	smallPiece = 16 << 10
	fewBodies  = 16 // at a time are sent in large pieces
)

var (
	largePieces = newPieces(fewBodies)
	smallPieces = sync.Pool{New: func() any { return new([smallPiece]byte) }}
)

// newPieces returns a pool of at most n large pieces, which are allocated when they are
// first used.
func newPieces(n int) chan *[largePiece]byte {
	pieces := make(chan *[largePiece]byte, n)
	for range n {
		pieces <- nil
	}
	return pieces
}

// conn is a TCP connection that takes a body in such pieces.
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
	select {
	case piece := <-largePieces:
		if piece == nil {
			piece = new([largePiece]byte)
		}
		defer func() { largePieces <- piece }()
		return c.copy(r, piece[:])
	default:
		piece := smallPieces.Get().(*[smallPiece]byte)
		defer smallPieces.Put(piece)
		return c.copy(r, piece[:])
	}
}

func (c conn) copy(r io.Reader, piece []byte) (int64, error) {
	// Without the two methods that would choose another buffer.
	return io.CopyBuffer(struct{ io.Writer }{c.Conn}, struct{ io.Reader }{r}, piece)
}
