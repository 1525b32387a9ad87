package doctor

import (
	"fmt"
	"strings"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/publish"
)

// fit refuses an application in which a probe would disturb others. The user has
// said twice that it is a scratch application.
func (p *probe) fit() error {
	for _, v := range p.before {
		if v.Status != car.Inuse && v.Status != car.Usable {
			return &publish.Error{
				Kind: publish.InTheWay, Code: "Blocked", Hint: "Release or delete it, or name another scratch application.",
				Message: fmt.Sprintf("A probe needs an application that nobody is working on: %s is %s. Nothing was created.", v.ID, v.Status),
			}
		}
	}
	if len(p.before) >= publish.Limit {
		return &publish.Error{
			Kind: publish.InTheWay, Code: "Full", Hint: "Delete one, or name another scratch application.",
			Message: fmt.Sprintf("A probe needs room for one version, and %s holds %d. Nothing was created.", p.o.Publish.ApplicationID, len(p.before)),
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
	if b := p.build; b != nil && p.o.Publish.Tree == nil {
		file, err := artifact.Open(b.Path)
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
	return func() {}, p.makeUp(start, stem)
}

func (p *probe) name(stem, extension string) {
	p.sent, p.renamed = stem+extension, stem+"-sent"+extension
}
