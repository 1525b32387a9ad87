package cos

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/car-publish/car-publish/internal/checksum"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// table is that of the standard library: what the tests expect is not computed
// by what they test.
var table = crc64.MakeTable(crc64.ECMA)

// bucket is one bucket of COS, with faults on demand: a RoundTripper, so that
// no socket disturbs a test's virtual time, and a Handler for real ones.
type bucket struct {
	// faults are answers that differ from the honest one, by call and the
	// number of times it was made: "UploadPart 2 #1".
	faults map[string]fault
	// before, if set, may answer before everything else.
	before func(call string, req *http.Request) (*http.Response, error)

	mu      sync.Mutex
	calls   map[string]int
	journal []string
	uploads map[string]map[int]stored
	object  *stored
}

type stored struct {
	size  int64
	crc   uint64
	parts []int // of an object: in the order in which they were joined
}

// fault gets what the bucket would do honestly.
type fault func(req *http.Request, honest func() *http.Response) (*http.Response, error)

var errReset = errors.New("connection reset by peer")

// lostBefore loses the request, lostAfter only the answer.
func lostBefore(*http.Request, func() *http.Response) (*http.Response, error) { return nil, errReset }

func lostAfter(_ *http.Request, honest func() *http.Response) (*http.Response, error) {
	honest()
	return nil, errReset
}

// refuse answers in COS's way, without looking at the request.
func refuse(status int, code, message string) fault {
	return func(*http.Request, func() *http.Response) (*http.Response, error) {
		return cosError(status, code, message), nil
	}
}

// raw answers with any text.
func raw(status int, text string) fault {
	return func(*http.Request, func() *http.Response) (*http.Response, error) {
		return response(status, text), nil
	}
}

// edit changes the honest answer's headers.
func edit(name, value string) fault {
	return func(_ *http.Request, honest func() *http.Response) (*http.Response, error) {
		resp := honest()
		if resp.Header.Del(name); value != "" {
			resp.Header.Set(name, value)
		}
		return resp, nil
	}
}

