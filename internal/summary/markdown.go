package summary

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/record"
)

// Markdown is the summary of a run in GitHub's Markdown: first what a reader
// must not miss, then the details.
func Markdown(r record.Result) string {
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
	if r.Outcome == record.Listing {
		b.WriteString(listTable(r))
	}
	b.WriteString(findingsTable(r.Checks))
	b.WriteString(answersTable(r.Probe))
	for _, p := range documents(r) {
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
	if spans := endedPhases(r.Phases); len(spans) > 0 {
		paragraph(gantt(spans))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func emoji(o record.Outcome) string {
	switch {
	case o == record.Listing:
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

// listTable is the table of the command list, in Markdown.
func listTable(r record.Result) string {
	header, rows := listed(r)
	if len(rows) == 0 {
		return ""
	}
	var b strings.Builder
	row := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	row(header)
	b.WriteString(strings.Repeat("| --- ", len(header)) + "|\n")
	for _, texts := range rows {
		id := code(texts[0])
		for i, text := range texts {
			texts[i] = escape(text)
		}
		texts[0] = id
		row(texts)
	}
	return b.String() + "\n"
}

func links(r record.Result) string {
	var links []string
	for _, l := range []struct{ text, url string }{{"CAR console", r.ConsoleURL}, {"Run", r.Run.URL}} {
		if target := link(l.url); target != "" {
			links = append(links, "["+l.text+"]("+target+")")
		}
	}
	return strings.Join(links, " · ")
}

// link returns an address in a form that is safe as the target of a link, or ""
// if it is not the address of a web page.
func link(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "|", "%7C", `\`, "%5C", "`", "%60", " ", "%20", `"`, "%22").Replace(u.String())
}

// gantt is a chart of the phases (mermaid.js.org/syntax/gantt). Each phase is a
// section, since the name of a section has room beside even a short bar.
func gantt(spans []record.Span) string {
	var b strings.Builder
	b.WriteString("gantt\n    dateFormat x\n    axisFormat %H:%M:%S\n")
	for _, s := range spans {
		took := s.End.Sub(s.Start)
		tag := ""
		if s.Failed {
			tag = "crit, "
		}
		fmt.Fprintf(&b, "    section %s\n    %s :%s%d, %dms\n",
			chartText(string(s.Phase)), human.Duration(took), tag, s.Start.UnixMilli(), max(1, took/time.Millisecond))
	}
	return fence("mermaid", strings.TrimRight(b.String(), "\n"))
}

// chartText makes a text safe for a chart. Mermaid has no escape that works
// everywhere, so each character that it might take for syntax becomes a space.
func chartText(text string) string {
	return oneLine(regexp.MustCompile(`[^\pL\pN .()/_-]`).ReplaceAllString(text, " "))
}

// fence encloses a block in backticks: in more than the block has in a row.
func fence(language, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + language + "\n" + text + "\n" + fence
}

// code shows a text as code. A text with a character that would end the code
// span or the cell of a table becomes HTML, in which it can be escaped.
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
	// markdownEscapes escapes the syntax of Markdown and of GitHub's extensions that
	// counts anywhere in a line.
	markdownEscapes = strings.NewReplacer(
		`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `|`, `\|`, `~`, `\~`, `$`, `\$`, `#`, `\#`,
		`&`, `&amp;`, `<`, `&lt;`, `>`, `&gt;`,
		`://`, `\://`, // GitHub turns bare addresses into links
	)
	wwwPrefix = regexp.MustCompile(`(?i)www\.`)
)

// escape returns Markdown that shows a text, in one line. It must not stand at
// the start of a line, where the text could begin a list or a rule.
func escape(text string) string {
	text = markdownEscapes.Replace(oneLine(text))
	return wwwPrefix.ReplaceAllStringFunc(text, func(www string) string { return www[:3] + `\.` })
}
