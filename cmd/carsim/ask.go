package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/car-publish/car-publish/internal/carsim"
)

// question is one request to the simulator that runs at $CAR_ENDPOINT.
type question struct {
	argument string // its name, "" if there is none
	do       func(c control, argument string, o askOptions, std surroundings) error
}

type askOptions struct{ long, polls bool }

var questionNames = []string{"journal", "versions", "applications", "uploads", "objects", "world"}

var questions = map[string]question{
	"journal": {"", func(c control, _ string, o askOptions, std surroundings) error {
		var calls []carsim.Call
		if err := c.get("journal", &calls); err != nil {
			return err
		}
		printJournal(std.out, calls, o.polls, o.long)
		return nil
	}},
	"versions": {"APP", func(c control, app string, o askOptions, std surroundings) error {
		var state carsim.State
		if err := c.get("state", &state); err != nil {
			return err
		}
		i := slices.IndexFunc(state.Applications, func(a carsim.Application) bool { return a.ID == app })
		if i < 0 {
			var ids []string
			for _, a := range state.Applications {
				ids = append(ids, a.ID)
			}
			return usageError{fmt.Sprintf("there is no application %q; there are %s", app, strings.Join(ids, ", "))}
		}
		printVersions(std.out, state.Applications[i].Versions, o.long)
		return nil
	}},
	"applications": {"", func(c control, _ string, o askOptions, std surroundings) error {
		var state carsim.State
		if err := c.get("state", &state); err != nil {
			return err
		}
		printApplications(std.out, state.Applications, o.long)
		return nil
	}},
	"uploads": {"", func(c control, _ string, o askOptions, std surroundings) error {
		var state carsim.State
		if err := c.get("state", &state); err != nil {
			return err
		}
		for _, u := range state.Uploads {
			line := fmt.Sprintf("%d parts, %d bytes", u.Parts, u.Bytes)
			if o.long {
				line += " " + u.Key + " " + u.ID
			}
			fmt.Fprintln(std.out, line)
		}
		return nil
	}},
	"objects": {"", func(c control, _ string, o askOptions, std surroundings) error {
		var state carsim.State
		if err := c.get("state", &state); err != nil {
			return err
		}
		for _, b := range state.Objects {
			line := fmt.Sprintf("%d bytes, CRC-64 %d", b.Size, b.CRC64)
			if o.long {
				line += " " + b.Key
			}
			fmt.Fprintln(std.out, line)
		}
		return nil
	}},
	"world": {"FILE", func(c control, file string, _ askOptions, std surroundings) error {
		body := std.in
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return fmt.Errorf("read world: %w", err)
			}
			defer f.Close()
			body = f
		}
		return c.post("world", body)
	}},
}

// ask sends a question to the running simulator.
func ask(name string, args []string, std surroundings) error {
	q := questions[name]
	var o askOptions
	flags := flag.NewFlagSet("carsim "+name, flag.ContinueOnError)
	flags.SetOutput(std.err)
	if name != "world" {
		flags.BoolVar(&o.long, "l", false, "print ids, times and sizes too")
	}
	if name == "journal" {
		flags.BoolVar(&o.polls, "polls", false, "print every call; else one that only reads is left out\nif the same line has been printed since the last change")
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return usageError{"see carsim " + name + " -help"}
	}
	want := 0
	if q.argument != "" {
		want = 1
	}
	if flags.NArg() != want {
		return usageError{strings.TrimSpace("usage: carsim " + name + " [flags] " + q.argument)}
	}
	endpoint := std.getenv("CAR_ENDPOINT")
	if endpoint == "" {
		return usageError{"CAR_ENDPOINT is not set: it says where the simulator is"}
	}
	return q.do(control(strings.TrimSuffix(endpoint, "/")), flags.Arg(0), o, std)
}

// control is the address of a running simulator, which answers its control API.
type control string

