package executor_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
)

const liveFile = `
flowrun: 1
steps:
  - id: talks
    run: ["say 1s eleven", "say 2s two and three", "1: exit 3", "after 3s"]
    retry: {attempts: 2, delay: 1s}
  - {id: a, run: ["say 1s x", "after 2s"], finally: [{id: b, run: ["say 1s end", "after 2s"]}]}
`

// ahead is an engine that tells what is at work has said so far, some of it and some time before it ends.
type ahead struct {
	recorded
	random *rand.Rand
	whole  map[string]string // all that an attempt says
}

// attemptOf names an attempt, in the round in which it is.
func attemptOf(e event.Event) string { return fmt.Sprint(e.Path, "/", e.Where.Step, "/", e.Attempt) }

func (r *ahead) Follow(ctx context.Context, run string, after int64, tell func(event.Event)) error {
	var work []event.Event
	return r.recorded.Follow(ctx, run, after, func(e event.Event) {
		for n := range 3 * len(work) {
			begun := work[n%len(work)]
			all := r.whole[attemptOf(begun)]
			end := r.random.IntN(len(all) + 1)
			from := max(0, end-r.random.IntN(10))
			begun.Seq, begun.Type, begun.Stream = 0, event.StepOutput, "stdout"
			begun.Skipped, begun.Text = int64(from), all[from:end]
			tell(begun)
		}
		tell(e)
		switch e.Type {
		case event.StepStart:
			if r.whole[attemptOf(e)] != "" {
				work = append(work, e)
			}
		case event.StepRetry, event.StepEnd:
			for i := range work {
				if attemptOf(work[i]) == attemptOf(e) {
					work = append(work[:i:i], work[i+1:]...)
					break
				}
			}
		}
	})
}

// TestLive: who shows a run is told what steps print while they work, each byte once and in order; all that is kept of the run is the
// same as without.
func TestLive(t *testing.T) {
	without := newRemoteCase(t, liveFile, nil)
	for i := range without.events { // of a long output only the end travels
		if e := &without.events[i]; e.Type == event.StepOutput && e.Text == "eleven\n" {
			e.Skipped, e.Text = 3, "ven\n"
		}
	}
	whole := map[string]string{}
	for _, e := range without.events {
		if e.Type == event.StepOutput {
			whole[attemptOf(e)] += "ele"[:e.Skipped] + e.Text
		}
	}
	follow := func(t *testing.T, remote executor.Remote, live func(event.Event)) (seen, kept []string, result string, logs []string) {
		c := newRemoteCase(t, liveFile, func(_ *testing.T, r *ran) { r.events = without.events })
		c.opt.Observe = []func(event.Event){func(e event.Event) { seen = append(seen, asJSON(t, e)) }}
		c.opt.Live = []func(event.Event){live}
		r, err := executor.RunRemote(context.Background(), c.plan, fakes(), c.opt, remote, nil)
		if err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(c.look().Logs(), "*", "*"))
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			logs = append(logs, filepath.Base(filepath.Dir(f))+"/"+filepath.Base(f)+": "+string(text))
		}
		return seen, c.kept(t), document(t, r, nil), logs
	}
	var shown []string
	seen, kept, result, logs := follow(t, &recorded{events: without.events}, func(e event.Event) { shown = append(shown, asJSON(t, e)) })
	if d := gocmp.Diff(seen, shown); d != "" {
		t.Error(d)
	}
	early, gaps := 0, 0
	for seed := range uint64(10) {
		got, others := map[string]string{}, 0
		remote := &ahead{recorded: recorded{events: without.events}, random: rand.New(rand.NewPCG(seed, 1)), whole: whole}
		seen1, kept1, result1, logs1 := follow(t, remote, func(e event.Event) {
			if e.Type != event.StepOutput {
				others++
				return
			}
			name := attemptOf(e)
			if e.Seq == 0 {
				early++
			}
			if e.Skipped > 0 {
				gaps++
			}
			at := len(got[name]) + int(e.Skipped)
			if text, ok := strings.CutPrefix(e.Text, "[3 bytes before this are not here: no store keeps what steps print]\n"); ok && got[name] == "" {
				at, e.Text = 3, text
			}
			if at > len(whole[name]) || len(whole[name]) < at+len(e.Text) || whole[name][at:at+len(e.Text)] != e.Text || e.Text == "" {
				t.Errorf("%d: %s: %q after %q", seed, name, e.Text, got[name])
			}
			got[name] = whole[name][:at+len(e.Text)]
		})
		for name, text := range whole {
			if got[name] != text {
				t.Errorf("%d: %s: %q, want %q", seed, name, got[name], text)
			}
		}
		if d := gocmp.Diff(seen, seen1) + gocmp.Diff(kept, kept1) + gocmp.Diff(result, result1) + gocmp.Diff(logs, logs1); d != "" {
			t.Errorf("%d: %s", seed, d)
		}
		if others == 0 {
			t.Error("nothing but outputs was told")
		}
	}
	if early == 0 || gaps == 0 {
		t.Errorf("%d were told early, %d with a gap", early, gaps)
	}
}
