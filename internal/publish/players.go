package publish

import (
	"context"
	"slices"
	"strings"

	"github.com/car-publish/car-publish/internal/car"
	"github.com/car-publish/car-publish/internal/human"
	"github.com/car-publish/car-publish/internal/record"
)

// Players says who can get what this application has online, and what may keep them
// from it, one sentence each. CAR lets players in by projects, which have concurrency.
func Players(projects []car.Project, app string, regions []string) (p record.Players, doubts []string) {
	shared := 0
	none := true
	for _, project := range projects {
		if project.ApplicationID != app {
			if project.Type == "SHARED" {
				shared++ // whether it serves this application as well is not shown
			}
			continue
		}
		p.Projects++
		p.Concurrency += project.Amount
		p.Playing += project.Using
		p.Preload = p.Preload || project.Preload
		none = none && project.Status == "NoConcurrent"
		for _, region := range project.ConcurrentRegions {
			if !slices.Contains(p.Regions, region) {
				p.Regions = append(p.Regions, region)
			}
		}
	}
	slices.Sort(p.Regions)
	missed := missing(p.Regions, regions)
	switch {
	case p.Projects == 0 && shared == 0:
		doubts = append(doubts, "No project uses this application, so no player can get it: create a project in the CAR console.")
	case p.Projects == 0:
		doubts = append(doubts, "No project of its own uses this application. Whether one of the shared projects does is not shown: see the CAR console.")
	case p.Concurrency == 0 || none:
		doubts = append(doubts, "No project of this application has concurrency, so no player can get it: assign some in the CAR console.")
	case len(regions) > 0 && len(missed) == len(p.Regions) && len(missed) > 0:
		doubts = append(doubts, "The version is in "+strings.Join(regions, ", ")+", and the concurrency is in "+strings.Join(p.Regions, ", ")+": no player can get it there.")
	case len(regions) > 0 && len(missed) > 0:
		doubts = append(doubts, "The version is not in "+strings.Join(missed, ", ")+", where some of the concurrency is.")
	}
	if p.Preload {
		doubts = append(doubts, "A project has prelaunch on: idle instances may keep the former version until they are refreshed in the CAR console.")
	}
	return p, doubts
}

// tellPlayers asks for the projects and tells who can get the version that is online,
// or will be. It only advises.
func (r *run) tellPlayers(ctx context.Context, regions []string) {
	if !r.app.known || ctx.Err() != nil {
		return
	}
	projects, err := r.api.Projects(ctx, r.app.category)
	if err != nil {
		r.advisory(err, "it is not known whether any project lets players in")
		return
	}
	p, doubts := Players(projects, r.o.ApplicationID, regions)
	for _, doubt := range doubts {
		r.warn("%s", doubt)
	}
	if p.Projects > 0 {
		r.note("%s, for %s at the same time; %d playing now.", human.Count(p.Projects, "project"), human.Count(p.Concurrency, "player"), p.Playing)
	}
	r.learn(func(t *record.Result) { t.Players = &p })
}
