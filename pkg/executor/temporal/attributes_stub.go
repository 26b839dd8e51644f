package temporal

import (
	"go.temporal.io/sdk/temporal"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

func startAttributes(executor.Spec) []temporal.SearchAttributeUpdate { return nil }

func endAttributes(event.Status, tally) []temporal.SearchAttributeUpdate { return nil }
