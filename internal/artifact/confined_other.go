//go:build !unix

package artifact

import "context"

// InspectConfined is Inspect. Here no limits are set for it.
func InspectConfined(ctx context.Context, path string) (*Artifact, error) {
	return inspectHere(ctx, path)
}

func confine(string) {}
