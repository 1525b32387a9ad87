package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// probe makes a version of a few bytes on a scratch application to find out what
// Tencent does not document. It deletes what it made, and never puts anything
// online. It reports the answers in the terms of the simulator's World, so that
// each assumption there can become a fact.
type probe struct {
	*exam
	before  []car.Version // what was there
	ours    []car.Version // what we made and have not deleted
	file    io.ReaderAt
	size    int64
	sent    string // the file name in CreateApplicationVersion
	renamed string // the file name in DescribeCosCredential
	mode    string // the update mode; "" leaves it to CAR

	lag            time.Duration // of the list
	deleteCreating string        // done, denied or ""
}

// settle is how long a version is watched after its upload, before
// CreateApplicationSnapshot is called: perhaps CAR does not need that call.
const settle = 20 * time.Second

// probe is the step that Options.Probe adds.
func (e *exam) probe(ctx context.Context) error {
	p := &probe{exam: e, before: e.versions}
	if err := p.fit(); err != nil {
		return err
	}
	stem := publish.ProbePrefix + strings.ToLower(rand.Text()[:6])
	closing, err := p.open(stem)
	if err != nil {
		return err
	}
	defer closing()
	defer p.undo(ctx)
	return p.run(ctx)
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
	// A run that is killed leaves a version without a build: can that be deleted?
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
	if err := p.increment(ctx); err != nil {
		return err
	}
	p.tell("Does going online need the start path in the package?", "OnlineStartPath", unknownYet, "not asked: a probe puts nothing online")
	return nil
}

// create makes a version. If its answer is lost, the list shows whether it was
// made: a version that was not there before and has our name is ours.
func (p *probe) create(ctx context.Context) (car.Version, error) {
	v, _, err := p.api.CreateApplicationVersion(ctx, car.CreateVersionRequest{ApplicationID: p.o.Publish.ApplicationID, FileName: p.sent, UpdateMode: p.mode})
	var api *car.Error
	if errors.As(err, &api) && api.Doubtful {
		versions, look := p.look(ctx)
		i := slices.IndexFunc(versions, func(v car.Version) bool {
			return !p.known(v.ID) && v.Name == strings.TrimSuffix(p.sent, path.Ext(p.sent))
		})
		if look != nil || i < 0 {
			p.result.Left = append(p.result.Left, record.Leftover{What: "a version named " + p.sent + " may have been created", Command: p.o.Publish.Line("list", "")})
			return v, err
		}
		v, err = versions[i], nil
	}
	if err != nil {
		return v, err
	}
	if !car.IsVersionID(v.ID) {
		return v, &publish.Error{Kind: publish.Other, Code: car.CodeAnswer, Message: fmt.Sprintf("CreateApplicationVersion answered with %q, which is not a version id.", v.ID)}
	}
	p.ours = append(p.ours, v)
	p.emit(record.Owned{Mark: publish.ProbePrefix, VersionID: v.ID})
	p.emit(record.Note{Text: "Created " + v.ID + "."})
	return v, nil
}

func (p *probe) known(id string) bool {
	same := func(v car.Version) bool { return v.ID == id }
	return slices.ContainsFunc(p.before, same) || slices.ContainsFunc(p.ours, same)
}

func (p *probe) look(ctx context.Context) ([]car.Version, error) {
	versions, _, err := p.api.DescribeApplicationVersion(ctx, p.o.Publish.ApplicationID)
	return versions, err
}

// watch polls the list, more often at first, until the condition holds, and
// returns how long that took. CAR allows 20 calls a second
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
	took, seen, err := p.watch(ctx, publish.MaxListLag, func(all []car.Version) bool { return status(all, v.ID) != "" })
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

// deleteCreated tries to delete a version that waits for its build. It returns
// the version to continue with: the same one if CAR refused, one that was
// created meanwhile, or none.
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

// awaitGone waits until a version of ours is deleted. The first time it tries,
// in a full application, to create another meanwhile, which tells whether a
// version that is being deleted still counts. It returns the one that CAR
// created then.
func (p *probe) awaitGone(ctx context.Context, v car.Version, start time.Time, first bool) (next car.Version, err error) {
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
	if first {
		took := time.Since(start)
		p.tellDeleteTime(took)
		p.tellDeletingInLimit(took, asked, refusal)
	}
	return next, nil
}

