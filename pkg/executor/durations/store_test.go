package durations_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/durations"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

const (
	workflow = "/w/ci.yaml" // the path of the file of all runs, but for one
	simple   = "flowrun: 1\nsteps: [{run: a}, {id: b, run: b, if: '1 > 0'}, {gather: {for: x, in: range(3), do: {run: c}}}]\n"
)

// journaled plays a run, and has it leave a journal. One that does not succeed is told so by w.
func journaled(t *testing.T, state, id, file, text string, w world) {
	t.Helper()
	p := compile(t, text, 0)
	out, err := journal.Create(
		journal.Keep{Folder: journal.Of(state, id), Sources: []journal.Source{{Name: "ci.yaml", Path: file, Text: []byte(text)}}},
		journal.Header{Run: id, File: "ci.yaml", Start: start}, journal.Inputs{},
	)
	if err != nil {
		t.Fatal(err)
	}
	play(p, nil, w, out.Observe)
	if err := out.End(func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// store counts how many journals it reads.
func store(t *testing.T, state string) (s durations.Store, read *int) {
	read = new(int)
	return durations.Store{State: state, Compile: func(r *journal.Run) (*plan.Plan, error) {
		*read++
		files, err := r.Sources()
		if err != nil {
			return nil, err
		}
		return compile(t, string(files[0].Text), 0), nil
	}}, read
}

func nth(n int) string { return fmt.Sprintf("01J%023d", n) }

// each has all attempts work so long.
func each(d time.Duration) world {
	return func(string, int) (time.Duration, bool) { return d, true }
}

// TestAgain: what nothing is kept of is read from the journals of those runs of the file that succeeded, the last ten of them; once.
func TestAgain(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	for i := range 14 {
		w := each(time.Duration(i) * time.Second)
		file := workflow
		switch i {
		case 12:
			file = "/other/ci.yaml"
		case 13:
			w = func(string, int) (time.Duration, bool) { return time.Second, false }
		}
		journaled(t, state, nth(i), file, simple, w)
	}
	if err := os.WriteFile(filepath.Join(journal.Of(state, nth(11)), "process.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err) // it was resumed
	}
	s, read := store(t, state)
	for range 2 {
		past := s.Past(workflow)
		var want []durations.Good
		for i := 10; i > 0; i-- {
			want = append(want, durations.Good{ID: nth(i), Took: 3 * time.Duration(i) * time.Second})
		}
		if diff := cmp.Diff(want, past.Runs()); diff != "" {
			t.Error(diff)
		}
		r := durations.Follow(compile(t, simple, 0), past, nil)
		r.Observe(event.Event{Type: event.StepStart, Where: event.Where{Parent: -1}, Time: start})
		if left, known := r.Left(start); left != 15*time.Second || !known { // the median is 5s
			t.Error(left, known)
		}
	}
	if *read != 10 {
		t.Errorf("%d journals were read", *read)
	}
}

// TestKeptIsRead: what runs leave is what their journals tell.
func TestKeptIsRead(t *testing.T) {
	t.Parallel()
	state, p := t.TempDir(), compile(t, simple, 0)
	s, _ := store(t, state)
	files := func() (all []string) {
		paths, err := filepath.Glob(filepath.Join(state, "durations", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, filepath.Base(path)+"\n"+string(b))
		}
		return all
	}
	for i := range 12 {
		w := each(time.Duration(i) * time.Second)
		journaled(t, state, nth(i), workflow, simple, w)
		r := durations.Follow(p, nil, nil)
		_, took := play(p, nil, w, r.Observe)
		if err := s.Keep(workflow, r, durations.Good{ID: nth(i), Took: took}); err != nil {
			t.Fatal(err)
		}
	}
	kept := files()
	if len(kept) != 10 || !strings.HasPrefix(kept[0], nth(2)) {
		t.Fatalf("%d are kept, first %s", len(kept), kept[0])
	}
	if err := os.RemoveAll(filepath.Join(state, "durations")); err != nil {
		t.Fatal(err)
	}
	s.Past(workflow)
	if diff := cmp.Diff(kept, files()); diff != "" {
		t.Error(diff)
	}
}

// TestDamaged cuts a file at every byte, and changes every one: it is never read, and is made again of the journal when there is one.
func TestDamaged(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	journaled(t, state, nth(1), workflow, simple, each(time.Second))
	journaled(t, state, nth(2), workflow, simple, each(time.Second))
	s, _ := store(t, state)
	before := s.Past(workflow)
	paths, err := filepath.Glob(filepath.Join(state, "durations", "*", nth(2)))
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	whole, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	var wrong [][]byte
	for i := range whole {
		flipped := slices.Clone(whole)
		flipped[i] ^= 4
		wrong = append(wrong, whole[:i], flipped)
	}
	for _, b := range wrong {
		if _, err := durations.Decode([][]byte{b}); err == nil {
			t.Errorf("%q is read", b)
		}
	}
	for _, b := range [][]byte{whole[:10], nil, []byte("flowrun-durations 2 x 1\n")} {
		if err := os.WriteFile(paths[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.Runs(), s.Past(workflow).Runs()); diff != "" {
			t.Error(diff)
		}
		if got, err := os.ReadFile(paths[0]); err != nil || string(got) != string(whole) {
			t.Errorf("%q %v", got, err)
		}
	}
	// Without the journal the run is forgotten.
	if err := errors.Join(os.RemoveAll(journal.Of(state, nth(2))), os.WriteFile(paths[0], whole[:10], 0o600)); err != nil {
		t.Fatal(err)
	}
	if runs := s.Past(workflow).Runs(); len(runs) != 1 || runs[0].ID != nth(1) {
		t.Error(runs)
	}
	if _, err := os.Lstat(paths[0]); err == nil {
		t.Error("the damaged file is still there")
	}
}

// TestAtOnce: none of the runs that end at once is lost.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	state, p := t.TempDir(), compile(t, simple, 0)
	s, _ := store(t, state)
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			r := durations.Follow(p, nil, nil)
			_, took := play(p, nil, each(time.Second), r.Observe)
			if err := s.Keep(workflow, r, durations.Good{ID: nth(i), Took: took}); err != nil {
				t.Error(err)
			}
			s.Past(workflow)
		})
	}
	all.Wait()
	if n := len(s.Past(workflow).Runs()); n != 10 {
		t.Errorf("%d runs", n)
	}
}

