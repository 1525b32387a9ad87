package cos

import (
	"context"
	"errors"
	"net/http"
)

// Trial is a call that the keys were tried on.
type Trial struct {
	Action string // as COS names it
	Err    error  // nil if it is allowed
}

// Try finds out what the keys may do besides putting the object: it begins an
// upload, looks for it and for its parts, looks at the object, and aborts.
// Where they may not abort, a Run goes on with that upload.
func (u *Upload) Try(ctx context.Context) ([]Trial, error) {
	if err := u.prepare(ctx); err != nil {
		return nil, err
	}
	if err := u.initiate(ctx); err != nil {
		return nil, err
	}
	_, listing := u.unfinished(ctx)
	_, parts := u.listedParts(ctx, u.id)
	looking := u.head(ctx, func(*exchange) {})
	if e := (*Error)(nil); errors.As(looking, &e) && e.HTTPStatus == http.StatusNotFound {
		looking = nil
	}
	aborting := u.abort(ctx, u.id)
	if aborting == nil {
		u.id = ""
	}
	return []Trial{
		{"ListMultipartUploads", listing}, {"ListParts", parts}, {"HeadObject", looking}, {"AbortMultipartUpload", aborting},
	}, ctxErr(ctx)
}
