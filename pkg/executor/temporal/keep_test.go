package temporal

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/temporal/store"
)

// TestStore: what a step keeps on one worker another one fetches, and what it prints is in the store where it does not travel.
func TestStore(t *testing.T) {
	s, err := store.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first, second := testHand(t), testHand(t)
	first.store, second.store = s.Run, s.Run
	work := func(ctx context.Context, j job) (report, error) {
		if j.Step == "build" {
			return first.leaf(ctx, j)
		}
		return second.leaf(ctx, j)
	}
	events := newCase(t, `
flowrun: 1
steps:
  - {id: build, run: "mkdir d; echo text > d/a; echo begin; yes line | head -c 100000; echo problem >&2; echo end", artifacts: d, capture: none}
  - {id: use, run: "cat d/a", fetch: "${{ steps.build.artifacts }}"}
  - {id: bytes, run: "printf 'a\\377b\\n'", capture: none}
  - steps:
      - {id: bad, run: "echo report > r; exit 1", artifacts: [r, never]}
    except: [{id: look, match: ExitError, run: cat r >r2, fetch: "${{ steps.bad.artifacts }}"}]
  - {id: none, run: "cat d/b", fetch: [{path: d/b, sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}]}
`).onTemporal(t, workers(work))
	got := ends(t, events)
	for path, want := range map[string]string{
		"build": "succeeded", "use": `succeeded "text"`, "bytes": "succeeded",
		"bad": "failed ExitError: exit status 1", "look": `succeeded ""`,
		"none": "failed StartError: fetch: d/b cannot be fetched: the store does not have it",
	} {
		if got[path] != want {
			t.Errorf("%s: %s, want %s", path, got[path], want)
		}
	}
	logs := map[string]string{} // by name in the store
	told := map[string]int64{}
	for _, e := range events {
		switch {
		case e.Type == event.StepEnd && e.Path == "build":
			if list := e.Artifacts(); len(list) != 1 || list[0].Path != "d/a" || list[0].Size != 5 {
				t.Errorf("artifacts: %v", list)
			}
		case e.Type == event.StepOutput && e.Path == "use":
			if e.Log != "" || e.Text != "text\n" {
				t.Errorf("what travels is in the store, too: %+v", e)
			}
		case e.Type == event.StepOutput:
			name := e.Log + "." + e.Stream
			if !strings.HasPrefix(name, "logs/"+e.Path+"/") {
				t.Fatalf("a log %q", name)
			}
			in, err := s.Run("case").Get(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(in)
			in.Close()
			if err != nil {
				t.Fatal(err)
			}
			logs[name] = string(all)
			told[name] += e.Skipped + e.Bytes
		}
	}
	if len(logs) != 3 {
		t.Errorf("%d logs", len(logs))
	}
	for name, text := range logs {
		if told[name] != int64(len(text)) {
			t.Errorf("%s has %d bytes, and events tell of %d", name, len(text), told[name])
		}
		switch {
		case strings.HasPrefix(name, "logs/bytes/"):
			if text != "a\xffb\n" {
				t.Errorf("%s: %q", name, text)
			}
		case strings.HasSuffix(name, ".stdout"):
			if !strings.HasPrefix(text, "begin\nline\n") || !strings.HasSuffix(text, "end\n") {
				t.Errorf("%s: %d bytes", name, len(text))
			}
		case text != "problem\n":
			t.Errorf("%s: %q", name, text)
		}
	}
}

// TestNoStore: without one nothing begins that needs it.
func TestNoStore(t *testing.T) {
	events := newCase(t, `{flowrun: 1, steps: [{id: a, run: echo x > y, artifacts: y}]}`).onTemporal(t)
	const want = "failed StartError: artifacts and fetch need a store, and this worker has none: start all workers with --store URL"
	if got := ends(t, events)["a"]; got != want {
		t.Error(got)
	}
}
