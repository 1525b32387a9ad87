package carsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What the fields of an application may be.
var (
	applicationTypes   = []string{"Application3D", "ApplicationXR", typeMobile}
	windowUseTypes     = []string{"ApplicationDesktop", "ApplicationWindow"}
	windowCaptureModes = []string{"", "HOOK", "DDA_CUT"}
	storeTypes         = []string{"ARCHIVE", "LOG"}
	storeStates        = []string{"ON", "OFF"}
)

// longestName is how many characters an application's name may have
// (github.com/tencentyun/car-cli).
const longestName = 16

// nameable refuses a name that an application cannot have.
func nameable(name string) *refusal {
	strange := func(r rune) bool {
		return r != '-' && !unicode.Is(unicode.Han, r) &&
			(r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	}
	if name == "" || utf8.RuneCountInString(name) > longestName || strings.ContainsFunc(name, strange) {
		return refused("InvalidParameterValue",
			"ApplicationName must have 1 to %d characters: Chinese characters, letters, digits and hyphens.", longestName)
	}
	return nil
}

// taken reports whether another application has the name, where that matters.
func (s *Sim) taken(name string, but *application) bool {
	return s.world.DuplicateName == DuplicateRefused &&
		slices.ContainsFunc(s.apps, func(a *application) bool { return a != but && a.Name == name })
}

func (s *Sim) createApplication(r request) (any, *refusal) {
	a := Application{Name: r.text("ApplicationName"), Type: r.text("ApplicationType"), Nature: "PRIVATE", Fate: Succeeds}
	if no := nameable(a.Name); no != nil {
		return nil, no
	}
	if no := among("ApplicationType", a.Type, applicationTypes); no != nil {
		return nil, no
	}
	if most := s.world.ApplicationLimit; most > 0 && len(s.apps) >= most {
		return nil, refused("OperationDenied.ApplicationLimitExceeded", "The account has %d applications already.", len(s.apps))
	}
	if s.taken(a.Name, nil) {
		return nil, refused("FailedOperation.ApplicationCreateFail", "There is an application %q already.", a.Name)
	}
	if a.Type != typeMobile && s.world.CreatedBaseInfo == CreatedDesktop {
		a.BaseInfo = defaultBaseInfo
	}
	a.ID = s.newID("app-")
	s.apps = append(s.apps, &application{Application: a, created: r.now})
	return struct {
		ApplicationID string `json:"ApplicationId"`
	}{a.ID}, nil
}

// among refuses a value that is not one of its choices.
func among(name, value string, choices []string) *refusal {
	if slices.Contains(choices, value) {
		return nil
	}
	return refused("InvalidParameterValue", "%s must be one of %q.", name, choices)
}

func (s *Sim) modifyBaseInfo(r request) (any, *refusal) {
	app, no := s.found(r)
	if no != nil {
		return nil, no
	}
	if app.mobile() {
		return nil, refused("InvalidParameterValue", "A mobile application has no such configuration.")
	}
	// What the request names is decoded over what stays.
	next := app.Application
	if s.world.OmittedBaseInfo == OmittedCleared {
		next.Name, next.Params, next.BaseInfo, next.Stores = "", "", BaseInfo{}, nil
	}
	next.StartPath, next.InterList = r.text("ApplicationExePath"), r.text("ApplicationInterList")
	_ = json.Unmarshal(r.params["ApplicationBaseInfo"], &next.BaseInfo) // checked before
	if r.has("ApplicationParams") {
		next.Params = r.text("ApplicationParams")
	}
	if r.has("ApplicationName") {
		next.Name = r.text("ApplicationName")
		if no := nameable(next.Name); no != nil {
			return nil, no
		}
		if s.taken(next.Name, app) {
			return nil, refused("InvalidParameterValue", "There is an application %q already.", next.Name)
		}
	}
	if r.has("ApplicationStores") {
		next.Stores = nil
		_ = json.Unmarshal(r.params["ApplicationStores"], &next.Stores)
	}
	if no := s.startable(app, next, r.now); no != nil {
		return nil, no
	}
	if next.BaseInfo.WindowCaptureMode == "" && s.world.EmptyCaptureMode == CaptureHook {
		next.BaseInfo.WindowCaptureMode = "HOOK"
	}
	app.former = append(app.former, former{r.now, app.Application})
	app.Application = next
	s.noteDead(app, r)
	return nil, nil
}

// noteDead notes that players get nothing after a change: what is online does not hold
// the program that the application starts.
func (s *Sim) noteDead(app *application, r request) {
	online := app.with(r.now, Inuse)
	if app.mobile() || app.StartPath == "" || online == nil || absolute(app.StartPath) || app.holds(online, app.StartPath) {
		return
	}
	s.dead = append(s.dead, fmt.Sprintf("%s starts %q, which %s does not hold", app.ID, app.StartPath, online.id))
}

// Dead tells of each change after which an application could not start.
func (s *Sim) Dead() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dead)
}

// startable refuses a configuration that the application cannot have.
func (s *Sim) startable(app *application, next Application, now time.Time) *refusal {
	if s.world.EmptyStartPath == Denied && (next.StartPath == "" || next.InterList == "") {
		return refused("InvalidParameterValue", "ApplicationExePath and ApplicationInterList must not be empty.")
	}
	if no := among("ApplicationBaseInfo.WindowUseType", next.BaseInfo.WindowUseType, windowUseTypes); no != nil {
		return no
	}
	if no := among("ApplicationBaseInfo.WindowCaptureMode", next.BaseInfo.WindowCaptureMode, windowCaptureModes); no != nil {
		return no
	}
	for _, store := range next.Stores {
		if no := among("StoreType", store.StoreType, storeTypes); no != nil {
			return no
		}
		if no := among("StoreState", store.StoreState, storeStates); no != nil {
			return no
		}
	}
	online := app.with(now, Inuse)
	if s.world.StartPathOfBase == BaseChecked && online != nil && next.StartPath != "" && !absolute(next.StartPath) &&
		!app.holds(online, next.StartPath) {
		return refused("InvalidParameterValue", "The start path is not in the version that is online.")
	}
	return nil
}

// absolute reports whether Windows would look for a path outside the package.
func absolute(p string) bool {
	return strings.HasPrefix(p, "/") || strings.HasPrefix(p, `\`) || len(p) > 1 && p[1] == ':'
}
