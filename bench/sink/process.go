package sink

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is a sink that runs.
type Process struct {
	at      address
	command *exec.Cmd
	in      io.Closer
	answers *json.Decoder
}

// Start starts a sink with that line in front of it. Self is the program itself, which
// calls Serve when its arguments are "sink", a line and the number of a run.
func Start(self, line string, run int) (*Process, error) {
	p := &Process{command: exec.Command(self, "sink", line, strconv.Itoa(run))} //nolint:gosec,noctx // itself
	p.command.Stderr = os.Stderr
	in, err := p.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	p.in, p.answers = in, json.NewDecoder(out)
	if err := p.answers.Decode(&p.at); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Environment tells a contender where the sink is. The certificate lies in dir.
func (p *Process) Environment(dir string) ([]string, error) {
	ca := filepath.Join(dir, "ca.pem")
	err := os.WriteFile(ca, []byte(p.at.CA), 0o600)
	return []string{urlVariable + "=" + p.at.URL, caVariable + "=" + ca}, err
}

// Tally ends the sink and returns what it has seen.
func (p *Process) Tally() (Tally, error) {
	p.in.Close() // the sink tells and ends
	var seen Tally
	if err := p.answers.Decode(&seen); err != nil {
		return seen, err
	}
	if len(seen.Problems) > 0 {
		return seen, fmt.Errorf("the sink saw: %s", strings.Join(seen.Problems, "; "))
	}
	return seen, nil
}

// Close ends the sink, if it has not ended.
func (p *Process) Close() {
	p.in.Close()
	_ = p.command.Wait() // its words are what counts
}
