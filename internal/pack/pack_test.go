package pack_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/pack"
)

// folder makes a folder of files. A name that ends with a slash is an empty folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "Ocean")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		dir := path
		if !strings.HasSuffix(name, "/") {
			dir = filepath.Dir(path)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func scan(t testing.TB, root string, o pack.Options) *pack.Tree {
	t.Helper()
	if o.Compression == "" {
		o.Compression = pack.Auto
	}
	tree, err := pack.Scan(t.Context(), root, o)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func packed(t testing.TB, tree *pack.Tree) []byte {
	t.Helper()
	var out bytes.Buffer
	total := int64(0)
	if err := tree.Pack(t.Context(), &out, func(n int64) { total += n }); err != nil {
		t.Fatal(err)
	}
	if total != tree.Size {
		t.Errorf("%d bytes went in, of %d", total, tree.Size)
	}
	if int64(out.Len()) > tree.AtMost() {
		t.Errorf("the archive has %d bytes, more than AtMost, %d", out.Len(), tree.AtMost())
	}
	return out.Bytes()
}

// contents returns what the archive holds.
func contents(t testing.TB, archive []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	last := ""
	for _, f := range r.File {
		if f.Name <= last {
			t.Errorf("%q is behind %q", f.Name, last)
		}
		last = f.Name
		if got := f.Modified.UTC(); !got.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%q has the time %v", f.Name, got)
		}
		file, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(file) // checks the CRC
		if err != nil {
			t.Errorf("%q: %v", f.Name, err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// noise returns bytes that do not get smaller.
func noise(n int, seed uint64) string {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(b)
	return string(b)
}

var game = map[string]string{
	"Ocean.exe": "MZ", "empty.dat": "", "Saved/": "",
	"Data/large.txt":   strings.Repeat("The ocean is large. ", 400_000),
	"Data/large.pak":   noise(5<<20+17, 1),
	"Data/mixed.bin":   noise(3<<20, 2) + strings.Repeat("x", 3<<20),
	"Data/one.bin":     noise(1<<20, 3),
	"Data/more.bin":    noise(1<<20+1, 4),
	"Data/tiny":        "x",
	"数据/鱼 🐟.txt":       "fish",
	"Data/a/b/c/d.txt": "deep",
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	root := folder(t, game)
	for _, compression := range pack.Compressions {
		for _, prefix := range []string{"", "Windows/Ocean"} {
			tree := scan(t, root, pack.Options{Compression: compression, Prefix: prefix})
			want := map[string]string{}
			for name, text := range game {
				want[strings.TrimPrefix(prefix+"/"+name, "/")] = text
			}
			archive := packed(t, tree)
			got := contents(t, archive)
			if len(got) != len(want) {
				t.Errorf("%s: %d members, want %d", compression, len(got), len(want))
			}
			for name, text := range want {
				if have, found := got[name]; !found || have != text {
					t.Errorf("%s: %q is not what was packed (found: %v)", compression, name, found)
				}
			}
			path := filepath.Join(t.TempDir(), "Ocean.zip")
			if err := os.WriteFile(path, archive, 0o644); err != nil {
				t.Fatal(err)
			}
			a, err := artifact.Inspect(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tree.Artifact().Executables, a.Executables); diff != "" || a.Name != tree.Artifact().Name {
				t.Errorf("%s: what it says of the archive differs:\n%s", compression, diff)
			}
		}
	}
}

// The same files give the same bytes, whatever their times, the place of the folder
// and the number of cores.
func TestSameBytes(t *testing.T) {
	first := scan(t, folder(t, game), pack.Options{})
	want := packed(t, first)
	for _, cores := range []int{1, 3, 8} {
		before := runtime.GOMAXPROCS(cores)
		root := folder(t, game)
		if err := os.Chtimes(filepath.Join(root, "Ocean.exe"), time.Unix(1, 0), time.Unix(int64(cores), 0)); err != nil {
			t.Fatal(err)
		}
		other := scan(t, root, pack.Options{})
		if !bytes.Equal(packed(t, other), want) || other.Fingerprint != first.Fingerprint {
			t.Errorf("with %d cores the bytes differ", cores)
		}
		runtime.GOMAXPROCS(before)
	}
	changed := folder(t, game)
	if err := os.WriteFile(filepath.Join(changed, "Ocean.exe"), []byte("ZM"), 0o644); err != nil {
		t.Fatal(err)
	}
	if scan(t, changed, pack.Options{}).Fingerprint == first.Fingerprint {
		t.Error("other content has the same fingerprint")
	}
}

// A file that is not what it was fails the packing, with its name.
func TestChanged(t *testing.T) {
	t.Parallel()
	text := game["Data/large.txt"]
	for how, change := range map[string]func(path string) error{
		"removed":  os.Remove,
		"shorter":  func(p string) error { return os.Truncate(p, 1<<20) },
		"longer":   func(p string) error { return os.WriteFile(p, []byte(text+"x"), 0o644) },
		"a folder": func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) },
		"a link":   func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/etc/passwd", p)) },
		"as long":  func(p string) error { return os.WriteFile(p, []byte("x"+text[1:]), 0o644) },
		"back-dated": func(p string) error {
			info, err := os.Stat(p)
			return errors.Join(err, os.WriteFile(p, []byte("x"+text[1:]), 0o644), os.Chtimes(p, info.ModTime(), info.ModTime()))
		},
	} {
		root := folder(t, game)
		tree := scan(t, root, pack.Options{})
		if err := change(filepath.Join(root, "Data", "large.txt")); err != nil {
			t.Fatal(err)
		}
		err := tree.Pack(t.Context(), io.Discard, func(int64) {})
		var changed *pack.ChangedError
		if how == "a link" && err != nil {
			continue // refused by the system
		}
		if !errors.As(err, &changed) || changed.Name != "Data/large.txt" {
			t.Errorf("%s: got %v", how, err)
		}
	}
}

// Packing ends with its context, and with what it writes to.
func TestPackEnds(t *testing.T) {
	t.Parallel()
	tree := scan(t, folder(t, game), pack.Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	err := tree.Pack(ctx, io.Discard, func(int64) { cancel(why) })
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if err := tree.Pack(t.Context(), failing{}, func(int64) {}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestIgnore(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"Game.exe": "MZ", "Game.pdb": "symbols", "Data/a.pdb": "more", "Data/keep.log": "k", "Data/b.log": "b", "b.log": "b",
		".git/HEAD": "ref", "Data/.svn/x": "x", "thumbs.DB": "t", "Game_BurstDebugInformation_DoNotShip/lib.txt": "d",
		"Saved/a.sav": "s", "Data/Saved/b.sav": "s", ".hidden": "h",
	}
	for _, tt := range []struct {
		options pack.Options
		want    []string
		out     int
	}{
		{pack.Options{}, []string{".hidden", "Data/Saved/b.sav", "Data/a.pdb", "Data/b.log", "Data/keep.log", "Game.exe", "Game.pdb", "Saved/a.sav", "b.log"}, 4},
		{pack.Options{Ignore: []string{"*.pdb", "*.log", "!keep.log", "/Saved/"}}, []string{".hidden", "Data/Saved/b.sav", "Data/keep.log", "Game.exe"}, 9},
		{pack.Options{Ignore: []string{"Data/**/*.sav", "*.log", "!Data/*.log", "*.pdb"}}, []string{".hidden", "Data/b.log", "Data/keep.log", "Game.exe", "Saved/a.sav"}, 8},
		{pack.Options{NoDefaultIgnores: true, Ignore: []string{"Data", "*.log"}}, []string{".git/HEAD", ".hidden", "Game.exe", "Game.pdb", "Game_BurstDebugInformation_DoNotShip/lib.txt", "Saved/a.sav", "thumbs.DB"}, 6},
		{pack.Options{Ignore: []string{"!.git"}}, []string{".git/HEAD", ".hidden", "Data/Saved/b.sav", "Data/a.pdb", "Data/b.log", "Data/keep.log", "Game.exe", "Game.pdb", "Saved/a.sav", "b.log"}, 3},
	} {
		tree := scan(t, folder(t, files), tt.options)
		var got []string
		for name := range contents(t, packed(t, tree)) {
			got = append(got, name)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tt.want, got); diff != "" || tree.LeftOut.Files != tt.out {
			t.Errorf("%v: left out %+v\n%s", tt.options, tree.LeftOut, diff)
		}
	}
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	for _, files := range []map[string]string{{}, {"a/": ""}, {".git/HEAD": "x"}} {
		_, err := pack.Scan(t.Context(), folder(t, files), pack.Options{})
		var e *artifact.Error
		if !errors.As(err, &e) || e.Kind != artifact.Empty {
			t.Errorf("%v: got %v", files, err)
		}
	}
}

// The time for each file does not grow with their number.
func BenchmarkFiles(b *testing.B) {
	for _, n := range []int{20_000, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			root := filepath.Join(b.TempDir(), "many")
			for i := range n {
				if i%100 == 0 {
					_ = os.MkdirAll(filepath.Join(root, fmt.Sprint(i/100)), 0o755)
				}
				if err := os.WriteFile(filepath.Join(root, fmt.Sprint(i/100), fmt.Sprintf("file %d.dat", i)), []byte(fmt.Sprint("content ", i)), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if err := scan(b, root, pack.Options{}).Pack(b.Context(), io.Discard, func(int64) {}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/file")
		})
	}
}
