//go:build !unix

package artifact

import "os"

// Open opens an artifact for the upload.
func Open(path string) (*os.File, error) { return os.Open(path) }
