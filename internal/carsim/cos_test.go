package carsim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	cos "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/carsim"
)

// uploading connects, creates a version of app-desktop and opens its object.
func uploading(t *testing.T, w carsim.World) (*client, bucket) {
	t.Helper()
	c := connect(t, w)
	c.create("app-desktop", "a.zip")
	return c, c.bucket("app-desktop", "a.zip")
}

func TestCompleteUpload(t *testing.T) {
	etag := func(b bucket, id string, n int, text string) cos.Object {
		resp, err := b.UploadPart(context.Background(), b.key, id, n, strings.NewReader(text), nil)
		if err != nil {
			panic(err)
		}
		return cos.Object{PartNumber: n, ETag: resp.Header.Get("ETag")}
	}
	tests := map[string]struct {
		order func(one, two, three cos.Object) []cos.Object
		want  string
	}{
		"numbers may jump": {func(a, b, c cos.Object) []cos.Object { return []cos.Object{a, c} }, ""},
		"unquoted ETags":   {func(a, b, c cos.Object) []cos.Object { a.ETag = strings.Trim(a.ETag, `"`); return []cos.Object{a} }, ""},
		"small last":       {func(a, b, c cos.Object) []cos.Object { b.PartNumber = 2; return []cos.Object{a, b} }, ""},
		"small first":      {func(a, b, c cos.Object) []cos.Object { return []cos.Object{b, c} }, "EntityTooSmall"},
		"wrong order":      {func(a, b, c cos.Object) []cos.Object { return []cos.Object{c, a} }, "InvalidPartOrder"},
		"twice":            {func(a, b, c cos.Object) []cos.Object { return []cos.Object{a, a} }, "InvalidPartOrder"},
		"wrong ETag":       {func(a, b, c cos.Object) []cos.Object { a.ETag = c.ETag; return []cos.Object{a} }, "InvalidPart"},
		"a missing part":   {func(a, b, c cos.Object) []cos.Object { b.PartNumber = 4; return []cos.Object{a, c, b} }, "InvalidPart"},
		"nothing":          {func(a, b, c cos.Object) []cos.Object { return nil }, "MalformedXML"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, b := uploading(t, carsim.World{MinPart: 4})
			started, _, err := b.InitiateMultipartUpload(t.Context(), b.key, nil)
			if err != nil {
				t.Fatal(err)
			}
			id := started.UploadID
			order := test.order(etag(b, id, 1, "first"), etag(b, id, 2, "2"), etag(b, id, 3, "third"))
			_, _, err = b.CompleteMultipartUpload(t.Context(), b.key, id, &cos.CompleteMultipartUploadOptions{Parts: order})
			if got := code(t, err); got != test.want {
				t.Fatalf("got code %q, want %q", got, test.want)
			}
			uploads, objects := 1, 0
			if test.want == "" {
				uploads, objects = 0, 1
			}
			if len(c.sim.Uploads()) != uploads || len(c.sim.Objects()) != objects {
				t.Errorf("got %d uploads and %d objects, want %d and %d", len(c.sim.Uploads()), len(c.sim.Objects()), uploads, objects)
			}
		})
	}
}

