package cos

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	sdk "github.com/tencentyun/cos-go-sdk-v5"
)

// object is what a HEAD shows of the object in COS
// (cloud.tencent.com/document/product/436/7745).
type object struct {
	size      int64 // bytes; -1 if COS did not say
	crc       uint64
	hasCRC    bool
	requestID string
}

// head looks at the object.
func (u *Upload) head(ctx context.Context) (object, error) {
	var o object
	err := u.do(ctx, request{action: headObject, send: func(ctx context.Context, client *sdk.Client, answer *exchange) error {
		if _, err := client.Object.Head(ctx, u.object, nil); err != nil {
			return err
		}
		size, err := strconv.ParseInt(answer.header.Get("Content-Length"), 10, 64)
		if err != nil {
			size = -1
		}
		crc, ok := answer.crc64()
		o = object{size, crc, ok, answer.requestID()}
		return nil
	}})
	return o, err
}

// isAbsent reports whether COS answered that there is no such object.
func isAbsent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.HTTPStatus == http.StatusNotFound
}

// Present reports whether the object exists. Known is false where the keys
// may not look at it.
func (u *Upload) Present(ctx context.Context) (present, known bool, err error) {
	if err := u.prepare(ctx); err != nil {
		return false, false, err
	}
	_, err = u.head(ctx)
	switch {
	case err == nil:
		return true, true, nil
	case ctx.Err() != nil:
		return false, false, context.Cause(ctx)
	case isAbsent(err):
		return false, true, nil
	case errors.As(err, new(*Error)):
		return false, false, nil
	}
	return false, false, err
}

// comparison is what a look at the object shows of our upload.
type comparison int

const (
	unknown   comparison = iota // the keys may not look, or the answer has no checksum
	absent                      // there is no object
	different                   // the object has other bytes
	same                        // the object is our file
)

// compare compares the object with a file of the given size and CRC-64.
func (u *Upload) compare(ctx context.Context, size int64, crc uint64) (comparison, object) {
	o, err := u.head(ctx)
	switch {
	case isAbsent(err):
		return absent, o
	case err != nil:
		return unknown, o
	case o.size >= 0 && o.size != size, o.hasCRC && o.crc != crc:
		return different, o
	case o.size >= 0 && o.hasCRC:
		return same, o
	}
	return unknown, o
}
