package main

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/car-publish/car-publish/internal/carsim"
)

// Answers without an end, or with far too much in them: each is cut off, the
// run ends with one error, and neither much is read nor much held. Linux tells
// how much memory a process has had at most.
func TestHostileBodies(t *testing.T) {
	// Not in parallel: its servers send as fast as they can, and would starve other tests.
	const (
		mostHeld = 64 << 20 // bytes; a run that goes well has 16 MiB
		mostSent = 64 << 20 // bytes; 4 MiB, in chunks of one byte six times that, and what lies in the system's buffers, which grow to 36 MiB
	)
	game := smallBuild(t)
	junk := strings.Repeat("x", 64<<10)
	endless := func(w io.Writer, begin, piece string) {
		_, err := io.WriteString(w, begin)
		for err == nil {
			_, err = io.WriteString(w, piece)
		}
	}
	ok := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	chunk := fmt.Sprintf("%x\r\n%s\r\n", len(junk), junk)
	answers := map[string]func(io.Writer){
		"10 GiB":              func(w io.Writer) { endless(w, ok+"Content-Length: 10737418240\r\n\r\n", junk) },
		"10 GiB of an object": func(w io.Writer) { endless(w, ok+"Content-Length: 10737418240\r\n\r\n"+`{"Response":{"x":"`, junk) },
		"chunks without end":  func(w io.Writer) { endless(w, ok+"Transfer-Encoding: chunked\r\n\r\n", chunk) },
		"blanks without end": func(w io.Writer) {
			endless(w, ok+"Transfer-Encoding: chunked\r\n\r\n", strings.ReplaceAll(chunk, "x", " "))
		},
		"until it closes": func(w io.Writer) { endless(w, ok+"Connection: close\r\n\r\n", junk) },
		"a chunk of one byte": func(w io.Writer) {
			endless(w, ok+"Transfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\nx\r\n", 10_000))
		},
		"a chunk's extension":     func(w io.Writer) { endless(w, ok+"Transfer-Encoding: chunked\r\n\r\n1;", junk) },
		"a chunk of 2^63 bytes":   func(w io.Writer) { endless(w, ok+"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", junk) },
		"a trailer without end":   func(w io.Writer) { endless(w, ok+"Transfer-Encoding: chunked\r\n\r\n0\r\n", "X: "+junk+"\r\n") },
		"a header without end":    func(w io.Writer) { endless(w, ok+"X: ", junk) },
		"headers without end":     func(w io.Writer) { endless(w, ok, "X: "+junk[:1000]+"\r\n") },
		"early hints without end": func(w io.Writer) { endless(w, "", "HTTP/1.1 103 Early Hints\r\nLink: "+junk[:1000]+"\r\n\r\n") },
		"a status without end":    func(w io.Writer) { endless(w, "HTTP/1.1 200 ", junk) },
		"no HTTP":                 func(w io.Writer) { endless(w, "220 mail.example.com\r\n", junk+"\r\n") },
		"a redirect far away": func(w io.Writer) {
			endless(w, "HTTP/1.1 302 Found\r\nLocation: http://"+strings.Repeat("a", 500_000)+"/\r\n\r\n", junk)
		},
		"a bomb of gzip":        func(w io.Writer) { bomb(w, ok+"Content-Encoding: gzip\r\n\r\n", gzip.NewWriter(w)) },
		"a bomb of deflate":     func(w io.Writer) { bomb(w, ok+"Content-Encoding: deflate\r\n\r\n", zlib.NewWriter(w)) },
		"a bomb that is silent": func(w io.Writer) { bomb(w, ok+"\r\n", gzip.NewWriter(w)) },
		"a transfer of gzip":    func(w io.Writer) { bomb(w, ok+"Transfer-Encoding: gzip, chunked\r\n\r\n", gzip.NewWriter(w)) },
		"lists in lists": func(w io.Writer) {
			_, _ = io.WriteString(w, ok+"Connection: close\r\n\r\n"+`{"Response":`+strings.Repeat("[", 1<<20))
		},
		"tags in tags": func(w io.Writer) {
			_, _ = io.WriteString(w, ok+"Connection: close\r\n\r\n"+strings.Repeat("<a>", 1<<20))
		},
	}
	slots := make(chan struct{}, 32) // most of a run is waiting
	var runs sync.WaitGroup
	for name, answer := range answers {
		for _, action := range []string{"DescribeApplicationVersion", "InitiateMultipartUpload", "UploadPart"} {
			runs.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				var sent atomic.Int64 // the most in one answer
				sim := carsim.New(carsim.World{})
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked := r.Header.Get("X-Tc-Action")
					switch {
					case r.URL.Query().Has("uploads") && r.Method == http.MethodPost:
						asked = "InitiateMultipartUpload"
					case r.URL.Query().Has("partNumber"):
						asked = "UploadPart"
					}
					if asked != action {
						sim.ServeHTTP(w, r)
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					conn, _, err := http.NewResponseController(w).Hijack()
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					counted := &counted{Conn: conn}
					answer(counted)
					sent.Store(max(sent.Load(), counted.sent))
				}))
				defer server.Close()
				o := &observed{cage: newCage(), dir: t.TempDir(), args: []string{"--artifact", game}}
				o.env = []string{
					"CAR_APPLICATION_ID=app-desktop", "CAR_ENDPOINT=" + server.URL, "CAR_COS_ENDPOINT=" + server.URL, "CAR_TIMEOUT=5s",
					"CAR_SECRET_ID=" + carsim.SecretID, "CAR_SECRET_KEY=" + carsim.SecretKey,
				}
				held := make(chan int64, 1)
				stop, err := o.atTheEnd(func() { held <- mostMemory(o.process.Load()) })
				if err != nil {
					t.Error(err)
					return
				}
				shown, err := o.run(t.Context())
				if err != nil {
					t.Error(err)
				}
				stop()
				if o.status == exitDone || strings.Count("\n"+shown["stderr"], "\nerror:") != 1 || len(shown["stderr"]) > 32<<10 {
					t.Errorf("%s to %s: exit status %d, and %d bytes of log:\n%.3000s", name, action, o.status, len(shown["stderr"]), shown["stderr"])
				}
				n := <-held
				if n == 0 || n > mostHeld || sent.Load() > mostSent {
					t.Errorf("%s to %s: it held %d bytes, and took %d; exit status %d:\n%.3000s", name, action, n, sent.Load(), o.status, shown["stderr"])
				}
				t.Logf("%s to %s: held %d MiB, took %d MiB", name, action, n>>20, sent.Load()>>20)
			})
		}
	}
	runs.Wait()
}

