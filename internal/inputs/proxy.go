package inputs

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/car-publish/car-publish/internal/mistyped"
	"github.com/car-publish/car-publish/internal/secret"
)

// proxyVariables are the variables that name a proxy if the input does not. Of each
// pair net/http reads the first that is set. ALL_PROXY it does not read.
var proxyVariables = [][]string{{"HTTPS_PROXY", "https_proxy"}, {"HTTP_PROXY", "http_proxy"}, {"ALL_PROXY", "all_proxy"}}

var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

// proxyURL adds the scheme that curl and Go assume where HTTPS_PROXY has none.
func proxyURL(text string) string {
	if strings.Contains(text, "://") {
		return text
	}
	return "http://" + text
}

// proxy returns the input proxy. Without it the variables count: net/http ignores one
// that it cannot read, and signed calls would go another way than the one that was set.
// A password with a # or a / in it would make a part of it the name of a host, which
// goes to the log and to the DNS server.
func (p *parser) proxy() secret.String {
	for _, pair := range proxyVariables {
		for _, name := range pair {
			p.maskUser(proxyURL(p.env[name]))
		}
	}
	in := find("proxy")
	given := p.lookup(in)
	if given.text == "" {
		p.checkProxyVariables()
		return secret.String{}
	}
	p.maskUser(proxyURL(given.text))
	if text, hint := proxyMistake(given.text); text != "" {
		p.problems = append(p.problems, &Problem{Input: given.from, Name: in.Name, Text: text, Hint: hint})
		return secret.String{}
	}
	return secret.New(proxyURL(given.text))
}

// checkProxyVariables checks the variables of proxies that are in force.
func (p *parser) checkProxyVariables() {
	inForce := false
	for _, pair := range proxyVariables {
		name := pair[0]
		if p.untrimmed(name) == "" {
			name = pair[1]
		}
		text := p.untrimmed(name)
		isAll := pair[0] == "ALL_PROXY"
		if text == "" || isAll && inForce {
			continue
		}
		inForce = true
		mistake, hint := proxyMistake(text)
		switch {
		case mistake != "":
			p.problems = append(p.problems, &Problem{Input: name, Name: "proxy", Text: mistake, Hint: hint})
		case isAll:
			p.warn(name + " is set, but only HTTPS_PROXY and HTTP_PROXY are read here: to go through that proxy, set one of them or the input proxy")
		}
	}
	if inForce {
		p.checkNoProxy()
	}
}

// untrimmed is the value of a variable as net/http reads it.
func (p *parser) untrimmed(name string) string {
	for _, line := range slices.Backward(p.environ) {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

// proxyMistake says what is wrong with the URL of a proxy, without any part of it, and
// what to do; "" if nothing is. Nothing that net/http would read in another way passes.
func proxyMistake(text string) (mistake, hint string) {
	const (
		noURL  = "is not the URL of a proxy"
		escape = "in a name and a password % # / ? @ are written %25 %23 %2F %3F %40"
	)
	write := "write http://host:port; " + oneOf(proxySchemes) + " will do"
	scheme, rest, _ := strings.Cut(proxyURL(text), "://")
	user, host, hasUser := cutLast(rest, "@")
	if !hasUser {
		user, host = "", rest
	}
	switch raw := mistyped.FindUnexpanded(text); {
	case mistyped.IsUnexpanded(text), raw.What == "an expression":
		return noURL, "it is " + raw.What + " that nobody expanded: " + raw.Hint
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || mistyped.IsInvisible(r) }):
		return "has a blank, a line break or an invisible character in it", "write it without; in a password a blank is %20"
	case mistyped.Unquoted(text) != text:
		return "is in quotes, and they are a part of it", "write it without them"
	case !slices.Contains(proxySchemes, strings.ToLower(scheme)):
		return noURL, write
	case strings.ContainsAny(user, "/?#@"):
		return noURL, escape
	case !isUserinfo(user):
		return noURL, escape + "; everything else than letters, digits and -._~ as % and two digits of base 16 as well"
	}
	host, tail := cutAtAny(host, "/?#")
	switch {
	case tail != "" && tail != "/":
		return "has more than a host and a port in it", write + "; " + escape
	case !isHostAndPort(host):
		return noURL, write
	}
	if u, err := url.Parse(proxyURL(text)); err != nil || u.Hostname() == "" {
		return noURL, write
	}
	return "", ""
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

func cutAtAny(text, chars string) (before, rest string) {
	if i := strings.IndexAny(text, chars); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

// isUserinfo reports whether net/url takes a text as a name and a password.
func isUserinfo(text string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse("http://" + text + "@host")
	return err == nil && u.User != nil && u.Host == "host"
}

func isHostAndPort(text string) bool {
	if !plainHost.MatchString(text) {
		return false
	}
	u, err := url.Parse("http://" + text)
	if err != nil || u.Hostname() == "" || strings.HasSuffix(text, ":") {
		return false
	}
	n, err := strconv.Atoi(u.Port())
	return u.Port() == "" || err == nil && n > 0 && n < 1<<16
}

// checkNoProxy warns of a NO_PROXY that net/http reads in another way than it was
// meant: a call that shall go directly would go through the proxy, or the other way.
func (p *parser) checkNoProxy() {
	name := "NO_PROXY"
	if p.env[name] == "" {
		name = "no_proxy"
	}
	text := p.env[name]
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		switch raw := mistyped.FindUnexpanded(entry); {
		case raw.What != "":
			p.warn(name + " holds " + raw.What + " that nobody expanded")
		case strings.Contains(entry, "://"):
			p.warn(name + " holds a URL, which is not read: write the host alone")
		case strings.ContainsFunc(entry, isForeignSeparator), strings.Contains(entry, "|"), len(strings.Fields(entry)) > 1:
			p.warn(name + " is one host for those that read it, since only commas separate there: write commas")
		case mistyped.Unquoted(entry) != entry, strings.ContainsAny(entry, `"'`):
			p.warn(name + " has quotes in it, which are a part of the host: write it without them")
		case entry != "*" && strings.Contains(strings.TrimPrefix(entry, "*."), "*"):
			p.warn(name + " has a * in it, which is read only at the beginning, as in *.example.com")
		}
	}
}
