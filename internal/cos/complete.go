package cos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/checksum"
)

// The calls that bring a file, as COS names them.
const (
	beginning  = "InitiateMultipartUpload"
	sending    = "UploadPart"
	completing = "CompleteMultipartUpload"
)

// complete makes one object of the parts
// (cloud.tencent.com/document/product/436/7742). An answer that is lost may
// have been a good one: then the object itself says so, or, where we may not
// look at it, a second try that finds no upload any more.
func (u *Upload) complete(ctx context.Context) (Result, error) {
	result := Result{Parts: len(u.parts)}
	order := &sdk.CompleteMultipartUploadOptions{Parts: make([]sdk.Object, 0, len(u.parts))}
	for i, p := range u.parts {
		_, length := u.bounds(i + 1)
		result.CRC64 = checksum.Combine(result.CRC64, p.crc, length)
		order.Parts = append(order.Parts, sdk.Object{PartNumber: i + 1, ETag: p.etag})
	}
	lost := false      // an earlier try may have done it
	confirmed := false // COS said that it ended the upload; else it may hold it still, beside an object of the same bytes
	err := u.repeat(ctx, completing, u.o.Policy, func(ctx context.Context, attempt int) error {
		checked, err := u.join(ctx, attempt, order, &result)
		confirmed = err == nil
		if checked {
			return err
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			return err
		}
		if e != nil && !e.unsure() && e.Code != "NoSuchUpload" {
			return err
		}
		sight := u.look(ctx, &result)
		switch {
		case sight == same:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e == nil && sight == different:
			return &Error{Op: completing, Err: Final(ErrChecksum)}
		case e == nil && sight == unseen, e != nil && e.Code == "NoSuchUpload" && lost && sight == unseen:
			result.Doubtful = true
			return nil
		case e == nil: // complete, and not there
			return &Error{Op: completing, HTTPStatus: http.StatusOK, Err: errUnclear}
		}
		lost = true
		return err
	})
	if err != nil {
		return Result{}, err
	}
	if confirmed && !result.Doubtful {
		u.id = ""
	}
	return result, nil
}

// join asks COS to complete the upload. It reports whether COS's checksum of
// the object was compared.
func (u *Upload) join(ctx context.Context, attempt int, order *sdk.CompleteMultipartUploadOptions, result *Result) (checked bool, err error) {
	err = u.call(ctx, completing, 0, attempt, func(ctx context.Context, ex *exchange) error {
		answer, _, err := client(ctx).Object.CompleteMultipartUpload(ctx, u.object, url.QueryEscape(u.id), order)
		if err != nil {
			return err
		}
		// HTTP 200 alone means nothing: COS sends it before it begins.
		if answer.ETag == "" {
			return errUnclear
		}
		result.ETag = strings.Trim(line(answer.ETag, 256), `"`)
		result.RequestID = ex.requestID()
		crc, ok := ex.crc64()
		if checked = ok; ok && crc != result.CRC64 {
			return Final(fmt.Errorf("%w: the object's CRC-64 is %d, that of the file is %d", ErrChecksum, crc, result.CRC64))
		}
		return nil
	})
	return checked, err
}

// sight is what a look at the object shows.
type sight int

const (
	unseen    sight = iota // we may not look, or the answer has no checksum
	absent                 // there is none
	different              // it has other bytes
	same                   // it is our file
)

// look compares the object with our file.
func (u *Upload) look(ctx context.Context, result *Result) sight {
	const op = "HeadObject"
	sight := unseen
	err := u.repeat(ctx, op, u.o.Policy, func(ctx context.Context, attempt int) error {
		return u.call(ctx, op, 0, attempt, func(ctx context.Context, ex *exchange) error {
			if _, err := client(ctx).Object.Head(ctx, u.object, nil); err != nil {
				return err
			}
			size, err := strconv.ParseInt(ex.header.Get("Content-Length"), 10, 64)
			crc, ok := ex.crc64()
			switch {
			case err == nil && size != u.o.Size, ok && crc != result.CRC64:
				sight = different
			case err == nil && ok:
				sight = same
				result.RequestID = ex.requestID()
			}
			return nil
		})
	})
	var e *Error
	if errors.As(err, &e) && e.HTTPStatus == http.StatusNotFound {
		return absent
	}
	return sight
}
