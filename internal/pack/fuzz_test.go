package pack_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/ignore"
	"github.com/car-publish/car-publish/internal/pack"
)

// FuzzFolder makes a folder of any names, contents and patterns. It is either
// refused with a sentence, or its archive holds exactly the files that were not left
// out, and has the same bytes when it is made again.
func FuzzFolder(f *testing.F) {
	f.Add("Ocean.exe\nData/鱼.pak\nSaved/a b/c.txt", []byte("some text"), 3, "*.txt\n!c.txt")
	f.Add("a\nA\na/b\nCON\nx.\ntrailing /y\n\xff", []byte{0}, 70_000, "")
	f.Add(".git/config\nOcean.exe\nlink\n../up\n/abs", []byte("x"), 1<<20, "**/o*\n[a-z]/\n{a,b}/**")
	f.Add(strings.Repeat("long/", 60)+"name", []byte("noise\x00\x01"), 0, "!**")
	f.Fuzz(func(t *testing.T, names string, text []byte, times int, patterns string) {
		const most = 2 << 20 // bytes of a file
		if times < 0 || len(text) > 0 && times > most/len(text) || strings.Count(names, "\n") > 50 {
			return
		}
		root := filepath.Join(t.TempDir(), "Ocean")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		made, err := os.OpenRoot(root)
		if err != nil {
			t.Fatal(err)
		}
		defer made.Close()
		want := map[string]string{}
		for i, name := range strings.Split(names, "\n") {
			if filepath.Dir(name) != "." && made.MkdirAll(filepath.Dir(name), 0o755) != nil {
				continue // no file can have this name
			}
			content := bytes.Repeat(text, times>>(i%8))
			if made.WriteFile(name, content, 0o644) == nil {
				want[filepath.ToSlash(filepath.Clean(name))] = string(content)
			}
		}
		o := pack.Options{Compression: pack.Auto}
		for pattern := range strings.SplitSeq(patterns, "\n") {
			if ignore.Valid(pattern) {
				o.Ignore = append(o.Ignore, pattern)
			}
		}
		tree, err := pack.Scan(t.Context(), root, o)
		if err != nil {
			if e := (*artifact.Error)(nil); !errors.As(err, &e) || e.Message == "" || e.Hint == "" {
				t.Errorf("got %v (%T), want an error that says what to do", err, err)
			}
			return
		}
		archive := packed(t, tree)
		if !bytes.Equal(archive, packed(t, tree)) {
			t.Error("the second archive of the same folder differs")
		}
		got := contents(t, archive)
		for name, content := range got {
			if strings.HasSuffix(name, "/") {
				continue // an empty folder
			}
			if wanted, there := want[name]; !there || content != wanted {
				t.Errorf("%q has %d bytes, want %d (in the folder: %v)", name, len(content), len(wanted), there)
			}
			delete(want, name)
		}
		if tree.Files != len(got)-folders(got) {
			t.Errorf("the tree counts %d files, and the archive holds %d", tree.Files, len(got)-folders(got))
		}
		if len(want) > 0 && tree.LeftOut.Files == 0 {
			t.Errorf("%d files are missing, and none is said to be left out", len(want))
		}
	})
}

func folders(files map[string]string) (n int) {
	for name := range files {
		if strings.HasSuffix(name, "/") {
			n++
		}
	}
	return n
}
