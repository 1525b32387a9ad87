package doctor

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/cos"
	"github.com/car-publish/car-publish/internal/record"
)

// The values of the simulator's World, as its JSON form spells them.
const (
	done, denied             = "done", "denied"
	unknownYet               = ""
	needed, refused, ignored = "needed", "refused", "ignored"
)

// tell records the answer to a question. A value is a fact for the World of the
// simulator.
func (p *probe) tell(question, field, value, format string, args ...any) {
	a := record.Answer{Question: question, Answer: fmt.Sprintf(format, args...), Field: field, Value: value}
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
	p.emit(record.Note{Text: question + " " + line})
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

// tellDeleteTime tells how long a delete took until the list, which may lag
// behind, did not show the version any more.
func (p *probe) tellDeleteTime(took time.Duration) {
	p.tell("How long does a delete take?", "DeleteTime", p.withoutLag(took).Round(time.Second/2).String(), "a version without a build was gone from the list after %s", milliseconds(took))
}

// withoutLag is what remains of a time that was measured by the list.
func (p *probe) withoutLag(took time.Duration) time.Duration { return max(0, took-p.lag) }

// tellDeletingInLimit tells, by the answer to a create in a full application,
// whether the version that was being deleted still counted.
func (p *probe) tellDeletingInLimit(took time.Duration, asked bool, refusal error) {
	const question, field = "Does a version that is being deleted count to the five?", "DeletingInLimit"
	switch {
	case !asked:
		p.tell(question, field, unknownYet, "the application must hold four versions to tell, and held %d", len(p.before))
	case p.withoutLag(took) < time.Second:
		p.tell(question, field, unknownYet, "it was gone too soon to tell")
	case refusal == nil:
		p.tell(question, field, "free", "a new version was taken while one of five was being deleted")
	case errors.Is(refusal, car.Code("OperationDenied.VersionLimitExceeded")):
		p.tell(question, field, "counted", "CAR answered %s", code(refusal))
	default:
		p.tell(question, field, unknownYet, "CAR answered %s", code(refusal))
	}
}

// accountNumber matches the number of an account in a path.
var accountNumber = regexp.MustCompile(`[0-9]{6,}`)

func (p *probe) tellKeys(keys cos.Keys, v car.Version) {
	form := unknownYet
	folder, base := path.Split(keys.Path)
	switch {
	case strings.HasPrefix(keys.Path, "/") && strings.Contains(base, v.ID):
		form = "slash"
	case !strings.HasPrefix(keys.Path, "/") && strings.Contains(folder, v.ID):
		form = "folder"
	}
	// The account is left out, so that the report can be shown to others.
	shape := accountNumber.ReplaceAllString(strings.NewReplacer(v.ID, "VERSION", p.o.Publish.ApplicationID, "APPLICATION").Replace(keys.Path), "APPID")
	p.tell("What form has the path of an upload?", "PathForm", form, "%s in a bucket in %s", shape, keys.Region)
	life := keys.Expires.Sub(keys.Start)
	p.tell("How long do the keys of an upload live?", "KeyLifetime", life.String(), "%v, by their StartTime and ExpiredTime", life)
}

func (p *probe) tellTrials(trials []cos.Permission) {
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
	answer := "the object was there" // which cannot be: it was not uploaded yet
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

// tellSecondSnapshot tells how CAR answered a second request for the same
// upload. tooSoon says that CAR may have been done with it by then.
func (p *probe) tellSecondSnapshot(asked, tooSoon bool, answer error) {
	const question, field = "Is a second CreateApplicationSnapshot refused?", "SecondSnapshot"
	switch {
	case !asked:
		p.tell(question, field, unknownYet, "the first one did not start anything")
	case tooSoon:
		p.tell(question, field, unknownYet, "CAR was done too soon to tell")
	case answer == nil:
		p.tell(question, field, done, "no")
	case errors.Is(answer, car.Code("OperationDenied")):
		p.tell(question, field, denied, "CAR answered %s", code(answer))
	default:
		p.tell(question, field, unknownYet, "CAR answered %s", code(answer))
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

func (p *probe) tellCreateWhileNormal(answer error) {
	const question, field = "Does CAR take a new version while one is Normal?", "CreateWhileNormal"
	switch {
	case answer == nil:
		p.tell(question, field, "allowed", "yes")
	case errors.Is(answer, car.Code("OperationDenied.VersionCreating")):
		p.tell(question, field, "version-creating", "CAR answered %s", code(answer))
	case errors.Is(answer, car.Code("OperationDenied.VersionLimitExceeded")):
		p.tell(question, field, unknownYet, "CAR answered %s, since it is full", code(answer))
	case errors.Is(answer, car.Code("OperationDenied")):
		p.tell(question, field, denied, "CAR answered %s", code(answer))
	default:
		p.tell(question, field, unknownYet, "CAR answered %s", code(answer))
	}
}

// categories finds out which applications are listed without a category.
func (p *probe) categories(ctx context.Context) {
	const question, field = "What does DescribeApplicationList list without a category?", "OmittedCategory"
	mobile, _, err := p.api.DescribeApplicationList(ctx, car.ListRequest{Limit: 100, Category: car.Mobile})
	if err == nil && len(mobile.Mobile) == 0 {
		p.tell(question, field, unknownYet, "the account has no mobile application, so this cannot be found out")
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

// status is the status of a version in a list, "" if it is not there.
func status(versions []car.Version, id string) car.Status {
	for _, v := range versions {
		if v.ID == id {
			return v.Status
		}
	}
	return ""
}

// isRefusal reports whether the service answered that it does not do it.
func isRefusal(err error) bool {
	var api *car.Error
	return errors.As(err, &api) && !api.Doubtful && !api.Temporary && api.RequestID != ""
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
