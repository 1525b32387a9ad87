//go:build !unix

package outfile

import "errors"

// dontWait is 0 where pipes have no names in the file system.
const dontWait = 0

var noReader = errors.New("a pipe has no reader")
