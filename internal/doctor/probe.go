package doctor

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// probe makes a version of a few bytes on a scratch application, and asks
// with it what Tencent does not document. It deletes what it made, and never
// puts anything online. What it finds out is told in the words of the
// simulator's World, so that each of its guesses can become a fact.
type probe struct {
	*exam
	before  []car.Version // what was there
	ours    []car.Version // what we made and have not deleted
	file    io.ReaderAt
	size    int64
	sent    string // the file name that a create is told
	renamed string // the one that DescribeCosCredential is told

	lag            time.Duration // of the list
	deleteCreating string        // done, denied or ""
}

// The values of the simulator's World, as its JSON form spells them.
const (
	done, denied             = "done", "denied"
	unknownYet               = ""
	needed, refused, ignored = "needed", "refused", "ignored"
)

// settle is how long a finished upload is watched before CAR is told of it: a
// version that moves by itself needs no telling.
const settle = 20 * time.Second

// probe is the step that Options.Probe adds.
func (e *exam) probe(ctx context.Context) error {
	p := &probe{exam: e, before: e.versions}
	if err := p.fit(); err != nil {
		return err
	}
	stem := "car-publish-probe-" + strings.ToLower(rand.Text()[:6])
	closing, err := p.open(stem)
	if err != nil {
		return err
	}
	defer closing()
	defer p.undo(ctx)
	return p.run(ctx)
}

// fit refuses an application in which a probe would be in somebody's way. That
// it is a scratch application at all, the user has said twice.
func (p *probe) fit() error {
	for _, v := range p.before {
		if v.Status != car.Inuse && v.Status != car.Usable {
			return &publish.Error{
				Kind: publish.InTheWay, Code: "Blocked", Hint: "Release or delete it, or name another scratch application.",
				Message: fmt.Sprintf("A probe wants an application where nothing is going on: %s is %s. Nothing was created.", v.ID, v.Status),
			}
		}
	}
	if len(p.before) >= publish.Limit {
		return &publish.Error{
			Kind: publish.InTheWay, Code: "Full", Hint: "Delete one, or name another scratch application.",
			Message: fmt.Sprintf("A probe wants room for one version, and %s holds %d. Nothing was created.", p.o.Publish.ApplicationID, len(p.before)),
		}
	}
	if p.kind == car.Mobile && p.build == nil {
		return &publish.Error{
			Kind: publish.BadInput, Code: "Artifact", Hint: "Give the probe a small apk as artifact.",
			Message: p.o.Publish.ApplicationID + " is a mobile application, for which no build can be made up. Nothing was created.",
		}
	}
	if p.kind == "" {
		return &publish.Error{Kind: publish.Other, Code: "Category", Hint: "Let the key call DescribeApplicationList.", Message: "A probe must know what kind of application it is. Nothing was created."}
	}
	return nil
}

