// Package docs_test tries out what the documents say: it runs every command
// and snippet of the README and every example, and provokes each error that
// the README quotes.
package docs_test

import (
	"os"
	"testing"

	"github.com/car-publish/car-publish/test/testbin"
)

func TestMain(m *testing.M) { os.Exit(testbin.Main(m)) }
