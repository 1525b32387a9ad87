package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/record"
)

// put uploads the build.
func (r *run) put(ctx context.Context) error {
	if r.tree != nil {
		return r.putFolder(ctx)
	}
	file, err := artifact.Open(r.build.Path)
	if err != nil {
		return fail(UploadFailed, "ArtifactUnreadable", "", "open the artifact: %v", err)
	}
	defer file.Close()
	if err := r.unchanged(ctx, file); err != nil {
		return err
	}
	o := r.uploadOptions()
	meter := &meter{emit: r.emit, total: r.build.Size}
	forecast := r.newForecast(ctx, r.build.Size)
	o.File, o.Size = &watched{File: file, path: r.build.Path, inspected: r.file, changed: r.changed()}, r.build.Size
	o.Progress = func(done int64) {
		meter.update(done)
		forecast.update(done)
	}
	return r.transfer(ctx, o, func() error { return r.unchanged(ctx, file) })
}

// putFolder packs the build while it uploads it.
func (r *run) putFolder(ctx context.Context) error {
	o := r.uploadOptions()
	p := &packing{tree: r.tree}
	meter := &meter{emit: r.emit, total: r.tree.Size}
	forecast := r.newForecast(ctx, r.tree.Size)
	o.Stream, o.Size, o.Memory = p.stream, r.tree.AtMost(), r.d.Memory
	o.Progress = func(sent int64) {
		packed := p.read.Load()
		meter.updateFolder(packed, sent)
		forecast.update(packed)
	}
	return r.transfer(ctx, o, func() error { return nil }) // the packer has compared every file with what was scanned
}

// transfer uploads the build. Afterwards unchanged makes sure that it is what was
// inspected.
func (r *run) transfer(ctx context.Context, o cos.Options, unchanged func() error) error {
	r.upload = cos.New(o)
	start := time.Now()
	done, err := r.upload.Run(ctx)
	if errors.Is(err, errDelivered) && r.upload.Pending() {
		r.abort(ctx)
	}
	if own := (*Error)(nil); errors.As(err, &own) && own.Code == codeArtifactChanged {
		return own // which part it was does not matter
	}
	if err != nil {
		return err
	}
	took := time.Since(start)
	if err := unchanged(); err != nil {
		return err
	}
	if r.upload.Pending() { // its begin was not answered, and a second one was used
		r.abort(ctx)
	}
	r.build.Size = done.Size
	r.recordUpload(done, took)
	return nil
}

// newForecast warns of an upload of so many bytes that will not end in time.
func (r *run) newForecast(ctx context.Context, total int64) *forecast {
	deadline, _ := ctx.Deadline()
	return &forecast{total: total, deadline: deadline, warn: func(text string) { r.warn("%s %s", text, r.faster()) }}
}

// uploadOptions says how the build is uploaded.
func (r *run) uploadOptions() cos.Options {
	return cos.Options{
		PartSize: r.d.PartSize, Resume: r.ours.origin == adopted, Renew: r.renew,
		Transport: r.d.COS, Endpoint: r.d.Endpoint, Policy: r.d.Upload, LimitRate: r.d.LimitRate,
		Accelerate: r.d.Accelerate,
		Unaccelerated: func(err error) {
			r.warn("CAR's bucket does not accept uploads by global acceleration (%v): uploading without it.", err)
		},
		Retrying: func(what string, attempt int, wait time.Duration, err error) {
			r.emit(record.Retrying{What: what, Attempt: attempt, Wait: wait, Err: err})
		},
		Called: r.calledCOS,
	}
}