// open opens the artifact, or makes up a zip with the start path in it.
func (p *probe) open(stem string) (closing func(), err error) {
	if b := p.build; b != nil {
		file, err := os.Open(b.Path)
		if err != nil {
			return nil, &publish.Error{Kind: publish.BadInput, Code: "ArtifactUnreadable", Message: "open the artifact: " + err.Error(), Err: err}
		}
		p.file, p.size = file, b.Size
		p.name(stem, "."+string(b.Format))
		return func() { _ = file.Close() }, nil
	}
	start := strings.ReplaceAll(p.app.ExePath, `\`, "/")
	if start == "" || artifact.IsAbsWindows(p.app.ExePath) {
		start = "probe/probe.exe"
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	member, err := w.Create(path.Clean(start))
	if err == nil {
		_, err = member.Write([]byte("car-publish doctor --probe\n"))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	p.file, p.size = bytes.NewReader(b.Bytes()), int64(b.Len())
	p.name(stem, ".zip")
	return func() {}, nil
}

func (p *probe) name(stem, extension string) {
	p.sent, p.renamed = stem+extension, stem+"-sent"+extension
}

// tell notes an answer; with a value it is a fact for World.
func (p *probe) tell(question, field, value, format string, args ...any) {
	a := publish.Answer{Question: question, Answer: fmt.Sprintf(format, args...), Field: field, Value: value}
	p.result.Probe = append(p.result.Probe, a)
	if field != "" && value != unknownYet {
		if p.result.World == nil {
			p.result.World = map[string]string{}
		}
		p.result.World[field] = value
	}
	line := a.Answer
	if value != unknownYet {
		line = field + " is " + value + ": " + line
	}
	p.emit(publish.Note{Text: question + " " + line})
}

func (p *probe) run(ctx context.Context) error {
	p.categories(ctx)
	v, err := p.create(ctx)
	if err != nil {
		return err
	}
	p.tellCreated(v)
	if err := p.measureLag(ctx, v); err != nil {
		return err
	}
	// A version without a build is what a run leaves that dies: can it be
	// deleted?
	next, err := p.deleteCreated(ctx, v)
	if err != nil {
		return err
	}
	if next.ID == "" {
		if next, err = p.create(ctx); err != nil {
			return err
		}
	}
	v, err = p.deliver(ctx, next, true)
	if err != nil {
		return err
	}
	if v.Status == car.Normal {
		if err := p.createWhileNormal(ctx); err != nil {
			return err
		}
	} else {
		p.tell("Does CAR take a new version while one is Normal?", "CreateWhileNormal", unknownYet, "the version became %s, so it could not be asked", v.Status)
	}
	if err := p.deleteReady(ctx, v); err != nil {
		return err
	}
	p.tell("Does going online need the start path in the package?", "OnlineStartPath", unknownYet, "not asked: a probe puts nothing online")
	return nil
}

// categories asks what a list without a category has.
func (p *probe) categories(ctx context.Context) {
	const question, field = "What does DescribeApplicationList list without a category?", "OmittedCategory"
	mobile, _, err := p.api.DescribeApplicationList(ctx, car.ListRequest{Limit: 100, Category: car.Mobile})
	if err == nil && len(mobile.Mobile) == 0 {
		p.tell(question, field, unknownYet, "the account has no mobile application to tell by")
		return
	}
	var all car.ApplicationList
	if err == nil {
		all, _, err = p.api.DescribeApplicationList(ctx, car.ListRequest{Limit: 100})
	}
	switch {
	case err != nil:
		p.tell(question, field, unknownYet, "%s", brief(err))
	case len(all.Mobile) > 0:
		p.tell(question, field, "both", "desktop and mobile applications")
	default:
		p.tell(question, field, "desktop", "desktop applications only")
	}
}

// accountNumber is the number of an account, as paths have it.
var accountNumber = regexp.MustCompile(`[0-9]{6,}`)

// create makes a version of ours. After an answer that leaves a doubt, the
// list tells: what was not there before and has the name that nobody else
// gives is ours.
func (p *probe) create(ctx context.Context) (car.Version, error) {
	v, _, err := p.api.CreateApplicationVersion(ctx, car.CreateVersionRequest{ApplicationID: p.o.Publish.ApplicationID, FileName: p.sent})
	var api *car.Error
	if errors.As(err, &api) && api.Doubtful {
		versions, look := p.look(ctx)
		i := slices.IndexFunc(versions, func(v car.Version) bool {
			return !p.known(v.ID) && v.Name == strings.TrimSuffix(p.sent, path.Ext(p.sent))
		})
		if look != nil || i < 0 {
			p.result.Left = append(p.result.Left, publish.Leftover{What: "a version named " + p.sent + " may have been created", Command: p.o.Publish.Line("list", "")})
			return v, err
		}
		v, err = versions[i], nil
	}
	if err != nil {
		return v, err
	}
	if !car.IsVersionID(v.ID) {
		return v, &publish.Error{Kind: publish.Other, Code: car.CodeAnswer, Message: fmt.Sprintf("CreateApplicationVersion answered with %q, which is no version id.", v.ID)}
	}
	p.ours = append(p.ours, v)
	p.emit(publish.Owned{VersionID: v.ID})
	p.emit(publish.Note{Text: "Created " + v.ID + "."})
	return v, nil
}

func (p *probe) known(id string) bool {
	same := func(v car.Version) bool { return v.ID == id }
	return slices.ContainsFunc(p.before, same) || slices.ContainsFunc(p.ours, same)
}

func (p *probe) tellCreated(v car.Version) {
	const question = "What is a version right after its create?"
	switch {
	case p.kind == car.Mobile && v.Status == car.Uploading:
		p.tell(question, "MobileCreated", "uploading", "%s", v.Status)
	case p.kind == car.Mobile && v.Status == car.Creating:
		p.tell(question, "MobileCreated", "creating", "%s", v.Status)
	default:
		p.tell(question, "", unknownYet, "%s, named %q after the file %q", v.Status, v.Name, p.sent)
	}
}

func (p *probe) look(ctx context.Context) ([]car.Version, error) {
	versions, _, err := p.api.DescribeApplicationVersion(ctx, p.o.Publish.ApplicationID)
	return versions, err
}

// watch looks at the list, often at first, until the condition holds, and
// returns how long that took. An application is 20 calls a second
// (tencentcloud.com/document/product/1158/49958).
func (p *probe) watch(ctx context.Context, most time.Duration, until func([]car.Version) bool) (took time.Duration, held bool, err error) {
	start := time.Now()
	for {
		versions, err := p.look(ctx)
		if err != nil {
			return 0, false, err
		}
		took = time.Since(start)
		if until(versions) {
			return took, true, nil
		}
		if most > 0 && took >= most {
			return took, false, nil
		}
		wait := 2 * time.Second
		if took < 10*time.Second {
			wait = time.Second / 2
		}
		if err := sleep(ctx, wait); err != nil {
			return took, false, err
		}
	}
}

func (p *probe) measureLag(ctx context.Context, v car.Version) error {
	took, seen, err := p.watch(ctx, publish.Appears, func(all []car.Version) bool { return status(all, v.ID) != "" })
	if err != nil {
		return err
	}
	const question, field = "How long is the list behind?", "ListLag"
	if !seen {
		return &publish.Error{Kind: publish.Other, Code: "Vanished", Message: v.ID + " was created and did not appear in the list."}
	}
	p.lag = took
	p.tell(question, field, took.Round(time.Second/2).String(), "a new version was listed %s after the answer of its create", milliseconds(took))
	return nil
}

// deleteCreated tries to delete a version that waits for its build. It
// returns the version to go on with: the same one if it could not be
// deleted, one that took its place, or none.
func (p *probe) deleteCreated(ctx context.Context, v car.Version) (car.Version, error) {
	const question, field = "Can a version be deleted that waits for its build?", "DeleteCreating"
	start := time.Now()
	err := p.delete(ctx, v.ID)
	switch {
	case errors.Is(err, car.Code("OperationDenied")):
		p.deleteCreating = denied
		p.tell(question, field, denied, "CAR answered %s", code(err))
		return v, nil
	case err != nil:
		return car.Version{}, err
	}
	p.deleteCreating = done
	p.tell(question, field, done, "CAR took the request")
	return p.awaitGone(ctx, v, start, true)
}

// awaitGone waits until a version of ours is deleted. If the application is
// full meanwhile, it asks whether that version still counts; a version that
// CAR then lets us create is returned.
func (p *probe) awaitGone(ctx context.Context, v car.Version, start time.Time, first bool) (next car.Version, err error) {
	const counts, limitField = "Does a version that is being deleted count to the five?", "DeletingInLimit"
	var refusal error
	asked := first && len(p.before) == publish.Limit-1
	if asked {
		next, refusal = p.create(ctx)
		if refusal != nil && !isRefusal(refusal) {
			return next, refusal
		}
	}
	if _, _, err = p.watch(ctx, 0, func(all []car.Version) bool { return status(all, v.ID) == "" }); err != nil {
		return next, err
	}
	p.forget(v.ID)
	took := time.Since(start)
	if !first {
		return next, nil
	}
	real := max(0, took-p.lag)
	p.tell("How long does a delete take?", "DeleteTime", real.Round(time.Second/2).String(), "a version without a build was gone from the list after %s", milliseconds(took))
	switch {
	case !asked:
		p.tell(counts, limitField, unknownYet, "the application must hold four versions to tell, and held %d", len(p.before))
	case real < time.Second:
		p.tell(counts, limitField, unknownYet, "it was gone too soon to tell")
	case refusal == nil:
		p.tell(counts, limitField, "free", "a new version was taken while one of five was being deleted")
	case errors.Is(refusal, car.Code("OperationDenied.VersionLimitExceeded")):
		p.tell(counts, limitField, "counted", "CAR answered %s", code(refusal))
	default:
		p.tell(counts, limitField, unknownYet, "CAR answered %s", code(refusal))
	}
	return next, nil
}

// deliver uploads the build into a version of ours and waits until CAR has
// made it. The first time, it asks on the way.
func (p *probe) deliver(ctx context.Context, v car.Version, asking bool) (car.Version, error) {
	if _, seen, err := p.watch(ctx, publish.Appears, func(all []car.Version) bool { return status(all, v.ID) != "" }); err != nil || !seen {
		return v, errors.Join(err, errors.New(v.ID+" did not appear in the list"))
	}
	var last cos.Keys
	upload := cos.New(cos.Options{
		File: p.file, Size: p.size, Transport: p.d.COS, Endpoint: p.d.Endpoint, Policy: p.d.Upload,
		Called: func(c cos.Call) {
			p.emit(publish.Called{Action: c.Action, Took: c.Took, RequestID: c.RequestID, Attempt: c.Attempt, Err: c.Err})
		},
		Renew: func(ctx context.Context) (cos.Keys, error) {
			keys, err := p.keys(ctx, v)
			if err == nil {
				last = keys
			}
			return keys, err
		},
	})
	if asking {
		trials, err := upload.Try(ctx)
		if err != nil {
			return v, err
		}
		p.tellKeys(last, v)
		p.tellTrials(trials)
		p.accelerated(ctx, last)
	}
	uploaded, err := upload.Run(ctx)
	if err != nil {
		if upload.Pending() {
			late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
			defer cancel()
			_ = upload.Abort(late) // it has no parts, or blocks nothing
		}
		return v, err
	}
	p.emit(publish.Note{Text: fmt.Sprintf("Uploaded %d bytes for %s, CRC-64 %d.", p.size, v.ID, uploaded.CRC64)})
	return p.handOver(ctx, v, asking)
}

// keys gets the keys for the upload of our version. The call names no version,
// so the list must show ours as the one in flight.
func (p *probe) keys(ctx context.Context, v car.Version) (cos.Keys, error) {
	versions, err := p.look(ctx)
	if err != nil {
		return cos.Keys{}, err
	}
	for _, other := range versions {
		if other.ID != v.ID && other.Status.Underway() {
			return cos.Keys{}, cos.Final(displaced(other.ID + " is being created too"))
		}
	}
	c, _, err := p.api.DescribeCosCredential(ctx, p.o.Publish.ApplicationID, p.renamed)
	if err != nil {
		return cos.Keys{}, err
	}
	keys, _, err := publish.UploadKeys(c, v.ID) // what form their path has is one of the questions
	if err != nil {
		return cos.Keys{}, err
	}
	for _, s := range []publish.Masked{{Secret: c.SecretID}, {Secret: c.SecretKey}, {Secret: c.SessionToken}} {
		p.emit(s)
	}
	return keys, nil
}

func displaced(why string) error {
	return &publish.Error{Kind: publish.InTheWay, Code: "Displaced", Hint: "Probe an application that nobody else works on.", Message: why + ": stopped."}
}

func (p *probe) tellKeys(keys cos.Keys, v car.Version) {
	form := unknownYet
	folder, base := path.Split(keys.Path)
	switch {
	case strings.HasPrefix(keys.Path, "/") && strings.Contains(base, v.ID):
		form = "slash"
	case !strings.HasPrefix(keys.Path, "/") && strings.Contains(folder, v.ID):
		form = "folder"
	}
	// A report that can be shown to others names no account.
	shape := accountNumber.ReplaceAllString(strings.NewReplacer(v.ID, "VERSION", p.o.Publish.ApplicationID, "APPLICATION").Replace(keys.Path), "APPID")
	p.tell("What form has the path of an upload?", "PathForm", form, "%s in a bucket in %s", shape, keys.Region)
	life := keys.Expires.Sub(keys.Start)
	p.tell("How long do the keys of an upload live?", "KeyLifetime", life.String(), "%v, by their StartTime and ExpiredTime", life)
}

func (p *probe) tellTrials(trials []cos.Trial) {
	var words []string
	allowed := 0
	for _, t := range trials {
		if t.Err == nil {
			allowed++
			words = append(words, t.Action+" allowed")
			continue
		}
		words = append(words, t.Action+" "+cosCode(t.Err))
	}
	value := unknownYet
	switch allowed {
	case 0:
		value = "none"
	case len(trials):
		value = "all"
	}
	p.tell("What may these keys do besides putting an object?", "COSActions", value, "%s", strings.Join(words, ", "))
}

// accelerated asks whether the bucket has global acceleration
// (cloud.tencent.com/document/product/436/38866).
func (p *probe) accelerated(ctx context.Context, keys cos.Keys) {
	const question = "Does the bucket have global acceleration?"
	if p.d.Endpoint != "" {
		p.tell(question, "", unknownYet, "not asked, since cos-endpoint is set")
		return
	}
	answer := "the object was there" // nobody has put it there yet
	there := cos.New(cos.Options{
		Size: 1, Transport: p.d.COS, Endpoint: "https://" + keys.Bucket + ".cos.accelerate.myqcloud.com", Policy: p.d.Upload,
		Renew: func(context.Context) (cos.Keys, error) { return keys, nil },
		Called: func(c cos.Call) {
			if c.Err != nil {
				answer = "HeadObject by way of it: " + cosCode(c.Err) + "; HTTP 400 means no"
			}
		},
	})
	if _, _, err := there.Present(ctx); err != nil {
		answer = "not found out: " + brief(err)
	}
	p.tell(question, "", unknownYet, "%s", answer)
}

// handOver tells CAR of the upload, once and again, and waits for the version.
func (p *probe) handOver(ctx context.Context, v car.Version, asking bool) (car.Version, error) {
	app := p.o.Publish.ApplicationID
	field := "SnapshotDesktop"
	if p.kind == car.Mobile {
		field = "SnapshotMobile"
	}
	moved := "" // what says that CAR did not wait to be told
	uploaded := time.Now()
	if asking {
		var err error
		if moved, err = p.movesByItself(ctx, v); err != nil {
			return v, err
		}
	}
	_, first := p.api.CreateApplicationSnapshot(ctx, app, secret.String{})
	told := time.Now()
	if first != nil && !isRefusal(first) {
		return v, first
	}
	if asking {
		p.tellSnapshot(field, moved, first)
	}
	var second error
	twice := asking && first == nil && moved == ""
	if twice {
		_, second = p.api.CreateApplicationSnapshot(ctx, app, secret.String{})
		if second != nil && !isRefusal(second) {
			return v, second
		}
	}
	gap := time.Since(told)

	_, _, err := p.watch(ctx, 0, func(all []car.Version) bool {
		i := slices.IndexFunc(all, func(now car.Version) bool { return now.ID == v.ID })
		if i >= 0 {
			v = all[i]
		}
		return i < 0 || !v.Status.Underway()
	})
	if err != nil || !asking {
		return v, err
	}
	from := told
	if moved != "" {
		from = uploaded
	}
	took := max(0, time.Since(from)-p.lag)
	const how, again = "How long does CAR take for a small build?", "Is a second CreateApplicationSnapshot refused?"
	p.tell(how, "ProcessingTime", took.Round(time.Second/2).String(), "%d bytes were %s after %s", p.size, v.Status, milliseconds(took))
	switch {
	case !twice:
		p.tell(again, "SecondSnapshot", unknownYet, "the first one did not start anything")
	case took <= gap+time.Second:
		p.tell(again, "SecondSnapshot", unknownYet, "CAR was done too soon to tell")
	case second == nil:
		p.tell(again, "SecondSnapshot", done, "no")
	case errors.Is(second, car.Code("OperationDenied")):
		p.tell(again, "SecondSnapshot", denied, "CAR answered %s", code(second))
	default:
		p.tell(again, "SecondSnapshot", unknownYet, "CAR answered %s", code(second))
	}
	p.tellReady(v)
	return v, nil
}

// movesByItself watches a version whose upload is complete, and says what
// shows that CAR works on it already.
func (p *probe) movesByItself(ctx context.Context, v car.Version) (moved string, err error) {
	_, _, err = p.watch(ctx, settle+p.lag, func(all []car.Version) bool {
		if s := status(all, v.ID); s != "" && !s.Underway() {
			moved = "it became " + string(s)
			return true
		}
		list, _, err := p.api.DescribeApplicationStatus(ctx, p.o.Publish.ApplicationID)
		for _, s := range list {
			if err == nil && s.ApplicationID == p.o.Publish.ApplicationID && s.UpdateStatus == "ApplicationUpdateCreating" && s.Progress > 0 {
				moved = fmt.Sprintf("its progress was %d %%", s.Progress)
			}
		}
		return moved != ""
	})
	return moved, err
}

func (p *probe) tellSnapshot(field, moved string, err error) {
	const question = "Must CAR be told that the upload is complete?"
	answered := "it was accepted"
	if err != nil {
		answered = "CAR answered " + code(err)
	}
	switch {
	case moved == "" && err == nil:
		p.tell(question, field, needed, "nothing moved for %v after the upload, and CreateApplicationSnapshot was accepted", settle)
	case errors.Is(err, car.Code("OperationDenied")):
		p.tell(question, field, refused, "CreateApplicationSnapshot: %s", answered)
	case moved != "" && err == nil:
		p.tell(question, field, ignored, "no: %s before CreateApplicationSnapshot, and %s", moved, answered)
	default:
		p.tell(question, field, unknownYet, "CreateApplicationSnapshot: %s", answered)
	}
}

func (p *probe) tellReady(v car.Version) {
	if v.Status == car.CreateFailed {
		p.tell("What does CAR make of the build?", "", unknownYet, "CreateFailed; with an artifact of yours more could be found out")
	}
	if !v.Status.Good() {
		return
	}
	const becomes = "What becomes of the name of a version?"
	stem := func(file string) string { return strings.TrimSuffix(file, path.Ext(file)) }
	short := []rune(stem(p.sent))
	switch v.Name {
	case stem(p.sent):
		p.tell(becomes, "NameAfterUpload", "kept", "it is that of the create")
	case stem(p.renamed):
		p.tell(becomes, "NameAfterUpload", "replaced", "it is that of DescribeCosCredential")
	case string(short[:min(16, len(short))]):
		p.tell(becomes, "NameAfterUpload", "truncated", "it is cut to 16 characters")
	default:
		p.tell(becomes, "NameAfterUpload", unknownYet, "%q, sent were %q and %q", v.Name, p.sent, p.renamed)
	}
	const question = "What is the first version of an application in the end?"
	switch {
	case len(p.before) > 0:
		p.tell(question, "FirstVersion", unknownYet, "the application had versions before")
	case v.Status == car.Inuse:
		p.tell(question, "FirstVersion", "inuse", "Inuse, without a release")
	case v.Status == car.Normal:
		p.tell(question, "FirstVersion", "normal", "Normal: it waits for its release")
	}
}

func (p *probe) createWhileNormal(ctx context.Context) error {
	const question, field = "Does CAR take a new version while one is Normal?", "CreateWhileNormal"
	v, err := p.create(ctx)
	switch {
	case err == nil:
		p.tell(question, field, "allowed", "yes")
		return p.dispose(ctx, v)
	case errors.Is(err, car.Code("OperationDenied.VersionCreating")):
		p.tell(question, field, "version-creating", "CAR answered %s", code(err))
	case errors.Is(err, car.Code("OperationDenied.VersionLimitExceeded")):
		p.tell(question, field, unknownYet, "CAR answered %s, since it is full", code(err))
	case errors.Is(err, car.Code("OperationDenied")):
		p.tell(question, field, denied, "CAR answered %s", code(err))
	case isRefusal(err):
		p.tell(question, field, unknownYet, "CAR answered %s", code(err))
	default:
		return err
	}
	return nil
}

// dispose removes a version of ours that nobody has delivered into.
func (p *probe) dispose(ctx context.Context, v car.Version) error {
	if p.deleteCreating == denied { // then only as a version that is ready
		ready, err := p.deliver(ctx, v, false)
		if err != nil {
			return err
		}
		v = ready
	}
	start := time.Now()
	if err := p.delete(ctx, v.ID); err != nil {
		return err
	}
	_, err := p.awaitGone(ctx, v, start, false)
	return err
}

// deleteReady deletes the version that the probe was about.
func (p *probe) deleteReady(ctx context.Context, v car.Version) error {
	const question, field = "Can the version be deleted that is online?", "DeleteInuse"
	start := time.Now()
	err := p.delete(ctx, v.ID)
	switch {
	case v.Status != car.Inuse:
		p.tell(question, field, unknownYet, "not asked: a probe puts nothing online")
	case err == nil:
		p.tell(question, field, done, "CAR took the request")
	case errors.Is(err, car.Code("OperationDenied")):
		p.tell(question, field, denied, "CAR answered %s", code(err))
		return nil // undo tells what is left
	}
	if err != nil {
		return err
	}
	_, err = p.awaitGone(ctx, v, start, false)
	return err
}

// delete asks CAR to delete a version of ours. It is sent again only by undo,
// which looks first.
func (p *probe) delete(ctx context.Context, id string) error {
	_, err := p.api.DeleteApplicationVersion(ctx, p.o.Publish.ApplicationID, id)
	if err == nil {
		p.result.DeletedVersionIDs = append(p.result.DeletedVersionIDs, id)
		p.emit(publish.Note{Text: "Deleting " + id + "."})
	}
	return err
}

func (p *probe) forget(id string) {
	p.ours = slices.DeleteFunc(p.ours, func(v car.Version) bool { return v.ID == id })
	var last publish.Owned // what a clean-up after this process has to find
	if n := len(p.ours); n > 0 {
		last.VersionID = p.ours[n-1].ID
	}
	p.emit(last)
}

// undo deletes what is left of ours, or tells what could not be.
func (p *probe) undo(ctx context.Context) {
	if len(p.ours) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publish.CleanupTime)
	defer cancel()
	versions, look := p.look(ctx)
	for _, v := range slices.Clone(p.ours) {
		now := status(versions, v.ID)
		why := ""
		switch {
		case look != nil:
			why = brief(look)
		case now == car.Deleting:
		case now == car.Inuse || now == car.Usable:
			why = "it is " + string(now)
		default: // a list that lags may not show it yet: it is ours by its id
			if err := p.delete(ctx, v.ID); err != nil {
				why = brief(err)
			}
		}
		if why == "" {
			p.forget(v.ID)
			continue
		}
		p.result.Left = append(p.result.Left, publish.Leftover{
			What: v.ID + ", since it could not be deleted: " + why, Command: p.o.Publish.Line("delete", v.ID),
		})
	}
}

// status is the status of a version in a list, "" if it is not there.
func status(versions []car.Version, id string) car.Status {
	for _, v := range versions {
		if v.ID == id {
			return v.Status
		}
	}
	return ""
}

// isRefusal reports whether the service has answered, and said no.
func isRefusal(err error) bool {
	var api *car.Error
	return errors.As(err, &api) && !api.Doubtful && !api.Passing && api.RequestID != ""
}

func code(err error) string {
	var api *car.Error
	if errors.As(err, &api) {
		return api.Code
	}
	return brief(err)
}

func cosCode(err error) string {
	var e *cos.Error
	switch {
	case !errors.As(err, &e):
		return brief(err)
	case e.Code != "":
		return e.Code
	}
	return fmt.Sprintf("HTTP %d", e.HTTPStatus)
}

func sleep(ctx context.Context, d time.Duration) error { return retry.Sleep(ctx, d) }
