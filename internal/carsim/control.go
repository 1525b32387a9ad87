package carsim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// controlPath is where a test that runs in another process reads and changes the
// state of the simulator. The keys of CAR's objects begin with a number, so it
// hides none of them.
const controlPath = "/_carsim/"

// State is what is in the service, as GET /_carsim/state answers it.
type State struct {
	Applications []Application // with the versions as they are now
	Uploads      []Upload
	Objects      []Object
}

// State returns what is in the service now.
func (s *Sim) State() State {
	s.mu.Lock()
	apps := make([]Application, len(s.apps))
	for i, app := range s.apps {
		apps[i] = app.Application
	}
	s.mu.Unlock()
	for i := range apps {
		apps[i].Versions = s.Versions(apps[i].ID)
	}
	return State{apps, s.Uploads(), s.Objects()}
}

// control answers GET journal, GET state and POST world, whose body changes the
// current world; faults and intrusions that it does not name end.
func (s *Sim) control(w http.ResponseWriter, r *http.Request) {
	var result any
	switch r.Method + " " + r.URL.Path {
	case "GET " + controlPath + "journal":
		result = s.Journal()
	case "GET " + controlPath + "state":
		result = s.State()
	case "POST " + controlPath + "world":
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client is gone
		}
		s.mu.Lock()
		base := s.world
		s.mu.Unlock()
		base.Applications, base.Faults, base.Intrusions = nil, nil, nil
		world, err := ReadWorld(text, base)
		switch {
		case err != nil:
		case world.Applications != nil:
			err = errors.New("the applications of a running simulator are what its clients made of them: start another one")
		default:
			err = s.SetWorld(world)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		result = struct{}{}
	default:
		http.Error(w, "carsim has GET journal, GET state and POST world here", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(result) // the client may be gone
}
