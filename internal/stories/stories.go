// Package stories finds texts in the stories of testdata/script, as seeds for
// fuzzing: there is what users, services and attackers write.
package stories

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Find returns every match of a pattern in the stories: of its last group, or of
// the whole pattern if it has no group. It must be called from a package below
// internal. It ends the test if there is no match, since nobody would notice
// that fuzzing starts without seeds.
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
