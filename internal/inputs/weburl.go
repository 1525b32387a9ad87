package inputs

import (
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/car-publish/car-publish/internal/mistyped"
	"github.com/car-publish/car-publish/internal/secret"
)

// artifactURL returns the URL and the file name at its end.
func (p *parser) artifactURL() (secret.String, string) {
	in := find("artifact-url")
	given := p.lookup(in)
	if given.text == "" {
		return secret.String{}, ""
	}
	p.maskURL(given.text)
	if text, hint := urlMistake(given.text); text != "" {
		p.problems = append(p.problems, &Problem{Input: given.from, Name: in.Name, Text: text, Hint: hint})
		return secret.String{}, ""
	}
	escaped := escapedURL(given.text)
	p.maskURL(escaped)
	u, err := url.Parse(escaped)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		p.refuse(in, given, "is not an http or https URL", "CAR downloads it directly, so it must be the address of the file itself; a file of yours goes to artifact")
		return secret.String{}, ""
	}
	if what := outOfReach(u.Hostname()); what != "" {
		host := ""
		if plainHost.MatchString(u.Host) && !strings.Contains(escaped, "@") { // otherwise it may be a part of a password
			host = " (" + u.Hostname() + ")"
		}
		p.warn("artifact-url: its host" + host + " is " + what + ", and CAR downloads from the Internet: it will probably not reach the file, and then say only that the version failed to be created. Upload the build with artifact instead.")
	}
	return secret.New(escaped), path.Base(u.Path)
}

// fromHTML matches what an & and other characters become in HTML, and in JSON that was
// copied out of a script.
var fromHTML = regexp.MustCompile(`(?i)&(amp|#38|#x26|quot|lt|gt|#39|apos);|\\u0026|\\/`)

// severalURLs matches a list of URLs. A query may hold another URL, but no blank or
// comma before that.
var severalURLs = regexp.MustCompile(`(?i)https?://.*[\s,;，；、|]\s*https?://`)

// urlMistake finds what was copied along with a URL.
func urlMistake(text string) (mistake, hint string) {
	before, _, _ := strings.Cut(text, "#")
	raw := mistyped.FindUnexpanded(text)
	switch {
	case mistyped.Unquoted(text) != text:
		return "is in quotes, and they are a part of it", "write it without them"
	case raw.What == "an expression", mistyped.IsUnexpanded(text), strings.HasPrefix(text, "$"):
		return "holds " + raw.What + " that nobody expanded", raw.Hint
	case strings.ContainsFunc(text, unicode.IsControl):
		return "has a line break or another control character in it", "write one URL on one line"
	case fromHTML.MatchString(before):
		return "has &amp; or another escape of HTML or JSON in it", "it was copied from a page or a script: write & in place of &amp;"
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cf, r) }):
		return "has an invisible character in it", "copy it again, by way of a plain text editor"
	case severalURLs.MatchString(before):
		return "is more than one URL", "one version is made of one file: give one"
	}
	return "", ""
}

// escapedURL escapes what must not stand in a URL as it is, and leaves alone what is
// escaped already. A browser does the same: people copy what it shows.
func escapedURL(text string) string {
	const unsafe = " \"<>\\^`{|}"
	scheme, rest, ok := strings.Cut(text, "://")
	start := strings.IndexAny(rest, "/?#")
	if !ok || start < 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(scheme + "://" + rest[:start])
	for i := start; i < len(rest); i++ {
		if c := rest[i]; c >= utf8.RuneSelf || strings.IndexByte(unsafe, c) >= 0 {
			const hex = "0123456789ABCDEF"
			b.WriteString("%" + hex[c>>4:c>>4+1] + hex[c&15:c&15+1])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// privateDomains are those that only a network of one's own knows (RFC 6762, 6761, 8375
// and ICANN's .internal), and what people use for the same without being told.
var privateDomains = []string{
	"local", "localhost", "localdomain", "internal", "intranet", "private", "corp", "home", "home.arpa", "lan", "test", "invalid", "onion",
}

// privateRanges are addresses that no router of the Internet knows, besides those that
// net/netip calls private: of carriers (RFC 6598), for benchmarks (RFC 2544), of this
// network (RFC 1122) and reserved ones.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("fec0::/10"),
}

// outOfReach says why CAR cannot reach a host; "" if it probably can.
func outOfReach(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap().WithZone("")
		switch {
		case addr.IsLoopback():
			return "this machine itself"
		case addr.IsLinkLocalUnicast(), addr.IsLinkLocalMulticast(), addr.IsInterfaceLocalMulticast():
			return "an address of one cable (link-local)"
		case addr.IsPrivate(), addr.IsUnspecified(), addr.IsMulticast(), slices.ContainsFunc(privateRanges, func(r netip.Prefix) bool { return r.Contains(addr) }):
			return "an address of a private network"
		}
		return ""
	}
	last := host[strings.LastIndex(host, ".")+1:]
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost"):
		return "this machine itself"
	case strings.Trim(last, "0123456789") == "", strings.HasPrefix(last, "0x"):
		return "a number in an unusual form"
	case !strings.Contains(host, "."):
		return "a name without a domain, which only a network of your own knows"
	case isIn(privateDomains, host):
		return "a name that only a network of your own knows"
	}
	return ""
}
