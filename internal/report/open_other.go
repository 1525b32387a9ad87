//go:build !unix

package report

// dontWait is 0 where pipes have no names in the file system.
const dontWait = 0
