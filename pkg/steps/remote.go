package steps

import (
	"regexp"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// The keys of steps that workers carry out (executor.Remote). A run on this machine takes no notice of them: one file is for both.

func remoteKeys() []kind.Key {
	return []kind.Key{
		{
			Name:        "queue",
			Description: "The queue whose workers carry out the step, as `flowrun worker --queue NAME`; by default that of the run. Without an engine it says nothing.",
			Schema: `{"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$",
	"patternErrorMessage": "no name of a queue: write letters, digits, dots, - and _, as in gpu-1"}`,
			Mode:     kind.Text,
			Examples: []string{`queue: gpu`, `queue: build-${{ inputs.os }}`},
		},
		{
			Name:        "on_lost",
			Description: "What becomes of the step if its worker dies while it is at work: retry it on another one (default), or fail it with a LostError, as it may have been done already. Without an engine it says nothing.",
			Schema:      `{"type": "string", "enum": ["retry", "fail"], "enumDescriptions": ["It begins again, as a further attempt that no retry counts.", "It fails with a LostError, which a retry tries again only where its match names it."]}`,
			Mode:        kind.Literal,
			Examples:    []string{`on_lost: fail`},
		},
	}
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$`)

// Queue is the queue that the arguments of a step name; "": none.
func Queue(args kind.Args) (string, *event.Error) {
	v, ok := args["queue"]
	if !ok || v == nil {
		return "", nil
	}
	if name := text(v); IsQueue(name) {
		return name, nil
	}
	return "", event.Errorf(event.ValueError, "queue: %q is no name of a queue: one has letters, digits, dots, - and _, as gpu-1", text(v))
}

// IsQueue says whether a queue can have that name.
func IsQueue(name string) bool { return queueName.MatchString(name) }
