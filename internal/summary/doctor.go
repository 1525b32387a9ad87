package summary

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/car-publish/car-publish/internal/record"
)

// Finding returns the lines of a finding for a log: one of a table and, if there
// is something to do, another below it.
func Finding(f record.Finding) []string {
	lines := []string{fmt.Sprintf("%-10s  %-31s  %s", f.Verdict, oneLine(f.Check), oneLine(f.Detail))}
	if f.Hint != "" {
		lines = append(lines, "            -> "+oneLine(f.Hint))
	}
	return lines
}

// findingsTable is the table of what doctor found, in Markdown.
func findingsTable(list []record.Finding) string {
	if len(list) == 0 {
		return ""
	}
	signs := map[record.Verdict]string{record.OK: "✅", record.Doubtful: "⚠️", record.Broken: "❌", record.NotTested: "➖"}
	var b strings.Builder
	b.WriteString("| | check | found | what to do |\n| --- | --- | --- | --- |\n")
	for _, f := range list {
		fmt.Fprintf(&b, "| %s %s | %s | %s | %s |\n", signs[f.Verdict], f.Verdict, escape(f.Check), escape(f.Detail), escape(f.Hint))
	}
	return b.String() + "\n"
}

// answersTable is the table of what a probe has found out, in Markdown.
func answersTable(list []record.Answer) string {
	if len(list) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| question | answer | field | value |\n| --- | --- | --- | --- |\n")
	for _, a := range list {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", escape(a.Question), escape(a.Answer), code(a.Field), code(a.Value))
	}
	return b.String() + "\n"
}

// countVerdicts says how many checks ended how: " (12 ok, 1 warning, 4 not tested)".
func countVerdicts(list []record.Finding) string {
	n := map[record.Verdict]int{}
	for _, f := range list {
		n[f.Verdict]++
	}
	parts := []string{fmt.Sprintf("%d ok", n[record.OK])}
	if n[record.Doubtful] > 0 {
		parts = append(parts, count(n[record.Doubtful], "warning"))
	}
	if n[record.NotTested] > 0 {
		parts = append(parts, fmt.Sprintf("%d not tested", n[record.NotTested]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// escapeBidi escapes the characters that change the direction of writing in a
// JSON document: what is pasted must be what is seen.
func escapeBidi(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.Is(unicode.Bidi_Control, r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// document is a JSON document for the user to paste elsewhere.
type document struct{ title, text string }

// documents returns what the command doctor has made for the user to paste.
func documents(r record.Result) []document {
	var list []document
	add := func(title string, v any) {
		text, _ := json.MarshalIndent(v, "", "  ") // it holds nothing that has no JSON form
		list = append(list, document{title, escapeBidi(string(text))})
	}
	if r.Policy != nil {
		add("The least policy for a publish with these inputs (CAM, Policies, Create by policy syntax):", r.Policy)
	}
	if r.TrustPolicy != nil {
		add("The trust policy of the role (CAM, Roles, Role entity), by the token's own claims:", r.TrustPolicy)
	}
	if len(r.World) > 0 {
		add("As a world of the simulator (carsim -world FILE):", r.World)
	}
	return list
}
