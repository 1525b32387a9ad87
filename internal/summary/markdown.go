package summary

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/publish"
)

// Markdown is the run for a page that renders GitHub's Markdown: first what a
// reader must not miss, then the details.
func Markdown(r publish.Result) string {
	var b strings.Builder
	paragraph := func(text string) { b.WriteString(text + "\n\n") }
	command := func(before, line string) {
		paragraph(before)
		paragraph(fence("sh", oneLine(line)))
	}

	paragraph("### " + emoji(r.Outcome) + escape(Headline(r)))
	if len(r.Problems) > 0 {
		for _, text := range r.Problems {
			b.WriteString("- **" + escape(text) + "**\n")
		}
		b.WriteString("\n")
	} else if text := reason(r); text != "" {
		paragraph("**" + escape(text) + "**")
	}
	if r.ErrorHint != "" {
		paragraph("What to do: " + escape(r.ErrorHint))
	}
	for _, l := range r.Left {
		command("Left behind: "+escape(l.What)+": run", l.Command)
	}
	for _, c := range r.Next {
		command("To "+escape(c.Purpose)+":", c.Line)
	}
	if r.Outcome == publish.Listing {
		b.WriteString(versions(r.Versions))
	}
	b.WriteString(findings(r.Checks))
	b.WriteString(answers(r.Probe))
	for _, p := range papers(r) {
		paragraph(p.title)
		paragraph(fence("json", p.text))
	}
	if rows := facts(r); len(rows) > 0 {
		b.WriteString("| | |\n| --- | --- |\n")
		for _, f := range rows {
			b.WriteString("| " + f.label + " | " + f.markdown() + " |\n")
		}
		b.WriteString("\n")
	}
	if links := links(r); links != "" {
		paragraph(links)
	}
	if spans := ended(r.Phases); len(spans) > 0 {
		paragraph(gantt(spans))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func emoji(o publish.Outcome) string {
	switch {
	case o == publish.Listing:
		return ""
	case o.Succeeded():
		return "✅ "
	}
	return "❌ "
}

func (f fact) markdown() string {
	texts := make([]string, len(f.values))
	for i, v := range f.values {
		texts[i] = strings.TrimSpace(escape(v.text) + " " + code(v.id))
	}
	if f.list {
		return strings.Join(texts, "<br>")
	}
	return strings.Join(texts, ", ")
}

// versions is the list command's table.
func versions(list []publish.Listed) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	row := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	row(columns)
	b.WriteString(strings.Repeat("| --- ", len(columns)) + "|\n")
	for _, v := range list {
		texts := cells(v)
		for i, text := range texts {
			texts[i] = escape(text)
		}
		texts[0] = code(v.ID)
		row(texts)
	}
	return b.String() + "\n"
}

func links(r publish.Result) string {
	var links []string
	for _, l := range []struct{ text, url string }{{"CAR console", r.ConsoleURL}, {"Run", r.Run.URL}} {
		if target := link(l.url); target != "" {
			links = append(links, "["+l.text+"]("+target+")")
		}
	}
	return strings.Join(links, " · ")
}

// link is an address that is safe as the target of a link, or nothing.
func link(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "|", "%7C", `\`, "%5C", "`", "%60", " ", "%20", `"`, "%22").Replace(u.String())
}

// gantt is the phases as a chart (mermaid.js.org/syntax/gantt): a section for
// each phase, so that its name stands beside the bar however short that is.
func gantt(spans []publish.Span) string {
	var b strings.Builder
	b.WriteString("gantt\n    dateFormat x\n    axisFormat %H:%M:%S\n")
	for _, s := range spans {
		took := s.End.Sub(s.Start)
		tag := ""
		if s.Failed {
			tag = "crit, "
		}
		fmt.Fprintf(&b, "    section %s\n    %s :%s%d, %dms\n",
			label(string(s.Phase)), Duration(took), tag, s.Start.UnixMilli(), max(1, took/time.Millisecond))
	}
	return fence("mermaid", strings.TrimRight(b.String(), "\n"))
}

// label is a text for a chart. Mermaid has no escape that works everywhere, so
// what it might take for syntax goes.
func label(text string) string {
	return oneLine(regexp.MustCompile(`[^\pL\pN .()/_-]`).ReplaceAllString(text, " "))
}

// fence encloses a block in more backticks than it has in a row.
func fence(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + text + "\n" + fence
}

// code shows a text as code. Where it holds what a code span or a table cell
// would end at, HTML says the same and can be escaped.
func code(text string) string {
	text = oneLine(text)
	switch {
	case text == "":
		return ""
	case strings.ContainsAny(text, "`|\\"):
		return "<code>" + escape(text) + "</code>"
	}
	return "`" + text + "`"
}

var (
	// special is Markdown, GitHub's extensions included, wherever it stands.
	special = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `|`, `\|`, `~`, `\~`, `$`, `\$`, `#`, `\#`,
		`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`,
		`://`, `\://`, // GitHub makes links of bare addresses
	)
	bareWWW = regexp.MustCompile(`(?i)www\.`)
)

// escape makes any text one line of Markdown that shows that text, anywhere
// but at the start of a line: there, a list or a rule could begin.
func escape(text string) string {
	text = special.Replace(oneLine(text))
	return bareWWW.ReplaceAllStringFunc(text, func(www string) string { return www[:3] + `\.` })
}
