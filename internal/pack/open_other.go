//go:build !unix

package pack

const dontWait = 0
