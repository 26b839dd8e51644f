package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

const journalFile = "journal.ndjson"

// begin is when the runs of these tests began.
func begin() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_901_234, time.UTC) }

// create makes the folder of a run.
func create(t testing.TB, state, id string) (*journal.Writer, string) {
	t.Helper()
	keep := journal.Keep{
		Folder:  journal.Of(state, id),
		Command: journal.Command{Flowrun: "v1", Folder: "/here", Again: "flowrun run w.yaml"},
		Sources: []journal.Source{{"w.yaml", "/here/w.yaml", []byte("flowrun: 1\n")}, {"lib/x.yaml", "/here/lib/x.yaml", []byte("x\n")}},
	}
	w, err := journal.Create(keep, journal.Header{Run: id, Workflow: "w", File: "w.yaml", Start: begin(), Plan: "0"}, journal.Inputs{Values: map[string]any{"n": 1}})
	if err != nil {
		t.Fatal(err)
	}
	return w, keep.Folder
}

// story is a run with an event of each type, as the driver tells it.
func story(folder string) []event.Event {
	at := func(ns int) time.Time { return begin().Add(time.Duration(ns)) }
	step := event.Where{Step: 1, Parent: 0, Order: event.InExcept | 3, Node: 2}
	log := filepath.Join(folder, "logs", "a", "1")
	list := []event.Event{
		{Type: event.RunStart, Time: at(0), Where: event.Where{Parent: -1}},
		{Type: event.StepStart, Time: at(1), Attempt: 1, Where: event.Where{Parent: -1}},
		{Type: event.StepQueued, Time: at(2), Path: "a", Where: step, Why: "a slot"},
		{Type: event.StepStart, Time: at(1_000_003), Path: "a", Attempt: 1, Where: step, Name: "named"},
		{Type: event.StepReady, Time: at(1_000_003), Path: "a", Attempt: 1, Where: step},
		{Type: event.StepOutput, Time: at(1_000_004), Path: "a", Attempt: 1, Where: step, Stream: "stdout", Text: "one\n", Bytes: 4, Log: log},
		{Type: event.StepOutput, Time: at(1_000_004), Path: "a", Attempt: 1, Where: step, Stream: "stdout", Text: "two \ufffd\n", Bytes: 6, Log: log, Skipped: 7},
		{Type: event.StepOutput, Time: at(1_000_004), Path: "a", Attempt: 1, Where: step, Stream: "echo", Text: "echoed"},
		{Type: event.StepRetry, Time: at(1_000_005), Path: "a", Attempt: 1, Where: step, In: time.Second, Outcome: event.Outcome{Err: &event.Error{Type: event.ExitError, Message: "exit status 3", Step: "a", Fields: map[string]any{"exit_code": 3}}}, Log: log},
		{Type: event.StepCancel, Time: at(1_000_006), Path: "a", Attempt: 1, Where: step, Outcome: event.Outcome{Cause: &event.Cause{Why: event.WhySibling, By: "b"}}},
		{Type: event.StepEnd, Time: at(1_000_007), Path: "a", Attempt: 2, Where: step, Outcome: event.Stopped(&event.Cause{Why: event.WhySibling, By: "b"}), Timing: event.Timing{Started: at(1_000_003), Duration: 4, Queued: 999_999}},
		{Type: event.StepEnd, Time: at(1_000_008), Attempt: 1, Where: event.Where{Parent: -1}, Outcome: event.Success([]any{1, 0.5, "x"}), Timing: event.Timing{Started: at(1)}, Returned: 1},
		{Type: event.RunEnd, Time: at(1_000_009), Where: event.Where{Parent: -1}, Outcome: event.Success([]any{1, 0.5, "x"})},
	}
	for i := range list {
		list[i].Seq = int64(i) + 1
	}
	return list
}

