package artifact

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/mistyped"
)

// What people write where a path or a glob is expected, and nobody reads here.
var (
	aCommand = regexp.MustCompile("\\$\\(.*?\\)|`[^`]*`")
	braces   = regexp.MustCompile(`\{[^{}]*\}`)
	brackets = regexp.MustCompile(`\[[^\[\]]*\]`)
	extended = regexp.MustCompile(`[?*+@!]\([^()]*\)|\([^()|]+(\|[^()|]+)+\)`)
	regular  = regexp.MustCompile(`\.[*+]\\\.|^\^|\\\.\w+\$$`)
)

// misspelt says what is wrong with a path or a glob that matches nothing, and what is
// right, in whole sentences; "" if nothing can be seen.
func misspelt(pattern string) string {
	if hint := dressed(pattern); hint != "" {
		return hint
	}
	if hint := listed(pattern); hint != "" {
		return hint
	}
	if hint := notRead(pattern); hint != "" {
		return hint
	}
	return strangeGlob(pattern)
}

// dressed finds what came along with a path.
func dressed(pattern string) string {
	trimmed := strings.Trim(pattern, mistyped.Quotes)
	scheme, rest, _ := strings.Cut(pattern, "://")
	switch {
	case aCommand.MatchString(pattern) && strings.ContainsAny(trimmed, " \t"): // notRead says it
	case trimmed != pattern && !strings.ContainsAny(trimmed, mistyped.Quotes+"\n"):
		return fmt.Sprintf("Write %s without the quotes: they are a part of the value here. Docker and many CIs keep those around a value.", trimmed)
	case strings.ContainsFunc(pattern, mistyped.IsInvisible):
		return "Write the path again by hand: there is an invisible character in it, such as a byte order mark or a non-breaking space."
	case strings.EqualFold(scheme, "file"):
		return fmt.Sprintf("Write the path alone, without file://: %s.", rest)
	}
	return ""
}

// listed finds a list of paths. Only what lies between separators that hardly occur in
// a name is one for sure; otherwise every piece must be there, or be named as an archive.
func listed(pattern string) string {
	const one = "Write one path: a version is made of one file or folder, and this is a list of %d. To publish several files, name the folder that they are in."
	if lines := pieces(pattern, "\r\n"); len(lines) > 1 {
		return fmt.Sprintf(one, len(lines))
	}
	if rest, ok := strings.CutPrefix(pattern, "- "); ok {
		return fmt.Sprintf("Write %s without the dash: the value is one path, and not a list of YAML.", strings.TrimSpace(rest))
	}
	if strings.HasPrefix(pattern, `["`) || strings.HasPrefix(pattern, `['`) {
		return "Write one path without brackets and quotes: the value is a path, and not a list of JSON or YAML."
	}
	for _, separators := range []string{",，、", ";；", "|", ":", " \t"} {
		if parts := pieces(pattern, separators); len(parts) > 1 && (allThere(parts) || allArchives(parts)) {
			return fmt.Sprintf(one, len(parts))
		}
	}
	return ""
}

func pieces(text, separators string) []string {
	var parts []string
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func allThere(patterns []string) bool {
	for _, pattern := range patterns {
		if _, err := os.Stat(pattern); err == nil {
			continue
		}
		if matches, _ := glob(pattern); len(matches) == 0 {
			return false
		}
	}
	return true
}

func allArchives(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, ok := claimedFormat(name)
		return !ok
	})
}

// notRead finds what a CI or a shell should have read.
func notRead(pattern string) string {
	switch raw := mistyped.FindUnexpanded(pattern); {
	case raw.What == "an expression":
		return fmt.Sprintf("Write the path itself, or look at where the expression stands: %s arrived as it is, so this CI does not read it there.", raw.Text)
	case raw.What == "a variable" && strings.Contains(strings.ToUpper(raw.Text), "GITHUB_WORKSPACE"):
		return fmt.Sprintf("Write ${{ github.workspace }}, or the path from the working directory alone: the variable %s is not expanded here.", raw.Text)
	case raw.What == "a variable":
		return fmt.Sprintf("Write the path itself: the variable %s is not expanded here. In a workflow of GitHub it is ${{ env.NAME }}; elsewhere a shell or the CI must expand it.", raw.Text)
	}
	if found := aCommand.FindString(pattern); found != "" {
		return fmt.Sprintf("Write the path itself: the command %s is not run here.", found)
	}
	if strings.HasPrefix(pattern, "~") {
		return "Write the path of the home folder in place of ~, such as /home/user: only a shell reads it."
	}
	return ""
}

// strangeGlob finds what other globs have and this one has not.
func strangeGlob(pattern string) string {
	if extended.MatchString(pattern) || strings.HasPrefix(pattern, "!") {
		found := extended.FindString(pattern)
		if found == "" {
			found = "! at the beginning"
		}
		return fmt.Sprintf("Write a glob of *, ?, ** and [a-z] only, or name the file: %s is not known in one here.", found)
	}
	if found := braces.FindString(pattern); found != "" {
		return fmt.Sprintf("Write %q, or name the file: %s is not known in a glob here.", braces.ReplaceAllString(pattern, "*"), found)
	}
	if regular.MatchString(pattern) {
		return "Write a glob, such as *.zip: this is a regular expression, and in a glob * alone stands for any letters and a point for itself."
	}
	if found := brackets.FindString(pattern); found != "" && (!isRange(found) || len(literally(pattern)) > 0) {
		escaped := ""
		if filepath.Separator == '/' { // on Windows a \ separates folders
			escaped = strings.NewReplacer("[", `\[`, "]", `\]`).Replace(found) + " or "
		}
		return fmt.Sprintf("Write %s%s: %s in a glob stands for one letter of those between the brackets.", escaped, asOneLetterEach(found), found)
	}
	if open := strings.ContainsAny(pattern, "["); open && !brackets.MatchString(pattern) {
		return "Write ? in place of a [ that belongs to the name. A glob may have *, ?, ** for folders, and [a-z] with both brackets."
	}
	return ""
}

// isRange reports whether brackets were most likely meant as what they are: [0-9],
// [!a], [12].
func isRange(class string) bool {
	inner := class[1 : len(class)-1]
	return strings.Contains(inner, "-") && len(inner) <= 7 || strings.HasPrefix(inner, "!") || strings.HasPrefix(inner, "^") || len(inner) <= 2
}

// asOneLetterEach replaces every bracket by a ?, so that a name with brackets matches.
func asOneLetterEach(pattern string) string {
	return strings.NewReplacer("[", "?", "]", "?").Replace(pattern)
}

// literally returns what matches if the brackets belong to the name.
func literally(pattern string) []string {
	if !strings.Contains(pattern, "[") {
		return nil
	}
	matches, _ := glob(asOneLetterEach(pattern)) // it has no brackets, which alone can be wrong
	return matches
}

// searched returns the folder in which somebody looks for what a pattern means. A
// folder of the very name, with brackets, is one.
func searched(pattern string) string {
	dir := filepath.Dir(pattern)
	if strings.Contains(dir, "[") {
		for _, name := range literally(dir) {
			if isDir(name) {
				return name
			}
		}
	}
	return fixedFolder(pattern)
}
