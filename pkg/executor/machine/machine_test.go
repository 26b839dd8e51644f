package machine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/flowrun/flowrun/pkg/executor/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run is a run that takes permits of the semaphore s.
type run struct {
	*Room
	permits int
	answers chan Answer
}

func begin(t *testing.T, folder, name string, permits int) *run {
	r := &run{Room: Open(folder, name, journal.Self(0)), permits: permits, answers: make(chan Answer, 1000)}
	t.Cleanup(r.Wait)
	return r
}

// want takes a permit, and gives it back at the end of the test at the latest.
func (r *run) want() *Wish { return r.Take("s", r.permits, func(a Answer) { r.answers <- a }) }

// got waits for the permit, through what is said before.
func (r *run) got(t *testing.T) {
	t.Helper()
	for a := range r.answers {
		if a.Err != nil {
			t.Fatal(a.Err)
		}
		if a.Held == "" {
			return
		}
	}
}

// silent says that no permit comes for a while, nor word of another holder.
func (r *run) silent(t *testing.T) {
	t.Helper()
	time.Sleep(3 * patience)
	select {
	case a := <-r.answers:
		t.Errorf("%+v", a)
	default:
	}
}

// TestRoom plays runs that share a semaphore, in a bubble: only the locks are real.
func TestRoom(t *testing.T) {
	tests := []struct {
		name string
		play func(t *testing.T, folder string)
	}{
		{"who waits hears who holds it, and gets it next", func(t *testing.T, folder string) {
			a, b := begin(t, folder, "01A", 1), begin(t, folder, "01B", 1)
			first := a.want()
			a.got(t)
			second := b.want()
			want := fmt.Sprintf("run 01A (pid %d) since %s", os.Getpid(), time.Now().Local().Format("15:04:05"))
			if got := <-b.answers; got.Held != want {
				t.Errorf("it hears %+v, want %s", got, want)
			}
			b.silent(t)
			at := time.Now()
			first.Give()
			b.got(t)
			if d := time.Since(at); d > latest {
				t.Errorf("the next one got it after %v", d)
			}
			second.Give()
		}},
		{"who holds it now is said again", func(t *testing.T, folder string) {
			a, b, c := begin(t, folder, "01A", 1), begin(t, folder, "01B", 1), begin(t, folder, "01C", 1)
			first := a.want()
			a.got(t)
			third := c.want()
			if got := <-c.answers; !strings.HasPrefix(got.Held, "run 01A ") {
				t.Errorf("%+v", got)
			}
			first.Give()
			second := b.want()
			b.got(t)
			if got := <-c.answers; !strings.HasPrefix(got.Held, "run 01B ") {
				t.Errorf("%+v", got)
			}
			c.silent(t)
			second.Give()
			c.got(t)
			third.Give()
		}},
		{"first in, first out within a run", func(t *testing.T, folder string) {
			other, r := begin(t, folder, "01A", 1), Open(folder, "01B", journal.Self(0))
			hold := other.want()
			other.got(t)
			order := make(chan int, 10)
			var wishes []*Wish
			for i := range 10 {
				wishes = append(wishes, r.Take("s", 1, func(a Answer) {
					if a.Held == "" {
						order <- i
					}
				}))
			}
			hold.Give()
			for i, w := range wishes {
				if got := <-order; got != i {
					t.Errorf("%d came as number %d", got, i)
				}
				w.Give()
			}
			r.Wait()
		}},
		{"who does not want it any more leaves at once", func(t *testing.T, folder string) {
			a, b := begin(t, folder, "01A", 1), begin(t, folder, "01B", 1)
			first := a.want()
			a.got(t)
			head, next := b.want(), b.want()
			<-b.answers // that it is held
			at := time.Now()
			head.Give()
			next.Give()
			b.Wait()
			if d := time.Since(at); d > 0 {
				t.Errorf("it took %v", d)
			}
			first.Give()
			again := b.want()
			b.got(t)
			again.Give()
		}},
		{"several permits", func(t *testing.T, folder string) {
			a, b := begin(t, folder, "01A", 2), begin(t, folder, "01B", 2)
			first, second := a.want(), b.want()
			a.got(t)
			b.got(t)
			third := a.want()
			if got := <-a.answers; !strings.HasPrefix(got.Held, "run 01B (pid ") || strings.Contains(got.Held, " and ") {
				t.Errorf("%+v", got)
			}
			second.Give()
			a.got(t)
			first.Give()
			third.Give()
		}},
		{"with n permits a step begins when one of the first n is free", func(t *testing.T, folder string) {
			one, three := begin(t, folder, "01A", 1), begin(t, folder, "01B", 3)
			first := three.want()
			three.got(t)
			second := one.want()
			<-one.answers
			one.silent(t)
			third, fourth := three.want(), three.want()
			three.got(t)
			three.got(t)
			first.Give()
			one.got(t)
			for _, w := range []*Wish{second, third, fourth} {
				w.Give()
			}
		}},
		{"semaphores of two names have nothing to do with each other", func(t *testing.T, folder string) {
			r := begin(t, folder, "01A", 1)
			first := r.want()
			r.got(t)
			second := r.Take("S", 1, func(a Answer) { r.answers <- a })
			r.got(t)
			first.Give()
			second.Give()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			folder := t.TempDir()
			synctest.Test(t, func(t *testing.T) { tt.play(t, folder) })
		})
	}
}

