package carsim

import "slices"

func (s *Sim) describeProjects(r request) (any, *refusal) {
	offset, count, category := r.integer("Offset"), r.integer("Limit"), r.text("ProjectCategory")
	if offset < 0 || count < 0 {
		return nil, refused("InvalidParameterValue", "Offset and Limit must not be negative.")
	}
	if category == "" {
		category = "DESKTOP" // as documented
	}
	if no := among("ProjectCategory", category, []string{"DESKTOP", "MOBILE"}); no != nil {
		return nil, no
	}
	wanted := r.filters("Filters")
	if s.world.ProjectIDFilter == ProjectIDIgnored {
		wanted = slices.DeleteFunc(wanted, func(f filter) bool { return f.Name == "ProjectId" })
	}
	seen := r.now.Add(-s.world.ListLag)
	list := []applicationProject{}
	values := s.filterable(nil, seen)
	if s.world.ProjectIDFilter == ProjectIDMatched {
		values["ProjectId"] = ""
	}
	if no := known(wanted, values); no != nil {
		return nil, no
	}
	for _, p := range s.world.Projects {
		app := s.application(p.Application)
		values := s.filterable(app, seen)
		values["ProjectId"] = p.ID
		if p.Category == category && s.matches(values, wanted) {
			list = append(list, p.info(values["ApplicationName"]))
		}
	}
	total := len(list)
	list = list[min(offset, total):]
	if r.has("Limit") {
		list = list[:min(count, len(list))]
	}
	if most := s.world.ProjectPage; most > 0 {
		list = list[:min(most, len(list))]
	}
	return struct {
		Projects []applicationProject
		Total    int
	}{list, total}, nil
}

func (p Project) info(application string) applicationProject {
	return applicationProject{
		ProjectID: p.ID, ApplicationID: p.Application, ApplicationName: application,
		Name: p.Name, Description: p.Description, Type: p.Type, IsPreload: p.Preload,
		Amount: p.Amount, Using: p.Using, ApplicationStatus: p.Status,
		ProjectType: p.Kind, ProjectCategory: p.Category, Purpose: p.Purpose,
		Resolution: p.Resolution, ApplicationParams: p.Params,
		ApplicationRegions: p.ApplicationRegions, ConcurrentRegions: p.ConcurrentRegions,
		CreateTime: "2020-09-22T00:00:00+00:00", // one of the forms that occur
	}
}
