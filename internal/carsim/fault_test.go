package carsim_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	cos "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/carsim"
)

// seen is what a client saw of one answer.
type seen struct {
	status int
	header http.Header
	body   string
	err    error // of the request or of reading the answer
}

// watch returns the client with somebody who writes down the last answer. It
// follows no redirect.
func (c client) watch(last *seen) *client {
	next := c.transport
	c.transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.Response != nil {
			return nil, errors.New("not following a redirect")
		}
		resp, err := next.RoundTrip(r)
		if err != nil {
			*last = seen{err: err}
			return nil, err
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		*last = seen{resp.StatusCode, resp.Header.Clone(), string(b), err}
		resp.Body = io.NopCloser(bytes.NewReader(b))
		return resp, nil
	})
	return &c
}

// Each kind of fault looks as it shall to the client, in process and on a
// socket alike, and leaves the right state behind.
func TestFaults(t *testing.T) {
	const create = "CreateApplicationVersion"
	tests := map[string]struct {
		fault carsim.Fault
		look  func(seen) bool
		done  bool
	}{
		"refuse": {carsim.Fault{Kind: carsim.Refuse, Code: "FailedOperation.ApplicationLockFail", Message: "busy"}, func(s seen) bool {
			return s.status == 200 && strings.Contains(s.body, `"Code":"FailedOperation.ApplicationLockFail"`) && strings.Contains(s.body, `"Message":"busy"`)
		}, false},
		"refuse after": {carsim.Fault{Kind: carsim.Refuse, After: true}, func(s seen) bool {
			return s.status == 200 && strings.Contains(s.body, `"Code":"InternalError"`)
		}, true},
		"echo": {carsim.Fault{Kind: carsim.Echo, Code: "InvalidParameter"}, func(s seen) bool {
			return s.status == 200 && strings.Contains(s.body, `"Code":"InvalidParameter"`) && strings.Contains(s.body, `a.zip`) &&
				strings.Contains(s.body, "Authorization: TC3-HMAC-SHA256 Credential="+carsim.SecretID)
		}, false},
		"drop before": {carsim.Fault{Kind: carsim.DropBefore}, func(s seen) bool { return s.err != nil }, false},
		"drop after":  {carsim.Fault{Kind: carsim.DropAfter}, func(s seen) bool { return s.err != nil }, true},
		"status": {carsim.Fault{Kind: carsim.StatusCode, RetryAfter: 7}, func(s seen) bool {
			return s.status == 503 && s.header.Get("Retry-After") == "7" && strings.Contains(s.body, "<h1>")
		}, false},
		"status after": {carsim.Fault{Kind: carsim.StatusCode, Status: 502, After: true}, func(s seen) bool { return s.status == 502 }, true},
		"html":         {carsim.Fault{Kind: carsim.HTML}, func(s seen) bool { return s.status == 200 && strings.HasPrefix(s.body, "<!DOCTYPE html>") }, false},
		"junk":         {carsim.Fault{Kind: carsim.Junk}, func(s seen) bool { return s.status == 200 && len(s.body) == 10<<20 }, false},
		"empty":        {carsim.Fault{Kind: carsim.Empty}, func(s seen) bool { return s.status == 200 && s.body == "" && s.err == nil }, false},
		"redirect": {carsim.Fault{Kind: carsim.Redirect, Location: "https://evil.example/"}, func(s seen) bool {
			return s.status == 302 && s.header.Get("Location") == "https://evil.example/"
		}, false},
		"cut body": {carsim.Fault{Kind: carsim.CutBody}, func(s seen) bool {
			return s.status == 200 && errors.Is(s.err, io.ErrUnexpectedEOF) && strings.HasPrefix(s.body, "{") && !json.Valid([]byte(s.body))
		}, true},
		"gzip": {carsim.Fault{Kind: carsim.Gzip}, func(s seen) bool {
			r, err := gzip.NewReader(strings.NewReader(s.body))
			return err == nil && json.NewDecoder(r).Decode(new(any)) == nil && s.header.Get("Content-Encoding") == "gzip"
		}, true},
		"override": {carsim.Fault{Kind: carsim.Override, Field: "Version.ApplicationVersionName", Value: "a\n::error::b"}, func(s seen) bool {
			return strings.Contains(s.body, `"ApplicationVersionName":"a\n::error::b"`)
		}, true},
		"override removes": {carsim.Fault{Kind: carsim.Override, Field: "Version"}, func(s seen) bool {
			return !strings.Contains(s.body, "Version") && strings.Contains(s.body, "RequestId")
		}, true},
	}
	for name, test := range tests {
		test.fault.Action = create
		world := carsim.World{Faults: []carsim.Fault{test.fault}}
		check := func(t *testing.T, c *client) {
			var last seen
			_, _ = c.watch(&last).do(create, map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": "a.zip"})
			if !test.look(last) {
				if len(last.body) > 500 {
					last.body = last.body[:500]
				}
				t.Errorf("the client saw %+v", last)
			}
			if done := len(c.sim.Versions("app-desktop")) == 3; done != test.done {
				t.Errorf("got a version made: %v, want %v", done, test.done)
			}
			if got := c.sim.Journal()[0].Fault; got != test.fault.Kind {
				t.Errorf("got fault %q in the journal, want %q", got, test.fault.Kind)
			}
		}
		t.Run(name+" in process", func(t *testing.T) { check(t, connect(t, world)) })
		t.Run(name+" on a socket", func(t *testing.T) { check(t, listen(t, world)) })
	}
}

// listen is connect through a real socket.
func listen(t *testing.T, w carsim.World) *client {
	t.Helper()
	c := connect(t, w)
	server := httptest.NewServer(c.sim)
	t.Cleanup(server.Close)
	c.host = strings.TrimPrefix(server.URL, "http://")
	// The SDK says https; DisableCompression shows what was sent.
	plain := &http.Transport{DisableCompression: true}
	t.Cleanup(plain.CloseIdleConnections)
	c.transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Scheme = "http"
		return plain.RoundTrip(r)
	})
	return c
}

