package inputs

import (
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/outfile"
)

// The domains of COS and of Tencent Cloud's API, which CAR and STS belong to. A
// customer's bucket has a host in the former.
var (
	cosDomains = []string{"myqcloud.com", "tencentcos.cn"}
	apiDomains = []string{"tencentcloudapi.com"}
)

// plainHost is a host that a shell takes as it is: it is part of the command
// lines that a run suggests.
var plainHost = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[\pL\pN_.-]+)(:[0-9]*)?$`)

// endpoint returns the scheme and the host of an input; "" if none is given, or if it
// is refused.
func (p *parser) endpoint(name string) string {
	in := find(name)
	given := p.lookup(in)
	if given.text == "" {
		return ""
	}
	text := given.text
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	const hint = "write https:// and a host, such as https://car.tencentcloudapi.com"
	domains := apiDomains
	if name == "cos-endpoint" {
		domains = cosDomains
	}
	p.maskUser(text)
	u, err := url.Parse(text)
	switch {
	case err != nil:
		p.refuse(in, setting{from: given.from}, "is not a URL", hint)
	case strings.Contains(text, "@"): // also after a slash: that may be a part of a password
		p.refuse(in, setting{from: given.from}, "has a user in it", hint)
	case !plainHost.MatchString(u.Host) || u.Scheme != "http" && u.Scheme != "https":
		p.refuse(in, given, "is not an http or https URL", hint)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		p.refuse(in, given, "has more than a host in it", hint)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		p.refuse(in, given, "is plain http to another machine", "use https, since anybody on the way could read and change what is sent")
	case name == "sts-endpoint" && !p.namedByWorkflow(given.from) && !isLoopback(u.Hostname()) && !isIn(domains, u.Hostname()):
		// An earlier step of the job can set a variable, and whoever gets the
		// token can become the role.
		p.refuse(in, given, "does not belong to Tencent Cloud, and an OIDC token would go there", "if that is meant, give it as the flag --sts-endpoint, or as an input of the action or a setting of the plugin")
	default:
		if !isLoopback(u.Hostname()) && !isIn(domains, u.Hostname()) {
			what := "everything signed with your key"
			if name == "sts-endpoint" {
				what = "your OIDC token"
			}
			p.warn(name + ": " + showName(u.Host) + " does not belong to Tencent Cloud; " + what + " goes there")
		}
		return u.Scheme + "://" + u.Host
	}
	return ""
}

// namedByWorkflow reports whether a value was given where only the workflow itself can
// give it: by a flag, or by a variable that the runner of this very CI sets for its
// actions or plugins. Elsewhere a variable of that name may come from an earlier step
// or job, such as a dotenv report of GitLab.
func (p *parser) namedByWorkflow(from string) bool {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { _, there := p.env[name]; return there })
	}
	github := has("GITHUB_ACTIONS")
	plugin := has("DRONE", "CNB", "HARNESS_BUILD_ID") || p.env["CI"] == "woodpecker"
	other := has("GITLAB_CI", "TF_BUILD", "JENKINS_URL", "BUILDKITE")
	switch {
	case strings.HasPrefix(from, "INPUT_"):
		return github && !plugin && !other && p.inAction
	case strings.HasPrefix(from, "PLUGIN_"):
		return plugin && !github && !other
	}
	return strings.HasPrefix(from, "--")
}

// cosEndpoint is endpoint for cos-endpoint, which may also be the word "accelerate".
func (p *parser) cosEndpoint() (address string, accelerate bool) {
	const name = "cos-endpoint"
	const word = "accelerate"
	in := find(name)
	switch given := p.lookup(in); {
	case strings.EqualFold(given.text, word):
		return "", true
	case nearest(given.text, []string{word}) != "":
		p.refuse(in, given, "is not a host", "did you mean "+word+"?")
		return "", false
	}
	return p.endpoint(name), false
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

func isIn(domains []string, host string) bool {
	host = strings.ToLower(host)
	return slices.ContainsFunc(domains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

// minSecretPart is how long a part of a URL must be to be masked, in bytes. Shorter
// ones are likely to be ordinary words.
const minSecretPart = 8

// maskURL masks what may be secret in a URL: a password, the query and the fragment
// as a whole, and each long value in them.
func (p *parser) maskURL(text string) {
	before, fragment, _ := strings.Cut(text, "#")
	_, query, _ := strings.Cut(before, "?")
	p.maskQuery(query)
	p.maskQuery(fragment)
	scheme, rest, _ := strings.Cut(text, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i] // only an "@" before that ends a password
	}
	p.maskUser(scheme + "://" + rest)
}

func (p *parser) maskQuery(query string) {
	if len(query) < minSecretPart {
		return
	}
	p.mask(query)
	for _, pair := range strings.Split(query, "&") {
		_, raw, _ := strings.Cut(pair, "=")
		if len(raw) < minSecretPart {
			continue
		}
		p.mask(raw)
		if value, err := url.QueryUnescape(raw); err == nil {
			p.mask(value)
		}
	}
}

// maskUser masks the password before the last "@": as it is written, decoded, and as
// net/url encodes it. A long user name without a password may be a token.
func (p *parser) maskUser(text string) {
	at := strings.LastIndex(text, "@")
	if at < 0 {
		return
	}
	_, rest, _ := strings.Cut(text[:at], "://")
	user, written, found := strings.Cut(rest, ":")
	if !found && len(user) >= minSecretPart {
		written = user
	}
	p.mask(written)
	if plain, err := url.PathUnescape(written); err == nil {
		p.mask(plain)
		p.mask(strings.TrimPrefix(url.UserPassword("", plain).String(), ":"))
	}
}

func (p *parser) caFile() string {
	in := find("ca-file")
	given := p.lookup(in)
	if given.text == "" {
		return ""
	}
	if info, err := os.Stat(given.text); err != nil {
		p.refuse(in, given, "cannot be read: "+reason(err), "")
		return ""
	} else if info.IsDir() {
		p.refuse(in, given, "is a directory", "name one PEM file")
		return ""
	}
	return given.text
}

// newFile is a file that is written at the end of the run. If that cannot work, it
// is refused now: at the end a version may be online.
func (p *parser) newFile(name string) string {
	in := find(name)
	given := p.lookup(in)
	if given.text == "" {
		return ""
	}
	if info, err := os.Stat(given.text); err == nil && info.IsDir() {
		p.refuse(in, given, "is a directory", "name a file in it")
		return ""
	}
	if info, err := os.Stat(filepath.Dir(given.text)); err != nil {
		why := "its directory " + reason(err)
		if errors.Is(err, fs.ErrNotExist) {
			why = "its directory does not exist"
		}
		p.refuse(in, given, "cannot be written: "+why, "make the directory first")
		return ""
	} else if !info.IsDir() {
		p.refuse(in, given, "cannot be written: it is not in a directory", "")
		return ""
	}
	if err := outfile.Check(given.text); err != nil {
		p.refuse(in, given, "cannot be written: "+reason(err), "name a file in a directory that this user may write, and that is not read-only")
		return ""
	}
	return given.text
}

// reason says why a file cannot be read, without its path and, if possible, in the
// same words on every operating system.
func reason(err error) string {
	for _, known := range []error{fs.ErrNotExist, fs.ErrPermission} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return err.Error()
}
