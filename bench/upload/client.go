package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

// client is one contender's process.
func client(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	before := readSoFar()
	start := time.Now()
	var read int64
	err := errors.New("no such contender")
	kind, setting, _ := strings.Cut(name, "-")
	threads, part := 0, int64(0)
	if n, m, ok := strings.Cut(setting, "x"); ok {
		threads, _ = strconv.Atoi(n)
		part, _ = strconv.ParseInt(m, 10, 64)
	}
	switch kind {
	case "ours":
		read, err = ours(ctx, threads, part<<20)
	case "sdk":
		err = theirs(ctx, threads, part)
	case "plain":
		err = plain(ctx, threads, part<<20)
	}
	wall := time.Since(start)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// Bytes of read(2) and its kin, from the page cache or not; for ours they
	// were counted at ReadAt as well.
	total := readSoFar() - before
	if kind != "ours" {
		read = total
	}
	_ = json.NewEncoder(os.Stdout).Encode(report{Wall: wall.Seconds(), RSS: field("/proc/self/status", "VmHWM:") << 10, Read: read})
}

func readSoFar() int64 { return field("/proc/self/io", "rchar:") }

// field is a number in a file of /proc.
func field(file, name string) int64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			n, _ := strconv.ParseInt(words[1], 10, 64)
			return n
		}
	}
	return 0
}

// counted is a file whose reads are counted.
type counted struct {
	*os.File
	n atomic.Int64
}

func (c *counted) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.File.ReadAt(p, offset)
	c.n.Add(int64(n))
	return n, err
}

func open() (*os.File, int64, error) {
	f, err := os.Open(os.Getenv("BENCH_FILE"))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func ours(ctx context.Context, threads int, part int64) (int64, error) {
	f, size, err := open()
	if err != nil {
		return 0, err
	}
	over, err := transport.New(transport.Options{CAFile: caFile()}) //nolint:contextcheck // reading a file ends by itself
	if err != nil {
		return 0, err
	}
	debug.SetGCPercent(25) // as the program does
	file := &counted{File: f}
	u := cos.New(cos.Options{
		File: file, Size: size, Transport: over, Endpoint: os.Getenv("BENCH_URL"), Parallel: threads, PartSize: part,
		Renew: func(context.Context) (cos.Keys, error) {
			return cos.Keys{
				SecretID: secret.New("AKIDbench"), SecretKey: secret.New("bench"), Bucket: "bench-1250000000", Region: "ap-guangzhou",
				Path: "/build", Start: time.Now(), Expires: time.Now().Add(time.Hour),
			}, nil
		},
	})
	_, err = u.Run(ctx)
	// A byte behind the end is asked for, to see that there is none.
	return file.n.Load(), err
}

func theirs(ctx context.Context, threads int, part int64) error {
	base, err := url.Parse(os.Getenv("BENCH_URL"))
	if err != nil {
		return err
	}
	below, err := standard()
	if err != nil {
		return err
	}
	c := sdk.NewClient(&sdk.BaseURL{BucketURL: base}, &http.Client{
		Transport: &sdk.AuthorizationTransport{SecretID: "AKIDbench", SecretKey: "bench", Transport: below},
	})
	var options *sdk.MultiUploadOptions
	if threads > 0 {
		options = &sdk.MultiUploadOptions{ThreadPoolSize: threads, PartSize: part}
	}
	_, _, err = c.Object.Upload(ctx, "build", os.Getenv("BENCH_FILE"), options)
	return err
}

// standard is net/http's own transport, which trusts the sink.
func standard() (*http.Transport, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	if name := caFile(); name != "" {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
		t.ForceAttemptHTTP2 = false
	}
	return t, nil
}

func caFile() string {
	if strings.HasPrefix(os.Getenv("BENCH_URL"), "https://") {
		return os.Getenv("BENCH_CA")
	}
	return ""
}

// plain sends the same parts, and computes nothing.
func plain(ctx context.Context, threads int, part int64) error {
	f, size, err := open()
	if err != nil {
		return err
	}
	t, err := standard()
	if err != nil {
		return err
	}
	t.MaxIdleConnsPerHost = threads
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range threads {
		workers.Go(func() {
			for {
				offset := next.Add(part) - part
				if offset >= size || ctx.Err() != nil {
					return
				}
				if err := put(ctx, t, io.NewSectionReader(f, offset, min(part, size-offset)), offset/part+1); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

func put(ctx context.Context, t *http.Transport, body *io.SectionReader, number int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, fmt.Sprintf("%s/build?partNumber=%d&uploadId=plain", os.Getenv("BENCH_URL"), number), body) //nolint:gosec // our own sink
	if err != nil {
		return err
	}
	req.ContentLength = body.Size()
	resp, err := t.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return err
}
