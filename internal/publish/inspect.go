package publish

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/secret"
)

// inspect looks at the artifact, before any call.
func (r *run) inspect(ctx context.Context) error {
	r.begin(record.Inspect)
	content := []byte(r.o.ArtifactURL.Reveal())
	name := path.Base(urlPath(r.o.ArtifactURL))
	if r.o.ArtifactURL.IsZero() {
		path, err := artifact.Find(r.o.Artifact)
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return fail(BadInput, "ArtifactUnreadable", "", "look at the artifact: %v", err)
		case info.IsDir():
			err = r.scan(ctx, path)
		default:
			r.file = info
			r.build, err = r.d.InspectFile(ctx, path)
		}
		if err != nil {
			return err
		}
		content, name = r.build.Fingerprint[:], r.build.Name
		if err := r.describe(); err != nil {
			return err
		}
	}
	if r.o.ArtifactName != "" {
		name = r.o.ArtifactName
	}
	if packing := r.o.Pack; r.tree == nil && (packing.Prefix != "" || len(packing.Ignore) > 0 || packing.NoDefaultIgnores || packing.Compression != pack.Auto) {
		r.warn("The artifact is not a folder, so archive-prefix, ignore, ignore-defaults and compression have no effect: it is published as it is.")
	}
	if r.build != nil {
		var err error
		if name, err = nameFor(name, r.build); err != nil {
			return err
		}
	}
	r.makeMark(name, content)
	r.learn(func(t *record.Result) {
		t.ArtifactName = name
		if r.build != nil {
			t.ArtifactSize, t.ArtifactFormat = r.build.Size, string(r.build.Format)
		}
	})
	return nil
}

// InspectFile inspects the artifact at a path.
func (d Deps) InspectFile(ctx context.Context, path string) (*artifact.Artifact, error) {
	if d.Inspect == nil {
		return artifact.Inspect(path)
	}
	return d.Inspect(ctx, path)
}

// nameFor makes the name agree with the content: CAR takes the format from
// the name.
func nameFor(name string, b *artifact.Artifact) (string, error) {
	extension := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	switch {
	case extension == string(b.Format):
		return name, nil
	case slices.Contains(artifact.Formats, artifact.Format(extension)):
		return "", fail(BadInput, "ArtifactName", fmt.Sprintf("Name it %s.%s.", stem(name), b.Format),
			"artifact-name is %q, but %s is %s.", name, b.Name, b.Format)
	}
	return name + "." + string(b.Format), nil
}

// describe tells what the artifact is, and refuses what cannot work.
func (r *run) describe() error {
	b := r.build
	if r.tree != nil {
		r.describeFolder()
	} else {
		r.note("%s: %s, %s", b.Path, b.Format, human.Size(b.Size))
	}
	if b.Encrypted {
		r.warn("%s is encrypted: whether CAR can unpack it is not documented, and what is inside could not be checked.", b.Name)
	}
	if a := b.Android; a != nil {
		r.note("Android package %s, version %s (code %s)", orDash(a.Package), orDash(a.VersionName), strconv.FormatInt(a.VersionCode, 10))
	}
	if len(b.Executables) > 0 {
		r.note("Executables inside: %s", some(b.Executables, 5))
	}
	if certain := b.Problems.Certain(true); len(certain) > 0 && len(b.Executables) > 0 {
		return fail(BadInput, "ArtifactUnpackable", "Rename them, and pack it again; or give the folder itself as artifact.", "%s cannot be unpacked on Windows as it is. It has %s.", b.Name, certain)
	}
	if doubts := b.Problems.Certain(false); len(doubts) > 0 {
		r.warn("%s has %s.", b.Name, doubts)
	}
	if b.Inner != "" {
		r.warn("%s holds nothing but the archive %q, which CAR does not unpack: publish that one.", b.Name, b.Inner)
	}
	return nil
}

func urlPath(u secret.String) string {
	parsed, err := url.Parse(u.Reveal())
	if err != nil {
		return ""
	}
	return parsed.Path
}
