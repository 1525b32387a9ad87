package ci

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var cnbDialect = dialect{
	name: "cnb",
	// https://docs.cnb.cool/en/build/build-in-env.html
	matches: hasExactly("CNB", "true"),
	open: func(s Streams) Host {
		s.Err = s.Out // outputs are lines of standard output: one stream keeps the order
		return &cnb{newPlain(s)}
	},
}

// cnb is Cloud Native Build, https://cnb.cool. It knows one command.
type cnb struct{ *plain }

func (c *cnb) Name() string { return cnbDialect.name }

// Run's Key is never complete: a rebuild says that it is one (CNB_IS_RETRY)
// and not of which build.
func (c *cnb) Run() Run {
	key, _ := runKey(c.getenv, "CNB_WEB_ENDPOINT", "CNB_BUILD_ID", "CNB_PIPELINE_ID", "CNB_BUILD_STAGE_NAME", "CNB_BUILD_JOB_KEY")
	limit, _ := strconv.Atoi(c.getenv("CNB_PIPELINE_MAX_RUN_TIME")) // in ms
	started, _ := time.Parse(time.RFC1123, c.getenv("CNB_BUILD_START_TIME"))
	return Run{
		Key:        key,
		Repository: c.getenv("CNB_REPO_URL_HTTPS"),
		Actor:      c.getenv("CNB_BUILD_USER"),
		Commit:     c.getenv("CNB_COMMIT"),
		Ref:        c.getenv("CNB_BRANCH"),
		URL:        c.getenv("CNB_BUILD_WEB_URL"),
		Left:       timeLeft(time.Duration(limit)*time.Millisecond, started),
	}
}

const cnbLimit = 100_000 // CNB ignores a value of 100 KB

// cnbPlain is what neither ends the command nor is decoded by CNB, which
// applies unescape to every value.
var cnbPlain = regexp.MustCompile(`^(?:[\w.,:;/@+()"-](?:[\w.,:;/@+()" -]*[\w.,:;/@+()"-])?)?$`)

// Output writes a line that exports: takes the value from.
// https://docs.cnb.cool/en/build/env.html
func (c *cnb) Output(name, value string) error {
	value = withoutReferences(c.Hide(value))
	if len(value) >= cnbLimit {
		c.Print(tooLong(name, "CNB", "100 KB"))
		return nil
	}
	if !cnbPlain.MatchString(value) || strings.HasPrefix(value, "base64,") {
		value = "base64," + base64.StdEncoding.EncodeToString([]byte(value))
	}
	c.write(fmt.Sprintf("##[set-output %s=%s]", variable(name), value))
	return nil
}

// tooLong is the error of an output that the CI would not accept.
func tooLong(name, host, limit string) string {
	return fmt.Sprintf("The output %s is left out: %s takes less than %s. json-file has all of it.", name, host, limit)
}
