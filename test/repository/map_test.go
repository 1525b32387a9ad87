package repository_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The map in CONTRIBUTING.md names every package, and nothing that is not there.
func TestMap(t *testing.T) {
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "## The map\n")
	section, _, ended := strings.Cut(section, "\n## ")
	if !found || !ended {
		t.Fatal("CONTRIBUTING.md has no section \"The map\"")
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`((?:internal|cmd|test|testdata|bench|native|\\.ci)(?:/[^`]*)?|[a-z]+\\.go)`").FindAllStringSubmatch(section, -1) {
		name := m[1]
		named[name] = true
		// A file without a folder is in the package of its line, or at the top.
		matches, err := filepath.Glob(name)
		if err == nil && len(matches) == 0 && !strings.Contains(name, "/") {
			matches, err = filepath.Glob("internal/*/" + name)
		}
		if err != nil || len(matches) == 0 {
			t.Errorf("the map names %s, which is not there (%v)", name, err)
		}
	}
	for name := range rooms {
		if (strings.HasPrefix(name, "internal/") || strings.HasPrefix(name, "cmd/")) && strings.Count(name, "/") == 1 && !named[name] {
			t.Errorf("the map does not name %s", name)
		}
	}
}
