package temporal

import (
	"errors"
	"testing"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"
)

// continued says whether a workflow went on in another, and with what.
func continued(t *testing.T, err error) (order, bool) {
	t.Helper()
	var next *workflow.ContinueAsNewError
	if !errors.As(err, &next) {
		return order{}, false
	}
	var o order
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &o); err != nil {
		t.Fatal(err)
	}
	return o, true
}
