// Package repository_test tests what the repository is made of: which package
// may import which, the workflows, and how a release is made.
package repository_test

import (
	"os"
	"testing"

	"github.com/car-publish/car-publish/test/testbin"
)

func TestMain(m *testing.M) {
	testbin.Root()
	os.Exit(m.Run())
}
