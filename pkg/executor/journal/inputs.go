package journal

import (
	"encoding/json"
	"os"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Resumed says that the run went on in another process than that in which it began, or in another take.
func (r *Run) Resumed() bool {
	_, ok := successor(r.Folder, r.Header.Number())
	return ok || r.Header.Number() > 1
}

// Inputs are those of the run whose values are kept, as canonical values. The error is a *Problem.
func (r *Run) Inputs() (map[string]any, error) {
	path := placed(r.Folder, r.Header.Number(), inputsName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unread(path, err)
	}
	var in struct {
		Values map[string]json.RawMessage `json:"inputs"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, unread(path, err)
	}
	values := make(map[string]any, len(in.Values))
	for name, text := range in.Values {
		if values[name], err = event.Decode(text); err != nil {
			return nil, unread(path, err)
		}
	}
	return values, nil
}
