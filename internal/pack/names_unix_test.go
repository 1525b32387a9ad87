//go:build unix

package pack_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/car-publish/car-publish/internal/artifact"
	"github.com/car-publish/car-publish/internal/pack"
	"github.com/google/go-cmp/cmp"
)

// Windows lets neither such names nor, mostly, links be made.

// Everything that is wrong is said at once.
func TestUnpackable(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string]string{
		"Game.exe": "MZ", "game.EXE": "MZ", "a:b": "", "con.txt": "", "dot.": "", "Data/blank ": "", "\xff.txt": "", "Data/x": "", "fine/NUL": "",
	})
	for link, target := range map[string]string{
		"out": "/etc", "up": "..", "nowhere": "missing", "self": "self", "Data/circle": "../Data", "Data/root": "..",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := pack.Scan(t.Context(), root, pack.Options{})
	var e *artifact.Error
	if !errors.As(err, &e) || e.Kind != artifact.Unpackable {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		`not UTF-8: "\xff.txt"`, `out of the folder: "out", "up"`, `"Data/circle", "Data/root", "nowhere", "self"`,
		`"a:b"`, `devices: "con.txt", "fine/NUL"`, `"Data/blank ", "dot."`, `only in case, so that Windows keeps only one of the two: "game.EXE"`,
	} {
		if !strings.Contains(e.Message, want) {
			t.Errorf("it does not say %q:\n%s", want, e.Message)
		}
	}
}

// Links inside of the folder are followed, however they are written.
func TestLinks(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string]string{"Game.exe": "MZ", "Data/a.txt": "a"})
	for link, target := range map[string]string{
		"Copy": "Data", "b.txt": "Data/a.txt", "c.txt": filepath.Join(root, "Data", "a.txt"), "Again": "Copy",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"Game.exe": "MZ", "Data/a.txt": "a", "Copy/a.txt": "a", "Again/a.txt": "a", "b.txt": "a", "c.txt": "a"}
	linked := filepath.Join(t.TempDir(), "Linked")
	if err := os.Symlink(root, linked); err != nil {
		t.Fatal(err)
	}
	tree := scan(t, linked, pack.Options{})
	if diff := cmp.Diff(want, contents(t, packed(t, tree))); diff != "" || tree.Name != "Linked" {
		t.Errorf("%s:\n%s", tree.Name, diff)
	}
}
