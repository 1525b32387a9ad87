package inputs

import (
	"slices"
	"strings"
)

// setting is the text of an input, and the flag or variable that it came from.
type setting struct{ text, from string }

// prefixes are those of environment variables, in the order in which they count.
var prefixes = []string{"INPUT_", "PLUGIN_", "CAR_"}

// outputPrefix begins the names of our outputs where these are variables. They
// are never read as inputs: GitLab passes them to every later job, and Azure
// does so with the name of the step in front, which may be CAR.
const outputPrefix = "CAR_PUBLISHED_"

// sdkVariables are the variables that Tencent Cloud's own tools read keys from.
var sdkVariables = map[string][]string{
	"secret-id":     {"TENCENTCLOUD_SECRET_ID"},
	"secret-key":    {"TENCENTCLOUD_SECRET_KEY"},
	"session-token": {"TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SECURITY_TOKEN"},
}

// variables returns the names of all variables of an input, in the order in which
// they count.
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

// carName returns the name of the variable of an input that begins with CAR_.
func carName(name string) string {
	return "CAR_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// environment splits KEY=value lines. The last value of a name counts. White
// space around a value is dropped, since YAML blocks end in a line break.
func environment(lines []string) map[string]string {
	env := map[string]string{}
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, "="); ok {
			env[name] = strings.TrimSpace(value)
		}
	}
	return env
}

// usedVariables returns the variables that an input is read from in this
// environment: those that are present with the first prefix that has any.
//
// GitHub's runner sets a variable for every input of an action, an empty one for
// an input that the workflow does not set. All other variables may come from an
// earlier step of the job. So an empty INPUT_ variable also hides those with other
// prefixes; and in an action no variable is used for an input that the action does
// not have. The CIs of plugins pass only what is set under settings:, and their
// steps cannot set variables for each other.
func (p *parser) usedVariables(in Input) []string {
	if p.inAction && in.NotInAction {
		return nil
	}
	all := variables(in.Name)
	for _, prefix := range prefixes {
		var present []string
		for _, name := range all {
			if _, there := p.env[name]; there && strings.HasPrefix(name, prefix) {
				present = append(present, name)
			}
		}
		if p.inAction && len(present) == 2 && p.env[present[0]] != p.env[present[1]] {
			return nil // the runner has set only one of them: checkSources refuses both
		}
		if len(present) > 0 {
			return present
		}
	}
	return nil
}

// isAction reports whether there is a variable that GitHub's runner sets for an
// input of an action.
func isAction(env map[string]string) bool {
	return slices.ContainsFunc(Table, func(in Input) bool {
		return slices.ContainsFunc(variables(in.Name), func(name string) bool {
			_, there := env[name]
			return there && strings.HasPrefix(name, "INPUT_")
		})
	})
}

// lookup finds what was given for an input; the zero setting means nothing.
func (p *parser) lookup(in Input) setting {
	if text := strings.TrimSpace(p.flags[in.Name]); text != "" {
		return setting{text, "--" + in.Name}
	}
	for _, name := range p.usedVariables(in) {
		if text := p.env[name]; text != "" {
			return setting{text, name}
		}
	}
	return setting{}
}

// checkSources warns of variables that are set and not used. In an action it refuses
// an input whose two spellings have different values, since an earlier step may have
// set one of them.
func (p *parser) checkSources() {
	var ignored []string
	for _, in := range Table {
		used := p.usedVariables(in)
		hyphened, underscored := "INPUT_"+strings.ToUpper(in.Name), "INPUT_"+strings.TrimPrefix(carName(in.Name), "CAR_")
		first, hasFirst := p.env[hyphened]
		second, hasSecond := p.env[underscored]
		if hasFirst && hasSecond && first != second && !in.NotInAction {
			p.problems = append(p.problems, &Problem{
				Input: hyphened + " and " + underscored, Name: in.Name, Text: "is set twice, and the values differ",
				Hint: "look for the step that sets one of them in GITHUB_ENV",
			})
			continue
		}
		for _, name := range variables(in.Name) {
			if text := p.env[name]; text != "" && text != p.lookup(in).text && !slices.Contains(used, name) {
				ignored = append(ignored, name)
			}
		}
	}
	switch {
	case len(ignored) == 0:
	case p.inAction:
		p.warn(strings.Join(ignored, ", ") + ": ignored, since only the inputs under with: count in an action")
	default:
		p.warn(strings.Join(ignored, ", ") + ": ignored, since a setting of the plugin comes first")
	}
}

// howToSet says how an input is set where this run was set up: as a flag, in a
// workflow, or as a variable.
func (p *parser) howToSet(name string) string {
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
