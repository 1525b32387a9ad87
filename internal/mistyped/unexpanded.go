package mistyped

import "regexp"

// unexpanded are the forms in which CIs and shells write a variable or an expression,
// with what is then to be done. Where they arrive as they are, nobody has read them.
var unexpanded = []struct {
	form *regexp.Regexp
	what string
	hint string
}{
	{regexp.MustCompile(`\$\{\{.*?(\}\}|$)`), "an expression", "only the file of a GitHub, Gitea or Azure workflow has ${{ }}, and only where the CI reads it; look for quotes or a script around it"},
	{regexp.MustCompile(`\{\{.*?\}\}|<\+[\w.]+>`), "an expression", "the CI has not read it; look at where it is written, and at its spelling"},
	{regexp.MustCompile(`\$\[.*?\]`), "an expression", "Azure reads $[ ] only in variables and conditions"},
	{regexp.MustCompile(`\$\([A-Za-z_][\w.]*\)`), "a variable", "$(NAME) is Azure's, and stays as it is if there is no such variable; a secret one must be given under env:"},
	{regexp.MustCompile(`(?i)\$env:[a-z_]\w*`), "a variable", "only PowerShell reads $env:NAME"},
	{regexp.MustCompile(`\$\{?[A-Za-z_]\w*\}?`), "a variable", "only a shell reads $NAME; where the CI passes values on as they are, use its own way to name a variable"},
	{regexp.MustCompile(`(?i)%([a-z_]\w{2,}|cd)%`), "a variable", "only cmd.exe reads %NAME%"},
}

// Unexpanded is a variable or an expression that nobody has read.
type Unexpanded struct {
	Text string // as it arrived
	What string // "a variable" or "an expression"
	Hint string // what to do
}

// FindUnexpanded returns what a text holds in place of a value; the zero value if it
// holds nothing of the kind.
func FindUnexpanded(text string) Unexpanded {
	for _, u := range unexpanded {
		if found := u.form.FindString(text); found != "" {
			return Unexpanded{found, u.what, u.hint}
		}
	}
	return Unexpanded{}
}

// IsUnexpanded reports whether a text is a variable or an expression and nothing else.
func IsUnexpanded(text string) bool {
	for _, u := range unexpanded {
		if u.form.FindString(text) == text && text != "" {
			return true
		}
	}
	return false
}
