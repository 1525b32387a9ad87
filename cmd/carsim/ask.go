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

var questionNames = []string{"journal", "versions", "uploads", "objects", "world"}

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

// printChanges prints the versions of each application that has changed.
func printChanges(w io.Writer, before, after carsim.State) {
	for i, app := range after.Applications {
		if reflect.DeepEqual(ageless(before.Applications[i].Versions), ageless(app.Versions)) {
			continue
		}
		fmt.Fprintf(w, "\n%s %q:\n", app.ID, app.Name)
		printVersions(w, app.Versions, true)
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