func TestNthFault(t *testing.T) {
	c := connect(t, carsim.World{Faults: []carsim.Fault{{Action: "DescribeApplicationVersion", Nth: 2, Kind: carsim.Refuse, Code: "InternalError"}}})
	var got []string
	for range 3 {
		got = append(got, c.refused("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-full"}))
	}
	if diff := cmp.Diff([]string{"", "InternalError", ""}, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}

// COS may answer 200 at once, and fail later in the same answer.
func TestLateError(t *testing.T) {
	c, b := uploading(t, carsim.World{MinPart: 1, Faults: []carsim.Fault{
		{Action: "cos:CompleteMultipartUpload", Nth: 1, Kind: carsim.LateError},
		{Action: "cos:UploadPart", Nth: 3, Kind: carsim.Refuse, Code: "SlowDown"},
	}})
	var last seen
	watched := c.watch(&last).bucket("app-desktop", "a.zip")
	_, _, err := watched.upload(t, []byte("build"), 5)
	if err == nil || last.status != 200 || !strings.HasPrefix(last.body, "   ") || !strings.Contains(last.body, "<Code>InternalError</Code>") {
		t.Errorf("the client saw %+v and made it %v, want 200, blanks and an error", last, err)
	}
	if len(c.sim.Uploads()) != 1 || len(c.sim.Objects()) != 0 {
		t.Error("the upload was completed, want it as it was")
	}
	if _, _, err := b.upload(t, []byte("build"), 5); err != nil {
		t.Errorf("the second time: %v", err)
	}
	_, err = b.UploadPart(t.Context(), b.key, c.sim.Uploads()[0].ID, 1, strings.NewReader("x"), nil)
	if refusal := (*cos.ErrorResponse)(nil); !errors.As(err, &refusal) || refusal.Code != "SlowDown" || refusal.Response.StatusCode != 503 {
		t.Errorf("got %v, want SlowDown with status 503", err)
	}
}

