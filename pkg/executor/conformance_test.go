package executor_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestConformance compares with what real asyncio gave for the same trees (testdata/conformance/README.md).
func TestConformance(t *testing.T) {
	for _, file := range append(files(t, "testdata/conformance/listed/*.yaml"), files(t, "testdata/conformance/random/*.yaml")...) {
		t.Run(stem(file), func(t *testing.T) {
			p := compile(t, file, read(t, file), nil)
			var want asyncio
			if err := json.Unmarshal(read(t, strings.TrimSuffix(file, ".yaml")+".json"), &want); err != nil {
				t.Fatal(err)
			}
			eachDriver(t, p, nil, func(t *testing.T, r *ran) {
				for _, d := range want.differences(t, r) {
					t.Error(d)
				}
			})
		})
	}
}

// asyncio is what asyncio gave for a tree.
type asyncio struct {
	Value  any               `json:"value"`
	Error  any               `json:"error"`
	States map[string]string `json:"states"`
	Millis int               `json:"elapsed_ms"`
}

// differences says where a run of flowrun came out otherwise.
func (want *asyncio) differences(t *testing.T, r *ran) []string {
	t.Helper()
	var out []string
	if d := cmp.Diff(want.Value, asyncioValue(plain(t, r.outcome.Value))); d != "" {
		out = append(out, "value (-asyncio +flowrun):\n"+d)
	}
	if d := cmp.Diff(want.Error, asyncioError(plain(t, r.outcome.Err))); d != "" {
		out = append(out, "error (-asyncio +flowrun):\n"+d)
	}
	ends := r.byID()
	for _, id := range slices.Sorted(maps.Keys(want.States)) {
		if e, ok := ends[id]; !ok || e.Status.String() != want.States[id] {
			out = append(out, fmt.Sprintf("%s is %v (told: %v), with asyncio %s", id, e.Status, ok, want.States[id]))
		}
	}
	if r.took != time.Duration(want.Millis)*time.Millisecond {
		out = append(out, fmt.Sprintf("it took %v, with asyncio %d ms", r.took, want.Millis))
	}
	return out
}

// plain is v after a way through JSON.
func plain(t *testing.T, v any) any {
	t.Helper()
	var out any
	if err := json.Unmarshal([]byte(jsonText(v)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// asyncioError keeps what the conformance files have of an error.
func asyncioError(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	switch m["type"] {
	case "ExceptionGroup":
		var errs []any
		for _, e := range m["errors"].([]any) {
			errs = append(errs, asyncioError(e))
		}
		return map[string]any{"type": "ExceptionGroup", "errors": errs}
	case "TimeoutError", "CancelledError", "TaskCancelledError":
		return map[string]any{"type": m["type"]}
	}
	return map[string]any{"type": m["type"], "message": m["message"]}
}

// asyncioValue turns the value of a wait, and errors handed back as values, into the form of the files.
func asyncioValue(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = asyncioValue(v[i])
		}
		return out
	case map[string]any:
		if e, ok := v["error"].(map[string]any); ok && len(v) == 1 {
			return map[string]any{"error": asyncioError(e)}
		}
		done, isWait := v["done"].([]any)
		if !isWait {
			out := map[string]any{}
			for k, x := range v {
				out[k] = asyncioValue(x)
			}
			return out
		}
		names := func(x any) string {
			m := x.(map[string]any)
			if id, ok := m["id"].(string); ok {
				return id
			}
			return fmt.Sprintf("#%v", m["index"])
		}
		outDone, outPending := []any{}, []any{}
		for _, d := range done {
			m := d.(map[string]any)
			e := map[string]any{"name": names(d), "status": m["status"]}
			switch m["status"] {
			case "failed":
				e["error"] = asyncioError(m["error"])
			case "succeeded":
				e["value"] = asyncioValue(m["value"])
			}
			outDone = append(outDone, e)
		}
		for _, p := range v["pending"].([]any) {
			outPending = append(outPending, names(p))
		}
		return map[string]any{"done": outDone, "pending": outPending}
	}
	return v
}
