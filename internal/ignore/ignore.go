// Package ignore decides by patterns which files and folders of a build do not belong
// into it.
package ignore

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// Defaults are the patterns of what never belongs into a build: the data of version
// control, what systems leave in folders, and what says of itself that it must not
// ship.
var Defaults = []string{
	".git", ".hg", ".svn",
	".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX",
	"*_BurstDebugInformation_DoNotShip", "*_BackUpThisFolder_ButDontShipItWithYourGame",
}

// pattern is one as in a .gitignore (git-scm.com/docs/gitignore): with a slash at
// its beginning or inside it counts from the root, without one at any depth; with a
// slash at its end it means folders only; with ! before it, what an earlier pattern
// left out is packed after all.
type pattern struct {
	glob    string
	folders bool // only folders
	include bool
	anyCase bool
	text    string // as it was given; "" of a default
	matched bool
}

func parse(text string) pattern {
	var p pattern
	text, p.include = strings.CutPrefix(text, "!")
	text, p.folders = strings.CutSuffix(text, "/")
	text = literalBraces.Replace(text)
	if p.glob = "**/" + text; strings.Contains(text, "/") {
		p.glob = strings.TrimPrefix(text, "/")
	}
	if strings.HasSuffix(p.glob, "/**") { // what is in a folder, without the folder itself
		p.glob += "/*"
	}
	return p
}

// literalBraces keeps doublestar from reading braces as a choice: git does not know that.
var literalBraces = strings.NewReplacer("{", `\{`, "}", `\}`)

// Valid reports whether a text is a pattern.
func Valid(text string) bool {
	p := parse(text)
	return p.glob != "" && p.glob != "**/" && doublestar.ValidatePattern(p.glob)
}

// Rules are patterns in their order, of which the last one that matches decides.
type Rules []*pattern

// New returns the rules of some valid patterns, after those of the Defaults if they
// count.
func New(patterns []string, defaults bool) (rules Rules) {
	if defaults {
		for _, text := range Defaults {
			p := parse(strings.ToLower(text))
			p.anyCase = true // systems spell them as they like
			rules = append(rules, &p)
		}
	}
	for _, text := range patterns {
		p := parse(text)
		p.text = text
		rules = append(rules, &p)
	}
	return rules
}

// LeaveOut reports whether the file or folder with that path below the root is left
// out. As with git, what a folder holds that is left out cannot be brought back.
func (rs Rules) LeaveOut(name string, isFolder bool) (out bool) {
	name = path.Clean(name)
	lower := strings.ToLower(name)
	for _, p := range rs {
		if p.include != out || p.folders && !isFolder {
			continue
		}
		candidate := name
		if p.anyCase {
			candidate = lower
		}
		if matched, err := doublestar.Match(p.glob, candidate); matched && err == nil { // only a pattern that is not valid has errors
			out, p.matched = !p.include, true
		}
	}
	return out
}

// NothingMatched returns the given patterns that have decided nothing so far.
func (rs Rules) NothingMatched() (patterns []string) {
	for _, p := range rs {
		if p.text != "" && !p.matched {
			patterns = append(patterns, p.text)
		}
	}
	return patterns
}
