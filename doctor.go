package main

import (
	"context"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/doctor"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/transport"
)

// examines reports whether a run is one that looks at what is wrong instead
// of ending there.
func examines(c inputs.Config, after bool) bool { return c.Command == "doctor" && !after }

// examine is the command doctor. What is wrong with the inputs, or with the
// way out that they describe, is a finding like any other.
func examine(ctx context.Context, c inputs.Config, job ci.Run, way transport.Options, session *auth.Session, wrong []error, o publish.Options, d publish.Deps, emit func(publish.Event)) (publish.Result, error) {
	e := doctor.Options{
		Publish: o, Timeout: c.Timeout, Left: job.Left,
		Credentials: c.CredentialSource, Session: session, RoleARN: c.Role.ARN, Provider: c.Role.Provider,
		Proxy: way.ProxyFor, Probe: c.Probe,
	}
	for _, err := range wrong {
		problems := inputs.Problems(err)
		for _, p := range problems {
			e.Problems = append(e.Problems, doctor.Problem{Input: p.Name, Text: p.Error()})
		}
		if err != nil && len(problems) == 0 { // of the transport
			e.Problems = append(e.Problems, doctor.Problem{Input: "ca-file", Text: err.Error()})
		}
	}
	return doctor.Run(ctx, e, d, emit)
}
