package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What docs/ci.md names as proof is there.
func TestProofsOfCI(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "ci.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## How it is shown")
	var tests strings.Builder
	files, err := filepath.Glob(filepath.Join("internal", "ci", "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	proofs := regexp.MustCompile(`\bTest\w+|[\w-]+\.txtar`).FindAllString(table, -1)
	if len(proofs) < 80 {
		t.Errorf("got %d proofs, want one in each cell", len(proofs))
	}
	for _, proof := range proofs {
		if story, ok := strings.CutSuffix(proof, ".txtar"); ok {
			if _, err := os.Stat(filepath.Join("testdata", "script", story+".txtar")); err != nil {
				t.Error(err)
			}
		} else if !strings.Contains(tests.String(), "func "+proof+"(") {
			t.Errorf("there is no %s", proof)
		}
	}
}
