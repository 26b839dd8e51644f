package journal_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// TestLastWords: a journal for which there is no more space keeps to what was set aside for it, says that it is not whole, and
// has the end of the run; what it has is as it was.
func TestLastWords(t *testing.T) {
	t.Parallel()
	ended := func(path string, v any) event.Event {
		return event.Event{Type: event.StepEnd, Time: begin(), Path: path, Where: event.Where{Step: 1}, Outcome: event.Success(v)}
	}
	long := strings.Repeat("long ", 40<<10)
	for _, x := range []struct {
		name          string
		before, after []event.Event // of the loss; those before it are not written yet
		end           event.Outcome
		want          string // the numbers of the events that are there
	}{
		{"few", []event.Event{ended("a", 1)}, []event.Event{ended("b", 2)}, event.Stopped(&event.Cause{Why: event.WhySignal, By: "it"}), "1 2 3 4"},
		{"nothing waits", nil, []event.Event{ended("b", 2)}, event.Success(nil), "1 2 3"},
		{"too much waits", []event.Event{ended("a", 1), ended("b", long), ended("c", 3)}, []event.Event{ended("d", 4)}, event.Success(nil), "1 2 5 6"},
		{"too much comes", []event.Event{ended("a", 1)}, []event.Event{ended("b", long), ended("c", 3)}, event.Success(nil), "1 2 4 5"},
		{"output is left out", nil, []event.Event{{Type: event.StepOutput, Where: event.Where{Step: 1}}, ended("c", 3)}, event.Success(nil), "1 3 4"},
		{"a long error", nil, nil, event.Failure(event.Errorf(event.FailError, "%s", long)), "1 2"},
		{"a long value", nil, nil, event.Success(long), "1"},
		{"a lot comes", nil, many(ended), event.Success(nil), ""},
	} {
		w, folder := create(t, t.TempDir(), "01A")
		if journal.Room(w) == 0 {
			t.Skip("this file system sets no space aside")
		}
		seq := int64(0)
		observe := func(list ...event.Event) {
			for _, e := range list {
				seq++
				e.Seq = seq
				w.Observe(e)
			}
		}
		observe(event.Event{Type: event.RunStart, Time: begin(), Where: event.Where{Parent: -1}})
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
		observe(x.before...)
		journal.Lose(w, syscall.ENOSPC)
		room := journal.Room(w)
		observe(x.after...)
		if err := w.Commit(); err == nil || w.Commit() != nil {
			t.Errorf("%s: it is told %v", x.name, err)
		}
		observe(event.Event{Type: event.RunEnd, Time: begin(), Where: event.Where{Parent: -1}, Outcome: x.end})
		if err := w.End(func(io.Writer) error { return nil }); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: it ends with %v", x.name, err)
		}
		info, err := os.Stat(filepath.Join(folder, journalFile))
		if err != nil || info.Size() > room {
			t.Errorf("%s: %d bytes, and %d were set aside, %v", x.name, info.Size(), room, err)
		}
		r, err := journal.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			e, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", x.name, err)
			}
			got = append(got, fmt.Sprint(e.Seq))
		}
		r.Close()
		if r.Lost() != "no space left on device" {
			t.Errorf("%s: it says %q", x.name, r.Lost())
		}
		if all := strings.Join(got, " "); x.want != "" && all != x.want || x.want == "" && (len(got) < 100 || got[len(got)-1] != fmt.Sprint(seq)) {
			t.Errorf("%s: events %s, want %s", x.name, all, x.want)
		}
	}
}

func many(one func(path string, v any) event.Event) (list []event.Event) {
	for i := range 1000 {
		list = append(list, one(fmt.Sprint("s", i), i))
	}
	return list
}
