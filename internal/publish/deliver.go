package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
)

// Appears is how long a version that was just created may be missing from
// the list.
const Appears = time.Minute

// deliver brings the build to CAR and tells CAR that it is there.
func (r *run) deliver(ctx context.Context) error {
	if r.build == nil {
		r.begin(Hand)
	} else {
		r.begin(Upload)
		if err := r.put(ctx); err != nil && !errors.Is(err, errDelivered) {
			return err
		}
	}
	return r.handOver(ctx)
}

// errDelivered ends the upload into a version of an earlier attempt which
// turns out to have delivered it.
var errDelivered = errors.New("an earlier attempt delivered the build")

// inFlight makes sure that our version still waits for its build.
func (r *run) inFlight(ctx context.Context) error {
	v, err := r.ours(ctx)
	switch {
	case err != nil:
	case !v.Status.Underway() && r.by == adopted:
		err = errDelivered
	case !v.Status.Underway():
		err = fail(Other, "Displaced", "See who else works on this application, and run again.",
			"%s became %s before its build was delivered.", title(v), v.Status)
	}
	return err
}

// ours finds our version, and makes sure that no other is in flight. The
// calls that deliver carry no version id: after a deletion, or a sibling's
// create, they would act on somebody else's.
func (r *run) ours(ctx context.Context) (car.Version, error) {
	start := time.Now()
	poll := r.poller()
	for {
		versions, err := r.listVersions(ctx)
		if err != nil {
			return car.Version{}, err
		}
		for _, other := range versions {
			if other.ID != r.result.VersionID && other.Status.Underway() {
				return other, fail(Other, "Displaced", "Let one job at a time publish to an application: give them one concurrency group.",
					"%s is being created too, so an upload could end up in the wrong version: stopped.", title(other))
			}
		}
		v, there := find(versions, r.result.VersionID)
		if err := r.displaced(v); err != nil {
			r.stage = nothing
			r.disown()
			r.leftover(title(v)+", if nobody goes on with it", r.line("delete", v.ID))
			return v, err
		}
		switch {
		case there && v.Status != car.Deleting:
			r.listed = true
			return v, nil
		case there, r.listed, time.Since(start) > Appears:
			return v, fail(Other, "Vanished", "See who deleted it, and run again.",
				"%s is gone, or about to be: somebody deleted it.", r.result.VersionID)
		}
		if err := poll(ctx); err != nil {
			return v, err
		}
	}
}

// put uploads the build.
func (r *run) put(ctx context.Context) error {
	file, err := os.Open(r.build.Path)
	if err != nil {
		return fail(UploadFailed, "ArtifactUnreadable", "", "open the artifact: %v", err)
	}
	defer file.Close()
	if err := r.unchanged(file); err != nil {
		return err
	}
	meter := &meter{emit: r.emit, total: r.build.Size}
	deadline, _ := ctx.Deadline()
	ahead := &foresight{total: r.build.Size, deadline: deadline, warn: func(text string) { r.warn("%s %s", text, r.faster()) }}
	r.upload = cos.New(cos.Options{
		File: file, Size: r.build.Size, PartSize: r.d.PartSize, Resume: r.by == adopted, Renew: r.renew,
		Transport: r.d.COS, Endpoint: r.d.Endpoint, Policy: r.d.Upload, LimitRate: r.d.LimitRate,
		Accelerate: r.d.Accelerate,
		Unaccelerated: func(err error) {
			r.warn("CAR's bucket takes no upload by global acceleration (%v): going on without it.", err)
		},
		Progress: func(done int64) {
			meter.update(done)
			ahead.update(done)
		},
		Retrying: func(what string, attempt int, wait time.Duration, err error) {
			r.emit(Retrying{What: what, Attempt: attempt, Wait: wait, Err: err})
		},
		Called: r.calledCOS,
	})
	start := time.Now()
	done, err := r.upload.Run(ctx)
	if errors.Is(err, errDelivered) && r.upload.Pending() {
		r.abort(ctx)
	}
	if err != nil {
		return err
	}
	took := time.Since(start)
	if err := r.unchanged(file); err != nil {
		return err
	}
	if r.upload.Pending() { // a beginning whose answer was lost, and that was made again
		r.abort(ctx)
	}
	if done.Unlisted {
		r.warn("COS did not let us look for what an earlier attempt uploaded: parts of that may be left in CAR's bucket. They block nothing.")
	}
	if done.Resumed > 0 {
		r.note("%s of it was there already: an earlier attempt sent that.", bytesText(done.Resumed))
	}
	if done.Doubtful {
		r.warn("COS did not confirm the completed upload and did not let this key look; CAR will tell.")
	}
	r.learn(func(t *Result) {
		t.ArtifactCRC64 = fmt.Sprintf("%d", done.CRC64)
		t.UploadRate = float64(r.build.Size) / max(took.Seconds(), 1e-3)
	})
	r.changed("CompleteMultipartUpload", done.RequestID, nil)
	r.note("Uploaded %s in %s (%s/s), CRC-64 %d confirmed by COS.", bytesText(r.build.Size), took.Round(time.Millisecond), bytesText(int64(r.result.UploadRate)), done.CRC64)
	return nil
}

