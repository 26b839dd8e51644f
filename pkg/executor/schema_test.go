package executor

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/schema"
)

// everything ends in every way that a step can end, with everything that an error can carry.
const everything = `
flowrun: 1
name: everything
semaphores: {one: 1}
steps:
  - id: b
    background: true
    sleep: 1h
  - id: r
    value: 1
    retry: {attempts: 2, delay: 1ms, until: "attempt == 2"}
  - id: g
    name: named
    gather:
      - {id: ok, run: "echo out; echo err >&2"}
      - {id: keep, run: "echo x >kept", artifacts: kept}
      - {id: bad, run: "exit 3", retry: {attempts: 2, delay: 1ms}}
      - {id: off, if: "false", value: 1}
      - {id: q1, sleep: 1ms, semaphore: one}
      - {id: q2, echo: hi, semaphore: one}
    return_exceptions: true
  - id: rec
    fail: {type: ValueError, message: x, data: {a: [1]}}
    except: [{match: ValueError, echo: caught}]
    finally: [{echo: after}]
  - id: w
    wait: [{id: w1, fail: nope}, {id: w2, sleep: 1h}]
    return_when: {succeeded: 2}
    except: [{value: 1}]
  - id: gen
    gather: {for: i, in: range(3), do: {value: "${{ i }}"}}
    as_completed: {id: seen, value: "${{ task.value }}"}
  - id: all
    taskgroup:
      - {id: t1, sleep: 1ms, finally: [{fail: cleanup}]}
      - {id: t2, fail: boom}
      - id: t3
        gather: [{fail: one}, {fail: two}]
      - {id: t4, sleep: 1h, timeout: 1ms}
  - id: never
    echo: never
`

// The documents of real runs fit the schemas, and so do all their events.
func TestSchemas(t *testing.T) {
	result, events := compileSchema(t, "result", schema.Result()), compileSchema(t, "events", schema.Events())
	lines := compileSchema(t, "journal", schema.Journal())
	for _, c := range []struct{ name, src string }{
		{"everything", everything},
		{"succeeds", "flowrun: 1\nsteps: [{value: [1, 2.5, null, {a: b}]}]\n"},
		{"cancelled", "flowrun: 1\nsteps: [{id: s, sleep: 1h, finally: [{fail: cleanup}]}, {echo: x}]\n"},
		{"timeout", "flowrun: 1\ntimeout: 10ms\nsteps: [{sleep: 1h}]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, c.src)
			var told bytes.Buffer
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			observe := []func(event.Event){ndjson.New(&told, p, "R").Observe}
			if c.name == "cancelled" {
				observe = append(observe, func(e event.Event) {
					if e.Path == "s" && e.Type == event.StepStart {
						cancel(local.Signal{Name: "SIGINT"})
					}
				})
			}
			folder := filepath.Join(t.TempDir(), "R")
			r, err := Run(ctx, p, Options{Observe: observe, RunID: "R", Keep: journal.Keep{Folder: folder}})
			if err != nil {
				t.Fatal(err)
			}
			var doc bytes.Buffer
			if err := r.Write(&doc); err != nil {
				t.Fatal(err)
			}
			fits(t, result, doc.Bytes())
			for line := range bytes.Lines(told.Bytes()) {
				fits(t, events, line)
			}
			kept, err := os.ReadFile(filepath.Join(folder, "journal.ndjson"))
			if err != nil {
				t.Fatal(err)
			}
			for line := range bytes.Lines(kept) {
				fits(t, lines, line)
			}
			notes := bytes.Count(kept, []byte(`,"note":"`))
			if a, b := bytes.Count(told.Bytes(), []byte{'\n'}), bytes.Count(kept, []byte{'\n'}); b != a+1+notes || notes < 2 {
				t.Errorf("%d lines in the journal of %d events, %d of them notes", b, a, notes)
			}
		})
	}
}

// The schemas are not so wide that anything fits.
func TestSchemasRefuse(t *testing.T) {
	result, events := compileSchema(t, "result", schema.Result()), compileSchema(t, "events", schema.Events())
	r, err := Run(context.Background(), compile(t, "flowrun: 1\nsteps: [{value: 1}]\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	doc, _ := json.Marshal(r)
	for _, c := range []struct{ name, old, new string }{
		{"another version", `"flowrun":1`, `"flowrun":2`},
		{"an unknown key", `"exit":0`, `"exit":0,"extra":1`},
		{"a key is missing", `"queued":0,`, ``},
		{"a cause without a cancel", `"recovered":null`, `"recovered":null,"cause":"x"`},
		{"no such status", `"status":"succeeded"`, `"status":"done"`},
		{"no such exit code", `"exit":0`, `"exit":7`},
	} {
		if changed := strings.Replace(string(doc), c.old, c.new, 1); changed == string(doc) || result.Validate(decode(t, []byte(changed))) == nil {
			t.Errorf("%s: the document is not refused", c.name)
		}
	}
	for _, line := range []string{
		`{"v":1,"seq":1,"time":"2026-01-02T03:04:05.678Z","type":"step.nosuch","path":"a","attempt":1,"parent":""}`,
		`{"v":1,"seq":1,"time":"2026-01-02T03:04:05.678Z","type":"step.queued","path":"a","attempt":1,"parent":""}`,
		`{"v":1,"seq":1,"time":"2026-01-02 03:04:05","type":"step.ready","path":"a","attempt":1,"parent":""}`,
	} {
		if events.Validate(decode(t, []byte(line))) == nil {
			t.Errorf("not refused: %s", line)
		}
	}
	kept := compileSchema(t, "journal", schema.Journal())
	for _, line := range []string{
		`{"journal":1,"run":"R","crc":"00000000"}`,
		`{"v":1,"seq":1,"time":"2026-01-02T03:04:05.678Z","type":"run.start","journal":{"at":0,"step":0,"parent":-1,"order":0,"node":0}}`,
		`{"v":1,"seq":1,"time":"2026-01-02T03:04:05.678Z","type":"run.start","journal":{"at":0,"step":0,"parent":-1,"order":0},"crc":"00000000"}`,
		`{"v":1,"seq":1,"time":"2026-01-02T03:04:05.678Z","type":"step.end","path":"a","attempt":1,"journal":{"at":0,"step":0,"parent":-1,"order":0,"node":0},"crc":"00000000"}`,
	} {
		if kept.Validate(decode(t, []byte(line))) == nil {
			t.Errorf("not refused: %s", line)
		}
	}
}

func compileSchema(t *testing.T, name string, src []byte) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft7
	if err := c.AddResource(name, bytes.NewReader(src)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func decode(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %s", err, b)
	}
	return v
}

func fits(t *testing.T, s *jsonschema.Schema, b []byte) {
	t.Helper()
	if err := s.Validate(decode(t, b)); err != nil {
		t.Errorf("%#v\n%s", err, b)
	}
}