func (c control) get(name string, answer any) error {
	text, err := c.do(http.MethodGet, name, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

func (c control) post(name string, body io.Reader) error {
	_, err := c.do(http.MethodPost, name, body)
	return err
}

func (c control) do(method, name string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequestWithContext(context.Background(), method, string(c)+"/_carsim/"+name, body)
	if err != nil {
		return nil, fmt.Errorf("ask simulator: %w", err)
	}
	resp, err := http.DefaultClient.Do(request) //nolint:gosec // the user says where the simulator is
	if err != nil {
		return nil, fmt.Errorf("ask simulator: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("ask simulator: %w", err)
	case resp.StatusCode == http.StatusBadRequest:
		return nil, errors.New(strings.TrimSpace(string(text))) // it says what is wrong
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask simulator: %s answered HTTP %d; is it a carsim?", c, resp.StatusCode)
	}
	return text, nil
}

func printVersions(w io.Writer, versions []carsim.Version, long bool) {
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)
	for _, v := range versions {
		line := v.Status + "\t" + v.Name
		if long {
			mode := v.UpdateMode
			if mode == "" {
				mode = "-"
			}
			line += fmt.Sprintf("\t%s\t%d bytes\t%s\t%s", v.ID, v.Size, mode, strings.Join(v.Regions, ","))
		}
		fmt.Fprintln(table, line)
	}
	table.Flush()
}

// printApplications prints one line for each application. Each has six fields,
// and what is empty is a hyphen, so that a line can be taken apart. The id of an
// application that was created is the same in each run.
func printApplications(w io.Writer, applications []carsim.Application, long bool) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, a := range applications {
		fields := []string{a.ID, a.Type, a.Name, a.StartPath, a.InterList, a.Params}
		if long {
			base := a.BaseInfo
			fields = append(fields, a.Nature, base.WindowUseType, base.WindowName, base.WindowClassName, base.WindowCaptureMode)
			for _, s := range a.Stores {
				fields = append(fields, strings.Join([]string{s.StoreType, s.StoreState, s.CosBucket, s.CosRegion, s.StorePath}, ","))
			}
		}
		for i := range fields {
			if fields[i] == "" {
				fields[i] = "-"
			}
		}
		fmt.Fprintln(table, strings.Join(fields, "\t"))
	}
	table.Flush()
}

// printChanges prints each application that is new or configured anew, and the
// versions of each whose versions have changed.
func printChanges(w io.Writer, before, after carsim.State) {
	for _, app := range after.Applications {
		var old carsim.Application
		if i := slices.IndexFunc(before.Applications, func(a carsim.Application) bool { return a.ID == app.ID }); i >= 0 {
			old = before.Applications[i]
		}
		versions := !reflect.DeepEqual(ageless(old.Versions), ageless(app.Versions))
		old.Versions = app.Versions
		if !reflect.DeepEqual(old, app) {
			fmt.Fprintln(w)
			printApplications(w, []carsim.Application{app}, true)
		}
		if versions {
			fmt.Fprintf(w, "\n%s %q:\n", app.ID, app.Name)
			printVersions(w, app.Versions, true)
		}
	}
	for _, u := range after.Uploads {
		fmt.Fprintf(w, "\nunfinished upload: %s, %d parts, %d bytes\n", u.Key, u.Parts, u.Bytes)
	}
}

func ageless(versions []carsim.Version) []carsim.Version {
	versions = slices.Clone(versions)
	for i := range versions {
		versions[i].Age = 0
	}
	return versions
}

// printJournal prints one line for each call. Without polls it leaves out a call
// that only reads if the same line was printed since the last change, since the
// number of polls depends on time.
func printJournal(w io.Writer, calls []carsim.Call, polls, long bool) {
	printed := map[string]bool{}
	for _, call := range calls {
		line := call.Action
		if call.Code != "" {
			line += " " + call.Code
		}
		if call.Fault != "" {
			line += " (" + string(call.Fault) + ")"
		}
		switch {
		case !reads(call.Action):
			clear(printed)
		case printed[line] && !polls:
			continue
		default:
			printed[line] = true
		}
		if long {
			var params []string
			for name, value := range call.Params {
				params = append(params, name+"="+value)
			}
			slices.Sort(params)
			line = fmt.Sprintf("%s %s %s %s", call.Time.UTC().Format(time.RFC3339Nano), call.RequestID, line, strings.Join(params, " "))
		}
		fmt.Fprintln(w, line)
	}
}

// reads reports whether an action changes nothing.
func reads(action string) bool {
	name := strings.TrimPrefix(action, "cos:")
	return strings.HasPrefix(name, "Describe") || strings.HasPrefix(name, "List") || strings.HasPrefix(name, "Head")
}
