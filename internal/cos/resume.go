package cos

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/checksum"
)

// resume finds out how far an earlier attempt came: whether the object is
// complete, or which parts of an unfinished upload hold the bytes of this file.
// What the keys may not show, or what differs, is sent again.
func (u *Upload) resume(ctx context.Context) (result Result, complete bool, err error) {
	object, err := u.head(ctx)
	if err != nil && (ctx.Err() != nil || !errors.As(err, new(*Error))) {
		return Result{}, false, err
	}
	if err == nil && object.hasCRC && (object.size == u.o.Size || u.o.Stream != nil && object.size <= u.o.Size) {
		crc, size, err := u.checksum(ctx)
		if err != nil {
			return Result{}, false, Final(err)
		}
		if crc == object.crc && size == object.size {
			return Result{CRC64: crc, Size: size, Parts: int((size + u.o.PartSize - 1) / u.o.PartSize), Resumed: size}, true, nil
		}
		u.done.Store(0)
	}
	uploads, err := u.listUploads(ctx, false)
	if err != nil {
		u.unlisted = true
		return Result{}, false, ended(ctx) // the keys need not allow the list
	}
	uploads = slices.DeleteFunc(uploads, func(id string) bool { return id == u.vanished })
	best := map[int]listedPart{}
	for _, id := range uploads {
		parts, err := u.listParts(ctx, id)
		if ctx.Err() != nil {
			return Result{}, false, context.Cause(ctx)
		}
		if err == nil && (len(parts) > len(best) || u.id == "") {
			u.id, best = id, parts
		}
	}
	u.superseded = slices.DeleteFunc(uploads, func(id string) bool { return id == u.id })
	if u.id == "" {
		return Result{}, false, nil
	}
	if u.o.Stream != nil {
		u.listed = best // compared as the parts come
		return Result{}, false, nil
	}
	return Result{}, false, u.resumeParts(ctx, best)
}

// ended returns the cause of ctx's end, or nil.
func ended(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// checksum computes the CRC-64 of the whole file, and its size.
func (u *Upload) checksum(ctx context.Context) (crc uint64, size int64, err error) {
	var sum checksum.Sum
	all := io.MultiWriter(&sum, counter{&u.done})
	if u.o.Stream != nil {
		err = u.o.Stream(ctx, all)
		return uint64(sum), u.done.Load(), err
	}
	size, err = io.Copy(all, cancellable(ctx, io.NewSectionReader(u.o.File, 0, u.o.Size)))
	return uint64(sum), size, err
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// cancellable returns a reader whose reads fail once ctx has ended.
func cancellable(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ended(ctx); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

// counter adds the number of bytes written to it to n.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// listUploads returns the ids of the object's unfinished uploads
// (cloud.tencent.com/document/product/436/7736).
func (u *Upload) listUploads(ctx context.Context, cleanup bool) ([]string, error) {
	var ids []string
	err := u.do(ctx, request{action: "ListMultipartUploads", cleanup: cleanup, send: func(ctx context.Context, client *sdk.Client, _ *exchange) error {
		list, _, err := client.Bucket.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsOptions{Prefix: u.object})
		if err != nil {
			return err
		}
		ids = nil
		for _, upload := range list.Uploads {
			if upload.Key == u.object && upload.UploadID != "" {
				ids = append(ids, upload.UploadID)
			}
		}
		return nil
	}})
	return ids, err
}

// maxPages is how many pages of parts are requested. 10,000 parts are ten
// pages of 1,000 (cloud.tencent.com/document/product/436/7747); the rest is
// room for shorter pages.
const maxPages = 20

// listedPart is a part that COS has of an unfinished upload.
type listedPart struct {
	etag string
	size int64 // bytes
}

// matches reports whether the part has these bytes: a part's ETag is its MD5
// (cloud.tencent.com/document/product/436/7750).
func (l listedPart) matches(sum []byte) bool {
	return strings.EqualFold(strings.Trim(l.etag, `"`), hex.EncodeToString(sum))
}

// listParts returns the upload's parts whose size is right, or may be, by number.
func (u *Upload) listParts(ctx context.Context, id string) (map[int]listedPart, error) {
	parts := map[int]listedPart{}
	marker := ""
	for range maxPages {
		var page *sdk.ObjectListPartsResult
		err := u.do(ctx, request{action: "ListParts", send: func(ctx context.Context, client *sdk.Client, _ *exchange) (err error) {
			page, _, err = client.Object.ListParts(ctx, u.object, url.QueryEscape(id), &sdk.ObjectListPartsOptions{PartNumberMarker: marker})
			return err
		}})
		if err != nil {
			return nil, err
		}
		for _, p := range page.Parts {
			if p.PartNumber < 1 || p.PartNumber > maxParts || len(p.ETag) > maxETag {
				continue
			}
			if u.o.Stream != nil || p.PartNumber <= len(u.parts) && p.Size == u.parts[p.PartNumber-1].length {
				parts[p.PartNumber] = listedPart{p.ETag, p.Size}
			}
		}
		if !page.IsTruncated || page.NextPartNumberMarker == "" || page.NextPartNumberMarker == marker {
			break
		}
		marker = page.NextPartNumberMarker
	}
	return parts, nil
}

// maxHashing is how many parts are compared at a time.
const maxHashing = 8

// resumeParts takes over the listed parts that hold the file's bytes.
func (u *Upload) resumeParts(ctx context.Context, listed map[int]listedPart) error {
	numbers := make(chan int, len(listed))
	for n := range listed {
		numbers <- n
	}
	close(numbers)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for range min(maxHashing, len(listed)) {
		workers.Go(func() {
			for n := range numbers {
				if err := u.resumePart(ctx, n, listed[n]); err != nil {
					cancel(Final(err))
					return
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

func (u *Upload) resumePart(ctx context.Context, n int, listed listedPart) error {
	p := u.parts[n-1]
	md, crc := md5.New(), new(checksum.Sum)
	got, err := io.Copy(io.MultiWriter(md, crc), cancellable(ctx, io.NewSectionReader(u.o.File, int64(n-1)*u.o.PartSize, p.length)))
	if err == nil && got < p.length {
		err = ErrFileChanged
	}
	if err == nil && listed.matches(md.Sum(nil)) {
		p.etag, p.crc = listed.etag, uint64(*crc)
		u.resumed.Add(p.length)
		u.done.Add(p.length)
	}
	return err
}

// abortSuperseded aborts the object's uploads that were not resumed. A failure
// is only recorded: they block nothing.
func (u *Upload) abortSuperseded(ctx context.Context) {
	for _, id := range u.superseded {
		if u.abort(ctx, id) != nil {
			u.unlisted = true
		}
	}
	u.superseded = nil
}
