package doctor

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/publish"
)

// increment finds out what a package means to a version whose update mode is
// INCREMENT: all of it, or what is laid over the version that is online. It uploads an
// INCREMENT version with one program that the online version lacks, and looks whether CAR
// then lists only that one (whole) or also the first program of the online version
// (overlay).
func (p *probe) increment(ctx context.Context) error {
	const question, field = "What is the package of an INCREMENT version?", "Increment"
	online := slices.IndexFunc(p.before, func(v car.Version) bool { return v.Status == car.Inuse })
	if p.kind != car.Desktop || online < 0 {
		p.tell(question, field, unknownYet, "not asked: it needs a desktop application with a version online")
		return nil
	}
	former, _, err := p.api.DescribeApplicationPathList(ctx, p.o.Publish.ApplicationID, p.before[online].ID)
	if err != nil || len(former) == 0 {
		p.tell(question, field, unknownYet, "not asked: CAR lists no programs of the version online")
		return ctx.Err()
	}
	const program = "car-publish-probe/increment.exe"
	if err := p.makeUp(program, publish.ProbePrefix+strings.ToLower(rand.Text()[:6])); err != nil {
		return err
	}
	p.mode = "INCREMENT"
	v, err := p.create(ctx)
	if isRefusal(err) {
		p.tell(question, field, unknownYet, "CAR answered %s", code(err))
		return nil
	}
	if err != nil {
		return err
	}
	if v, err = p.deliver(ctx, v, false); err != nil {
		return err
	}
	switch paths, _, err := p.api.DescribeApplicationPathList(ctx, p.o.Publish.ApplicationID, v.ID); {
	case v.Status == car.CreateFailed:
		p.tell(question, field, "fails", "a version of one small program became CreateFailed")
	case err != nil || !artifact.Holds(paths, program):
		p.tell(question, field, unknownYet, "CAR did not list the new program: %d others", len(paths))
	case artifact.Holds(paths, former[0]):
		p.tell(question, field, "overlay", "the version has the programs of the one online as well")
	default:
		p.tell(question, field, "whole", "the version has only what was in its package")
	}
	start := time.Now()
	if err := p.delete(ctx, v.ID); err != nil {
		return err // undo tells what is left
	}
	_, err = p.awaitGone(ctx, v, start, false)
	return err
}

// makeUp makes a zip with one program as what is uploaded from now on.
func (p *probe) makeUp(program, stem string) error {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	member, err := w.Create(path.Clean(program))
	if err == nil {
		_, err = member.Write([]byte("car-publish doctor --probe\n"))
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	p.file, p.size = bytes.NewReader(b.Bytes()), int64(b.Len())
	p.name(stem, ".zip")
	return nil
}
