package sink

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// The line that is simulated, for each connection by itself.
const (
	oneWay = 100 * time.Millisecond // half of the round trip
	rate   = 20 << 20               // bytes a second, from the contender to the sink
	slice  = 64 << 10               // bytes that travel together

	// What "drops 1 % of the connections" means: a pool of connections lives
	// for a whole upload, so a chance for each new one would spare whoever
	// keeps them. Here each 16 MiB that a connection carries, the SDK's part,
	// hold a cut with a chance of 1 %, at a byte that is as likely as any other.
	stretch = 16 << 20
	chance  = 0.01
)

// shape listens in front of the target and returns where.
func shape(target string, dropping bool, run uint64) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the process
	if err != nil {
		panic(err)
	}
	random := rand.New(rand.NewPCG(1, run)) //nolint:gosec // the same cuts for everybody
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			life := int64(-1)
			if dropping {
				for life = random.Int64N(stretch); random.Float64() >= chance; life += stretch {
				}
			}
			go carry(c.(*net.TCPConn), target, life)
		}
	}()
	return listener.Addr().String()
}

// parcel is a slice on its way.
type parcel struct {
	due  time.Time
	data []byte
}

var slices64 = sync.Pool{New: func() any { return new([slice]byte) }}

// carry is one connection: it is cut after life bytes, unless that is -1.
func carry(from *net.TCPConn, target string, life int64) {
	defer from.Close()
	// What the kernel takes in on this side is no part of the line.
	_ = from.SetReadBuffer(256 << 10)
	to, err := net.Dial("tcp", target) //nolint:noctx // on this machine
	if err != nil {
		return
	}
	defer to.Close()
	time.Sleep(2 * oneWay) // the handshake, which the kernel has answered at once

	back := make(chan struct{})
	go func() {
		defer close(back)
		travel(from, to, 0, -1)
	}()
	if cut := travel(to, from, rate, life); cut {
		_ = from.SetLinger(0)
		return // both ends see it
	}
	_ = to.(*net.TCPConn).CloseWrite()
	<-back
}

// travel moves bytes, each slice later by oneWay, at most perSecond. It
// reports whether the connection's life is over.
func travel(to io.Writer, from io.Reader, perSecond int, life int64) (cut bool) {
	inFlight := make(chan parcel, 4096)
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		failed := false
		for p := range inFlight {
			if !failed {
				time.Sleep(time.Until(p.due))
				_, err := to.Write(p.data)
				failed = err != nil
			}
			slices64.Put((*[slice]byte)(p.data[:slice]))
		}
	}()
	defer func() {
		close(inFlight)
		<-arrived
	}()
	free := time.Now() // when the line has carried what it has been given
	for {
		buffer := slices64.Get().(*[slice]byte)
		n, err := from.Read(buffer[:])
		if life >= 0 && int64(n) >= life {
			return true
		}
		if life >= 0 {
			life -= int64(n)
		}
		now := time.Now()
		if free.Before(now) {
			free = now
		}
		if perSecond > 0 {
			free = free.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
		}
		if n > 0 {
			inFlight <- parcel{free.Add(oneWay), buffer[:n]}
		}
		if err != nil {
			return false
		}
		// At 20 MiB/s a slice takes 3 ms; the line may be ahead by a slice.
		time.Sleep(time.Until(free) - 3*time.Millisecond)
	}
}
