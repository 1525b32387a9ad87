package summary

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/car-publish/car-publish/internal/publish"
)

// Finding is a finding for a log: a line of a table, and below it what to do.
func Finding(f publish.Finding) []string {
	lines := []string{fmt.Sprintf("%-10s  %-31s  %s", f.Verdict, oneLine(f.Check), oneLine(f.Detail))}
	if f.Hint != "" {
		lines = append(lines, "            -> "+oneLine(f.Hint))
	}
	return lines
}

// findings is the table of the findings.
func findings(list []publish.Finding) string {
	if len(list) == 0 {
		return ""
	}
	signs := map[publish.Verdict]string{publish.OK: "✅", publish.Doubtful: "⚠️", publish.Broken: "❌", publish.NotTested: "➖"}
	var b strings.Builder
	b.WriteString("| | check | found | what to do |\n| --- | --- | --- | --- |\n")
	for _, f := range list {
		fmt.Fprintf(&b, "| %s %s | %s | %s | %s |\n", signs[f.Verdict], f.Verdict, escape(f.Check), escape(f.Detail), escape(f.Hint))
	}
	return b.String() + "\n"
}

// answers is the table of what a probe has found out.
func answers(list []publish.Answer) string {
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

// tally counts the checks: " (12 ok, 1 warning, 4 not tested)".
func tally(list []publish.Finding) string {
	n := map[publish.Verdict]int{}
	for _, f := range list {
		n[f.Verdict]++
	}
	parts := []string{fmt.Sprintf("%d ok", n[publish.OK])}
	if n[publish.Doubtful] > 0 {
		parts = append(parts, count(n[publish.Doubtful], "warning"))
	}
	if n[publish.NotTested] > 0 {
		parts = append(parts, fmt.Sprintf("%d not tested", n[publish.NotTested]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// visible writes the characters that turn the direction of writing as JSON can
// write them: what is pasted must be what is seen.
func visible(text string) string {
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

// paper is a text to be pasted elsewhere.
type paper struct{ title, text string }

// papers are those of the doctor command.
func papers(r publish.Result) []paper {
	var list []paper
	add := func(title string, v any) {
		text, _ := json.MarshalIndent(v, "", "  ") // it holds nothing that has no JSON form
		list = append(list, paper{title, visible(string(text))})
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
