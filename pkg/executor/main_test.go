package executor_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/flowrun/flowrun/pkg/testenv"
)

// TestMain wants every goroutine of a run to be over when the run is.
func TestMain(m *testing.M) {
	testenv.Clean()
	goleak.VerifyTestMain(m)
}
