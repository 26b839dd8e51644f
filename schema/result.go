package schema

import "embed"

//go:embed result.schema.json events.schema.json diagnostics.schema.json
var outputs embed.FS

// Result is the JSON Schema of the result document (flowrun run --format json).
func Result() []byte { return output("result.schema.json") }

// Events is the JSON Schema of one event (a line of flowrun run --format ndjson).
func Events() []byte { return output("events.schema.json") }

// Diagnostics is the JSON Schema of the document of flowrun validate --format json.
func Diagnostics() []byte { return output("diagnostics.schema.json") }

func output(name string) []byte {
	b, err := outputs.ReadFile(name)
	if err != nil {
		panic("schema: " + err.Error())
	}
	return b
}
