package carsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	sdkerrors "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/errors"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"
	cos "github.com/tencentyun/cos-go-sdk-v5"

	"github.com/car-publish/car-publish/internal/carsim"
)

// client is the official client of CAR, and of COS for what it uploads, on a
// simulator. The simulator is judged by clients that it shares no code with.
type client struct {
	t         *testing.T
	sim       *carsim.Sim
	transport http.RoundTripper
	host      string
	keys      common.CredentialIface
}

func connect(t *testing.T, w carsim.World) *client {
	t.Helper()
	sim := carsim.New(w)
	return &client{
		t: t, sim: sim, transport: sim.Transport(), host: "car.tencentcloudapi.com",
		keys: common.NewCredential(carsim.SecretID, carsim.SecretKey),
	}
}

// as returns the client with another key.
func (c client) as(secretID, token string) *client {
	c.keys = common.NewTokenCredential(secretID, carsim.SecretKey, token)
	return &c
}

// do calls an action and returns the answer's fields; a refusal is an error
// of the SDK's type.
func (c *client) do(action string, params map[string]any, headers ...string) (map[string]any, error) {
	p := profile.NewClientProfile()
	p.HttpProfile.Endpoint = c.host
	p.Language = "en-US"
	request := tchttp.NewCommonRequest("car", "2022-01-10", action)
	if err := request.SetActionParameters(params); err != nil {
		return nil, err
	}
	if len(headers) > 0 {
		request.SetHeader(map[string]string{headers[0]: headers[1]})
	}
	response := tchttp.NewCommonResponse()
	if err := common.NewCommonClient(c.keys, "", p).WithHttpTransport(c.transport).Send(request, response); err != nil {
		return nil, err
	}
	var envelope struct{ Response map[string]any }
	if err := json.Unmarshal(response.GetBody(), &envelope); err != nil {
		return nil, err
	}
	return envelope.Response, nil
}

// must calls an action that has to succeed.
func (c *client) must(action string, params map[string]any) map[string]any {
	c.t.Helper()
	answer, err := c.do(action, params)
	if err != nil {
		c.t.Fatalf("%s: %v", action, err)
	}
	return answer
}

// refused calls an action and returns the code of its refusal, "" if it was
// done.
func (c *client) refused(action string, params map[string]any) string {
	c.t.Helper()
	_, err := c.do(action, params)
	return code(c.t, err)
}

// code returns the service's code in an error of either SDK.
func code(t *testing.T, err error) string {
	t.Helper()
	var api *sdkerrors.TencentCloudSDKError
	var object *cos.ErrorResponse
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.GetCode()
	case errors.As(err, &object):
		return object.Code
	}
	t.Fatalf("not an error of the service: %v", err)
	return ""
}

// create makes a version and returns its id.
func (c *client) create(app, file string) string {
	c.t.Helper()
	answer := c.must("CreateApplicationVersion", map[string]any{"ApplicationId": app, "ApplicationFileName": file})
	return answer["Version"].(map[string]any)["ApplicationVersionId"].(string)
}

// deliverAs creates a version with an update mode and uploads a package; a full
// update goes online. It returns the id.
func (c *client) deliverAs(app, mode string, build []byte) string {
	c.t.Helper()
	answer := c.must("CreateApplicationVersion", map[string]any{"ApplicationId": app, "ApplicationFileName": "a.zip", "ApplicationVersionUpdateMode": mode})
	id := answer["Version"].(map[string]any)["ApplicationVersionId"].(string)
	c.bucket(app, "a.zip").put(c.t, string(build))
	if got := c.snapshot(app, ""); got != "" {
		c.t.Fatalf("the snapshot was refused with %s", got)
	}
	if mode == "FULL" {
		c.must("SetApplicationVersionOnline", map[string]any{"ApplicationId": app, "ApplicationVersionId": id})
	}
	return id
}

// snapshot tells CAR that a file was uploaded.
func (c *client) snapshot(app, url string) string {
	c.t.Helper()
	return c.refused("CreateApplicationSnapshot", map[string]any{"ApplicationId": app, "ApplicationDownloadUrl": url})
}

// status returns a version's status as the list shows it, "" if it is not
// there.
func (c *client) status(app, version string) string {
	c.t.Helper()
	answer := c.must("DescribeApplicationVersion", map[string]any{"ApplicationId": app})
	for _, v := range answer["Versions"].([]any) {
		if v := v.(map[string]any); v["ApplicationVersionId"] == version {
			return v["ApplicationVersionStatus"].(string)
		}
	}
	return ""
}

// bucket is the official COS client with the key for one object.
type bucket struct {
	*cos.ObjectService
	client *cos.Client
	key    string
}

// bucket asks for the credential of an application's version in flight.
func (c *client) bucket(app, file string) bucket {
	c.t.Helper()
	answer := c.must("DescribeCosCredential", map[string]any{"ApplicationId": app, "ApplicationFileName": file})
	field := func(name string) string { return answer[name].(string) }
	address, err := url.Parse(fmt.Sprintf("https://%s.cos.%s.myqcloud.com", field("CosBucket"), field("CosRegion")))
	if err != nil {
		c.t.Fatal(err)
	}
	b := cos.NewClient(&cos.BaseURL{BucketURL: address}, &http.Client{Transport: &cos.AuthorizationTransport{
		SecretID: field("SecretID"), SecretKey: field("SecretKey"), SessionToken: field("SessionToken"), Transport: c.transport,
	}})
	b.Conf.RetryOpt.Count = 1
	return bucket{b.Object, b, strings.TrimPrefix(field("Path"), "/")}
}

// upload puts a file in parts of the given sizes, last part first.
func (b bucket) upload(t *testing.T, content []byte, sizes ...int) (*cos.CompleteMultipartUploadResult, *cos.Response, error) {
	t.Helper()
	ctx := context.Background()
	started, _, err := b.InitiateMultipartUpload(ctx, b.key, nil)
	if err != nil {
		t.Fatalf("initiate: %v", err)
	}
	parts := make([][]byte, len(sizes))
	for i, size := range sizes {
		parts[i], content = content[:size], content[size:]
	}
	order := &cos.CompleteMultipartUploadOptions{}
	for i := len(parts) - 1; i >= 0; i-- {
		resp, err := b.UploadPart(ctx, b.key, started.UploadID, i+1, bytes.NewReader(parts[i]), nil)
		if err != nil {
			t.Fatalf("part %d: %v", i+1, err)
		}
		order.Parts = append([]cos.Object{{PartNumber: i + 1, ETag: resp.Header.Get("ETag")}}, order.Parts...)
	}
	return b.CompleteMultipartUpload(ctx, b.key, started.UploadID, order)
}

// put puts a small file at once.
func (b bucket) put(t *testing.T, content string) {
	t.Helper()
	if _, err := b.Put(context.Background(), b.key, strings.NewReader(content), nil); err != nil {
		t.Fatalf("put: %v", err)
	}
}

// deliver creates a version, uploads and takes the snapshot.
func (c *client) deliver(app, file string) string {
	c.t.Helper()
	id := c.create(app, file)
	c.bucket(app, file).put(c.t, "a build")
	if got := c.snapshot(app, ""); got != "" {
		c.t.Fatalf("the snapshot was refused with %s", got)
	}
	return id
}
