// Package stories has what the stories of testdata/script say, as seeds for
// fuzzing: what users and services really write, and what attackers would.
package stories

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Find returns what the pattern's first group, or the whole pattern if it has
// none, matches in the stories. It must be called from a package below
// internal. Finding nothing ends the test: a corpus that is empty by mistake
// would go unnoticed.
func Find(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "..", "testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	shape := regexp.MustCompile(pattern)
	var found []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, groups := range shape.FindAllStringSubmatch(string(text), -1) {
			found = append(found, groups[len(groups)-1])
		}
	}
	if len(found) == 0 {
		t.Fatalf("%d stories have nothing that matches %s", len(names), pattern)
	}
	return found
}
