package main

import (
	"context"

	"github.com/car-publish/car-publish/internal/auth"
	"github.com/car-publish/car-publish/internal/doctor"
	"github.com/car-publish/car-publish/internal/inputs"
	"github.com/car-publish/car-publish/internal/publish"
	"github.com/car-publish/car-publish/internal/record"
)

// examine runs the command doctor. A problem with the inputs, or with the
// transport that they describe, is a finding like any other.
func (w wiring) examine(ctx context.Context, problems []error, session *auth.Session, deps publish.Deps) (record.Result, error) {
	o := doctor.Options{
		Publish: w.options, Timeout: w.config.Timeout, Left: w.job.Left,
		Credentials: w.identity.source, Session: session, RoleARN: w.identity.role.ARN, Provider: w.identity.role.Provider,
		Proxy: w.network.ProxyFor, Probe: w.config.Probe,
	}
	for _, err := range problems {
		ofInputs := inputs.Problems(err)
		for _, p := range ofInputs {
			o.Problems = append(o.Problems, doctor.Problem{Input: p.Name, Text: p.Error()})
		}
		if err != nil && len(ofInputs) == 0 { // ca-file is the one input that the transport reads
			o.Problems = append(o.Problems, doctor.Problem{Input: "ca-file", Text: err.Error()})
		}
	}
	return doctor.Run(ctx, o, deps, w.report.Handle)
}
