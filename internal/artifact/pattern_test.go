package artifact

import (
	"strings"
	"testing"
)

// What people write that nobody reads here is told by its name, with what is right.
func TestFindMisspelt(t *testing.T) {
	tree(t, "build [win64]/Game.zip", "App.zip", "other.zip", "Game [beta].zip")
	for pattern, says := range map[string][]string{
		"build [win64]/*.zip":         {`Write \[win64\] or ?win64?`, "one letter", `Nearby there is: "build [win64]/Game.zip"`},
		"build [win64]/Gaem.zip":      {`?win64?`, `Nearby there is: "build [win64]/Game.zip"`},
		"Game [release].*":            {`?release?`},
		"Game [beta.zip":              {"Write ? in place of a ["},
		"App.{zip,7z}":                {`Write "App.*"`, "{zip,7z} is not known"},
		`"App.zip"`:                   {"Write App.zip without the quotes"},
		"'App.zip'":                   {"Write App.zip without the quotes"},
		"“App.zip”":                   {"Write App.zip without the quotes"},
		"App.zip\"":                   {"Write App.zip without the quotes"},
		"$GITHUB_WORKSPACE/App.zip":   {"Write ${{ github.workspace }}", "the path from the working directory alone"},
		"${GITHUB_WORKSPACE}/App.zip": {"Write ${{ github.workspace }}"},
		"$OUT/App.zip":                {"the variable $OUT is not expanded"},
		"${OUT}/App.zip":              {"the variable ${OUT} is not expanded"},
		"%CD%/App.zip":                {"the variable %CD% is not expanded"},
		"$(Build.Dir)/App.zip":        {"the variable $(Build.Dir) is not expanded"},
		"$env:OUT/App.zip":            {"the variable $env:OUT is not expanded"},
		"$(ls *.zip)":                 {"the command $(ls *.zip) is not run"},
		"~/App.zip":                   {"home folder in place of ~"},
		"~me/App.zip":                 {"home folder in place of ~"},
		"App.zip\nother.zip":          {"a list of 2"},
		"App.zip,other.zip":           {"a list of 2"},
		"App.zip; other.zip":          {"a list of 2"},
		"App.zip other.zip":           {"a list of 2"},
		"*.rar;*.7z":                  {"a list of 2"},
		"a.zip，b.zip":                 {"a list of 2"},
		"App.(rar|7z)":                {"(rar|7z) is not known"},
		"`ls *.zip`":                  {"the command `ls *.zip` is not run"},
		"- App.zip":                   {"Write App.zip without the dash"},
		`["App.zip"]`:                 {"without brackets and quotes"},
		"${{ steps.b.outputs.zip }}":  {"the expression", "${{ steps.b.outputs.zip }} arrived as it is"},
		"${{ env.X }}/*.zip":          {"${{ env.X }} arrived as it is"},
		"<+pipeline.x>":               {"arrived as it is"},
		"@(App|Other).7z":             {"@(App|Other) is not known"},
		"!App.7z":                     {"! at the beginning is not known"},
		`App.*\.7z`:                   {"regular expression"},
		"file:///tmp/App.7z":          {"without file://"},
		"\ufeffApp.zip":               {"invisible character"},
	} {
		_, err := Find(pattern)
		refused(t, err, NotFound, says...)
	}
	for _, pattern := range []string{"App[0-9].zip", "dist/*.zip", "Missing, or not.zip", "a;b.zip", "100% done.zip"} {
		_, err := Find(pattern)
		refused(t, err, NotFound, "Check the path")
		if hint := misspelt(pattern); hint != "" {
			t.Errorf("%q: got %q, want no hint", pattern, hint)
		}
	}
	for _, pattern := range []string{"Game [beta].zip", "App*"} {
		if got, err := Find(pattern); err != nil || !strings.HasSuffix(got, ".zip") {
			t.Errorf("Find(%q): got %q, %v", pattern, got, err)
		}
	}
}
