package executor_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain wants every goroutine of a run to be over when the run is.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