// recordUpload records a finished upload.
func (r *run) recordUpload(done cos.Result, took time.Duration) {
	if done.Unlisted {
		r.warn("COS did not allow to list what an earlier attempt uploaded: parts of that may be left in CAR's bucket. They block nothing.")
	}
	if done.Resumed > 0 {
		r.note("%s of it was there already: an earlier attempt sent that.", human.Size(done.Resumed))
	}
	if done.Doubtful {
		r.warn("COS did not confirm the completed upload and did not let this key look; CAR will tell.")
	}
	sent := r.build.Size - done.Resumed
	rate := float64(sent) / max(took.Seconds(), 1e-3)
	r.learn(func(t *record.Result) {
		t.ArtifactSize = r.build.Size
		t.ArtifactCRC64 = fmt.Sprintf("%d", done.CRC64)
		t.UploadRate = rate
	})
	r.recordRequest("CompleteMultipartUpload", done.RequestID, nil)
	if sent > 0 {
		r.note("Uploaded %s in %s (%s), CRC-64 %d confirmed by COS.", human.Size(sent), human.Duration(took), human.Rate(rate), done.CRC64)
	} else {
		r.note("Nothing was left to upload; CRC-64 %d confirmed by COS.", done.CRC64)
	}
	if r.tree != nil && r.build.Size < r.tree.Size {
		r.note("It was packed from %s, %s.", human.Size(r.tree.Size), human.Ratio(r.build.Size, r.tree.Size))
	}
}

// faster advises what makes a slow upload faster.
func (r *run) faster() string {
	ways := []string{"a longer timeout", "a runner near the bucket", "artifact-url, if CAR can download the build from somewhere"}
	if region, _ := r.bucket.Load().(string); region != "" {
		ways[1] += " (" + region + ")"
	}
	if !r.d.Accelerate && r.d.Endpoint == "" {
		ways = append(ways, "cos-endpoint: accelerate")
	}
	if r.d.LimitRate > 0 {
		ways = append([]string{"a higher limit-rate"}, ways...)
	}
	return "What helps: " + strings.Join(ways[:len(ways)-1], ", ") + " or " + ways[len(ways)-1] + "."
}

// calledCOS reports a request to COS.
func (r *run) calledCOS(c cos.Call) {
	r.emit(record.Called{Action: c.Action, Took: c.Took, RequestID: c.RequestID, Attempt: c.Attempt, Err: c.Err})
}

// unchanged makes sure that what is uploaded is what was inspected.
func (r *run) unchanged(ctx context.Context, file *os.File) error {
	now, err := os.Stat(r.build.Path)
	if err == nil {
		var open os.FileInfo
		if open, err = file.Stat(); err == nil && os.SameFile(r.file, now) && os.SameFile(r.file, open) &&
			now.Size() == r.file.Size() && now.ModTime().Equal(r.file.ModTime()) && r.sameContent(ctx, now) {
			return nil
		}
	}
	return r.changed()
}

// codeArtifactChanged is the code of an artifact that is no longer what was inspected.
const codeArtifactChanged = "ArtifactChanged"

func (r *run) changed() *Error {
	return fail(UploadFailed, codeArtifactChanged, "Publish when the step that builds it is done.",
		"%s was changed or replaced after it was inspected: it is not published.", r.build.Name)
}

// watched is an artifact that stops the upload once another file is at its path, or
// once it has another size or time. That is looked at again after so many bytes that a
// part costs one look at most. What this cannot see is found when all has been sent.
type watched struct {
	*os.File
	path      string
	inspected os.FileInfo
	changed   error
	due       atomic.Int64 // bytes until the next look
}

// betweenLooks is the size of the smallest parts that an upload is cut into.
const betweenLooks = 8 << 20

// ReadAt implements io.ReaderAt.
func (w *watched) ReadAt(p []byte, offset int64) (int, error) {
	if w.due.Add(-int64(len(p))) < 0 {
		w.due.Store(betweenLooks)
		now, err := os.Stat(w.path)
		gone := errors.Is(err, fs.ErrNotExist) // any other error may pass
		if gone || err == nil && (!os.SameFile(w.inspected, now) || now.Size() != w.inspected.Size() || !now.ModTime().Equal(w.inspected.ModTime())) {
			return 0, w.changed
		}
	}
	return w.File.ReadAt(p, offset)
}

// sameContent reports whether a file of the same size and time has the same list of
// members as before. Size and modification time can be put back after a change; the
// ctime cannot. But the ctime also moves when only a link or the mode changes. So if it
// moved, the archive is inspected again and its fingerprint compared. Where there is no
// ctime (Windows), only size and modification time count.
func (r *run) sameContent(ctx context.Context, now os.FileInfo) bool {
	if changeTime(now) == changeTime(r.file) {
		return true
	}
	again, err := r.d.InspectFile(ctx, r.build.Path)
	if err == nil && again.Fingerprint == r.build.Fingerprint {
		r.file = now
		return true
	}
	return false
}

