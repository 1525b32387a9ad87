package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/car-publish/car-publish/internal/record"
)

// scan looks at a folder.
func (r *run) scan(ctx context.Context, path string) (err error) {
	if r.tree = r.o.Tree; r.tree == nil {
		if r.tree, err = pack.Scan(ctx, path, r.o.Pack); err != nil {
			return err
		}
	}
	r.build = r.tree.Artifact()
	r.learn(func(t *record.Result) { t.Folder = folderOf(r.tree) })
	return nil
}

// folderOf is what the result tells of a folder.
func folderOf(t *pack.Tree) *record.Folder {
	f := &record.Folder{Files: t.Files, Size: t.Size, LeftOutFiles: t.LeftOut.Files, LeftOutSize: t.LeftOut.Size}
	for _, m := range t.Largest(10) {
		f.Largest = append(f.Largest, record.File{Name: m.Name, Size: m.Size})
	}
	return f
}

// describeFolder tells what is packed, and what is not.
func (r *run) describeFolder() {
	t := r.tree
	r.note("%s: folder of %s, %s", t.Path, human.Count(t.Files, "file"), human.Size(t.Size))
	if t.LeftOut.Files > 0 {
		more := ""
		if t.LeftOut.More > 0 {
			more = fmt.Sprintf(" and %d more", t.LeftOut.More)
		}
		r.note("Left out: %s%s (%s, %s)", strings.Join(t.LeftOut.Names, ", "), more, human.Count(t.LeftOut.Files, "file"), human.Size(t.LeftOut.Size))
	}
	if len(t.NothingMatched) > 0 {
		r.note("Nothing matches of ignore: %s", some(t.NothingMatched, 10))
	}
	if r.o.DryRun {
		var largest []string
		for _, f := range t.Largest(10) {
			largest = append(largest, fmt.Sprintf("%s (%s)", f.Name, human.Size(f.Size)))
		}
		r.note("Largest: %s", some(largest, 10))
	}
	if t.Symbols.Files > 0 {
		r.warn("Debug symbols are packed and reach the players: %s, %s. The input ignore leaves them out: *.pdb, *.dSYM, *.debug.",
			human.Count(t.Symbols.Files, "file"), human.Size(t.Symbols.Size))
	}
}

// refuseFolder refuses a folder for a mobile application, with the value of the input
// that makes it fit if there is one.
func (r *run) refuseFolder() error {
	if r.tree.APK != "" {
		return fail(BadInput, "Format", fmt.Sprintf("Set artifact to %s.", r.tree.APK),
			"%s is a mobile application, which takes an apk and not a folder. Nothing was uploaded.", r.appName())
	}
	return fail(BadInput, "Format", "Check application-id and artifact: one of them is another's.",
		"%s is a mobile application, and there is no .apk in the folder %s. Nothing was uploaded.", r.appName(), r.tree.Path)
}

// folderHint says how the start path of the application would be found in the folder,
// if it would.
func (r *run) folderHint() string {
	if r.tree == nil {
		return ""
	}
	start := artifact.CleanStartPath(r.wantedStart())
	prefix := r.o.Pack.Prefix
	for _, have := range r.build.Executables {
		inside := strings.TrimPrefix(have, prefix+"/")
		switch folder, found := cutSuffixFold(start, "/"+inside); {
		case strings.EqualFold(start, inside) && prefix != "":
			return "Leave archive-prefix out. "
		case found && folder != "":
			return fmt.Sprintf("Set archive-prefix: %s. ", folder)
		}
		if folder, found := cutSuffixFold(inside, "/"+start); found && prefix == "" {
			return fmt.Sprintf("Set artifact: %s. ", path.Join(r.tree.Path, folder))
		}
	}
	return ""
}

func cutSuffixFold(s, suffix string) (before string, found bool) {
	at := len(s) - len(suffix)
	if at < 0 || !strings.EqualFold(s[at:], suffix) {
		return s, false
	}
	return s[:at], true
}

// packing is the folder on its way into the bucket.
type packing struct {
	tree *pack.Tree
	read atomic.Int64 // bytes of its files that were packed
}

// stream writes the archive. It may be called again.
func (p *packing) stream(ctx context.Context, w io.Writer) error {
	p.read.Store(0)
	err := p.tree.Pack(ctx, w, func(bytes int64) { p.read.Add(bytes) })
	var changed *pack.ChangedError
	if errors.As(err, &changed) {
		return fail(UploadFailed, "ArtifactChanged", "Publish when the step that builds it is done.",
			"%q in %s was changed or removed while the folder was being packed: it is not published.", changed.Name, p.tree.Path)
	}
	var unread *pack.ReadError
	if errors.As(err, &unread) {
		return fail(UploadFailed, "ArtifactUnreadable", "Check the permissions of the folder, and how many files this user may open.",
			"%q in %s could be read before and cannot now: %v.", unread.Name, p.tree.Path, unread.Err)
	}
	return err
}