// What the SDK sends is changed on the way, or sent with another's key.
func TestObjectRefusals(t *testing.T) {
	put := func(b bucket) error {
		_, err := b.Put(context.Background(), b.key, strings.NewReader("a build"), nil)
		return err
	}
	tests := map[string]struct {
		change func(*http.Request) // after signing
		do     func(b bucket) error
		world  carsim.World
		want   string
	}{
		"nothing wrong":       {want: ""},
		"another object":      {do: func(b bucket) error { b.key = "1300055477/app-full/ver-x.zip"; return put(b) }, want: "AccessDenied"},
		"a wrong token":       {change: func(r *http.Request) { r.Header.Set("X-Cos-Security-Token", "wrong") }, want: "SignatureDoesNotMatch"},
		"no signature":        {change: func(r *http.Request) { r.Header.Del("Authorization") }, want: "AccessDenied"},
		"an unknown key":      {change: swapAuth("q-ak=AKID", "q-ak=AKIX"), want: "InvalidAccessKeyId"},
		"a changed signature": {change: swapAuth("q-signature=", "q-signature=0"), want: "SignatureDoesNotMatch"},
		"an unsigned host":    {change: swapAuth(";host", ""), want: "SignatureDoesNotMatch"},
		"a changed length":    {change: func(r *http.Request) { r.ContentLength = 3; r.Body = body("abc") }, want: "SignatureDoesNotMatch"},
		"a changed path":      {change: func(r *http.Request) { r.URL.Path += "x" }, want: "SignatureDoesNotMatch"},
		"an added parameter":  {change: func(r *http.Request) { r.URL.RawQuery = "uploadId=1&partNumber=1" }, want: "SignatureDoesNotMatch"},
		"an unknown method":   {change: func(r *http.Request) { r.Method = http.MethodPatch }, want: "MethodNotAllowed"},
		"another bucket":      {change: func(r *http.Request) { r.Host = "mine-1.cos.ap-guangzhou.myqcloud.com" }, want: "NoSuchBucket"},
		"the past":            {world: carsim.World{ClockSkew: 2 * time.Hour}, want: "AccessDenied"},
		"the future":          {world: carsim.World{ClockSkew: -time.Hour}, want: "RequestTimeTooSkewed"},
		"a wrong Content-MD5": {do: func(b bucket) error { return withMD5(b, "1B2M2Y8AsgTpgAmY7PhCfg==") }, want: "BadDigest"},
		"a bad Content-MD5":   {do: func(b bucket) error { return withMD5(b, "abc") }, want: "InvalidDigest"},
		"a right Content-MD5": {do: func(b bucket) error { return withMD5(b, "4jDqvCrVJij3b0axgCXq8Q==") }, want: ""},
		"an unknown upload": {do: func(b bucket) error {
			_, err := b.UploadPart(context.Background(), b.key, "nope", 1, strings.NewReader("x"), nil)
			return err
		}, want: "NoSuchUpload"},
		"part 0": {do: func(b bucket) error {
			started, _, err := b.InitiateMultipartUpload(context.Background(), b.key, nil)
			if err != nil {
				return err
			}
			_, err = b.UploadPart(context.Background(), b.key, started.UploadID, 10_001, strings.NewReader("x"), nil)
			return err
		}, want: "InvalidArgument"},
		"another's uploads": {do: func(b bucket) error {
			_, _, err := b.ListUploads(context.Background(), &cos.ObjectListUploadsOptions{Prefix: "1300055477/"})
			return err
		}, want: "AccessDenied"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := connect(t, carsim.World{})
			c.create("app-desktop", "a.zip")
			if test.change != nil {
				change := test.change
				c = c.changing(func(r *http.Request) {
					if strings.Contains(r.URL.Host, ".cos.") {
						change(r)
					}
				})
			}
			b := c.bucket("app-desktop", "a.zip")
			test.world.Applications = nil
			if err := c.sim.SetWorld(test.world); err != nil {
				t.Fatal(err)
			}
			if test.do == nil {
				test.do = put
			}
			if got := code(t, test.do(b)); got != test.want {
				t.Errorf("got code %q, want %q", got, test.want)
			}
		})
	}
}

func swapAuth(from, to string) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
}

func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

func withMD5(b bucket, sum string) error {
	_, err := b.Put(context.Background(), b.key, strings.NewReader("a build"), &cos.ObjectPutOptions{
		ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{ContentMD5: sum},
	})
	return err
}