// told is a run whose journal has the story.
func told(t testing.TB, state, id string) (folder string) {
	t.Helper()
	w, folder := create(t, state, id)
	for _, e := range story(folder) {
		w.Observe(e)
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(func(w io.Writer) error { _, err := io.WriteString(w, "{}\n"); return err }); err != nil {
		t.Fatal(err)
	}
	return folder
}

// events reads a journal to its end.
func events(folder string) (list []event.Event, err error) {
	r, err := journal.Open(folder)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		e, err := r.Next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, e)
	}
}

func same(a, b []event.Event) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

// disk is a journal that is changed in its place: to truncate a file to nothing waits for the disk.
func disk(t *testing.T, folder string) (put func(b []byte), whole []byte) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(folder, journalFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if whole, err = io.ReadAll(f); err != nil {
		t.Fatal(err)
	}
	return func(b []byte) {
		_, err := f.WriteAt(b, 0)
		if err = errors.Join(err, f.Truncate(int64(len(b)))); err != nil {
			t.Fatal(err)
		}
	}, whole
}

// TestReadAgain: what was observed is read again, all of it but the texts that are in logs.
func TestReadAgain(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := told(t, state, "01A")
	got, err := events(folder)
	if err != nil {
		t.Fatal(err)
	}
	want := story(folder)
	for i := range want {
		if want[i].Log != "" {
			want[i].Text = ""
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-observed +read\n%s", diff)
	}
	r := journal.Look(state, "01A")
	if r.Word() != "succeeded" || r.Took != 1_000_009 || !r.Header.Start.Equal(begin()) || !r.Here("/here") || r.Here("/there") {
		t.Errorf("%+v", r)
	}
	files, err := r.Sources()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]journal.Source{{"w.yaml", "/here/w.yaml", []byte("flowrun: 1\n")}, {"lib/x.yaml", "/here/lib/x.yaml", []byte("x\n")}}, files); diff != "" {
		t.Error(diff)
	}
	if b, err := r.Result(); string(b) != "{}\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "files", "1-x.yaml"), []byte("y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Sources(); err == nil || !strings.HasSuffix(err.Error(), "1-x.yaml: it is not as the run has kept it") {
		t.Error(err)
	}
	r.Header.Files[1].Kept = "../../x.yaml"
	if _, err := r.Sources(); err == nil || !strings.HasSuffix(err.Error(), "x.yaml: it is not in the folder of the run") {
		t.Error(err)
	}
}

