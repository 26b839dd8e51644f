package journal

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Resumed says that the run went on in another process than that in which it began.
func (r *Run) Resumed() bool {
	_, ok := successor(r.Folder)
	return ok
}

// Inputs are those of the run whose values are kept, as canonical values. The error is a *Problem.
func (r *Run) Inputs() (map[string]any, error) {
	path := filepath.Join(r.Folder, inputsName)
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
