package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/executor/reuse"
	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// given is what the journal has to know of what a run was given, beside its files. Values are exact, with references in the
// place of secrets.
//
//	inputs  the values of the inputs, but for secret ones
//	secret  the names of secret inputs that were given: they must be given again
//	env     the variables of the environment that expressions of the plan read by their names; null: it was not set. What
//	        reads all of env, and the environment that processes inherit, are those of the process that resumes
func (r *run) given() []byte {
	inputs, secret := map[string]any{}, []any{}
	for _, in := range r.plan.Main.Inputs {
		name := in.Name.Text
		if !in.Secret {
			inputs[name] = r.inputs[name]
		} else if _, given := r.Inputs[name]; given {
			secret = append(secret, name)
		}
	}
	env := map[string]any{}
	for _, name := range readsEnv(r.plan) {
		if _, hidden := r.secrets[name]; !hidden {
			env[name] = nil
			if v, set := Variable(r.Env, name); set {
				env[name] = v
			}
		}
	}
	return kernel.WriteValues(map[string]any{"inputs": inputs, "secret": secret, "env": env}, r.hidden.Seal)
}

// readsEnv are the names of variables that expressions of p read from the environment, sorted.
func readsEnv(p *plan.Plan) []string {
	names := map[string]bool{}
	p.EachValue(func(v *plan.Value) {
		for i := range v.Refs {
			if r := &v.Refs[i]; r.Kind == plan.RefEnv && r.Member != "" {
				names[r.Member] = true
			}
		}
	})
	return slices.Sorted(maps.Keys(names))
}

// Variable is a variable of env, NAME=value. The last of several counts, as for a process.
func Variable(env []string, name string) (string, bool) {
	for i := len(env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(env[i], name+"="); ok {
			return v, true
		}
	}
	return "", false
}

// UnfitError says why a run cannot be resumed as it is.
type UnfitError struct {
	Text string
	Help string // what to do instead
	// Otherwise: the run was begun by a flowrun that decides in another way.
	Otherwise bool
}

// Error implements error.
func (e *UnfitError) Error() string { return e.Text }

// Resume goes on with a run that did not end: its process is gone. Options.Keep.Folder is its folder, p its plan as it was, of
// which the caller has made sure. Steps that had ended keep their outcomes; what was at work begins again. Inputs need only have
// the secret ones that the run was given; the others, RunID, and what the command line of the run said (Timeout, Strict, Machine), are
// those of the journal.
//
// Otherwise it is like Run. The error is also an *UnfitError, or a *journal.Problem when the folder cannot be read, or of
// journal.ErrBusy when another process has the run: then nothing was begun.
func Resume(ctx context.Context, p *plan.Plan, opt Options) (*Result, error) {
	return takenOver(ctx, p, opt, resume)
}

// takenOver has a run go on whose folder is taken over, and let go again if nothing comes of it.
func takenOver(
	ctx context.Context, p *plan.Plan, opt Options,
	goOn func(context.Context, *plan.Plan, Options, *journal.Writer, *journal.Reader) (*Result, error),
) (*Result, error) {
	w, in, err := journal.Continue(opt.Keep)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	result, err := goOn(ctx, p, opt, w, in)
	if result == nil {
		w.Close()
	}
	return result, err
}

func resume(ctx context.Context, p *plan.Plan, opt Options, w *journal.Writer, in *journal.Reader) (*Result, error) {
	head := in.Header
	r, given, err := reopened(p, opt, in)
	if err != nil {
		return nil, err
	}
	r.keep = keeper{w: w, hidden: r.hidden, read: readOf(r.plan)}
	h := history{run: r, in: in, flowrun: opt.Keep.Command.Flowrun}
	with := r.local(given)
	if head.Number() > 1 {
		if err := r.further(&with, w, head.Number()); err != nil {
			return nil, err
		}
	}
	_, err = local.Resume(ctx, r.plan, with, local.History{Steps: h.steps(), Observe: h.observe})
	var other *local.DivergedError
	if errors.As(err, &other) {
		return nil, otherwise(head, other.Error())
	}
	if err != nil {
		return nil, err
	}
	return r.end(nil)
}

// further has a take that is not the first one know those before it.
func (r *run) further(with *local.Options, w *journal.Writer, take int) error {
	in, err := journal.OpenTake(r.Keep.Folder, take-1)
	if err != nil {
		return err
	}
	defer in.Close()
	_, past, err := remember(r.plan, r.Options, in)
	if err != nil {
		return err
	}
	past.Judge()
	before, err := formerly(r.Keep.Folder, take)
	if err != nil {
		return err
	}
	w.Count(before.starts)
	with.Reuse, with.Tries = reuse.NewNext(past, r.plan, r.keep.read), before.tries
	with.Kernel.Items = with.Reuse.Items
	return nil
}

