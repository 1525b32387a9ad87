package cos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	sdk "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/checksum"
)

// Calls as COS names them.
const (
	initiateUpload = "InitiateMultipartUpload"
	uploadPart     = "UploadPart"
	completeUpload = "CompleteMultipartUpload"
	headObject     = "HeadObject"
)

// complete makes one object of the parts
// (cloud.tencent.com/document/product/436/7742).
//
// If an answer is lost, COS may have completed the upload all the same. The
// object itself shows that; where the keys may not look at it, a later attempt
// shows it, because COS then no longer knows the upload.
func (u *Upload) complete(ctx context.Context) (Result, error) {
	result := Result{Parts: len(u.parts)}
	order := &sdk.CompleteMultipartUploadOptions{Parts: make([]sdk.Object, 0, len(u.parts))}
	for i, p := range u.parts {
		result.CRC64 = checksum.Combine(result.CRC64, p.crc, p.length)
		result.Size += p.length
		order.Parts = append(order.Parts, sdk.Object{PartNumber: i + 1, ETag: p.etag})
	}
	answerLost := false // an earlier attempt may have completed the upload
	confirmed := false  // COS said that it completed the upload; otherwise it may still hold the parts, beside an object of the same bytes
	err := u.repeat(ctx, completeUpload, u.o.Policy, func(ctx context.Context, attempt int) error {
		compared, err := u.completeOnce(ctx, attempt, order, &result)
		confirmed = err == nil
		if compared {
			return err
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			return err
		}
		if e != nil && !e.doubtful() && e.Code != "NoSuchUpload" {
			return err
		}
		found, object := u.compare(ctx, result.Size, result.CRC64)
		switch {
		case found == same:
			result.RequestID = object.requestID
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e == nil && found == different:
			return &Error{Op: completeUpload, Err: Final(ErrChecksum)}
		case e == nil && found == unknown, e != nil && e.Code == "NoSuchUpload" && answerLost && found == unknown:
			result.Doubtful = true
			return nil
		case e == nil: // COS said that it is complete, and there is no object
			return &Error{Op: completeUpload, HTTPStatus: http.StatusOK, Err: errUnclear}
		}
		answerLost = true
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

// completeOnce asks COS to complete the upload. It reports whether COS stated
// a checksum of the object, which is then compared.
func (u *Upload) completeOnce(ctx context.Context, attempt int, order *sdk.CompleteMultipartUploadOptions, result *Result) (compared bool, err error) {
	err = u.attempt(ctx, request{action: completeUpload, attempt: attempt, send: func(ctx context.Context, client *sdk.Client, answer *exchange) error {
		object, _, err := client.Object.CompleteMultipartUpload(ctx, u.object, url.QueryEscape(u.id), order)
		if err != nil {
			return err
		}
		// HTTP 200 alone proves nothing: COS sends it before it begins.
		if object.ETag == "" {
			return errUnclear
		}
		result.ETag = strings.Trim(line(object.ETag, maxETag), `"`)
		result.RequestID = answer.requestID()
		crc, ok := answer.crc64()
		if compared = ok; ok && crc != result.CRC64 {
			return Final(fmt.Errorf("%w: the object's CRC-64 is %d, that of the file is %d", ErrChecksum, crc, result.CRC64))
		}
		return nil
	}})
	return compared, err
}
