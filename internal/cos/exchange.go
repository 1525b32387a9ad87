package cos

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	sdk "github.com/tencentyun/cos-go-sdk-v5"
)

// maxCopied is how much of an answer's body is copied, in bytes. That is
// enough for an error document.
const maxCopied = 64 << 10

// exchange is one HTTP request and its answer. It is the transport below the
// SDK, which signs the request and copies the answer: the SDK drops the code of
// an error that comes with HTTP 200, and puts whole bodies into its errors.
type exchange struct {
	next    http.RoundTripper
	keys    *Keys
	status  int // 0 if there was no answer
	header  http.Header
	body    bytes.Buffer // the beginning of the answer's body
	bodyErr error        // the error that cut the body short
}

// parseBucket parses the base URL of a bucket.
func parseBucket(endpoint string) (*sdk.BaseURL, error) {
	base, err := url.Parse(endpoint)
	bucket := &sdk.BaseURL{BucketURL: base}
	if err != nil || base.Host == "" || strings.Trim(base.Path, "/") != "" || !bucket.Check() {
		return nil, fmt.Errorf("the COS endpoint %q is not the base URL of a bucket, such as https://<bucket>.cos.<region>.myqcloud.com", cut(endpoint, 200))
	}
	return bucket, nil
}

// client returns an SDK client for this exchange. Its retries are off because
// they sleep through a cancelled context, and its checksum because it would
// be a second one over every byte.
func (x *exchange) client(bucket *sdk.BaseURL) *sdk.Client {
	client := sdk.NewClient(bucket, &http.Client{Transport: x})
	client.Conf.RetryOpt.Count = 1
	client.Conf.RetryOpt.AutoSwitchHost = false
	client.Conf.EnableCRC = false
	return client
}

// RoundTrip implements http.RoundTripper.
func (x *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	// The signature is valid for as long as the keys are, by the clock of the
	// service that made them, so a wrong clock here does no harm. The SDK's own
	// transport would sign for one hour from now by this machine's clock.
	k := x.keys
	sdk.AddAuthorizationHeader(k.SecretID.Reveal(), k.SecretKey.Reveal(), k.Token.Reveal(), req, &sdk.AuthTime{
		SignStartTime: k.Start, SignEndTime: k.Expires,
		KeyStartTime: k.Start, KeyEndTime: k.Expires,
	})
	resp, err := x.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	x.status, x.header = resp.StatusCode, resp.Header
	resp.Body = &copiedBody{resp.Body, x}
	return resp, nil
}

// requestID is the id by which Tencent's support finds the request.
func (x *exchange) requestID() string { return line(x.header.Get("x-cos-request-id"), 100) }

// crc64 is the checksum that COS states in the answer's header
// (tencentcloud.com/document/product/436/43317).
func (x *exchange) crc64() (sum uint64, ok bool) {
	sum, err := strconv.ParseUint(x.header.Get("x-cos-hash-crc64ecma"), 10, 64)
	return sum, err == nil
}

// copiedBody is the body of an answer; its beginning is copied as it is read.
type copiedBody struct {
	io.ReadCloser
	to *exchange
}

func (b *copiedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	text := p[:n]
	if b.to.body.Len() == 0 {
		// COS sends blanks during a long completion, to keep the connection open
		// (cloud.tencent.com/document/product/436/7742).
		text = bytes.TrimLeft(text, " \r\n")
	}
	b.to.body.Write(text[:min(len(text), maxCopied-b.to.body.Len())])
	if err != nil && err != io.EOF {
		b.to.bodyErr = err
	}
	return n, err
}