func TestOverrideInLists(t *testing.T) {
	c := connect(t, carsim.World{Faults: []carsim.Fault{
		{Action: "DescribeApplicationVersion", Nth: 1, Kind: carsim.Override, Field: "Versions.*.ApplicationVersionStatus", Value: "Melting"},
		{Action: "DescribeApplicationVersion", Nth: 2, Kind: carsim.Override, Field: "Versions.1.ApplicationVersionStatus", Value: 7},
	}})
	for _, want := range [][]any{{"Melting", "Melting"}, {"Usable", 7.0}} {
		var got []any
		for _, v := range c.must("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-desktop"})["Versions"].([]any) {
			got = append(got, v.(map[string]any)["ApplicationVersionStatus"])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	}
}

// Somebody else acts in between.
func TestIntrusions(t *testing.T) {
	look := "DescribeApplicationVersion"
	for name, test := range map[string]struct {
		intrusion carsim.Intrusion
		want      string
	}{
		"a release":            {carsim.Intrusion{Action: look, Nth: 2, Does: carsim.ReleasesVersion, Application: "app-waiting"}, "Usable delta-1, Inuse hotfix-test"},
		"a rollback":           {carsim.Intrusion{Action: look, Nth: 2, Does: carsim.ReleasesVersion, Application: "app-desktop", Version: "ver-desktop1"}, "Inuse delta-1, Normal hotfix-test"},
		"a delete":             {carsim.Intrusion{Action: look, Nth: 2, Does: carsim.DeletesVersion, Application: "app-waiting"}, "Inuse delta-1"},
		"a create":             {carsim.Intrusion{Action: look, Nth: 2, Does: carsim.CreatesVersion, Application: "app-waiting"}, "Inuse delta-1, Normal hotfix-test, Creating intruder"},
		"of what is not there": {carsim.Intrusion{Action: look, Nth: 2, Does: carsim.DeletesVersion, Application: "app-waiting", Version: "ver-x"}, "Inuse delta-1, Normal hotfix-test"},
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, carsim.World{Intrusions: []carsim.Intrusion{test.intrusion}})
			versions := func() string {
				var list []string
				for _, v := range c.sim.Versions("app-waiting") {
					list = append(list, v.Status+" "+v.Name)
				}
				return strings.Join(list, ", ")
			}
			c.must(look, map[string]any{"ApplicationId": "app-waiting"})
			if got := versions(); got != "Inuse delta-1, Normal hotfix-test" {
				t.Errorf("got %q after the first look, want no change", got)
			}
			c.must(look, map[string]any{"ApplicationId": "app-waiting"})
			if got := versions(); got != test.want {
				t.Errorf("got %q after the second look, want %q", got, test.want)
			}
		})
	}
}

// A request to anywhere else fails as if there were no such host.
func TestUnknownHost(t *testing.T) {
	for _, host := range []string{"example.com", "cvm.tencentcloudapi.com", "cos.ap-guangzhou.myqcloud.com.evil.com"} {
		_, err := (&http.Client{Transport: connect(t, carsim.World{}).transport}).Get("https://" + host + "/")
		if dns := (*net.DNSError)(nil); !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("%s: got %v, want no such host", host, err)
		}
	}
}

