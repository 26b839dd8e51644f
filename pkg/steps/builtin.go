package steps

import "github.com/flowrun/flowrun/pkg/spec/kind"

// Builtin lists the leaf kinds of flowrun, and last the probe of services, in the order in which documents show them.
func Builtin() []*kind.Kind {
	return []*kind.Kind{
		runKind(),
		httpKind(),
		sleepKind(),
		valueKind(),
		echoKind(),
		failKind(),
		readyKind(),
	}
}
