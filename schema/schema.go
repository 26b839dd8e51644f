// Package schema holds the JSON Schemas of flowrun's files, for editors and other programs.
//
// They are generated; go test ./schema -update writes them anew, and the test fails while they are stale.
package schema

import _ "embed"

// Workflow is the schema of a workflow file (draft-07).
//
//go:embed workflow.schema.json
var Workflow []byte