// reopened is the run of a journal of which the header was read, and what its kernel was given.
func reopened(p *plan.Plan, opt Options, in *journal.Reader) (*run, kernel.Options, error) {
	head := in.Header
	none := kernel.Options{}
	opt.RunID, opt.Strict, opt.Machine = head.Run, head.Command.Strict, head.Command.Semaphores
	var err error
	if opt.Timeout, err = timeoutOf(head); err != nil {
		return nil, none, err
	}
	first, err := in.Entry()
	if err == io.EOF || err == nil && first.Note != journal.NoteGiven {
		return nil, none, &UnfitError{Text: "its journal does not say what it was given: an older flowrun has written it, or it died at its begin", Help: "run the workflow again"}
	}
	if err != nil {
		return nil, none, err
	}
	r, env, err := reopen(p, opt, first.Value)
	if err != nil {
		return nil, none, err
	}
	if sum := Checksum(r.plan); sum != head.Plan {
		return nil, none, &UnfitError{Text: fmt.Sprintf("flowrun %s, which began it, reads its workflow in another way", head.Command.Flowrun), Help: "resume it with that version"}
	}
	r.Env = env
	given := kernel.Options{RunID: opt.RunID, Name: p.Name, Start: head.Start, Inputs: r.inputs, Env: inherited(env, r.secrets), Secrets: r.secrets}
	if head.Begun != nil {
		given.Begun = *head.Begun
	}
	return r, given, nil
}

// reopen is the run that was given what the note says, and its environment.
func reopen(p *plan.Plan, opt Options, note []byte) (*run, []string, error) {
	// The secrets first: the other inputs are sealed with them.
	opt.Inputs = maps.Clone(opt.Inputs)
	if opt.Inputs == nil {
		opt.Inputs = map[string]any{}
	}
	sealed := func(text string) (string, error) { return text, nil }
	names, err := kernel.ReadValues(note, sealed)
	if err != nil {
		return nil, nil, err
	}
	if err := givenAgain(p, opt.Inputs, names); err != nil {
		return nil, nil, err
	}
	// Inputs that are not known yet must not be refused for that.
	blank := *p
	main := *p.Main
	main.Inputs = slices.DeleteFunc(slices.Clone(main.Inputs), func(in *ast.Input) bool { return !in.Secret })
	blank.Main = &main
	r, err := newRun(&blank, opt)
	if err != nil {
		return nil, nil, err
	}
	values, err := kernel.ReadValues(note, r.hidden.Unseal)
	if err != nil {
		return nil, nil, &UnfitError{Text: "its inputs cannot be read: " + err.Error(), Help: "give it the secrets that it had"}
	}
	inputs, _ := values["inputs"].(map[string]any)
	maps.Copy(opt.Inputs, inputs)
	if r, err = newRun(p, opt); err != nil {
		return nil, nil, err
	}
	env := slices.Clone(r.Env)
	read, _ := values["env"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(read)) {
		env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		if v, set := read[name].(string); set {
			env = append(env, name+"="+v)
		}
	}
	return r, env, nil
}

// givenAgain says which secret inputs must be given again, and which inputs cannot be given any more.
func givenAgain(p *plan.Plan, given, note map[string]any) error {
	secret, _ := note["secret"].([]any)
	for _, name := range secret {
		if _, ok := given[name.(string)]; !ok {
			return &UnfitError{
				Text: fmt.Sprintf("input %q is secret, so its value was not kept", name),
				Help: fmt.Sprintf("give it again: --input %s=...", name),
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(secret, any(name)) {
			return &UnfitError{
				Text: fmt.Sprintf("input %q cannot be given to a run that goes on: it has the value that it had", name),
				Help: "run the workflow again to give it another one",
			}
		}
	}
	return nil
}

// history reads the past of a run.
type history struct {
	run     *run
	in      *journal.Reader
	flowrun string
}

// observe takes what had been told.
func (h *history) observe(e event.Event) {
	e = h.run.veil.event(e)
	h.run.collector.observe(e)
	for _, tell := range h.run.Past {
		tell(e)
	}
}

// steps are those of the kernel. Before the last one is given, of which not all may have been told, the journal is ready to be
// written on.
func (h *history) steps() iter.Seq2[local.Past, error] {
	return func(yield func(local.Past, error) bool) {
		var step *local.Past
		for {
			e, err := h.in.Entry()
			if err == io.EOF {
				break
			}
			if err == nil && e.Note == journal.NoteInputs {
				if step != nil && !yield(*step, nil) {
					return
				}
				step = &local.Past{At: e.At}
				step.Inputs, err = kernel.ReadInputs(e.Value, h.run.hidden.Unseal)
				if err != nil {
					err = &UnfitError{Text: "the outcome of a step cannot be read: " + err.Error(), Help: "give it the secrets that it had"}
				}
			} else if err == nil {
				err = h.take(step, e)
			}
			if err != nil {
				yield(local.Past{}, err)
				return
			}
		}
		at := h.run.keep.at
		if step != nil {
			at = step.At
		}
		if h.run.keep.w != nil { // else it is only looked at
			if err := h.run.keep.w.Go(h.in, at, h.flowrun); err != nil {
				yield(local.Past{}, err)
				return
			}
		}
		if step != nil {
			step.Last = true
			yield(*step, nil)
		}
	}
}

// take takes an entry that belongs to a step.
func (h *history) take(step *local.Past, e journal.Entry) error {
	switch {
	case e.Event.Type != "" && step == nil:
		return &UnfitError{Text: "its journal has events that nothing led to", Help: "run the workflow again"}
	case e.Event.Type != "":
		step.Events = append(step.Events, e.Event)
	case e.Note == journal.NoteGlob:
		found, err := kernel.ReadValues(e.Value, h.run.hidden.Unseal)
		if err != nil {
			return &UnfitError{Text: "what a pattern has found cannot be read: " + err.Error(), Help: "give it the secrets that it had"}
		}
		h.run.keep.learn(found)
	}
	return nil
}
