package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
	"github.com/car-publish/car-publish/internal/transport"
)

// The clock of a signature may be 5 minutes off
// (tencentcloud.com/document/product/1158/49970). A publish then corrects
// itself by the Date header, and signs for COS by the times of its keys: a
// wrong clock costs it one call. Certificates are another matter, and so are
// the other tools of the job.
const (
	clockGood = time.Minute
	clockCAR  = 5 * time.Minute
)

// network follows a request to CAR's API: proxy, name, TLS, answer, clock. If one
// of these fails, the ones after it are not tested.
func (e *exam) network(ctx context.Context) {
	steps := []struct {
		name  string
		check func(r *reached, proxy string) (passed bool)
	}{
		{"Proxy", e.proxy}, {"DNS", e.dns}, {"TLS", e.tls}, {"CAR API", e.carAPI}, {"Clock", e.clock},
	}
	needs := e.wrong("endpoint", "site", "proxy", "ca-file")
	var r *reached
	var proxy string
	if needs == "" {
		endpoint := e.d.CAR.Endpoint
		if endpoint == "" {
			endpoint = car.Endpoints[e.d.CAR.Site]
		}
		r, proxy = reach(ctx, e.d.CAR.Transport, endpoint), e.o.Proxy(endpoint)
	}
	for _, step := range steps {
		if needs != "" {
			e.skip(step.name, "needs %s", needs)
		} else if !step.check(r, proxy) {
			needs = step.name
		}
	}
}

func (e *exam) proxy(r *reached, proxy string) bool {
	const check = "Proxy"
	switch {
	case r.refusedByProxy():
		e.fail(check, proxyFailure(r, proxy), 0)
		return false
	case proxy != "":
		e.ok(check, "%s", proxy)
	default:
		e.ok(check, "none: the services are reached directly")
	}
	return true
}

func (e *exam) dns(r *reached, proxy string) bool {
	const check = "DNS"
	switch {
	case r.stuckAtName():
		e.fail(check, r.failure("Check the name in site or endpoint, and the runner's DNS; behind a firewall, set proxy."), 0)
		return false
	case proxy != "":
		e.ok(check, "the proxy looks up %s", r.name())
	case r.addresses > 0:
		e.ok(check, "%s has %d addresses, %d ms", r.name(), r.addresses, r.lookup.Milliseconds())
	default:
		e.ok(check, "%s needed no look-up", r.name())
	}
	return true
}

func (e *exam) tls(r *reached, _ string) bool {
	const check = "TLS"
	switch {
	case r.failedAtTLS() && !r.stuckAtTLS():
		e.fail(check, r.failure("The TLS handshake with "+r.name()+" failed: check its port, that nothing on the way cuts TLS off, and the proxy if there is one."), 0)
		return false
	case r.stuckAtTLS():
		e.fail(check, r.failure("Something between this machine and "+r.name()+" shows a certificate that this machine does not trust: if it is a proxy of yours that inspects TLS, name its root certificate with ca-file."), 0)
		return false
	case r.err != nil && r.status == 0 && r.tls == nil && !r.plain:
		e.skip(check, "needs CAR API")
	case r.plain:
		e.ok(check, "none: plain http to this machine")
	case r.tls != nil:
		about := ""
		if certificates := r.tls.PeerCertificates; len(certificates) > 0 {
			about = ", certificate by " + orNobody(certificates[0].Issuer.String()) + " until " + certificates[0].NotAfter.UTC().Format(time.DateOnly)
		}
		e.ok(check, "%s%s, %d ms", tls.VersionName(r.tls.Version), about, r.handshake.Milliseconds())
	default:
		e.ok(check, "the connection was there already")
	}
	return true
}

func (e *exam) carAPI(r *reached, _ string) bool {
	const check = "CAR API"
	var redirect *transport.RedirectError
	switch {
	case errors.As(r.err, &redirect): // the calls that follow will fail with a reason
		e.reached = true
		e.warn(check, "CAR never redirects: look at endpoint and proxy; a login page may be in between.", "%s answers HTTP %d, a redirect to %q", r.host, redirect.Status, redirect.Host)
		return false
	case r.err != nil:
		e.fail(check, r.failure("Check the runner's network, proxy and ca-file, and that "+r.name()+" can be reached from here."), 0)
		return false
	}
	e.reached = true
	e.add(record.Finding{
		Check: check, Verdict: record.OK, Milliseconds: r.roundTrip().Milliseconds(),
		Detail: r.host + " answers in " + milliseconds(r.roundTrip()),
	})
	return true
}

func (e *exam) clock(r *reached, _ string) bool {
	const check = "Clock"
	offset, known := r.offset()
	side := "behind"
	if offset < 0 {
		side = "ahead of"
	}
	far := offset.Abs()
	const hint = "Set the clock of this machine by NTP."
	switch {
	case !known:
		e.skip(check, "the answer has no Date")
	case far > clockCAR:
		e.warn(check, hint, "this machine is %v %s the server; CAR allows 5 minutes; a publish corrects itself by CAR's clock, other tools do not", far, side)
	case far > clockGood:
		e.warn(check, hint, "this machine is %v %s the server; CAR allows 5 minutes", far, side)
	case far == 0:
		e.ok(check, "the same as the server's, as far as whole seconds tell")
	default:
		e.ok(check, "%v %s the server", far, side)
	}
	return true
}

