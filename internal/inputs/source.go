package inputs

import (
	"slices"
	"strings"
)

// given is the text of an input and where it comes from.
type given struct{ text, from string }

// The prefixes of environment variables, in the order in which they are
// asked.
var prefixes = []string{"INPUT_", "PLUGIN_", "CAR_"}

// published is in the names of our outputs where they are variables. They are
// never read: GitLab hands them to every later job, and Azure with the name of
// the step in front, which may be CAR.
const published = "CAR_PUBLISHED_"

// owned are the variables of Tencent Cloud's own tools for keys.
var owned = map[string][]string{
	"secret-id":     {"TENCENTCLOUD_SECRET_ID"},
	"secret-key":    {"TENCENTCLOUD_SECRET_KEY"},
	"session-token": {"TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"},
}

// variables returns the names of the variables of one input, in order.
func variables(name string) []string {
	upper := strings.ToUpper(name)
	underscored := strings.ReplaceAll(upper, "-", "_")
	var names []string
	for _, prefix := range prefixes {
		if prefix != "CAR_" && upper != underscored {
			names = append(names, prefix+upper)
		}
		names = append(names, prefix+underscored)
	}
	return names
}

func carName(name string) string {
	return "CAR_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// environment splits KEY=value lines. As in a process, the last of a key
// counts. White space around a value is dropped: YAML blocks end in a line
// break.
func environment(lines []string) map[string]string {
	env := map[string]string{}
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, "="); ok {
			env[name] = strings.TrimSpace(value)
		}
	}
	return env
}

// lookup finds what was given for an input. A zero given is nothing.
func (p *parser) lookup(in Input) given {
	if text := strings.TrimSpace(p.flags[in.Name]); text != "" {
		return given{text, "--" + in.Name}
	}
	var found given
	for _, name := range variables(in.Name) {
		switch text := p.env[name]; {
		case text == "":
		case found.text == "":
			found = given{text, name}
		case text != found.text && found.text == in.Default && strings.HasPrefix(found.from, "INPUT_"):
			// On GitHub, action.yml gives every default as if the user had
			// written it.
			p.warn(name + " is ignored, since the action's input " + in.Name + " comes first: set it under with:")
		}
	}
	return found
}

// warnUnknown warns of variables that look like inputs and are none.
func (p *parser) warnUnknown() {
	var known, upper []string
	for _, in := range Table {
		known = append(known, variables(in.Name)...)
		upper = append(upper, strings.TrimPrefix(carName(in.Name), "CAR_"))
	}
	var names []string
	for name, value := range p.env {
		isOurs := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if isOurs && value != "" && !strings.Contains(name, published) && !slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		warning := printable(name) + " is not an input"
		prefix, rest, _ := strings.Cut(name, "_")
		if meant := nearest(strings.ReplaceAll(rest, "-", "_"), upper); meant != "" {
			if strings.Contains(rest, "-") && prefix != "CAR" { // in the user's own spelling
				meant = strings.ReplaceAll(meant, "_", "-")
			}
			warning += "; did you mean " + prefix + "_" + meant + "?"
		}
		p.warn(warning)
	}
}

// how says how an input is set in the place that this run is set up in.
func (p *parser) how(name string) string {
	for _, in := range Table {
		for _, variable := range variables(in.Name) {
			if _, there := p.env[variable]; !there {
				continue
			}
			switch {
			case strings.HasPrefix(variable, "INPUT_"):
				return "set " + name + " under with:"
			case strings.HasPrefix(variable, "PLUGIN_"):
				return "set " + name + " under settings:"
			}
		}
	}
	if isSecret(name) {
		return "set " + carName(name) + " or --" + name + "-file"
	}
	return "set --" + name + " or " + carName(name)
}
