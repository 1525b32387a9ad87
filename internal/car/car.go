// Package car is the API of Tencent Cloud Application Rendering, version
// 2022-01-10: its actions, typed, and what its error codes mean.
//
// The Go SDK has no CAR package, so requests and answers are written down
// here from the API's pages (tencentcloud.com/document/product/1158/49958).
package car

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/car-publish/car-publish/internal/cloudapi"
	"github.com/car-publish/car-publish/internal/retry"
	"github.com/car-publish/car-publish/internal/secret"
)

// Error is what a call fails with.
type Error = cloudapi.Error

// Code is an error code, to ask an Error for.
type Code = cloudapi.Code

// Codes of errors that are not a refusal of the service.
const (
	CodeAnswer      = cloudapi.CodeAnswer      // the answer is not one of the API
	CodeRedirect    = cloudapi.CodeRedirect    // the server sent us elsewhere
	CodeNetwork     = cloudapi.CodeNetwork     // no answer came
	CodeCredentials = cloudapi.CodeCredentials // there are no keys
)

// Endpoints are where the API is, by site. China and international accounts
// are separate, keys and all.
var Endpoints = map[string]string{
	"china":         "https://car.tencentcloudapi.com",
	"international": "https://car.intl.tencentcloudapi.com",
}

// Consoles are where people manage applications, by site. No address of a
// single application is documented.
var Consoles = map[string]string{
	"china":         "https://console.cloud.tencent.com/car/application",
	"international": "https://console.tencentcloud.com/car/application",
}

// Grace is how long a create or a release that is under way may still take
// to answer after a cancel.
const Grace = 3 * time.Second

// Config configures a Client.
type Config struct {
	Site        string // "china" or "international"
	Endpoint    string // "" is the site's
	Region      string // common parameter; CAR does not need it
	Language    string // of the service's messages
	Transport   http.RoundTripper
	Credentials func(context.Context) (cloudapi.Credentials, error)
	Refused     func(cloudapi.Credentials) bool // called with temporary keys that CAR does not accept any more; may be nil
	Retry       retry.Policy
	Called      func(action string, attempt int, took time.Duration, requestID string, err error)
	Retrying    func(action string, attempt int, wait time.Duration, err error)
}

// Client calls CAR. Every method returns the RequestId, also with an error
// where there is one; errors are *cloudapi.Error.
type Client struct{ api *cloudapi.Client }

// New returns a Client.
func New(c Config) *Client {
	endpoint := c.Endpoint
	if endpoint == "" {
		endpoint = Endpoints[c.Site]
	}
	return &Client{cloudapi.New(cloudapi.Config{
		Service: "car", Version: "2022-01-10",
		Endpoint: endpoint, Site: c.Site, Region: c.Region, Language: c.Language,
		Transport: c.Transport, Credentials: c.Credentials, Refused: c.Refused, Hints: hints,
		Retry: c.Retry, Called: c.Called, Retrying: c.Retrying,
	})}
}

// CreateVersionRequest is the request of CreateApplicationVersion
// (tencentcloud.com/document/product/1158/64217).
type CreateVersionRequest struct {
	ApplicationID string   `json:"ApplicationId"`
	FileName      string   `json:"ApplicationFileName"`
	Regions       []string `json:"ApplicationVersionRegions,omitempty"`
	UpdateMode    string   `json:"ApplicationVersionUpdateMode,omitempty"` // FULL or INCREMENT
}

// CreateApplicationVersion makes a version, empty as yet. It has no client
// token: after an error that is Doubtful the caller must look whether the
// version is there before it asks again.
func (c *Client) CreateApplicationVersion(ctx context.Context, r CreateVersionRequest) (Version, string, error) {
	var answer struct{ Version Version }
	id, err := c.api.Do(ctx, cloudapi.Call{Action: "CreateApplicationVersion", Request: r, Response: &answer, Once: true, Grace: Grace})
	return answer.Version, id, err
}

// DescribeApplicationVersion lists all versions of an application. Neither
// order nor completeness right after a change is promised.
func (c *Client) DescribeApplicationVersion(ctx context.Context, app string) ([]Version, string, error) {
	var answer struct{ Versions []Version }
	id, err := c.api.Do(ctx, cloudapi.Call{Action: "DescribeApplicationVersion", Request: application{app}, Response: &answer})
	return answer.Versions, id, err
}

// ListRequest is the request of DescribeApplicationList
// (tencentcloud.com/document/product/1158/64213).
type ListRequest struct {
	Offset   int      `json:"Offset"`
	Limit    int      `json:"Limit"`
	Filters  []Filter `json:"Filters,omitempty"`
	Category Category `json:"ApplicationCategory,omitempty"`
}

// Filter narrows a list: Name is ApplicationId, ApplicationName,
// ApplicationRunStatus or ApplicationUpdateStatus.
type Filter struct {
	Name   string   `json:"Name"`
	Values []string `json:"Values"`
}

// ApplicationList is the answer of DescribeApplicationList.
type ApplicationList struct {
	Desktop []Application `json:"UserApplicationList"`
	Mobile  []Application `json:"UserMobileApplicationList"`
	Total   int           `json:"ApplicationTotal"`
}