// bucket checks whether COS can be reached. CAR names its bucket only while a
// version is being created. So without cos-endpoint the check asks the host that
// lists buckets (cloud.tencent.com/document/product/436/8291): it has the same
// domain and the same proxy rules, but may be in another region.
func (e *exam) bucket(ctx context.Context) {
	const check = "COS"
	if name := e.wrong("cos-endpoint", "proxy", "ca-file"); name != "" {
		e.skip(check, "needs %s", name)
		return
	}
	if !e.o.Publish.ArtifactURL.IsZero() {
		e.skip(check, "CAR itself downloads artifact-url: nothing goes to COS from here")
		return
	}
	endpoint, remark := e.d.Endpoint, ""
	if endpoint == "" {
		endpoint, remark = "https://service.cos.myqcloud.com", "; CAR's bucket, which it names only during a publish, may be nearer or farther"
	}
	r := reach(ctx, e.d.COS, endpoint)
	var redirect *transport.RedirectError
	switch {
	case errors.As(r.err, &redirect):
		e.warn(check, "COS does not redirect: look at cos-endpoint and proxy; a login page may be in between.", "%s answers HTTP %d, a redirect to %q", r.host, redirect.Status, redirect.Host)
	case r.refusedByProxy():
		failure := proxyFailure(r, e.o.Proxy(endpoint))
		failure.Kind = publish.UploadFailed
		e.fail(check, failure, 0)
	case r.err != nil:
		failure := r.failure("Let this machine reach *.myqcloud.com on port 443, or set proxy; if a proxy inspects TLS here, name its root certificate with ca-file.")
		failure.Kind = publish.UploadFailed
		e.fail(check, failure, 0)
	case r.header.Get("X-Cos-Request-Id") == "":
		e.warn(check, "Look for a proxy or a firewall in between, and at cos-endpoint.", "%s answers, HTTP %d, but without COS's RequestId: something else may have answered", r.host, r.status)
	default:
		e.add(record.Finding{
			Check: check, Verdict: record.OK, Milliseconds: r.roundTrip().Milliseconds(),
			Detail: r.host + " answers in " + milliseconds(r.roundTrip()) + remark,
		})
	}
}

// failure is the error of a request that brought no answer.
func (r *reached) failure(hint string) *publish.Error {
	message := r.host + " cannot be reached"
	if r.err != nil {
		message += ": " + brief(r.err)
	}
	return &publish.Error{Kind: publish.Other, Code: car.CodeNetwork, Message: message, Hint: hint, Err: r.err}
}

// refusedByProxy reports whether the proxy cannot be reached, or does not connect.
func (r *reached) refusedByProxy() bool {
	return r.stuckAtProxy() || errors.As(r.err, new(*transport.ProxyError))
}

// failedAtTLS reports whether TLS could not be set up, for whatever reason: a
// connection that is cut then looks like any other.
func (r *reached) failedAtTLS() bool {
	return r.stuckAtTLS() || r.err != nil && !r.shaken.IsZero() && r.tls == nil
}

func proxyFailure(r *reached, proxy string) *publish.Error {
	err := r.failure("Check the host and port in proxy (or HTTPS_PROXY), and that the proxy may be reached from here.")
	err.Message = "the proxy " + proxy + " does not connect to " + r.host
	var answer *transport.ProxyError
	switch {
	case errors.As(r.err, &answer) && answer.Status == http.StatusProxyAuthRequired && answer.Named:
		err.Message += ": it refused the name and the password that it was given (HTTP 407)"
		err.Hint = "Check both, in the input proxy or in HTTPS_PROXY. In them % # / ? @ are written %25 %23 %2F %3F %40."
	case errors.As(r.err, &answer) && answer.Status != http.StatusProxyAuthRequired:
		err.Message += fmt.Sprintf(": it answers HTTP %d %s", answer.Status, http.StatusText(answer.Status))
		err.Hint = "Ask whoever runs the proxy to let this machine reach " + r.name() + " through it."
	case r.status == http.StatusProxyAuthRequired, r.err != nil && strings.Contains(r.err.Error(), http.StatusText(http.StatusProxyAuthRequired)):
		err.Message += ": it requires a name and a password (HTTP 407)"
		err.Hint = "Put name and password into the input proxy: http://name:password@" + proxy
	case r.err != nil:
		err.Message += ": " + brief(r.err)
	}
	return err
}

// brief returns the text of an error on one line, since net/http quotes what a
// server sends. A long text is cut between words: half a secret would not be
// recognised and so not be masked.
func brief(err error) string {
	const most = 300
	text := strings.Join(strings.Fields(err.Error()), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:strings.LastIndexByte(text[:most], ' ')+1], "") + "..."
	}
	return text
}

func milliseconds(d time.Duration) string {
	if d < time.Millisecond {
		return "less than 1 ms"
	}
	return d.Round(time.Millisecond).String()
}

func orNobody(s string) string {
	if s == "" {
		return "nobody"
	}
	return s
}
