package files

import (
	"io"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
)

// events are the lines of `--format ndjson`, each in the file as soon as it happens.
func events(w io.Writer, r *model.Run) func(event.Event) { return ndjson.New(w, r.Plan, r.ID).Observe }