// TestFair: runs that want one permit after the other, each for 40 ms, all get their part, and little time is lost.
func TestFair(t *testing.T) {
	for _, runs := range []int{2, 4} {
		for permits := 1; permits < runs; permits += 2 {
			t.Run(fmt.Sprintf("%d runs, %d permits", runs, permits), func(t *testing.T) {
				folder := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					const span, work = 40 * time.Second, 40 * time.Millisecond
					ctx, stop := context.WithTimeout(t.Context(), span)
					defer stop()
					had := make([]int, runs)
					var working sync.WaitGroup
					for i := range runs {
						r := begin(t, folder, fmt.Sprintf("01%d", i), permits)
						working.Go(func() {
							for ctx.Err() == nil {
								w := r.want()
								for got := false; !got; {
									select {
									case a := <-r.answers:
										got = a.Held == ""
									case <-ctx.Done():
										got = true
									}
								}
								if ctx.Err() == nil {
									had[i]++
									time.Sleep(work)
								}
								w.Give()
							}
						})
					}
					working.Wait()
					sum, least := 0, had[0]
					for _, n := range had {
						sum += n
						least = min(least, n)
					}
					whole := int(span/work) * min(permits, runs)
					if sum < whole*8/10 {
						t.Errorf("%v: %d of %d turns were used", had, sum, whole)
					}
					if least < sum/runs/4 {
						t.Errorf("%v: one had less than a quarter of its part", had)
					}
				})
			})
		}
	}
}

// TestPlaces: what somebody else has put in the place of a file is not touched, and said.
func TestPlaces(t *testing.T) {
	tests := []struct {
		name string
		put  func(path, other string) error
	}{
		{"a link", func(path, other string) error { return os.Symlink(other, path) }},
		{"a link to nothing", func(path, other string) error { return os.Symlink(other+".none", path) }},
		{"a second name of a file", func(path, other string) error { return os.Link(other, path) }},
		{"a folder", func(path, _ string) error { return os.Mkdir(path, 0o700) }},
		{"a pipe", pipe},
	}
	for _, tt := range tests {
		for _, part := range []string{"1", "line"} {
			t.Run(tt.name+" as "+part, func(t *testing.T) {
				folder := t.TempDir()
				other := filepath.Join(folder, "other")
				if err := os.WriteFile(other, []byte("mine"), 0o600); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(folder, prefix+"s."+part)
				if err := tt.put(path, other); err != nil {
					t.Skip(err)
				}
				a, b := begin(t, folder, "01A", 1), begin(t, folder, "01B", 1)
				first := a.want()
				got := <-a.answers
				if part == "line" {
					if got != (Answer{}) {
						t.Fatal(got)
					}
					second := b.want()
					got = <-b.answers
					second.Give()
				}
				first.Give()
				if got.Err == nil || !strings.Contains(got.Err.Error(), path+": "+errKind.Error()) {
					t.Errorf("%+v", got)
				}
				if text, err := os.ReadFile(other); err != nil || string(text) != "mine" {
					t.Errorf("the other file is %q, %v", text, err)
				}
				if _, err := os.Lstat(other + ".none"); err == nil {
					t.Error("the file that the link names was made")
				}
			})
		}
	}
}

// TestWords: what others write into the files is shown when it is what a run writes, else not.
func TestWords(t *testing.T) {
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.Local)
	at := func(d time.Duration) string { return now.Add(d).UTC().Format(time.RFC3339) }
	tests := []struct{ text, want string }{
		{`{"run":"01A","process":{"pid":7},"since":"` + at(0) + `"}`, "run 01A (pid 7) since 15:04:05"},
		{`{"run":"01A","process":{"pid":7},"since":"` + at(-24*time.Hour) + `"}`, "run 01A (pid 7) since 2026-01-01 15:04:05"},
		{``, "another run"},
		{`{"run":"01A","process":{"pid":7},"si`, "another run"},
		{`{"run":"01A\u001b[2J","process":{"pid":7}}`, "another run"},
		{`{"run":"01A","process":{"pid":-7}}`, "another run"},
		{`{"run":"` + strings.Repeat("A", 10_000) + `","process":{"pid":7}}`, "another run"},
	}
	for _, tt := range tests {
		f, err := os.Create(filepath.Join(t.TempDir(), "f"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(tt.text); err != nil {
			t.Fatal(err)
		}
		var holders []Holder
		if h, ok := read(f); ok {
			holders = append(holders, h)
		}
		if got := words(holders, now); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, got, tt.want)
		}
		f.Close()
	}
	h := Holder{Run: "01A", Process: journal.Process{PID: 7}, Since: now}
	if got, want := words([]Holder{h, h, h, h}, now), "run 01A (pid 7) since 15:04:05, run 01A (pid 7) since 15:04:05 and 2 more"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFileNames: every name has a file of its own, also where capitals are not told from small letters.
func TestFileNames(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct{ name, want string }{
		{"gpu", "gpu"},
		{"gpu.0-a_b", "gpu.0-a_b"},
		{"GPU", "%47%50%55"},
		{"a/../b", "a%2F..%2Fb"},
		{long, long[:longest] + "%0d4e2ca9e9cbced7"},
	}
	for _, tt := range tests {
		if got := fileName(tt.name); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if a, b := fileName(long), fileName(long+"x"); a == b || len(a) > 200 {
		t.Errorf("%s and %s", a, b)
	}
}