// atTheEnd calls f while the program, with everything but its last words
// behind it, waits for somebody to read its files. Stop is called when the
// program has ended; f has then been called, whether or not it came so far.
func (o *observed) atTheEnd(f func()) (stop func(), err error) {
	first, second := filepath.Join(o.dir, "CAR_OUTPUT_FILE"), filepath.Join(o.dir, "CAR_JSON_FILE")
	for _, pipe := range []string{first, second} {
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			return nil, err
		}
	}
	go func() {
		read := func(pipe string) {
			if file, err := os.Open(pipe); err == nil { // waits for a writer
				_, _ = io.Copy(io.Discard, file)
				file.Close()
			}
		}
		read(first)
		f() // between the two files
		read(second)
	}()
	return func() {
		for _, pipe := range []string{first, second} { // a reader that still waits
			if file, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				file.Close()
			}
		}
	}, nil
}

// bomb writes 64 MiB of zeros through a compressor.
func bomb(w io.Writer, head string, packer io.WriteCloser) {
	if _, err := io.WriteString(w, head); err != nil {
		return
	}
	zeros := make([]byte, 1<<20)
	for range 64 {
		if _, err := packer.Write(zeros); err != nil {
			return
		}
	}
	_ = packer.Close()
}

// counted counts what the other side let us send.
type counted struct {
	net.Conn
	sent int64
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.sent += int64(n)
	return n, err
}

// mostMemory is the most that a process has held in memory so far, in bytes;
// 0 if that is not known.
func mostMemory(process int64) int64 {
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		return 0
	}
	defer file.Close()
	peak := regexp.MustCompile(`^VmHWM:\s+(\d+) kB$`)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if m := peak.FindStringSubmatch(lines.Text()); m != nil {
			n, _ := strconv.ParseInt(m[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
