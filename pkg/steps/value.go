package steps

import "github.com/flowrun/flowrun/pkg/spec/kind"

func valueKind() *kind.Kind {
	return &kind.Kind{
		Name:        "value",
		Title:       "Give a value",
		Description: "The step's value is what is written here; expressions keep their type.",
		Keys: []kind.Key{{
			Name:        "value",
			Description: "Any value: a text, a number, a list, a mapping.",
			Schema:      `{}`,
			Mode:        kind.Free,
			Examples:    []string{`value: {image: "app:1", ports: [80, 443]}`, `value: ${{ steps.build.value }}`},
		}},
		Instant: func(args kind.Args) kind.Instant { return kind.Instant{Value: args["value"]} },
	}
}
