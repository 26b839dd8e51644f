// Package conformance holds a run of any engine to what asyncio gave for the same tree (testdata/conformance/README.md). It is for
// tests and no part of flowrun.
package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Asyncio is what asyncio gave for a tree.
type Asyncio struct {
	Value  any               `json:"value"`
	Error  any               `json:"error"`
	States map[string]string `json:"states"` // how the steps that have an id ended
	Millis int               `json:"elapsed_ms"`
}

// Case is a tree of testdata/conformance.
type Case struct {
	Asyncio
	Name string
	File string // the workflow
}

// Cases are those below testdata/conformance, which is dir, in order of their files.
func Cases(dir string) ([]Case, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there is no workflow below %s", dir)
	}
	cases := make([]Case, len(paths))
	for i, path := range paths {
		stem := strings.TrimSuffix(path, ".yaml")
		text, err := os.ReadFile(stem + ".json")
		if err != nil {
			return nil, err
		}
		cases[i].Name, cases[i].File = filepath.Base(stem), path
		if err := json.Unmarshal(text, &cases[i].Asyncio); err != nil {
			return nil, fmt.Errorf("%s.json: %w", stem, err)
		}
	}
	return cases, nil
}

// Took is how long the tree took on an exact clock.
func (want *Asyncio) Took() time.Duration { return time.Duration(want.Millis) * time.Millisecond }

// Differences says where a run came out otherwise: its value, its error, how its steps ended, by their ids. Value and error are
// anything that encoding/json writes as they stand in a result document.
func (want *Asyncio) Differences(value, failure any, states map[string]string) []string {
	var out []string
	differ := func(what string, want, got any) {
		if w, g := text(want), text(got); w != g {
			out = append(out, fmt.Sprintf("%s is\n%s\nwith asyncio\n%s", what, g, w))
		}
	}
	differ("value", want.Value, asValue(plain(value)))
	differ("error", want.Error, asError(plain(failure)))
	for _, id := range slices.Sorted(maps.Keys(want.States)) {
		if states[id] != want.States[id] {
			out = append(out, fmt.Sprintf("%s is %q, with asyncio %q", id, states[id], want.States[id]))
		}
	}
	return out
}

// plain is v after a way through JSON.
func plain(v any) any {
	var out any
	if err := json.Unmarshal([]byte(text(v)), &out); err != nil {
		panic(fmt.Sprintf("conformance: JSON that was just written: %v", err))
	}
	return out
}

func text(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("conformance: what a run gave is no JSON: %v", err))
	}
	return string(b)
}

// asError keeps what the conformance files have of an error.
func asError(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	switch m["type"] {
	case "ExceptionGroup":
		var errs []any
		for _, e := range m["errors"].([]any) {
			errs = append(errs, asError(e))
		}
		return map[string]any{"type": "ExceptionGroup", "errors": errs}
	case "TimeoutError", "CancelledError", "TaskCancelledError":
		return map[string]any{"type": m["type"]}
	}
	return map[string]any{"type": m["type"], "message": m["message"]}
}

// asValue turns the value of a wait, and errors handed back as values, into the form of the files.
func asValue(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = asValue(v[i])
		}
		return out
	case map[string]any:
		if e, ok := v["error"].(map[string]any); ok && len(v) == 1 {
			return map[string]any{"error": asError(e)}
		}
		if done, ok := v["done"].([]any); ok {
			return asWait(done, v["pending"].([]any))
		}
		out := map[string]any{}
		for k, x := range v {
			out[k] = asValue(x)
		}
		return out
	}
	return v
}

// asWait is the value of a wait, whose children the files know by name.
func asWait(done, pending []any) any {
	name := func(x any) string {
		m := x.(map[string]any)
		if id, ok := m["id"].(string); ok {
			return id
		}
		return fmt.Sprintf("#%v", m["index"])
	}
	outDone, outPending := []any{}, []any{}
	for _, d := range done {
		m := d.(map[string]any)
		e := map[string]any{"name": name(d), "status": m["status"]}
		switch m["status"] {
		case "failed":
			e["error"] = asError(m["error"])
		case "succeeded":
			e["value"] = asValue(m["value"])
		}
		outDone = append(outDone, e)
	}
	for _, p := range pending {
		outPending = append(outPending, name(p))
	}
	return map[string]any{"done": outDone, "pending": outPending}
}