func TestHeadObject(t *testing.T) {
	_, b := uploading(t, carsim.World{})
	resp, err := b.Head(t.Context(), b.key, nil)
	if resp == nil || resp.StatusCode != http.StatusNotFound {
		t.Fatalf("got %v before the upload, want 404", err)
	}
	b.put(t, "123456789")
	resp, err = b.Head(t.Context(), b.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{resp.Header.Get("Content-Length"), resp.Header.Get("X-Cos-Hash-Crc64ecma"), resp.Header.Get("ETag")}
	// The check value of CRC-64/XZ, 0x995dc9bbdf1939fa, and the MD5 of the
	// same nine digits.
	want := []string{"9", strconv.FormatUint(0x995dc9bbdf1939fa, 10), `"25f9e794323b453885f5181f1b624d0b"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("length, CRC-64 and ETag (-want +got):\n%s", diff)
	}
}

func TestListAndAbort(t *testing.T) {
	c, b := uploading(t, carsim.World{})
	ctx := t.Context()
	started, _, err := b.InitiateMultipartUpload(ctx, b.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 5; n > 0; n-- {
		if _, err := b.UploadPart(ctx, b.key, started.UploadID, n, strings.NewReader(strings.Repeat("x", n)), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.UploadPart(ctx, b.key, started.UploadID, 3, strings.NewReader("replaced"), nil); err != nil {
		t.Fatal(err)
	}
	uploads, _, err := b.ListUploads(ctx, &cos.ObjectListUploadsOptions{Prefix: b.key})
	if err != nil || len(uploads.Upload) != 1 || uploads.Upload[0].UploadID != started.UploadID || uploads.Upload[0].Key != b.key {
		t.Errorf("got %+v and %v, want the upload", uploads, err)
	}
	var got []string
	for marker, more := "", true; more; {
		page, _, err := b.ListParts(ctx, b.key, started.UploadID, &cos.ObjectListPartsOptions{MaxParts: "2", PartNumberMarker: marker})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Parts {
			got = append(got, fmt.Sprintf("%d:%d", p.PartNumber, p.Size))
		}
		got = append(got, "|")
		marker, more = page.NextPartNumberMarker, page.IsTruncated
	}
	if got := strings.Join(got, " "); got != "1:1 2:2 | 3:8 4:4 | 5:5 |" {
		t.Errorf("got parts %q, want %q", got, "1:1 2:2 | 3:8 4:4 | 5:5 |")
	}
	if diff := cmp.Diff([]carsim.Upload{{ID: started.UploadID, Key: b.key, Parts: 5, Bytes: 20}}, c.sim.Uploads()); diff != "" {
		t.Errorf("uploads (-want +got):\n%s", diff)
	}
	if _, err := b.AbortMultipartUpload(ctx, b.key, started.UploadID); err != nil {
		t.Fatal(err)
	}
	if left := c.sim.Uploads(); len(left) != 0 {
		t.Errorf("got %v after the abort, want nothing", left)
	}
	_, err = b.AbortMultipartUpload(ctx, b.key, started.UploadID)
	if got := code(t, err); got != "NoSuchUpload" {
		t.Errorf("a second abort: got code %q, want NoSuchUpload", got)
	}
}

// A key that may only put can do the whole upload, and nothing else.
func TestPutOnlyKey(t *testing.T) {
	_, b := uploading(t, carsim.World{COSActions: carsim.COSNone, MinPart: 1})
	ctx := t.Context()
	if _, _, err := b.upload(t, []byte("two parts"), 4, 5); err != nil {
		t.Errorf("upload: %v", err)
	}
	started, _, err := b.InitiateMultipartUpload(ctx, b.key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"list uploads": func() error {
			_, _, err := b.ListUploads(ctx, &cos.ObjectListUploadsOptions{Prefix: b.key})
			return err
		},
		"list parts": func() error { _, _, err := b.ListParts(ctx, b.key, started.UploadID, nil); return err },
		"abort":      func() error { _, err := b.AbortMultipartUpload(ctx, b.key, started.UploadID); return err },
	} {
		if got := code(t, do()); got != "AccessDenied" {
			t.Errorf("%s: got code %q, want AccessDenied", name, got)
		}
	}
}

// A body that is longer than what is kept leaves size and checksum behind.
func TestLargeBody(t *testing.T) {
	c, b := uploading(t, carsim.World{})
	const size = 65 << 20
	if _, err := b.Put(t.Context(), b.key, io.LimitReader(zeros{}, size), &cos.ObjectPutOptions{
		ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{ContentLength: size},
	}); err != nil {
		t.Fatal(err)
	}
	if got := c.sim.Objects(); len(got) != 1 || got[0].Size != size {
		t.Errorf("got %v, want one object of %d bytes", got, size)
	}
	c.snapshot("app-desktop", "")
	versions := c.sim.Versions("app-desktop")
	paths := c.must("DescribeApplicationPathList", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": versions[len(versions)-1].ID})
	if diff := cmp.Diff([]any{`Game\Game.exe`}, paths["PathList"]); diff != "" {
		t.Errorf("paths of a package that was not kept (-want +got):\n%s", diff)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// A client that goes away in the middle leaves no object.
func TestIncompleteBody(t *testing.T) {
	c, b := uploading(t, carsim.World{})
	broken := io.MultiReader(strings.NewReader("half"), errorReader{})
	_, err := b.Put(t.Context(), b.key, broken, &cos.ObjectPutOptions{
		ObjectPutHeaderOptions: &cos.ObjectPutHeaderOptions{ContentLength: 8},
	})
	if err == nil {
		t.Error("got no error, want one")
	}
	if got := c.sim.Objects(); len(got) != 0 {
		t.Errorf("got %v, want no object", got)
	}
}

type errorReader struct{}

func (errorReader) Read([]byte) (int, error) { return 0, errors.New("unplugged") }