// renew gets keys for the upload, when it begins and before they expire.
func (r *run) renew(ctx context.Context) (cos.Keys, error) {
	if err := r.awaitsBuild(ctx); err != nil {
		if isOwn(err) || errors.Is(err, errDelivered) {
			err = cos.Final(err) // after any other error the old keys may still work
		}
		return cos.Keys{}, err
	}
	return r.keys(ctx, r.ours.ID, r.name())
}

// keys gets keys for the upload of a version's build. CAR may give the version
// that name; with "" it keeps its own.
func (r *run) keys(ctx context.Context, version, name string) (cos.Keys, error) {
	c, id, err := r.api.DescribeCosCredential(ctx, r.o.ApplicationID, name)
	if err != nil {
		r.recordRequest("DescribeCosCredential", id, err)
		return cos.Keys{}, err
	}
	// What has the length of a key is masked at once, since an error could repeat it. The
	// rest is checked first: a mask of a common word would make the log unreadable.
	const keyLength = 16
	for _, s := range []record.Masked{{Secret: c.SecretID}, {Secret: c.SecretKey}, {Secret: c.SessionToken}} {
		if len(s.Secret.Reveal()) >= keyLength {
			r.emit(s)
		}
	}
	keys, checked, err := UploadKeys(c, version)
	if err != nil {
		return cos.Keys{}, err
	}
	if !checked {
		r.warn("The path that CAR gave for the upload names no version, so it could not be checked.")
	}
	r.bucket.Store(c.Region)
	for _, s := range []record.Masked{{Secret: c.SecretID}, {Secret: c.SecretKey}, {Secret: c.SessionToken}} {
		r.emit(s)
	}
	return keys, nil
}

// UploadKeys turns what CAR gave for the upload of a version's build into keys.
// It refuses what cannot be keys, and a path of another version. The path is
// checked unless it names no version.
func UploadKeys(c car.CosCredential, version string) (keys cos.Keys, checked bool, err error) {
	keys = cos.Keys{
		SecretID: c.SecretID, SecretKey: c.SecretKey, Token: c.SessionToken,
		Bucket: c.Bucket, Region: c.Region, Path: c.Path, Start: c.Start, Expires: c.Expired,
	}
	if err := keys.Validate(); err != nil {
		return cos.Keys{}, false, cos.Final(err)
	}
	for rest := c.Path; ; {
		_, after, found := strings.Cut(rest, version)
		if !found {
			break
		}
		if after == "" || !strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyz", rune(after[0])) { // ver-ab is not ver-a
			return keys, true, nil
		}
		rest = after
	}
	if strings.Contains(c.Path, "ver-") {
		return cos.Keys{}, false, cos.Final(fail(Other, "Displaced", oneJobAtATime,
			"CAR asked for the upload of another version than ours, %s: stopped.", version))
	}
	return keys, false, nil
}

// sweepTime is how long a sweep may take. It leaves most of CleanupTime to the
// delete of the version.
const sweepTime = 2 * time.Second

// sweep removes the unfinished uploads of a version that is in flight.
func (r *run) sweep(ctx context.Context, v car.Version) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	return r.uploadOf(v).Sweep(ctx)
}

// uploadOf gives access to the uploads into a version that is in flight.
func (r *run) uploadOf(v car.Version) *cos.Upload {
	return cos.New(cos.Options{
		Transport: r.d.COS, Endpoint: r.d.Endpoint, Policy: r.d.Upload, Called: r.calledCOS,
		Renew: func(ctx context.Context) (cos.Keys, error) { return r.keys(ctx, v.ID, "") },
	})
}

// abort removes the unfinished upload from CAR's bucket.
func (r *run) abort(ctx context.Context) {
	if err := r.upload.Abort(ctx); err != nil {
		r.warn("The unfinished upload could not be removed from CAR's bucket: %v. It blocks nothing.", err)
	}
}