// faster says what helps a slow upload.
func (r *run) faster() string {
	ways := []string{"a longer timeout", "a runner near the bucket", "artifact-url, if CAR can download the build from somewhere"}
	r.mu.Lock()
	region := r.region
	r.mu.Unlock()
	if region != "" {
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

func (r *run) calledCOS(c cos.Call) {
	r.emit(Called{Action: c.Action, Took: c.Took, RequestID: c.RequestID, Attempt: c.Attempt, Err: c.Err})
}

// unchanged makes sure that what is uploaded is what was inspected.
func (r *run) unchanged(file *os.File) error {
	now, err := os.Stat(r.build.Path)
	if err == nil {
		var open os.FileInfo
		if open, err = file.Stat(); err == nil && os.SameFile(r.file, now) && os.SameFile(r.file, open) &&
			now.Size() == r.file.Size() && now.ModTime().Equal(r.file.ModTime()) {
			return nil
		}
	}
	return fail(UploadFailed, "ArtifactChanged", "Publish when the step that builds it is done.",
		"%s was changed or replaced after it was inspected: it is not published.", r.build.Name)
}

// renew gets keys for the upload, when it begins and before they expire.
func (r *run) renew(ctx context.Context) (cos.Keys, error) {
	if err := r.inFlight(ctx); err != nil {
		if isOwn(err) || errors.Is(err, errDelivered) {
			err = cos.Final(err) // it is not ours any more; else the old keys may still do
		}
		return cos.Keys{}, err
	}
	return r.keys(ctx, r.result.VersionID, r.name)
}

// keys gets keys for the upload of a version's build. The name is the one
// that CAR may call the version by; "" leaves it.
func (r *run) keys(ctx context.Context, version, name string) (cos.Keys, error) {
	c, id, err := r.api.DescribeCosCredential(ctx, r.o.ApplicationID, name)
	if err != nil {
		r.changed("DescribeCosCredential", id, err)
		return cos.Keys{}, err
	}
	// Before they are masked: what is no key must not become a mask that
	// makes the log unreadable.
	keys, checked, err := UploadKeys(c, version)
	if err != nil {
		return cos.Keys{}, err
	}
	if !checked {
		r.warn("The path that CAR gave for the upload names no version, so it could not be checked.")
	}
	r.mu.Lock()
	r.region = c.Region
	r.mu.Unlock()
	for _, s := range []Masked{{c.SecretID}, {c.SecretKey}, {c.SessionToken}} {
		r.emit(s)
	}
	return keys, nil
}

// UploadKeys are the keys that CAR gave for the upload of a version's build.
// They are refused unless they could be keys, and if their path is another
// version's; where it names none, it could not be checked.
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
		return cos.Keys{}, false, cos.Final(fail(Other, "Displaced", "Let one job at a time publish to an application: give them one concurrency group.",
			"CAR asked for the upload of another version than ours, %s: stopped.", version))
	}
	return keys, false, nil
}

// handOver tells CAR that the build is there, or where to get it. The effect
// cannot be read back: a doubtful call is sent again, and a refusal of the
// second one means that the first arrived. The call acts on whatever version
// is in flight, so each try begins with a look whether that is still ours.
func (r *run) handOver(ctx context.Context) error {
	doubted := false
	tries := r.tries(handOvers)
	for attempt := 1; ; attempt++ {
		v, err := r.ours(ctx)
		if err != nil {
			return err
		}
		if !v.Status.Underway() && (r.build != nil || r.by == adopted || doubted) {
			// Whether every application wants the call is not documented. Here
			// the finished upload was enough, or an earlier call arrived.
			r.note("%s is %s already: CAR did not wait to be told of the upload.", title(v), v.Status)
			m, _ := readMark(v.Name)
			r.unsure = r.unsure || m != r.mark || r.by == adopted
			break
		}
		if v.Name != r.result.VersionName && v.Name != stem(r.name) && v.Name != r.former {
			r.unsure = true // renamed while it waited for us: somebody else may have delivered
		}
		id, err := r.api.CreateApplicationSnapshot(ctx, r.o.ApplicationID, r.o.ArtifactURL)
		r.changed("CreateApplicationSnapshot", id, err)
		if err == nil {
			break
		}
		denied := errors.Is(err, car.Code("OperationDenied"))
		switch {
		case denied && doubted:
			r.note("CreateApplicationSnapshot was refused the second time: the first one, whose answer was lost, arrived.")
		case denied && r.by == adopted:
			r.note("CreateApplicationSnapshot was refused: the earlier attempt's arrived.")
		case r.kind == car.Mobile && (denied || errors.Is(err, car.Code("InvalidParameter"))):
			// Whether a mobile application wants this call is not documented. If
			// it does not, the version moves on by itself; if it does, waiting
			// for it will tell.
			r.warn("CAR refused CreateApplicationSnapshot for this mobile application (%v); going on, since it may not need it.", err)
		case again(err) && tries.Another(throttled(err)):
			doubted = doubted || isDoubtful(err)
			if err := r.pause(ctx, "CreateApplicationSnapshot", attempt, err); err != nil {
				return err
			}
			continue
		default:
			return err
		}
		break
	}
	r.delivered()
	return nil
}

// handOvers is how often CAR is told of a build before doubt wins.
const handOvers = 7

// delivered is when CAR has the build: from now on it is kept if this process
// is killed.
func (r *run) delivered() {
	r.stage = processing
	r.disown()
}
