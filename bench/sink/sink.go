// Package sink is what the benchmarks of the upload send to, a stand-in for COS in a
// process of its own, and the ways to send that ours is compared with.
package sink

import (
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/car-publish/car-publish/internal/checksum"
)

// address is where the sink listens.
type address struct{ URL, CA string }

// Tally is what the sink has seen.
type Tally struct {
	Bytes    int64 // of bodies that reached the sink, or were on the way
	Conns    int64
	Problems []string
}

// Serve runs the sink until its standard input ends. The line of one run is
// the same for every contender.
func Serve(line string, run uint64) {
	s := &sink{parts: map[int]piece{}}
	server := httptest.NewUnstartedServer(s)
	var conns atomic.Int64
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	at := address{}
	if line == "tls" {
		server.StartTLS()
		at.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	} else {
		server.Start()
	}
	at.URL = server.URL
	if line == "shaped" || line == "dropping" {
		at.URL = "http://" + shape(server.Listener.Addr().String(), line == "dropping", run)
	}
	answers := json.NewEncoder(os.Stdout)
	_ = answers.Encode(at)
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = answers.Encode(Tally{s.bytes.Load(), conns.Load(), s.problems})
}

// sink is as much of COS as an upload needs. It keeps no body, and computes
// its checksum in the cheapest way that we know, for every contender the
// same: on two cores the receiver's work is a part of everybody's time.
type sink struct {
	bytes atomic.Int64 // of all bodies, also of those that were cut

	mu       sync.Mutex
	parts    map[int]piece
	problems []string
}

type piece struct {
	size int64
	crc  uint64
}

var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Cos-Request-Id", "bench")
	query := r.URL.Query()
	switch {
	case query.Has("uploads"):
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>build</Key><UploadId>bench</UploadId></InitiateMultipartUploadResult>")
	case r.Method == http.MethodPut:
		number, _ := strconv.Atoi(query.Get("partNumber"))
		body, ok := s.take(r)
		if !ok {
			return
		}
		s.mu.Lock()
		s.parts[number] = body
		s.mu.Unlock()
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, number))
		w.Header().Set("X-Cos-Hash-Crc64ecma", strconv.FormatUint(body.crc, 10))
	case r.Method == http.MethodPost:
		s.complete(w, r)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (s *sink) take(r *http.Request) (piece, bool) {
	buffer := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buffer)
	var p piece
	for {
		n, err := r.Body.Read(buffer[:])
		p.crc = checksum.Update(p.crc, buffer[:n])
		p.size += int64(n)
		s.bytes.Add(int64(n))
		if err != nil {
			return p, err == io.EOF && p.size == r.ContentLength
		}
	}
}

func (s *sink) complete(w http.ResponseWriter, r *http.Request) {
	var order struct {
		Part []struct{ PartNumber int }
	}
	if err := xml.NewDecoder(r.Body).Decode(&order); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var whole piece
	for i, p := range order.Part {
		part, ok := s.parts[p.PartNumber]
		if !ok || p.PartNumber != i+1 {
			s.problems = append(s.problems, fmt.Sprintf("part %d is missing", i+1))
		}
		whole.crc = checksum.Combine(whole.crc, part.crc, part.size)
		whole.size += part.size
	}
	w.Header().Set("X-Cos-Hash-Crc64ecma", strconv.FormatUint(whole.crc, 10))
	_, _ = io.WriteString(w, "<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>build</Key><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>")
}
