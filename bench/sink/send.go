package sink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/secret"
	"github.com/car-publish/car-publish/internal/transport"
)

// What tells a contender where the sink is.
const (
	urlVariable = "BENCH_URL"
	caVariable  = "BENCH_CA"
)

// Open opens a file that is sent, and returns its size.
func Open(file string) (*os.File, int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Ours are the options of an upload of our own, besides those that say of what.
func Ours() (cos.Options, error) {
	over, err := transport.New(transport.Options{CAFile: caFile()})
	return cos.Options{
		Transport: over, Endpoint: os.Getenv(urlVariable),
		Renew: func(context.Context) (cos.Keys, error) {
			return cos.Keys{
				SecretID: secret.New("AKIDbench"), SecretKey: secret.New("bench"), Bucket: "bench-1250000000", Region: "ap-guangzhou",
				Path: "/build", Start: time.Now(), Expires: time.Now().Add(time.Hour),
			}, nil
		},
	}, err
}

// SDK sends a file with the COS SDK's Object.Upload, in parts of so many MiB; without
// settings if threads is 0.
func SDK(ctx context.Context, file string, threads int, part int64) error {
	base, err := url.Parse(os.Getenv(urlVariable))
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
	_, _, err = c.Object.Upload(ctx, "build", file, options)
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
	if strings.HasPrefix(os.Getenv(urlVariable), "https://") {
		return os.Getenv(caVariable)
	}
	return ""
}

// Plain sends the same parts, and computes nothing.
func Plain(ctx context.Context, file string, threads int, part int64) error {
	f, size, err := Open(file)
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
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, fmt.Sprintf("%s/build?partNumber=%d&uploadId=plain", os.Getenv(urlVariable), number), body) //nolint:gosec // our own sink
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
