package docs_test

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// README.zh-CN.md says what README.md says. A test cannot read Chinese; but it
// sees whether both have the same headings, lists and tables, the same
// commands and snippets to the letter, and the same names in each section.

// section is what stands under a heading, in either language.
type section struct {
	level  int
	title  string
	blocks []string   // fenced, to the letter
	tables [][]string // the first cell of each row
	items  int        // of lists
	code   []string   // names in backticks, sorted, each once
	links  []string   // to files, sorted, each once
}

var (
	codeSpan = regexp.MustCompile("`[^`\n]+`")
	linkTo   = regexp.MustCompile(`\]\(([^)#]+)\)`)
	listItem = regexp.MustCompile(`^(- |\d+\. )`)
)

func sectionsOf(text string) (all []section) {
	var s *section
	fenced, inTable := false, false
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		level := len(line) - len(strings.TrimLeft(line, "#"))
		switch {
		case strings.HasPrefix(line, "```"):
			if fenced = !fenced; fenced {
				s.blocks = append(s.blocks, "")
			}
			s.blocks[len(s.blocks)-1] += line
			continue
		case fenced:
			s.blocks[len(s.blocks)-1] += line
			continue
		case level > 0 && strings.HasPrefix(line[level:], " "):
			all = append(all, section{level: level, title: strings.TrimSpace(line[level:])})
			s = &all[len(all)-1]
		case strings.HasPrefix(line, "|"):
			first := strings.TrimSpace(strings.Split(line, "|")[1])
			if !inTable {
				s.tables = append(s.tables, nil)
			}
			t := &s.tables[len(s.tables)-1]
			*t = append(*t, first)
		case listItem.MatchString(line):
			s.items++
		}
		inTable = strings.HasPrefix(line, "|")
		s.code = append(s.code, codeSpan.FindAllString(line, -1)...)
		for _, link := range linkTo.FindAllStringSubmatch(line, -1) {
			if !strings.HasPrefix(link[1], "README") { // each links to the other
				s.links = append(s.links, link[1])
			}
		}
	}
	for i := range all {
		for _, names := range []*[]string{&all[i].code, &all[i].links} {
			slices.Sort(*names)
			*names = slices.Compact(*names)
		}
	}
	return all
}

// untranslated says what the translation lacks, what it has too much, and
// where: one line for each change to make.
func untranslated(english, chinese string) (complaints []string) {
	en, zh := sectionsOf(english), sectionsOf(chinese)
	if outline(en, false) != outline(zh, false) {
		return []string{fmt.Sprintf("the headings differ; there are %d, and should be %d: below are the English ones and then the Chinese ones\n%s\n%s", len(zh), len(en), outline(en, true), outline(zh, true))}
	}
	for i := range en {
		e, z := en[i], zh[i]
		where := fmt.Sprintf("under %q (%q): ", z.title, e.title)
		compare := func(what string, english, chinese []string) {
			for _, text := range english {
				if !slices.Contains(chinese, text) {
					complaints = append(complaints, where+what+" is missing: "+strings.TrimSpace(text))
				}
			}
			for _, text := range chinese {
				if !slices.Contains(english, text) {
					complaints = append(complaints, where+what+" is in the translation alone: "+strings.TrimSpace(text))
				}
			}
		}
		compare("the block", e.blocks, z.blocks)
		compare("the name", e.code, z.code)
		compare("the link", e.links, z.links)
		if e.items != z.items {
			complaints = append(complaints, fmt.Sprintf("%sgot %d points, want %d", where, z.items, e.items))
		}
		if len(e.tables) != len(z.tables) {
			complaints = append(complaints, fmt.Sprintf("%sgot %d tables, want %d", where, len(z.tables), len(e.tables)))
			continue
		}
		for j := range e.tables {
			complaints = append(complaints, tableComplaints(where, e.tables[j], z.tables[j])...)
		}
	}
	return complaints
}

// outline is the headings of a page, one a line, with or without their texts.
func outline(all []section, titles bool) string {
	var b strings.Builder
	for _, s := range all {
		b.WriteString(strings.Repeat("#", s.level))
		if titles {
			b.WriteString(" " + s.title)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// tableComplaints compares the first cells of two tables: what is code or a
// number must be the same, in the same order.
func tableComplaints(where string, english, chinese []string) []string {
	if len(english) != len(chinese) {
		var lack []string
		for _, cell := range english {
			if strings.Contains(cell, "`") && !slices.Contains(chinese, cell) {
				lack = append(lack, cell)
			}
		}
		return []string{fmt.Sprintf("%sgot %d rows in the table, want %d; not there: %s", where, len(chinese), len(english), strings.Join(lack, ", "))}
	}
	for i := range english {
		e, z := codeSpan.FindAllString(english[i], -1), codeSpan.FindAllString(chinese[i], -1)
		if !slices.Equal(e, z) {
			return []string{fmt.Sprintf("%sthe row %q stands where %q should", where, chinese[i], english[i])}
		}
	}
	return nil
}

func TestTranslation(t *testing.T) {
	t.Parallel()
	chinese, err := os.ReadFile("README.zh-CN.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range untranslated(readme(t), string(chinese)) {
		t.Errorf("README.zh-CN.md, %s", complaint)
	}
	// Its links within the page lead to its own headings.
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(string(chinese), -1) {
		if !slices.ContainsFunc(sectionsOf(string(chinese)), func(s section) bool {
			return strings.ToLower(strings.ReplaceAll(s.title, " ", "-")) == link[1]
		}) {
			t.Errorf("README.zh-CN.md has no heading for #%s", link[1])
		}
	}
	for _, s := range sectionsOf(string(chinese)) {
		for _, link := range s.links {
			if _, err := os.Stat(path.Clean(link)); err != nil {
				t.Errorf("README.zh-CN.md links to %s: %v", link, err)
			}
		}
	}
}

func TestTranslationWithMistakes(t *testing.T) {
	t.Parallel()
	const english = "# A\n\nsay `x`, see [y](z.md)\n\n- one\n\n```sh\nrun\n```\n\n## B\n\n| in | means |\n| --- | --- |\n| `a` | A |\n| `b` | B |\n"
	if got := untranslated(english, english); got != nil {
		t.Errorf("got %q for the same text", got)
	}
	for _, c := range [][3]string{
		{"```sh\nrun\n", "```sh\nrun it\n", "the block is missing"},
		{"## B", "### B", "the headings differ; there are 2, and should be 2"},
		{"`x`", "x", "the name is missing: `x`"},
		{"(z.md)", "(w.md)", "the link is missing: z.md"},
		{"- one\n", "- one\n- two\n", "got 2 points, want 1"},
		{"| `b` | B |\n", "", "got 3 rows in the table, want 4; not there: `b`"},
		{"| `a` | A |\n| `b` | B |\n", "| `b` | B |\n| `a` | A |\n", "the row \"`b`\" stands where"},
		{"## B\n\n|", "|", "the headings differ; there are 1, and should be 2"},
	} {
		if got := strings.Join(untranslated(english, strings.Replace(english, c[0], c[1], 1)), "\n"); !strings.Contains(got, c[2]) {
			t.Errorf("%q for %q: got %q, want %q", c[1], c[0], got, c[2])
		}
	}
}
