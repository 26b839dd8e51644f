package executor

import (
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/artifact"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// keeper keeps a run in its folder, if it shall be kept. Its zero value keeps nothing.
type keeper struct {
	w      *journal.Writer
	hidden *mask.Set
	at     time.Duration   // of the kernel's last step
	read   map[string]bool // readOf the plan
	known  map[string]any  // what patterns have found
}

// begin makes the folder of the run, if it shall be kept.
func (r *run) begin(now time.Time) error {
	err := r.folder(now)
	if r.keep.w != nil {
		r.keep.note(journal.NoteGiven, r.given())
	}
	return err
}

// folder makes the folder of the run, if it shall be kept, with nothing in its journal.
func (r *run) folder(now time.Time) error {
	if r.Keep.Folder == "" {
		return nil
	}
	r.Keep.Command.Again = r.hidden.Text(r.Keep.Command.Again)
	r.Keep.Command.Semaphores = r.Machine
	w, err := journal.Create(r.Keep, journal.Header{
		Run: r.RunID, Workflow: r.plan.Name, File: r.plan.File, Start: now, Plan: Checksum(r.plan),
	}, keptInputs(r.plan, r.inputs, r.hidden))
	if err != nil {
		return err
	}
	r.keep = keeper{w: w, hidden: r.hidden, read: readOf(r.plan)}
	return nil
}

// keptInputs are the inputs without those that are secret. One that holds a secret is not worth much without it, and is only
// named, too.
func keptInputs(p *plan.Plan, given map[string]any, hidden *mask.Set) journal.Inputs {
	in := journal.Inputs{Values: map[string]any{}, Hidden: []string{}, Secrets: []string{}}
	veil := newVeil(p, hidden)
	for _, declared := range p.Main.Inputs {
		name := declared.Name.Text
		masked := declared.Secret
		if hidden != nil {
			_, changed := veil.value(given[name])
			masked = masked || changed
		}
		if masked {
			in.Hidden = append(in.Hidden, name)
		} else {
			in.Values[name] = given[name]
		}
	}
	for _, s := range p.Secrets {
		in.Secrets = append(in.Secrets, s.Name.Text)
	}
	return in
}

// note keeps what is no event. Values in it are sealed.
func (k *keeper) note(name string, value []byte) { k.w.Note(k.at, name, value) }

// stepping keeps what the kernel is stepped with; nil: nobody does.
func (k *keeper) stepping() func(at time.Duration, in []kernel.Input) {
	if k.w == nil {
		return nil
	}
	return func(at time.Duration, in []kernel.Input) {
		k.at = at
		k.note(journal.NoteInputs, kernel.WriteInputs(k.short(in), k.hidden.Seal))
	}
}

// most is how long a text is that is kept although no expression reads it.
const most = 1 << 10

// short is in without the long texts that a step gives beside its value, and that nothing reads: they are in its logs.
func (k *keeper) short(in []kernel.Input) []kernel.Input {
	var out []kernel.Input
	for i := range in {
		extra, changed := Short(in[i].Outcome.Extra, func(key string) bool { return k.read[key] || k.read[""] })
		if !changed {
			continue
		}
		if out == nil {
			out = slices.Clone(in)
		}
		out[i].Outcome.Extra = extra
	}
	if out == nil {
		return in
	}
	return out
}

// Short is extra, what a step gives beside its value, without the long texts that no expression reads: in their place stands that
// they are only in the logs. It says whether there are any.
func Short(extra map[string]any, reads func(key string) bool) (map[string]any, bool) {
	var left map[string]any
	for key, v := range extra { // into a map: the order does not matter
		if text, ok := v.(string); !ok || len(text) <= most || reads(key) {
			continue
		}
		if left == nil {
			left = maps.Clone(extra)
		}
		left[key] = event.Poison{Err: event.Errorf(event.OutputError, "%s is only in the logs: nothing read it when the run began", key)}
	}
	if left == nil {
		return extra, false
	}
	return left, true
}

// Reads are the members of steps that expressions of p read, sorted; "" stands for all.
func Reads(p *plan.Plan) []string { return slices.Sorted(maps.Keys(readOf(p))) }

// readOf are the members of steps that expressions of p read; "" stands for all.
func readOf(p *plan.Plan) map[string]bool {
	read := map[string]bool{}
	p.EachValue(func(v *plan.Value) {
		for i := range v.Refs {
			if r := &v.Refs[i]; r.Kind == plan.RefStep {
				read[r.Field] = true
			}
		}
	})
	return read
}

// glob is find, and keeps what it finds. What was found in an earlier life of the run is found again.
func (k *keeper) glob(find func(pattern string) (any, error)) func(pattern string) (any, error) {
	return func(pattern string) (any, error) {
		if found, ok := k.known[pattern]; ok {
			return found, nil
		}
		found, err := find(pattern)
		if err == nil && k.w != nil {
			k.learn(map[string]any{pattern: found})
			k.note(journal.NoteGlob, kernel.WriteValues(map[string]any{pattern: found}, k.hidden.Seal))
		}
		return found, err
	}
}

// learn takes what patterns have found.
func (k *keeper) learn(found map[string]any) {
	if k.known == nil {
		k.known = map[string]any{}
	}
	maps.Copy(k.known, found)
}

func (k *keeper) observe(e event.Event) {
	if k.w != nil {
		k.w.Observe(e)
	}
}

func (k *keeper) commit() error {
	if k.w == nil {
		return nil
	}
	return k.w.Commit()
}

// sync brings what was committed to the disk; nil: it need not be there.
func (k *keeper) sync() func() {
	if k.w == nil || !k.w.Syncs() {
		return nil
	}
	return k.w.Sync
}

func (k *keeper) soon(begins []event.Event) { k.w.Soon(k.at, begins) }

// logs says where steps keep their output; nil: nowhere.
func (k *keeper) logs() func(step string) string {
	if k.w == nil {
		return nil
	}
	return k.w.Log
}

// store is where steps keep files; nil: they are not kept beyond the run.
func (k *keeper) store() kind.Store {
	if k.w == nil {
		return nil
	}
	return artifact.Folder(func() (string, error) { return k.w.Folder(), nil }, k.w.Syncs())
}

func (k *keeper) end(r *Result) error {
	if k.w == nil {
		return nil
	}
	return k.w.End(r.Write)
}

// Checksum tells plans apart whose steps have other numbers, places or kinds: events speak of steps by number, and another
// flowrun may number them in another way.
func Checksum(p *plan.Plan) string {
	var b []byte
	for _, s := range p.Steps {
		b = fmt.Appendln(b, s.Kind, s.ID, s.Pos.File, s.Pos.Line, s.Pos.Col)
	}
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE(b))
}
