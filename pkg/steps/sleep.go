package steps

import (
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

func sleepKind() *kind.Kind {
	return &kind.Kind{
		Name:        "sleep",
		Title:       "Wait for a time",
		Description: "Does nothing for a time. 0 ends at once. Its value is null.",
		Keys: []kind.Key{{
			Name:        "sleep",
			Description: "A duration as 1m30s; an expression may also give a number of seconds.",
			Schema:      durationSchema,
			Mode:        kind.Typed,
			Examples:    []string{`sleep: 2s`, `sleep: ${{ 0.5 * attempt }}`},
		}},
		Check: func(constant map[string]any, report func(key, code, text string)) {
			if v, ok := constant["sleep"]; ok {
				checkDuration("sleep", v, report)
			}
		},
		Waits: true,
		Instant: func(args kind.Args) kind.Instant {
			d, err := duration(args["sleep"])
			if err != nil {
				return kind.Instant{Err: event.Errorf(event.ValueError, "sleep: %v", err)}
			}
			return kind.Instant{After: d}
		},
	}
}
