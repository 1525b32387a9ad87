package cos

import "context"

// Permission says whether the keys may make a call.
type Permission struct {
	Action string // as COS names it
	Err    error  // nil if the call is allowed
}

// Permissions finds out which calls the keys may make besides uploading. It
// begins an upload, lists uploads and its parts, looks at the object, and
// aborts. If the keys may not abort, a later Run uses that upload.
func (u *Upload) Permissions(ctx context.Context) ([]Permission, error) {
	if err := u.prepare(ctx); err != nil {
		return nil, err
	}
	if err := u.initiate(ctx); err != nil {
		return nil, err
	}
	_, listErr := u.listUploads(ctx, false)
	_, partsErr := u.listParts(ctx, u.id)
	_, headErr := u.head(ctx)
	if isAbsent(headErr) {
		headErr = nil
	}
	abortErr := u.abort(ctx, u.id)
	if abortErr == nil {
		u.id = ""
	}
	return []Permission{
		{"ListMultipartUploads", listErr}, {"ListParts", partsErr}, {headObject, headErr}, {"AbortMultipartUpload", abortErr},
	}, ended(ctx)
}
