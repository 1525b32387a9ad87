package cos

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	sdk "github.com/tencentyun/cos-go-sdk-v5"
)

// Pending reports whether there is something for Abort to do.
func (u *Upload) Pending() bool { return u.id != "" || u.idLost }

// Abort removes what a Run that has returned left in COS: the parts of an
// unfinished upload (cloud.tencent.com/document/product/436/7740), and an upload
// whose id was lost, if the keys may list uploads.
//
// ErrIDLost says that the keys may not list them; all else has been removed.
func (u *Upload) Abort(ctx context.Context) error {
	if u.id != "" {
		if err := u.abort(ctx, u.id); err != nil {
			return err
		}
		u.id = ""
	}
	if !u.idLost {
		return nil
	}
	u.idLost = false
	return u.abortAll(ctx)
}

// Sweep aborts every unfinished upload of the object, to clean up after a
// process that has ended. It asks for keys of its own. ErrIDLost says that
// the keys may not list uploads.
func (u *Upload) Sweep(ctx context.Context) error {
	if err := u.prepare(ctx); err != nil {
		return err
	}
	return u.abortAll(ctx)
}

// abortAll aborts every upload of the object, which belongs to one version
// alone.
func (u *Upload) abortAll(ctx context.Context) error {
	ids, err := u.listUploads(ctx, true)
	if err != nil {
		return ErrIDLost
	}
	for _, id := range ids {
		if err := u.abort(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (u *Upload) abort(ctx context.Context, id string) error {
	err := u.do(ctx, request{action: "AbortMultipartUpload", cleanup: true, send: func(ctx context.Context, client *sdk.Client, _ *exchange) error {
		_, err := client.Object.AbortMultipartUpload(ctx, u.object, url.QueryEscape(id))
		return err
	}})
	if e := (*Error)(nil); errors.As(err, &e) && e.Code == "NoSuchUpload" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("abort upload %s of %s: %w", line(id, 100), u.object, err)
	}
	return nil
}