// deliver uploads the build into a version of ours and waits until CAR has
// processed it. With asking, it answers the questions about uploads on the way.
func (p *probe) deliver(ctx context.Context, v car.Version, asking bool) (car.Version, error) {
	if _, seen, err := p.watch(ctx, publish.MaxListLag, func(all []car.Version) bool { return status(all, v.ID) != "" }); err != nil {
		return v, err
	} else if !seen {
		return v, errors.New(v.ID + " did not appear in the list")
	}
	var last cos.Keys
	upload := cos.New(cos.Options{
		File: p.file, Size: p.size, Transport: p.d.COS, Endpoint: p.d.Endpoint, Policy: p.d.Upload,
		Called: func(c cos.Call) {
			p.emit(record.Called{Action: c.Action, Took: c.Took, RequestID: c.RequestID, Attempt: c.Attempt, Err: c.Err})
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
		trials, err := upload.Permissions(ctx)
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
	p.emit(record.Note{Text: fmt.Sprintf("Uploaded %d bytes for %s, CRC-64 %d.", p.size, v.ID, uploaded.CRC64)})
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
	for _, s := range []record.Masked{{Secret: c.SecretID}, {Secret: c.SecretKey}, {Secret: c.SessionToken}} {
		p.emit(s)
	}
	return keys, nil
}

func displaced(why string) error {
	return &publish.Error{Kind: publish.InTheWay, Code: "Displaced", Hint: "Probe an application that nobody else works on.", Message: why + ": stopped."}
}

// handOver calls CreateApplicationSnapshot, with asking a second time as well,
// and waits until CAR has processed the build.
func (p *probe) handOver(ctx context.Context, v car.Version, asking bool) (car.Version, error) {
	app := p.o.Publish.ApplicationID
	field := "SnapshotDesktop"
	if p.kind == car.Mobile {
		field = "SnapshotMobile"
	}
	moved := "" // the sign that CAR did not wait for the snapshot; "" if there is none
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
	began := told
	if moved != "" {
		began = uploaded
	}
	took := p.withoutLag(time.Since(began))
	p.tell("How long does CAR take for a small build?", "ProcessingTime", took.Round(time.Second/2).String(), "%d bytes were %s after %s", p.size, v.Status, milliseconds(took))
	p.tellSecondSnapshot(twice, took <= gap+time.Second, second)
	p.tellReady(v)
	return v, nil
}

// movesByItself watches a version whose upload is complete, and returns the sign
// that CAR is processing it already, if there is one.
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

func (p *probe) createWhileNormal(ctx context.Context) error {
	v, err := p.create(ctx)
	if err != nil && !isRefusal(err) {
		return err
	}
	p.tellCreateWhileNormal(err)
	if err == nil {
		return p.dispose(ctx, v)
	}
	return nil // a refusal is an answer, too
}

// dispose removes a version of ours that still waits for its build.
func (p *probe) dispose(ctx context.Context, v car.Version) error {
	if p.deleteCreating == denied { // then it can only be deleted once it is ready
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

// deleteReady deletes the version into which the build was delivered.
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

// delete asks CAR to delete a version of ours. It does not retry: undo does, after
// it has looked at the list.
func (p *probe) delete(ctx context.Context, id string) error {
	_, err := p.api.DeleteApplicationVersion(ctx, p.o.Publish.ApplicationID, id)
	if err == nil {
		p.result.DeletedVersionIDs = append(p.result.DeletedVersionIDs, id)
		p.emit(record.Note{Text: "Deleting " + id + "."})
	}
	return err
}

func (p *probe) forget(id string) {
	p.ours = slices.DeleteFunc(p.ours, func(v car.Version) bool { return v.ID == id })
	var last record.Owned // what a cleanup after this process has to remove
	if n := len(p.ours); n > 0 {
		last = record.Owned{Mark: publish.ProbePrefix, VersionID: p.ours[n-1].ID}
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
		default: // a list that lags behind may not show it yet; its id says that it is ours
			if err := p.delete(ctx, v.ID); err != nil {
				why = brief(err)
			}
		}
		if why == "" {
			p.forget(v.ID)
			continue
		}
		p.result.Left = append(p.result.Left, record.Leftover{
			What: v.ID + ", since it could not be deleted: " + why, Command: p.o.Publish.Line("delete", v.ID),
		})
	}
}

func sleep(ctx context.Context, d time.Duration) error { return retry.Sleep(ctx, d) }
