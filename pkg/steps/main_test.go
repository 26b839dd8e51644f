package steps

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/flowrun/flowrun/pkg/testenv"
)

func TestMain(m *testing.M) {
	testenv.Clean()
	goleak.VerifyTestMain(m)
}