// TestSoon: a step that was entered before its time may have begun, until it is told how it went on.
func TestSoon(t *testing.T) {
	t.Parallel()
	w, folder := create(t, t.TempDir(), "01A")
	list := story(folder)
	soon := func(path string, attempt int, place event.Where) event.Event {
		place.Step, place.Node = -1, 0
		return event.Event{Type: event.StepStart, Path: path, Attempt: attempt, Where: place}
	}
	other := event.Where{Parent: 0, Order: 7}
	w.Observe(list[0])
	w.Soon(1, []event.Event{soon("a", 1, list[3].Where), soon("b", 1, other), soon("a", 2, list[3].Where)})
	for _, e := range list[1:3] {
		w.Observe(e)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := journal.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, e := range list[:11] { // to its end
		if i > 2 {
			w.Observe(e)
			if err := w.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := r.Next(); err != nil || got.Seq != e.Seq {
			t.Fatal(got, err)
		}
		var want []event.Event
		switch {
		case i == 1 || i == 2:
			want = []event.Event{soon("a", 1, list[3].Where), soon("b", 1, other), soon("a", 2, list[3].Where)}
		case i > 2 && i < 10:
			want = []event.Event{soon("b", 1, other), soon("a", 2, list[3].Where)}
		case i == 10:
			want = []event.Event{soon("b", 1, other)}
		}
		if diff := cmp.Diff(want, r.Soon()); diff != "" {
			t.Errorf("after event %d: -want +got\n%s", e.Seq, diff)
		}
	}
	if err := w.End(func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestCut: a journal that was cut at any byte, with nothing, zeros or a part of a line behind it, has the events that are whole,
// and no others.
func TestCut(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := told(t, state, "01A")
	all, err := events(folder)
	if err != nil {
		t.Fatal(err)
	}
	put, whole := disk(t, folder)
	for cut := range len(whole) + 1 {
		lines := bytes.Count(whole[:cut], []byte{'\n'})
		for _, tail := range []string{"", "\x00\x00\x00\x00", "\x00\x00\n\x00", `{"v":1,"se`} {
			if cut > 0 && whole[cut-1] != '\n' && strings.HasPrefix(tail, "{") {
				continue // nothing is written behind a torn line
			}
			put(append(slices.Clone(whole[:cut]), tail...))
			got, err := events(folder)
			r := journal.Look(state, "01A")
			if lines == 0 {
				if !errors.Is(err, journal.ErrEmpty) || r.Word() != "unknown" {
					t.Fatalf("cut at %d, %q: %v, %s", cut, tail, err, r.Word())
				}
				continue
			}
			if err != nil || !same(got, all[:lines-1]) {
				t.Fatalf("cut at %d, %q: %v, %d events, want %d", cut, tail, err, len(got), lines-1)
			}
			want := "crashed"
			if len(got) == len(all) {
				want = "succeeded"
			}
			if r.Word() != want {
				t.Fatalf("cut at %d, %q: the run is %s, want %s", cut, tail, r.Word(), want)
			}
		}
	}
}

// TestFlips: with any bit flipped, a journal is damaged, and the error says where; or, in its last line, that event did not
// happen. No other event is read than was written.
func TestFlips(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := told(t, state, "01A")
	all, err := events(folder)
	if err != nil {
		t.Fatal(err)
	}
	put, whole := disk(t, folder)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n')
	for at := range whole {
		for bit := range 8 {
			flipped := slices.Clone(whole)
			flipped[at] ^= 1 << bit
			put(flipped)
			got, err := events(folder)
			line := bytes.Count(whole[:at], []byte{'\n'}) + 1
			var damage *journal.Damage
			switch {
			case at < last && (!errors.As(err, &damage) || damage.Line != line):
				t.Fatalf("byte %d, bit %d: %v, want damage of line %d", at, bit, err, line)
			case err == nil && len(got) >= len(all):
				t.Fatalf("byte %d, bit %d is not seen", at, bit)
			}
			if !same(got, all[:len(got)]) {
				t.Fatalf("byte %d, bit %d: other events", at, bit)
			}
			if at > last && journal.Look(state, "01A").Word() != "crashed" {
				t.Fatalf("byte %d, bit %d: the run has an end", at, bit)
			}
		}
	}
}

// TestMoved: lines that are lost, twice there, or in another order are damage.
func TestMoved(t *testing.T) {
	t.Parallel()
	folder := told(t, t.TempDir(), "01A")
	put, whole := disk(t, folder)
	for i := range bytes.Count(whole, []byte{'\n'}) - 1 {
		for name, change := range map[string]func(lines [][]byte) [][]byte{
			"lost":  func(l [][]byte) [][]byte { return slices.Delete(l, i, i+1) },
			"twice": func(l [][]byte) [][]byte { return slices.Insert(l, i, l[i]) },
			"moved": func(l [][]byte) [][]byte { l[i], l[i+1] = l[i+1], l[i]; return l },
		} {
			lines := change(bytes.SplitAfter(whole, []byte{'\n'}))
			put(bytes.Join(lines, nil))
			var damage *journal.Damage
			if _, err := events(folder); !errors.As(err, &damage) {
				t.Errorf("line %d %s: %v", i+1, name, err)
			}
		}
	}
}

// written is a journal of those lines.
func written(t testing.TB, lines ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	var all []byte
	var sum uint32
	for _, l := range lines {
		var b []byte
		b, sum = journal.Seal([]byte(l), sum)
		all = append(all, b...)
	}
	if err := os.WriteFile(filepath.Join(folder, journalFile), all, 0o600); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestVersions: a newer journal is told from damage, and what this version does not know is passed over.
func TestVersions(t *testing.T) {
	t.Parallel()
	const (
		header = `{"journal":1,"run":"R","started_at":"2026-01-02T03:04:05Z"}`
		start  = `{"v":1,"seq":1,"time":"2026-01-02T03:04:05.000Z","type":"run.start","journal":{"at":0,"step":0,"parent":-1,"order":0,"node":0}}`
	)
	for _, c := range []struct {
		name  string
		lines []string
		want  string // the error without the name of the file
	}{
		{"newer", []string{`{"journal":2,"other":[]}`}, "it was written by a newer flowrun (version 2 of the journal; this one reads version 1)"},
		{"no header", []string{start}, "line 1 (at byte 0) is damaged: it is no header of a journal"},
		{"other lines", []string{header, `{"new":{"x":1}}`, start}, ""},
		{"other keys", []string{`{"journal":1,"new":2}`, strings.Replace(start, `"v"`, `"new":[],"v"`, 1)}, ""},
		{"a newer event", []string{header, strings.Replace(start, `"v":1`, `"v":2`, 1)}, "line 2 (at byte 77) is damaged: an event of version 2; this flowrun reads version 1"},
		{"no JSON", []string{header, `[}`}, "line 2 (at byte 77) is damaged: invalid character ',' looking for beginning of value"},
		{"a number is missing", []string{header, strings.Replace(start, `"seq":1`, `"seq":2`, 1)}, "line 2 (at byte 77) is damaged: it does not follow the line before"},
		{"a log elsewhere", []string{header, strings.Replace(start, `"node":0`, `"node":0,"log":"../x"`, 1)}, "line 2 (at byte 77) is damaged: it does not follow the line before"},
		{"a negative step", []string{header, strings.Replace(start, `"step":0`, `"step":-1`, 1)}, "line 2 (at byte 77) is damaged: it does not follow the line before"},
	} {
		folder := written(t, c.lines...)
		_, err := events(folder)
		got := ""
		if err != nil {
			got = strings.TrimPrefix(err.Error(), filepath.Join(folder, journalFile)+": ")
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestFollow: a reader gets what is written after it came to the end, and a lock says how long that may be.
func TestFollow(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	w, folder := create(t, state, "01A")
	r, err := journal.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i, e := range story(folder) {
		if _, err := r.Next(); err != io.EOF {
			t.Fatalf("before event %d: %v", i, err)
		}
		w.Observe(e)
		if _, err := r.Next(); err != io.EOF {
			t.Fatalf("event %d is there before it is committed: %v", i, err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Next(); err != nil || got.Seq != e.Seq {
			t.Fatalf("event %d: %v, %v", i, got, err)
		}
		run := journal.Look(state, "01A")
		if want := e.Type != event.RunEnd; (run.State == journal.Live) != want {
			t.Fatalf("event %d: %s", i, run.Word())
		}
		if err := run.Remove(); !errors.Is(err, journal.ErrBusy) {
			t.Fatalf("it is removed while it is written: %v", err)
		}
	}
	if err := w.End(func(io.Writer) error { return errors.New("no document") }); err == nil || err.Error() != filepath.Join(folder, "result.json")+" cannot be written: no document" {
		t.Error(err)
	}
	run := journal.Look(state, "01A")
	if _, err := run.Result(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is half a document: %v", err)
	}
	if err := run.Remove(); err != nil {
		t.Error(err)
	}
	var problem *journal.Problem
	if _, err := run.Alive(); !errors.As(err, &problem) {
		t.Errorf("Alive without a folder: %v", err)
	}
	if ids, err := journal.IDs(state); len(ids) != 0 || err != nil {
		t.Errorf("%v, %v", ids, err)
	}
}

// TestCrashed: a journal that nobody writes any more, and that has no end, says what was at work.
func TestCrashed(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := told(t, state, "01A")
	put, whole := disk(t, folder)
	lines := bytes.SplitAfter(whole, []byte{'\n'})
	for n, want := range map[int]string{1: "", 3: `[{"" 1}]`, 5: `[{"a" 1}]`, 12: `[{"" 1}]`, 13: ""} {
		put(bytes.Join(lines[:n], nil))
		r := journal.Look(state, "01A")
		steps, err := r.AtWork()
		got := ""
		if len(steps) > 0 {
			got = fmt.Sprintf("[{%q %d}]", steps[0].Path, steps[0].Attempt)
		}
		if r.State != journal.Crashed || err != nil || got != want || len(steps) > 1 {
			t.Errorf("%d lines: %s, %v, at work %s, want %s", n, r.Word(), err, got, want)
		}
	}
}

// TestCreateRefuses: the folder of a run is its own, and what was made of one that cannot begin is removed.
func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	folder := told(t, state, "01A")
	_, err := journal.Create(journal.Keep{Folder: folder}, journal.Header{}, journal.Inputs{})
	if err == nil || err.Error() != folder+" cannot be written: file exists" {
		t.Error(err)
	}
	if word := journal.Look(state, "01A").Word(); word != "succeeded" {
		t.Errorf("the run that is there is %s", word)
	}
	other := journal.Of(state, "01B")
	_, err = journal.Create(journal.Keep{Folder: other, Sources: []journal.Source{{}, {Path: "a\x00b"}}}, journal.Header{}, journal.Inputs{})
	if err == nil {
		t.Error("a file of no name was made")
	}
	if _, err := os.Stat(other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder is there: %v", err)
	}
}

// FuzzRead: whatever a journal holds, reading it ends without a panic, and there are no more events than lines behind the header.
// The fuzzer does not find checksums, so a journal is also read with right ones.
func FuzzRead(f *testing.F) {
	folder := told(f, f.TempDir(), "01A")
	whole, err := os.ReadFile(filepath.Join(folder, journalFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("\n\n\n{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var right []byte
		var sum uint32
		for line := range bytes.Lines(b) {
			line = bytes.TrimSuffix(line, []byte{'\n'})
			if i := bytes.LastIndex(line, []byte(`,"crc":`)); i >= 0 {
				line = append(slices.Clone(line[:i]), '}')
			}
			if len(line) > 0 {
				line, sum = journal.Seal(slices.Clone(line), sum)
				right = append(right, line...)
			}
		}
		for _, b := range [][]byte{b, right} {
			n, err := journal.ReadAll(b)
			var problem *journal.Problem
			if err != io.EOF && !errors.As(err, &problem) {
				t.Errorf("%v", err)
			}
			if lines := bytes.Count(b, []byte{'\n'}); n >= max(lines, 1) {
				t.Errorf("%d events in %d lines", n, lines)
			}
		}
	})
}

// TestClockSetBack: runs stand in the order of the clocks that they began with, and one from the future has no age.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	for _, id := range []string{"01B", "01A", "01C"} { // the clock was set back, and then right
		told(t, state, id)
	}
	ids, err := journal.IDs(state)
	if err != nil || !slices.Equal(ids, []string{"01C", "01B", "01A"}) {
		t.Errorf("%v, %v", ids, err)
	}
	future := journal.Keep{Folder: journal.Of(state, "01D")}
	w, err := journal.Create(future, journal.Header{Start: time.Now().Add(time.Hour)}, journal.Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	if r := journal.Look(state, "01D"); r.State != journal.Live || r.Took != 0 {
		t.Errorf("%s for %s", r.Word(), r.Took)
	}
	if err := w.End(func(io.Writer) error { return nil }); err != nil {
		t.Error(err)
	}
}
