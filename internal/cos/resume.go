package cos

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/checksum"
)

// resume finds out how far an earlier attempt came: whether the object is
// there, or which parts of an unfinished upload are this file's. Whatever it
// may not see, or what does not fit, is sent again.
func (u *Upload) resume(ctx context.Context) (found bool, err error) {
	size, crc, there, err := u.present(ctx)
	if err != nil {
		return false, err
	}
	if there && size == u.o.Size {
		ours, err := u.checksum(ctx)
		if err != nil || ours == crc {
			u.found = ours
			return err == nil, err
		}
		u.done.Store(0)
	}
	uploads, err := u.unfinished(ctx)
	if err != nil {
		u.unlisted = true
		return false, ctxErr(ctx) // listing is a courtesy: the key may not allow it
	}
	best := map[int]string{}
	for _, id := range uploads {
		parts, err := u.listedParts(ctx, id)
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		if err == nil && (len(parts) > len(best) || u.id == "") {
			u.id, best = id, parts
		}
	}
	u.others = slices.DeleteFunc(uploads, func(id string) bool { return id == u.id })
	if u.id == "" {
		return false, nil
	}
	return false, u.trust(ctx, best)
}

func ctxErr(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// Present looks whether the object is there already. Known is false where the
// key may not look.
func (u *Upload) Present(ctx context.Context) (there, known bool, err error) {
	if err := u.prepare(ctx); err != nil {
		return false, false, err
	}
	err = u.head(ctx, func(*exchange) {})
	var e *Error
	switch {
	case err == nil:
		return true, true, nil
	case ctx.Err() != nil:
		return false, false, context.Cause(ctx)
	case errors.As(err, &e) && e.HTTPStatus == http.StatusNotFound:
		return false, true, nil
	case errors.As(err, &e):
		return false, false, nil
	}
	return false, false, err
}

// present returns the size and the checksum of the object, if COS tells both.
func (u *Upload) present(ctx context.Context) (size int64, crc uint64, there bool, err error) {
	err = u.head(ctx, func(ex *exchange) {
		n, sizeErr := strconv.ParseInt(ex.header.Get("Content-Length"), 10, 64)
		sum, ok := ex.crc64()
		size, crc, there = n, sum, sizeErr == nil && ok
	})
	if err == nil || ctx.Err() == nil && errors.As(err, new(*Error)) {
		return size, crc, there, nil
	}
	return 0, 0, false, err
}

func (u *Upload) head(ctx context.Context, seen func(*exchange)) error {
	const op = "HeadObject"
	return u.repeat(ctx, op, u.o.Policy, func(ctx context.Context, attempt int) error {
		return u.call(ctx, op, 0, attempt, func(ctx context.Context, ex *exchange) error {
			_, err := client(ctx).Object.Head(ctx, u.object, nil)
			if err == nil {
				seen(ex)
			}
			return err
		})
	})
}

// checksum is the CRC-64 of the whole file.
func (u *Upload) checksum(ctx context.Context) (uint64, error) {
	var sum checksum.Sum
	_, err := io.Copy(io.MultiWriter(&sum, counter{&u.done}), &cancellable{ctx, io.NewSectionReader(u.o.File, 0, u.o.Size)})
	return uint64(sum), err
}

// cancellable is a file whose reading ends with a context.
type cancellable struct {
	ctx context.Context
	io.Reader
}

func (c *cancellable) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.Reader.Read(p)
}

// counter adds what is written to it to the progress.
type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// unfinished lists the unfinished uploads of our object.
func (u *Upload) unfinished(ctx context.Context) ([]string, error) {
	const op = "ListMultipartUploads"
	var ids []string
	err := u.repeat(ctx, op, u.o.Policy, func(ctx context.Context, attempt int) error {
		return u.call(ctx, op, 0, attempt, func(ctx context.Context, _ *exchange) error {
			found, _, err := client(ctx).Bucket.ListMultipartUploads(ctx, &sdk.ListMultipartUploadsOptions{Prefix: u.object})
			if err != nil {
				return err
			}
			ids = nil
			for _, upload := range found.Uploads {
				if upload.Key == u.object && upload.UploadID != "" && upload.UploadID != u.dead {
					ids = append(ids, upload.UploadID)
				}
			}
			return nil
		})
	})
	return ids, err
}

// maxPages is how many pages of parts are asked for: 10,000 parts, 1,000 on a
// page (cloud.tencent.com/document/product/436/7747), and some to spare.
const maxPages = 20

// listedParts returns the ETags of the parts that could be this file's.
func (u *Upload) listedParts(ctx context.Context, id string) (map[int]string, error) {
	const op = "ListParts"
	parts := map[int]string{}
	marker := ""
	for range maxPages {
		var page *sdk.ObjectListPartsResult
		err := u.repeat(ctx, op, u.o.Policy, func(ctx context.Context, attempt int) error {
			return u.call(ctx, op, 0, attempt, func(ctx context.Context, _ *exchange) (err error) {
				page, _, err = client(ctx).Object.ListParts(ctx, u.object, url.QueryEscape(id), &sdk.ObjectListPartsOptions{PartNumberMarker: marker})
				return err
			})
		})
		if err != nil {
			return nil, err
		}
		for _, p := range page.Parts {
			if p.PartNumber < 1 || p.PartNumber > u.count() || len(p.ETag) > maxETag {
				continue
			}
			if _, length := u.bounds(p.PartNumber); p.Size == length {
				parts[p.PartNumber] = p.ETag
			}
		}
		if !page.IsTruncated || page.NextPartNumberMarker == "" || page.NextPartNumberMarker == marker {
			break
		}
		marker = page.NextPartNumberMarker
	}
	return parts, nil
}

// readers is how many parts are compared at a time: a disk is not a line.
const readers = 8

// trust takes the listed parts whose MD5 is that of the file's bytes in their
// place. An ETag is the MD5 of a part
// (cloud.tencent.com/document/product/436/7750).
func (u *Upload) trust(ctx context.Context, listed map[int]string) error {
	numbers := make(chan int, len(listed))
	for n := range listed {
		numbers <- n
	}
	close(numbers)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for range min(readers, len(listed)) {
		workers.Go(func() {
			for n := range numbers {
				offset, length := u.bounds(n)
				md, crc := md5.New(), new(checksum.Sum)
				got, err := io.Copy(io.MultiWriter(md, crc), &cancellable{ctx, io.NewSectionReader(u.o.File, offset, length)})
				if err == nil && got < length {
					err = ErrFileChanged
				}
				if err != nil {
					cancel(Final(err))
					return
				}
				if strings.EqualFold(strings.Trim(listed[n], `"`), hex.EncodeToString(md.Sum(nil))) {
					u.parts[n-1] = part{etag: listed[n], crc: uint64(*crc)}
					u.resumed.Add(length)
					u.done.Add(length)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// sweepOthers aborts the uploads of the object that were not gone on with. It
// is a courtesy: they block nothing.
func (u *Upload) sweepOthers(ctx context.Context) {
	for _, id := range u.others {
		if u.abort(ctx, id) != nil {
			u.unlisted = true
		}
	}
	u.others = nil
}

// Sweep aborts every unfinished upload of the object, for a clean-up after a
// process that is gone. It asks for keys of its own. ErrUnnamed says that
// COS did not let us look.
func (u *Upload) Sweep(ctx context.Context) error {
	if err := u.prepare(ctx); err != nil {
		return err
	}
	return u.sweep(ctx)
}
