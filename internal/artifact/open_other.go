//go:build !unix

package artifact

import "os"

// Open opens an artifact.
func Open(path string) (*os.File, error) { return os.Open(path) }