func TestPrune(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	s, _ := store(t, state)
	if err := s.Prune(); err != nil {
		t.Error(err)
	}
	for i := range 4 {
		journaled(t, state, nth(i), workflow, simple, each(time.Second))
	}
	s.Past(workflow)
	left := func() int {
		paths, err := filepath.Glob(filepath.Join(state, "durations", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(paths)
	}
	for n := 4; n >= 0; n-- {
		if n < 4 {
			if err := os.RemoveAll(journal.Of(state, nth(n))); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Prune(); err != nil {
			t.Error(err)
		}
		if got := left(); got != n {
			t.Errorf("%d of %d", got, n)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(state, "durations")); err != nil || len(entries) > 0 {
		t.Error(entries, err)
	}
}

// TestReadOnly: that nothing can be written is no error but of Keep.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	state := t.TempDir()
	journaled(t, state, nth(1), workflow, simple, each(time.Second))
	if err := os.Chmod(state, 0o500); err != nil {
		t.Fatal(err)
	}
	s, _ := store(t, state)
	if n := len(s.Past(workflow).Runs()); n != 1 {
		t.Errorf("%d runs", n)
	}
	r := durations.Follow(compile(t, simple, 0), nil, nil)
	if err := s.Keep(workflow, r, durations.Good{ID: nth(2)}); err == nil {
		t.Error("it was kept")
	}
}