// hang reads some of the request and then does nothing until it is cancelled.
func hang(req *http.Request, _ func() *http.Response) (*http.Response, error) {
	if req.Body != nil {
		io.ReadFull(req.Body, make([]byte, 10))
	}
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func response(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, ContentLength: int64(len(body)),
		Header: http.Header{"X-Cos-Request-Id": {"req-" + strconv.Itoa(status)}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}
}

func cosError(status int, code, message string) *http.Response {
	return response(status, "<?xml version='1.0' encoding='utf-8' ?><Error><Code>"+code+"</Code><Message>"+message+
		"</Message><Resource>/x</Resource><RequestId>req-body</RequestId><TraceId>trace-body</TraceId></Error>")
}

func action(req *http.Request) string {
	q := req.URL.Query()
	switch {
	case req.Method == http.MethodPost && q.Has("uploads"):
		return "InitiateMultipartUpload"
	case req.Method == http.MethodPut && q.Has("partNumber"):
		return "UploadPart " + q.Get("partNumber")
	case req.Method == http.MethodPost && q.Has("uploadId"):
		return "CompleteMultipartUpload"
	case req.Method == http.MethodDelete && q.Has("uploadId"):
		return "AbortMultipartUpload"
	case req.Method == http.MethodHead:
		return "HeadObject"
	}
	return req.Method + " " + req.URL.String()
}

func (b *bucket) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	call := action(req)
	b.mu.Lock()
	if b.calls == nil {
		b.calls, b.uploads = map[string]int{}, map[string]map[int]stored{}
	}
	b.calls[call]++
	call = fmt.Sprintf("%s #%d", call, b.calls[call])
	b.journal = append(b.journal, call)
	f := b.faults[call]
	b.mu.Unlock()

	if b.before != nil {
		if resp, err := b.before(call, req); resp != nil || err != nil {
			return resp, err
		}
	}
	if f != nil {
		return f(req, func() *http.Response { return b.honest(req) })
	}
	return b.honest(req), nil
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	resp, err := b.RoundTrip(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}

func (b *bucket) honest(req *http.Request) *http.Response {
	q := req.URL.Query()
	id := q.Get("uploadId")
	var body stored
	if strings.HasPrefix(action(req), "UploadPart ") {
		hash := crc64.New(table)
		body.size, _ = io.Copy(hash, req.Body)
		body.crc = hash.Sum64()
		if body.size != req.ContentLength {
			return cosError(400, "IncompleteBody", "too short")
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	upload, known := b.uploads[id]
	if q.Has("uploadId") && !known {
		return cosError(404, "NoSuchUpload", "The specified upload does not exist")
	}
	switch action, _, _ := strings.Cut(action(req), " "); action {
	case "InitiateMultipartUpload":
		id := "upload+" + strconv.Itoa(len(b.uploads)+1) // the plus must survive the URL
		b.uploads[id] = map[int]stored{}
		return response(200, "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><UploadId>"+id+"</UploadId></InitiateMultipartUploadResult>")
	case "UploadPart":
		n, _ := strconv.Atoi(q.Get("partNumber"))
		upload[n] = body
		resp := response(200, "")
		resp.Header.Set("ETag", fmt.Sprintf(`"etag-%d"`, n))
		resp.Header.Set("X-Cos-Hash-Crc64ecma", strconv.FormatUint(body.crc, 10))
		return resp
	case "CompleteMultipartUpload":
		var order struct {
			Part []struct {
				PartNumber int
				ETag       string
			}
		}
		if err := xml.NewDecoder(req.Body).Decode(&order); err != nil {
			return cosError(400, "MalformedXML", err.Error())
		}
		object := &stored{}
		for _, p := range order.Part {
			part, ok := upload[p.PartNumber]
			if !ok || p.ETag != fmt.Sprintf(`"etag-%d"`, p.PartNumber) {
				return cosError(400, "InvalidPart", "no such part")
			}
			object.parts = append(object.parts, p.PartNumber)
			object.crc = checksum.Combine(object.crc, part.crc, part.size)
			object.size += part.size
		}
		if !slices.IsSorted(object.parts) {
			return cosError(400, "InvalidPartOrder", "not ascending")
		}
		b.object = object
		delete(b.uploads, id)
		resp := response(200, "\n  \n<CompleteMultipartUploadResult><Location>l</Location><Bucket>b</Bucket><Key>k</Key><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>")
		resp.Header.Set("X-Cos-Hash-Crc64ecma", strconv.FormatUint(object.crc, 10))
		return resp
	case "AbortMultipartUpload":
		delete(b.uploads, id)
		return response(204, "")
	case "HeadObject":
		if b.object == nil {
			return response(404, "")
		}
		resp := response(200, "")
		resp.Header.Set("Content-Length", strconv.FormatInt(b.object.size, 10))
		resp.Header.Set("X-Cos-Hash-Crc64ecma", strconv.FormatUint(b.object.crc, 10))
		return resp
	}
	return cosError(405, "MethodNotAllowed", req.Method+" "+req.URL.String())
}

// file is a file of any size without a disk: byte i is i's hash. It counts
// what is read of it.
type file struct {
	size int64
	fail func(offset int64) error
	read atomic.Int64

	mu    sync.Mutex
	reads map[int64]int // how often a block of 1,000 bytes was begun
}

func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if f.fail != nil {
		if err := f.fail(offset); err != nil {
			return 0, err
		}
	}
	n := int(min(int64(len(p)), max(0, f.size-offset)))
	for i := range p[:n] {
		p[i] = byteAt(offset + int64(i))
	}
	f.read.Add(int64(n))
	if n > 0 && offset%1000 == 0 {
		f.mu.Lock()
		if f.reads == nil {
			f.reads = map[int64]int{}
		}
		f.reads[offset/1000]++
		f.mu.Unlock()
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func byteAt(i int64) byte { return byte(i ^ i>>8*31 ^ i>>16*17) }

// crc is the checksum of the whole file.
func (f *file) crc() uint64 {
	whole := make([]byte, f.size)
	for i := range whole {
		whole[i] = byteAt(int64(i))
	}
	return crc64.Checksum(whole, table)
}

// testKeys are valid for six hours, as CAR's are.
func testKeys() Keys {
	now := time.Now().Truncate(time.Second)
	return Keys{
		SecretID: secret.New("AKIDtest"), SecretKey: secret.New("the-secret-key"), Token: secret.New("the-token"),
		Bucket: "application-test-1300543887", Region: "ap-guangzhou", Path: "/1300055477/app-a1b2c3d4/ver-a1b2c3d4.zip",
		Start: now, Expires: now.Add(6 * time.Hour),
	}
}

// testOptions are those of an upload of five parts, one after the other.
func testOptions(b *bucket) Options {
	return Options{
		File: &file{size: 4321}, Size: 4321, PartSize: 1000, Parallel: 1,
		Renew:     func(context.Context) (Keys, error) { return testKeys(), nil },
		Transport: b,
		Policy:    retry.Policy{Base: time.Second, Cap: 8 * time.Second, Attempts: 4, Float: func() float64 { return 0.5 }},
	}
}

// left is how many unfinished uploads the bucket holds.
func (b *bucket) left() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.uploads)
}

func wantJournal(t *testing.T, b *bucket, want ...string) {
	t.Helper()
	if !slices.Equal(b.journal, want) {
		t.Errorf("calls:\n got %q\nwant %q", b.journal, want)
	}
}
