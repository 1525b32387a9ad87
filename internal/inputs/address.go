package inputs

import (
	"errors"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/secret"
)

// tencentDomains are those that Tencent Cloud serves its API and COS from.
var tencentDomains = []string{"tencentcloudapi.com", "myqcloud.com", "tencentcos.cn"}

// plainHost is a host that a shell takes as it is: it is part of the command
// lines that a run suggests.
var plainHost = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[\pL\pN_.-]+)(:[0-9]*)?$`)

// endpoint returns scheme and host.
func (p *parser) endpoint(name string) string {
	in := find(name)
	g := p.lookup(in)
	if g.text == "" {
		return ""
	}
	text := g.text
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	const hint = "write https:// and a host, such as https://car.tencentcloudapi.com"
	p.maskUser(text)
	u, err := url.Parse(text)
	switch {
	case err != nil:
		p.refuse(in, given{from: g.from}, "is no URL", hint)
	case strings.Contains(text, "@"): // also after a slash: that may be a part of a password
		p.refuse(in, given{from: g.from}, "has a user in it", hint)
	case !plainHost.MatchString(u.Host) || u.Scheme != "http" && u.Scheme != "https":
		p.refuse(in, g, "is no http or https URL", hint)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		p.refuse(in, g, "has more than a host in it", hint)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		p.refuse(in, g, "is plain http to another machine", "use https, since anybody on the way could read and change what is sent")
	default:
		if !isLoopback(u.Hostname()) && !isTencent(u.Hostname()) {
			what := "everything signed with your key"
			if name == "sts-endpoint" {
				what = "your OIDC token"
			}
			p.warn(name + ": " + printable(u.Host) + " does not belong to Tencent Cloud; " + what + " goes there")
		}
		return u.Scheme + "://" + u.Host
	}
	return ""
}

// cosEndpoint returns what endpoint does, or that the upload is accelerated.
func (p *parser) cosEndpoint() (address string, accelerate bool) {
	const name = "cos-endpoint"
	const word = "accelerate"
	in := find(name)
	switch g := p.lookup(in); {
	case strings.EqualFold(g.text, word):
		return "", true
	case nearest(g.text, []string{word}) != "":
		p.refuse(in, g, "is no host", "did you mean "+word+"?")
		return "", false
	}
	return p.endpoint(name), false
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}

func isTencent(host string) bool {
	host = strings.ToLower(host)
	return slices.ContainsFunc(tencentDomains, func(domain string) bool {
		return host == domain || strings.HasSuffix(host, "."+domain)
	})
}

// artifactURL returns the URL and the file name at its end.
func (p *parser) artifactURL() (secret.String, string) {
	in := find("artifact-url")
	g := p.lookup(in)
	if g.text == "" {
		return secret.String{}, ""
	}
	p.maskURL(g.text)
	u, err := url.Parse(g.text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.refuse(in, g, "is no http or https URL", "CAR downloads it directly, so it must be the address of the file itself; a file of yours goes to artifact")
		return secret.String{}, ""
	}
	return secret.New(g.text), path.Base(u.Path)
}

// theirProxies are the variables that a proxy is taken from without the input.
var theirProxies = []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}

// proxyURL reads the address of a proxy as curl and Go read HTTPS_PROXY.
func proxyURL(text string) string {
	if strings.Contains(text, "://") {
		return text
	}
	return "http://" + text
}

func (p *parser) proxy() secret.String {
	for _, name := range theirProxies {
		p.maskUser(proxyURL(p.env[name]))
	}
	in := find("proxy")
	g := p.lookup(in)
	if g.text == "" {
		return secret.String{}
	}
	text := proxyURL(g.text)
	p.maskUser(text)
	u, err := url.Parse(text)
	schemes := []string{"http", "https", "socks5", "socks5h"}
	if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
		p.refuse(in, g, "is no URL of a proxy", "write http://host:port; "+oneOf(schemes)+" will do")
		return secret.String{}
	}
	return secret.New(text)
}

// shortest is the length from which on a part of a URL is not a word that
// occurs by chance.
const shortest = 8

// maskURL masks what may be secret in a URL: the query and the fragment, whole
// and each long value, and a password.
func (p *parser) maskURL(text string) {
	before, fragment, _ := strings.Cut(text, "#")
	_, query, _ := strings.Cut(before, "?")
	p.maskQuery(query)
	p.maskQuery(fragment)
	scheme, rest, _ := strings.Cut(text, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i] // an "@" after that means nothing
	}
	p.maskUser(scheme + "://" + rest)
}

func (p *parser) maskQuery(query string) {
	if len(query) < shortest {
		return
	}
	p.mask(query)
	for _, pair := range strings.Split(query, "&") {
		_, raw, _ := strings.Cut(pair, "=")
		if len(raw) < shortest {
			continue
		}
		p.mask(raw)
		if value, err := url.QueryUnescape(raw); err == nil {
			p.mask(value)
		}
	}
}

// maskUser masks the password before the last "@", in every spelling: as it
// was written, as it is, and as net/url writes it. A long user without one is
// a token.
func (p *parser) maskUser(text string) {
	at := strings.LastIndex(text, "@")
	if at < 0 {
		return
	}
	_, rest, _ := strings.Cut(text[:at], "://")
	user, written, found := strings.Cut(rest, ":")
	if !found && len(user) >= shortest {
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
	g := p.lookup(in)
	if g.text == "" {
		return ""
	}
	if info, err := os.Stat(g.text); err != nil {
		p.refuse(in, g, "cannot be read: "+cause(err), "")
		return ""
	} else if info.IsDir() {
		p.refuse(in, g, "is a directory", "name one PEM file")
		return ""
	}
	return g.text
}

// newFile is a file that is written at the end. Where that cannot work it is
// refused now: a version may be online by then.
func (p *parser) newFile(name string) string {
	in := find(name)
	g := p.lookup(in)
	if g.text == "" {
		return ""
	}
	if info, err := os.Stat(g.text); err == nil && info.IsDir() {
		p.refuse(in, g, "is a directory", "name a file in it")
		return ""
	}
	if info, err := os.Stat(filepath.Dir(g.text)); err != nil {
		p.refuse(in, g, "cannot be written: its directory "+cause(err), "make the directory first")
		return ""
	} else if !info.IsDir() {
		p.refuse(in, g, "cannot be written: it is not in a directory", "")
		return ""
	}
	return g.text
}

// cause says why a file cannot be read, without its path, and in the same
// words on every operating system where that is possible.
func cause(err error) string {
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
