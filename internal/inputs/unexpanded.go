package inputs

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
	{regexp.MustCompile(`%[A-Za-z_]\w{2,}%`), "a variable", "only cmd.exe reads %NAME%"},
}

// notExpanded returns what a text holds in place of a value, and what to do; "" if it
// holds nothing of the kind.
func notExpanded(text string) (what, hint string) {
	for _, u := range unexpanded {
		if u.form.MatchString(text) {
			return u.what, u.hint
		}
	}
	return "", ""
}

// isNotExpanded reports whether a text is a variable or an expression and nothing else.
func isNotExpanded(text string) bool {
	for _, u := range unexpanded {
		if at := u.form.FindStringIndex(text); at != nil && at[0] == 0 && at[1] == len(text) {
			return true
		}
	}
	return false
}
