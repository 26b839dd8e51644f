package journal_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// taken makes the folder of a run that has ended, with a file, or two, and a result.
func taken(t *testing.T, state string, files int) (*journal.Run, journal.Keep) {
	t.Helper()
	keep := journal.Keep{Folder: journal.Of(state, "R"), Sources: []journal.Source{{Name: "w.yaml", Path: "/w/w.yaml", Text: []byte("one")}}}
	if files > 1 {
		keep.Sources = append(keep.Sources, journal.Source{Name: "lib.yaml", Path: "/w/lib.yaml", Text: []byte("lib one")})
	}
	w, err := journal.Create(keep, journal.Header{Run: "R", Start: time.Now()}, journal.Inputs{Values: map[string]any{"n": 1}})
	if err != nil {
		t.Fatal(err)
	}
	end(t, w, "result one")
	return journal.Look(state, "R"), keep
}

func end(t *testing.T, w *journal.Writer, result string) {
	t.Helper()
	w.Observe(event.Event{Seq: 1, Type: event.RunStart, Time: time.Now(), Where: event.Where{Parent: -1}})
	w.Observe(event.Event{Seq: 2, Type: event.RunEnd, Time: time.Now(), Where: event.Where{Parent: -1}, Outcome: event.Success(nil)})
	if err := w.End(func(to io.Writer) error {
		_, err := to.Write([]byte(result))
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// again begins the next take of a run with another text.
func again(keep journal.Keep, text string) (*journal.Writer, error) {
	w, in, err := journal.Continue(keep)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	keep.Sources = slices.Clone(keep.Sources)
	keep.Sources[0].Text = []byte(text)
	if err := w.Retake(keep, in.Header, journal.Header{Run: "R", Start: time.Now()}, journal.Inputs{Values: map[string]any{"n": 2}}); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// whole says that what there is of a run is of that take.
func whole(t *testing.T, state, text, result string, take int) {
	t.Helper()
	r := journal.Look(state, "R")
	if r.State != journal.Ended || r.Header.Number() != take {
		t.Fatalf("the run is %s in take %d, want an end in take %d (%v)", r.Word(), r.Header.Number(), take, r.Problem)
	}
	files, err := r.Sources()
	if err != nil || string(files[0].Text) != text {
		t.Fatal(files, err)
	}
	if b, err := r.Result(); err != nil || string(b) != result {
		t.Fatalf("%s %v", b, err)
	}
	if in, err := r.Inputs(); err != nil || in["n"] != take {
		t.Fatal(in, err)
	}
}

// TestRetake: a take after another takes its place, and leaves it as it was.
func TestRetake(t *testing.T) {
	state := t.TempDir()
	_, keep := taken(t, state, 2)
	for i, text := range []string{"two", "three"} {
		w, err := again(keep, text)
		if err != nil {
			t.Fatal(err)
		}
		if r := journal.Look(state, "R"); r.State != journal.Live || r.Header.Number() != i+2 {
			t.Fatalf("%s in take %d: %v", r.Word(), r.Header.Number(), r.Problem)
		}
		if _, err := again(keep, "none"); !errors.Is(err, journal.ErrBusy) {
			t.Fatal(err)
		}
		end(t, w, "result "+text)
		if i == 0 {
			whole(t, state, text, "result "+text, 2)
		}
	}
	for take, text := range []string{"one", "two"} {
		in, err := journal.OpenTake(keep.Folder, take+1)
		if err != nil {
			t.Fatal(err)
		}
		in.Close()
		files, err := journal.EarlierSources(keep.Folder, in.Header)
		if err != nil || string(files[0].Text) != text || string(files[1].Text) != "lib one" || in.Header.Number() != take+1 {
			t.Error(take+1, files, err)
		}
	}
}

// TestRetakeCut: wherever a process dies at the begin of a take, the run is as it was, for who reads it, for who goes on with it, and
// for who begins the take anew. The states in between are made by hand, in the order of Retake.
func TestRetakeCut(t *testing.T) {
	moved := []string{"result.json", "workflow.yaml", "inputs.json", "files"}
	written := []string{"workflow.yaml", "inputs.json", "files/1-lib.yaml", "journal.ndjson.new"}
	for cut := range len(moved) + 1 + len(written) + 1 {
		for _, next := range []string{"read", "retake", "continue"} {
			state := t.TempDir()
			r, keep := taken(t, state, 2)
			aside := filepath.Join(r.Folder, "earlier", "1")
			if err := os.MkdirAll(aside, 0o700); err != nil {
				t.Fatal(err)
			}
			for i, name := range moved {
				if i < cut {
					if err := os.Rename(filepath.Join(r.Folder, name), filepath.Join(aside, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
			if cut > len(moved) {
				if err := os.Link(filepath.Join(r.Folder, "journal.ndjson"), filepath.Join(aside, "journal.ndjson")); err != nil {
					t.Fatal(err)
				}
			}
			for i, name := range written {
				if i < cut-len(moved)-1 {
					path := filepath.Join(r.Folder, name)
					if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("half"), 0o600)); err != nil {
						t.Fatal(err)
					}
				}
			}
			whole(t, state, "one", "result one", 1)
			switch next {
			case "retake":
				w, err := again(keep, "two")
				if err != nil {
					t.Fatal(cut, err)
				}
				end(t, w, "result two")
				whole(t, state, "two", "result two", 2)
			case "continue":
				w, in, err := journal.Continue(keep)
				if err != nil {
					t.Fatal(cut, err)
				}
				w.Close()
				in.Close()
				whole(t, state, "one", "result one", 1)
				if _, err := os.Stat(aside); err == nil {
					t.Error(cut, "what was set aside was not put back")
				}
			}
		}
	}
}

// TestRetakeFails: a take that cannot be begun leaves the run as it was.
func TestRetakeFails(t *testing.T) {
	state := t.TempDir()
	r, keep := taken(t, state, 1)
	if err := os.WriteFile(filepath.Join(r.Folder, "earlier"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := again(keep, "two"); err == nil || !strings.Contains(err.Error(), "earlier") {
		t.Fatal(err)
	}
	whole(t, state, "one", "result one", 1)
	keep.Sources = append(keep.Sources, journal.Source{Name: "long", Path: "/w/" + strings.Repeat("x", 300) + "\x00", Text: bytes.Repeat([]byte("x"), 10)})
	if err := os.Remove(filepath.Join(r.Folder, "earlier")); err != nil {
		t.Fatal(err)
	}
	if _, err := again(keep, "two"); err == nil {
		t.Fatal("a file without a possible name was kept")
	}
	whole(t, state, "one", "result one", 1)
}
