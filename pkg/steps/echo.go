package steps

import "github.com/flowrun/flowrun/pkg/spec/kind"

func echoKind() *kind.Kind {
	return &kind.Kind{
		Name:        "echo",
		Title:       "Print a text",
		Description: "Prints the text and a newline. The text is also the step's value.",
		Keys: []kind.Key{{
			Name:        "echo",
			Description: "The text; the value of an expression that is no text is printed as JSON.",
			Schema:      `{"type": "string"}`,
			Mode:        kind.Text,
			Examples:    []string{`echo: "deployed ${{ inputs.tag }}"`},
		}},
		Instant: func(args kind.Args) kind.Instant {
			s := text(args["echo"])
			return kind.Instant{Value: s, Output: s + "\n"}
		},
	}
}
