package car

import (
	"context"
	"regexp"
	"slices"

	"github.com/car-publish/car-publish/internal/cloudapi"
)

// IsApplicationID reports whether a text has the form of an application's id: it goes
// into outputs, and into command lines that a reader may copy.
func IsApplicationID(text string) bool { return applicationID.MatchString(text) }

var applicationID = regexp.MustCompile(`^app-[0-9A-Za-z_-]{1,64}$`)

// CreateApplication makes an application, of type Application3D, ApplicationXR or
// ApplicationAPK (tencentcloud.com/document/product/1158/64219). It has no client
// token: after an error that is Doubtful the caller must look whether the application
// is there before it asks again.
func (c *Client) CreateApplication(ctx context.Context, name, kind string) (applicationID, requestID string, err error) {
	request := struct{ ApplicationName, ApplicationType string }{name, kind}
	var answer struct {
		ApplicationID string `json:"ApplicationId"`
	}
	requestID, err = c.api.Do(ctx, cloudapi.Call{Action: "CreateApplication", Request: request, Response: &answer, Once: true, Grace: Grace})
	return answer.ApplicationID, requestID, err
}

// Applications lists the account's applications. With a name it lists those that the
// service finds for it, which may also be others that contain it. Whether a list without
// a category holds both is not documented, so it asks for each.
func (c *Client) Applications(ctx context.Context, name string) ([]Application, error) {
	var all []Application
	for _, kind := range []Category{Desktop, Mobile} {
		list, err := c.applications(ctx, kind, name)
		if err != nil {
			return nil, err
		}
		for _, app := range list {
			app.Category = kind
			if !slices.ContainsFunc(all, func(other Application) bool { return other.ID == app.ID }) {
				all = append(all, app)
			}
		}
	}
	return all, nil
}

// applications lists those of one category, page by page.
func (c *Client) applications(ctx context.Context, kind Category, name string) (all []Application, err error) {
	for {
		r := ListRequest{Offset: len(all), Limit: page, Category: kind}
		if name != "" {
			r.Filters = []Filter{{Name: "ApplicationName", Values: []string{name}}}
		}
		list, _, err := c.DescribeApplicationList(ctx, r)
		if err != nil {
			return nil, err
		}
		found := list.Desktop
		if kind == Mobile {
			found = list.Mobile
		}
		all = append(all, found...)
		if lastPage(len(found), len(all), list.Total) {
			return all, nil
		}
	}
}

// page is how many entries of a list are asked for at once.
const page = 100

// lastPage reports whether a list is complete. An answer may hold fewer entries than
// were asked for, and in Tencent's own samples the total is 0.
func lastPage(found, all, total int) bool {
	const most = 10_000 // ends a list that never does
	return found == 0 || all > most || all >= total && found < page
}

// Start is what an application starts when a player comes, and how its picture is
// taken. It belongs to the application and not to a version: whatever is online is
// started with it.
type Start struct {
	ApplicationID string    `json:"ApplicationId"`
	Name          string    `json:"ApplicationName,omitempty"`
	ExePath       string    `json:"ApplicationExePath"`   // of the program in the build
	InterList     string    `json:"ApplicationInterList"` // names of the processes: "a.exe|b.exe"
	Params        string    `json:"ApplicationParams"`    // command line of the program
	BaseInfo      BaseInfo  `json:"ApplicationBaseInfo"`
	Stores        []Storage `json:"ApplicationStores,omitempty"`
}

// BaseInfo is how the picture of an application is taken.
type BaseInfo struct {
	WindowUseType     string `json:"WindowUseType"` // ApplicationDesktop is the whole desktop, ApplicationWindow one window
	WindowName        string `json:"WindowName,omitempty"`
	WindowClassName   string `json:"WindowClassName,omitempty"`
	WindowCaptureMode string `json:"WindowCaptureMode,omitempty"` // HOOK or DDA_CUT
}

// Storage is a bucket of the account's own into which CAR copies files or logs.
type Storage struct {
	Bucket string `json:"CosBucket"`
	Region string `json:"CosRegion"`
	Type   string `json:"StoreType"`  // such as ARCHIVE or LOG
	State  string `json:"StoreState"` // ON or OFF
	Path   string `json:"StorePath"`
}

// StartOf is the start of an application as the list shows it. A request must hold all
// of it, since what CAR does to a field that is left out is not documented.
func (a Application) StartOf() Start {
	s := Start{ApplicationID: a.ID, Name: a.Name, ExePath: a.ExePath, InterList: a.InterList, Params: a.Params, BaseInfo: a.BaseInfo, Stores: slices.Clone(a.Stores)}
	if s.BaseInfo.WindowUseType == "" { // the application was never configured, and the request needs one
		s.BaseInfo.WindowUseType = "ApplicationDesktop"
	}
	return s
}

// ModifyApplicationBaseInfo sets the start of a desktop application, and everything
// else that it holds. The caller must have read all of that just before. After an
// error that is Temporary or Doubtful it looks, and then may ask again.
func (c *Client) ModifyApplicationBaseInfo(ctx context.Context, s Start) (string, error) {
	return c.api.Do(ctx, cloudapi.Call{Action: "ModifyApplicationBaseInfo", Request: s, NoRetry: true, Grace: Grace})
}

// Project is what lets players into an application: it ties the application to
// concurrency, the number of players at the same time.
type Project struct {
	ID                string   `json:"ProjectId"`
	Name              string   `json:"Name"`
	ApplicationID     string   `json:"ApplicationId"`
	Preload           bool     `json:"IsPreload"`         // idle instances run already
	Amount            int      `json:"Amount"`            // concurrency
	Using             int      `json:"Using"`             // players now
	Status            string   `json:"ApplicationStatus"` // such as NoConcurrent or Online
	Type              string   `json:"ProjectType"`       // SHARED may serve several applications, EXCLUSIVE serves one
	ConcurrentRegions []string `json:"ConcurrentRegions"`
}

// Projects lists all projects of one category.
func (c *Client) Projects(ctx context.Context, kind Category) ([]Project, error) {
	var all []Project
	for {
		request := struct {
			Offset   int
			Limit    int
			Category Category `json:"ProjectCategory"`
		}{len(all), page, kind}
		var answer struct {
			Projects []Project
			Total    int
		}
		if _, err := c.api.Do(ctx, cloudapi.Call{Action: "DescribeApplicationProjects", Request: request, Response: &answer}); err != nil {
			return nil, err
		}
		all = append(all, answer.Projects...)
		if lastPage(len(answer.Projects), len(all), answer.Total) {
			return all, nil
		}
	}
}