// The whole job on one loopback address, as carsim offers it.
func TestOnASocket(t *testing.T) {
	c := listen(t, carsim.World{})
	// The official client as it is, host:port signed.
	p := profile.NewClientProfile()
	p.HttpProfile.Endpoint, p.HttpProfile.Scheme = c.host, "HTTP"
	request := tchttp.NewCommonRequest("car", "2022-01-10", "CreateApplicationVersion")
	if err := request.SetActionParameters(map[string]any{"ApplicationId": "app-desktop", "ApplicationFileName": "a b+ö.zip"}); err != nil {
		t.Fatal(err)
	}
	if err := common.NewCommonClient(c.keys, "", p).Send(request, tchttp.NewCommonResponse()); err != nil {
		t.Fatal(err)
	}
	key := c.must("DescribeCosCredential", map[string]any{"ApplicationId": "app-desktop"})
	object := cos.NewClient(&cos.BaseURL{BucketURL: &url.URL{Scheme: "http", Host: c.host}}, &http.Client{Transport: &cos.AuthorizationTransport{
		SecretID: key["SecretID"].(string), SecretKey: key["SecretKey"].(string), SessionToken: key["SessionToken"].(string),
	}}).Object
	b := bucket{object, nil, strings.TrimPrefix(key["Path"].(string), "/")}
	build := archive(t, "a.exe", "b.exe")
	if _, _, err := b.upload(t, build, 1<<20, len(build)-1<<20); err != nil {
		t.Fatal(err)
	}
	if got := c.snapshot("app-desktop", ""); got != "" {
		t.Errorf("the snapshot was refused with %s", got)
	}

	var state carsim.State
	decode(t, control(t, http.MethodGet, c.host, "state", ""), &state)
	versions := state.Applications[0].Versions
	if got := versions[len(versions)-1]; got.Status != carsim.Normal || got.Name != "a b+ö" || got.Size != int64(len(build)) {
		t.Errorf("got %+v from the control API, want it Normal and of %d bytes", got, len(build))
	}
	var journal []carsim.Call
	decode(t, control(t, http.MethodGet, c.host, "journal", ""), &journal)
	if diff := cmp.Diff(c.sim.Journal(), journal); diff != "" {
		t.Errorf("journal from the control API (-want +got):\n%s", diff)
	}
}

func control(t *testing.T, method, host, name, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+host+"/_carsim/"+name, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A new world keeps what is in the service, and counts calls anew.
func TestChangeTheWorld(t *testing.T) {
	c := listen(t, carsim.World{Faults: []carsim.Fault{{Action: "DescribeApplicationVersion", Kind: carsim.Refuse}}})
	look := func() string {
		return c.refused("DescribeApplicationVersion", map[string]any{"ApplicationId": "app-desktop"})
	}
	id := c.create("app-desktop", "a.zip")
	if got := look(); got != "InternalError" {
		t.Errorf("got code %q, want InternalError", got)
	}
	control(t, http.MethodPost, c.host, "world", `{"Faults": [{"Action": "DescribeApplicationVersion", "Nth": 2, "Kind": "refuse", "Code": "ResourceInUse"}]}`)
	if got := look() + "," + look() + "," + look(); got != ",ResourceInUse," {
		t.Errorf("got codes %q, want %q", got, ",ResourceInUse,")
	}
	control(t, http.MethodPost, c.host, "world", `{"DeleteCreating": "denied"}`)
	if got := look() + "," + look(); got != "," {
		t.Errorf("got codes %q from a world without faults, want none", got)
	}
	if got := c.refused("DeleteApplicationVersion", map[string]any{"ApplicationId": "app-desktop", "ApplicationVersionId": id}); got != "OperationDenied" {
		t.Errorf("got code %q, want OperationDenied", got)
	}
	projects := func() int { return len(c.must("DescribeApplicationProjects", map[string]any{})["Projects"].([]any)) }
	control(t, http.MethodPost, c.host, "world", `{"Projects": [{"ID": "cap-x", "Application": "app-full"}]}`)
	control(t, http.MethodPost, c.host, "world", `{"DeleteInuse": "done"}`)
	if got := projects(); got != 1 {
		t.Errorf("got %d projects, want the new one", got)
	}
	if err := c.sim.SetWorld(carsim.World{}); err != nil || projects() != 1 {
		t.Errorf("got %v and %d projects from a world without any, want the one that is there", err, projects())
	}
	if got := control(t, http.MethodPost, c.host, "world", `{"Applications": []}`); !strings.Contains(got, "start another one") {
		t.Errorf("got %q for other applications, want a refusal", got)
	}
	if got := control(t, http.MethodPost, c.host, "world", `{"Fault": []}`); !strings.Contains(got, "World has these") {
		t.Errorf("got %q for an unknown field, want the valid ones", got)
	}
}