// DescribeApplicationList lists the account's applications.
func (c *Client) DescribeApplicationList(ctx context.Context, r ListRequest) (ApplicationList, string, error) {
	var answer ApplicationList
	id, err := c.api.Do(ctx, cloudapi.Call{Action: "DescribeApplicationList", Request: r, Response: &answer})
	return answer, id, err
}

// FindApplication finds an application, and of what category it is, in the
// account's list. Whether a list without a category holds both is not
// documented, so it asks for each.
func (c *Client) FindApplication(ctx context.Context, app string) (found Application, kind Category, ok bool, err error) {
	for _, kind := range []Category{Desktop, Mobile} {
		list, _, err := c.DescribeApplicationList(ctx, ListRequest{
			Limit: 100, Category: kind, Filters: []Filter{{Name: "ApplicationId", Values: []string{app}}},
		})
		if err != nil {
			return Application{}, "", false, err
		}
		apps := list.Desktop
		if kind == Mobile {
			apps = list.Mobile
		}
		if i := slices.IndexFunc(apps, func(a Application) bool { return a.ID == app }); i >= 0 {
			return apps[i], kind, true, nil
		}
	}
	return Application{}, "", false, nil
}

// DescribeApplicationStatus tells how far the applications' updates are.
func (c *Client) DescribeApplicationStatus(ctx context.Context, apps ...string) ([]ApplicationStatus, string, error) {
	request := struct{ ApplicationIdList []string }{apps} //nolint:revive // the API's spelling
	var answer struct{ StatusList []ApplicationStatus }
	id, err := c.api.Do(ctx, cloudapi.Call{Action: "DescribeApplicationStatus", Request: request, Response: &answer})
	return answer.StatusList, id, err
}

// DescribeCosCredential gives temporary keys for the upload of the version
// that is being created (tencentcloud.com/document/product/1158/64209). The
// call names no version: it acts on the application's one in flight.
func (c *Client) DescribeCosCredential(ctx context.Context, app, fileName string) (CosCredential, string, error) {
	request := struct {
		application
		FileName string `json:"ApplicationFileName,omitempty"`
	}{application{app}, fileName}
	var answer cosCredential
	id, err := c.api.Do(ctx, cloudapi.Call{Action: "DescribeCosCredential", Request: request, Response: &answer})
	return answer.open(), id, err
}

// CreateApplicationSnapshot tells CAR that the upload is complete (url ""),
// or where to download the build from
// (tencentcloud.com/document/product/1158/64218). It acts on the
// application's one version in flight. Its effect cannot be read back; a
// second one is refused or does nothing. After an error that is Temporary the
// caller makes sure that the version is still its own, and then sends it
// again.
func (c *Client) CreateApplicationSnapshot(ctx context.Context, app string, url secret.String) (string, error) {
	request := struct {
		application
		URL string `json:"ApplicationDownloadUrl"` // required, also when empty
	}{application{app}, url.Reveal()}
	return c.api.Do(ctx, cloudapi.Call{Action: "CreateApplicationSnapshot", Request: request, NoRetry: true})
}

// DescribeApplicationPathList lists the executables of a version, with
// backslashes (tencentcloud.com/document/product/1158/64212).
func (c *Client) DescribeApplicationPathList(ctx context.Context, app, version string) ([]string, string, error) {
	var answer struct{ PathList []string }
	id, err := c.api.Do(ctx, cloudapi.Call{Action: "DescribeApplicationPathList", Request: applicationVersion{application{app}, version}, Response: &answer})
	return answer.PathList, id, err
}

// ModifyApplicationVersion renames a version.
func (c *Client) ModifyApplicationVersion(ctx context.Context, app, version, name string) (string, error) {
	request := struct {
		applicationVersion
		Name string `json:"ApplicationVersionName,omitempty"`
	}{applicationVersion{application{app}, version}, name}
	return c.api.Do(ctx, cloudapi.Call{Action: "ModifyApplicationVersion", Request: request})
}

// SetApplicationVersionOnline puts a version online and answers with all
// versions after the switch (tencentcloud.com/document/product/1158/64205).
// After an error that is Temporary the caller looks, and then may ask again.
func (c *Client) SetApplicationVersionOnline(ctx context.Context, app, version string) ([]Version, string, error) {
	var answer struct{ Versions []Version }
	id, err := c.api.Do(ctx, cloudapi.Call{Action: "SetApplicationVersionOnline", Request: applicationVersion{application{app}, version}, Response: &answer, NoRetry: true, Grace: Grace})
	return answer.Versions, id, err
}

// DeleteApplicationVersion begins to delete a version; it is gone when the
// list no longer has it. After an error that is Temporary the caller looks, and
// then may ask again.
func (c *Client) DeleteApplicationVersion(ctx context.Context, app, version string) (string, error) {
	return c.api.Do(ctx, cloudapi.Call{Action: "DeleteApplicationVersion", Request: applicationVersion{application{app}, version}, NoRetry: true})
}

// The API's spelling of the two ids.
type (
	application struct {
		ApplicationID string `json:"ApplicationId"`
	}
	applicationVersion struct {
		application
		ApplicationVersionID string `json:"ApplicationVersionId,omitempty"`
	}
)
