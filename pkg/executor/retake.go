package executor

import (
	"context"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/reuse"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Earlier is what Retake, and Resume of what that has begun, have to know of the take before.
type Earlier struct {
	// Plan is that of the take, of what the run has kept of its files.
	Plan *plan.Plan
	// Changed are those of its steps that are not in the new plan, or not as they were; nil: it is the same plan.
	Changed []*plan.Step
	// Judged is told how many results of the take are kept, and how many of its steps run again: of the same plan before
	// anything is begun, of another one when all has ended. It may be nil.
	Judged func(kept, again int)
}

// Retake begins a new take of a run that is not going on: over p, which may be another plan than that of the last take
// (Options.Earlier), and without doing again what need not be done again: see package reuse. Inputs, RunID, and what the command
// line of the run said are treated as in Resume, and so are errors; an input that has the default of its file has that of the
// new file.
func Retake(ctx context.Context, p *plan.Plan, opt Options) (*Result, error) {
	return takenOver(ctx, p, opt, retake)
}

func retake(ctx context.Context, p *plan.Plan, opt Options, w *journal.Writer, in *journal.Reader) (*Result, error) {
	head := in.Header
	old, past, err := remember(p, opt, in)
	if err != nil {
		return nil, err
	}
	kept, again := past.Judge()
	before, err := formerly(opt.Keep.Folder, head.Number()+1)
	if err != nil {
		return nil, err
	}
	secret := opt.Inputs
	opt = old.Options
	opt.Inputs = inherit(old, p, secret)
	r, err := newRun(p, opt)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	begun := head.Start
	if head.Begun != nil {
		begun = *head.Begun
	}
	if err := w.Retake(r.Keep, head, journal.Header{
		Run: r.RunID, Workflow: p.Name, File: p.File, Start: now, Begun: &begun, Plan: Checksum(r.plan),
	}, keptInputs(r.plan, r.inputs, r.hidden)); err != nil {
		return nil, err
	}
	w.Count(before.starts)
	r.keep = keeper{w: w, hidden: r.hidden, read: readOf(r.plan)}
	r.keep.note(journal.NoteGiven, r.given())
	tell := opt.Earlier.Judged
	same := p == opt.Earlier.Plan
	if tell != nil && same {
		tell(kept, again)
	}
	with := r.local(kernel.Options{
		RunID: r.RunID, Name: p.Name, Start: now, Begun: begun, Inputs: r.inputs, Env: inherited(r.Env, r.secrets), Secrets: r.secrets,
	})
	with.Reuse, with.Tries = reuse.NewNext(past, r.plan, r.keep.read), before.tries
	with.Kernel.Items = with.Reuse.Items
	local.Run(ctx, r.plan, with)
	if tell != nil && !same {
		tell(with.Reuse.Count())
	}
	return r.end(nil)
}

// inherit are the inputs for p of a run that had others before.
func inherit(old *run, p *plan.Plan, secret map[string]any) map[string]any {
	values := maps.Clone(secret)
	if values == nil {
		values = map[string]any{}
	}
	for _, in := range p.Main.Inputs {
		name := in.Name.Text
		i := slices.IndexFunc(old.plan.Main.Inputs, func(was *ast.Input) bool { return was.Name.Text == name })
		if i < 0 || in.Secret {
			continue
		}
		was := old.plan.Main.Inputs[i]
		if was.Secret || !was.Required && reflect.DeepEqual(old.inputs[name], was.Default) && !in.Required {
			continue
		}
		values[name] = old.inputs[name]
	}
	return values
}

// timeoutOf is what --timeout said; 0: nothing.
func timeoutOf(head journal.Header) (time.Duration, error) {
	if head.Command.Timeout == "" {
		return 0, nil
	}
	return event.Duration(head.Command.Timeout)
}

// remember goes through an earlier take, of the plan of opt.Earlier. The run is what it was given. The next take is of p.
func remember(p *plan.Plan, opt Options, in *journal.Reader) (*run, *reuse.Past, error) {
	r, given, err := reopened(withSecrets(opt.Earlier.Plan, p), opt, in)
	if err != nil {
		return nil, nil, err
	}
	past := reuse.NewPast(r.plan)
	past.Changed(opt.Earlier.Changed)
	w := &witness{past: past, leaves: map[int32]*work{}}
	given.Glob, given.Items = r.keep.glob(Glob(r.plan)), past.Items
	k := kernel.New(r.plan, given, w)
	h := history{run: r, in: in}
	for step, err := range h.steps() {
		if err != nil {
			return nil, nil, err
		}
		past.Instant()
		for _, input := range step.Inputs {
			if input.Kind == kernel.Ended && !w.ended(input) {
				return nil, nil, otherwise(in.Header, "a step ends that has not begun")
			}
		}
		w.events, w.last = step.Events, step.Last
		k.Step(step.At, step.Inputs)
		for _, e := range w.events {
			if e.Type != event.StepOutput {
				w.astray = string(e.Type) + " of " + e.Path
			}
			k.Said()
		}
		if w.astray != "" {
			return nil, nil, otherwise(in.Header, w.astray)
		}
	}
	return r, past, nil
}

// Replay goes through the journal of a run in its first take, over the files that the run has kept, and changes nothing. The error is an
// *UnfitError: Otherwise, when flowrun comes to anything else today than it did then; if not, it is not given what it would have to know,
// as secrets.
func Replay(r *journal.Run, opt LoadOptions) error {
	in, err := journal.Open(r.Folder)
	if err != nil {
		return err
	}
	defer in.Close()
	files, err := r.Sources()
	if err != nil {
		return err
	}
	opt.Jobs, opt.Room = in.Header.Command.Jobs, in.Header.Command.Room
	p, err := Reload(files, opt)
	if err != nil {
		return err
	}
	_, _, err = remember(p, Options{Earlier: Earlier{Plan: p}}, in)
	return err
}

// withSecrets is the plan of kept files with the defaults of secret inputs, which are not kept, as another plan has them.
func withSecrets(kept, p *plan.Plan) *plan.Plan {
	if kept == p {
		return p
	}
	main := *kept.Main
	main.Inputs = slices.Clone(main.Inputs)
	for i, in := range main.Inputs {
		j := slices.IndexFunc(p.Main.Inputs, func(x *ast.Input) bool { return x.Name.Text == in.Name.Text && x.Secret })
		if in.Secret && j >= 0 {
			main.Inputs[i] = p.Main.Inputs[j]
		}
	}
	out := *kept
	out.Main = &main
	out.Workflows = slices.Clone(kept.Workflows)
	out.Workflows[0] = &main
	return &out
}

// otherwise is that a take cannot be gone through again.
func otherwise(head journal.Header, what string) error {
	return &UnfitError{
		Text:      fmt.Sprintf("this flowrun comes to something else than %s, which ran it: %s", head.Command.Flowrun, what),
		Help:      "resume it with that version, or run the workflow again",
		Otherwise: true,
	}
}

// witness is the kernel.Host of a take that is gone through again.
type witness struct {
	past   *reuse.Past
	leaves map[int32]*work
	events []event.Event // of the step, that are still to come
	last   bool          // not all of them may have been told
	astray string        // what did not come as it did; "": all did
}

// work is a leaf at work.
type work struct {
	kind    *kind.Kind
	call    kind.Call
	stopped bool
}

// Start implements kernel.Host.
func (w *witness) Start(leaf int32, k *kind.Kind, call kind.Call) {
	w.leaves[leaf] = &work{kind: k, call: call}
}

// Stop implements kernel.Host.
func (w *witness) Stop(leaf int32, _ bool) {
	if l := w.leaves[leaf]; l != nil {
		l.stopped = true
	}
}

// Take implements kernel.Host.
func (w *witness) Take(int32, int32) {}

// Give implements kernel.Host.
func (w *witness) Give(int32) {}

// Emit implements kernel.Host.
func (w *witness) Emit(e event.Event) {
	if len(w.events) == 0 {
		if !w.last {
			w.astray = string(e.Type) + " of " + e.Path
		}
		return
	}
	had := w.events[0]
	w.events = w.events[1:]
	if had.Type != e.Type || had.Path != e.Path || had.Where != e.Where || had.Status != e.Status {
		w.astray = string(e.Type) + " of " + e.Path
		return
	}
	w.past.Observe(had)
}

// ended is false when the leaf had not begun.
func (w *witness) ended(in kernel.Input) bool {
	l := w.leaves[in.Leaf]
	if l == nil {
		return false
	}
	delete(w.leaves, in.Leaf)
	w.past.Ended(l.kind, l.call, in.Outcome, l.stopped)
	return true
}

// former is how often steps have begun in earlier takes, by their paths.
type former struct {
	starts map[string]int // attempts in all
	tries  map[string]int // as FLOWRUN_ATTEMPT counts them
}

// formerly looks at the takes before that one.
func formerly(folder string, take int) (former, error) {
	f := former{starts: map[string]int{}, tries: map[string]int{}}
	for i := 1; i < take; i++ {
		in, err := journal.OpenTake(folder, i)
		if i == take-1 && err != nil { // it is still the last one
			in, err = journal.Open(folder)
		}
		if err == nil {
			err = f.read(in)
			in.Close()
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

func (f former) read(in *journal.Reader) error {
	most := map[string]int{}
	for {
		e, err := in.Next()
		switch {
		case err == io.EOF:
			for path, n := range most { // into a map: the order does not matter
				f.tries[path] += n
			}
			return nil
		case err != nil:
			return err
		case e.Type == event.StepStart:
			f.starts[e.Path]++
			most[e.Path] = max(most[e.Path], e.Attempt)
		case e.Kept:
			f.starts[e.Path]--
			most[e.Path] = 0
		}
	}
}
