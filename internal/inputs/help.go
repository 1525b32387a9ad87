package inputs

import (
	"fmt"
	"strings"
)

// The layout of the help, in columns.
const (
	helpWidth  = 100
	helpIndent = 30 // where the meanings begin
)

// placeholders stand for the value of a flag.
var placeholders = map[Kind]string{
	Text: " TEXT", Duration: " TIME", List: " LIST", Choice: " CHOICE", Path: " PATH", URL: " URL", Number: " NUMBER", Rate: " RATE",
}

// Help returns the help for a command, or for the whole program if command is
// "".
func Help(command string) string {
	var b strings.Builder
	if command == "" {
		paragraph(&b, "car-publish takes a build and makes it a released version on Tencent Cloud CAR.")
		b.WriteString("\nUsage: car-publish [command] [flags]\n\nCommands\n")
		for i, c := range Commands {
			meaning := c.Meaning
			if i == 0 {
				meaning += " (default)"
			}
			row(&b, c.Name, meaning)
		}
		row(&b, "help [command]", "show this, or what one command takes")
	} else {
		for _, c := range Commands {
			if c.Name == command {
				paragraph(&b, "car-publish "+c.Name+": "+c.Meaning+".")
			}
		}
		b.WriteString("\nUsage: car-publish " + command + " [flags]\n")
	}

	group := ""
	for _, in := range Table {
		if in.Group == "" || command != "" && !in.AppliesTo(command) {
			continue
		}
		if in.Group != group {
			group = in.Group
			b.WriteString("\n" + group + "\n")
		}
		name := "--" + in.Name + placeholders[in.Kind]
		if in.Kind == Secret {
			name = carName(in.Name)
		}
		row(&b, name, strings.ReplaceAll(in.Meaning+defaultText(in), "`", ""))
	}

	b.WriteString("\nFlags and variables\n")
	paragraph(&b, "  Each flag can be a variable: --on-blocked is INPUT_ON_BLOCKED, PLUGIN_ON_BLOCKED or CAR_ON_BLOCKED. The flag counts first, "+
		"then these in their order; what is empty is not set. --wait=false turns off what is on. Secrets have no flag.")

	paragraph(&b, "  --version prints the version.")

	b.WriteString("\nExit status\n")
	var statuses []string
	for _, s := range ExitStatuses {
		statuses = append(statuses, fmt.Sprintf("%d %s", s.Code, s.Meaning))
	}
	paragraph(&b, "  "+strings.Join(statuses, "; ")+".")
	return b.String()
}

// defaultText returns the default of an input, as the help shows it.
func defaultText(in Input) string {
	switch {
	case in.Required():
		return " (required)"
	case in.DefaultNote != "":
		return " (default: " + in.DefaultNote + ")"
	case in.Default != "" && in.Default != "false":
		return " (default: " + in.Default + ")"
	}
	return ""
}

func row(b *strings.Builder, name, meaning string) {
	lines := wrap(meaning, helpWidth-helpIndent)
	fmt.Fprintf(b, "  %-*s%s\n", helpIndent-2, name, lines[0])
	for _, line := range lines[1:] {
		fmt.Fprintf(b, "%*s%s\n", helpIndent, "", line)
	}
}

// paragraph writes a text in lines, each indented as the text begins.
func paragraph(b *strings.Builder, text string) {
	indent := text[:len(text)-len(strings.TrimLeft(text, " "))]
	for _, line := range wrap(text, helpWidth-len(indent)) {
		b.WriteString(indent + line + "\n")
	}
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
