// Package schema holds the JSON Schemas of flowrun's files, for editors and other programs.
//
// That of workflow files is generated; go test ./schema -update writes it anew, and the test fails while it is stale.
package schema

import "embed"

//go:embed workflow.schema.json result.schema.json events.schema.json journal.schema.json runs.schema.json diagnostics.schema.json list.schema.json plan.schema.json simulation.schema.json
var files embed.FS

// Names are the names of the schemas, that of workflow files first.
func Names() []string {
	return []string{"workflow", "result", "events", "journal", "runs", "diagnostics", "list", "plan", "simulation"}
}

// Named is the schema of a name of Names.
func Named(name string) []byte {
	b, err := files.ReadFile(name + ".schema.json")
	if err != nil {
		panic("schema: " + err.Error())
	}
	return b
}

// Workflow is the schema of a workflow file (draft-07).
func Workflow() []byte { return Named("workflow") }

// Result is the schema of the result document (flowrun run --format json).
func Result() []byte { return Named("result") }

// Events is the schema of one event (a line of flowrun run --format ndjson).
func Events() []byte { return Named("events") }

// Journal is the schema of one line of a run's journal.
func Journal() []byte { return Named("journal") }

// Runs is the schema of the document of flowrun history --format json, and of status.
func Runs() []byte { return Named("runs") }

// Diagnostics is the schema of the document of flowrun validate --format json.
func Diagnostics() []byte { return Named("diagnostics") }

// List is the schema of the document of flowrun list --format json.
func List() []byte { return Named("list") }

// Plan is the schema of the document of flowrun plan --format json.
func Plan() []byte { return Named("plan") }

// Simulation is the schema of the document of flowrun plan --simulate --format json.
func Simulation() []byte { return Named("simulation") }
