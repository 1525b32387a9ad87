package main

import (
	"slices"
	"testing"

	"github.com/car-publish/car-publish/internal/ci"
	"github.com/car-publish/car-publish/internal/inputs"
)

// The CIs that the input ci takes are those that there are.
func TestChoicesOfCI(t *testing.T) {
	i := slices.IndexFunc(inputs.Table, func(in inputs.Input) bool { return in.Name == "ci" })
	got, want := slices.Sorted(slices.Values(inputs.Table[i].Choices)), slices.Sorted(slices.Values(ci.Names()))
	if !slices.Equal(got, want) {
		t.Errorf("the input takes %q, there are %q", got, want)
	}
}
