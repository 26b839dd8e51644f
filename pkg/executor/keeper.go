package executor

import (
	"fmt"
	"hash/crc32"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// keeper keeps a run in its folder, if it shall be kept. Its zero value keeps nothing.
type keeper struct{ w *journal.Writer }

// newKeeper makes the folder of a run with those inputs.
func newKeeper(p *plan.Plan, opt Options, now time.Time, given map[string]any, hidden *mask.Set) (keeper, error) {
	if opt.Keep.Folder == "" {
		return keeper{}, nil
	}
	if hidden != nil {
		opt.Keep.Command.Again = hidden.Text(opt.Keep.Command.Again)
	}
	w, err := journal.Create(opt.Keep, journal.Header{
		Run: opt.RunID, Workflow: p.Name, File: p.File, Start: now, Plan: Checksum(p),
	}, kept(p, given, hidden))
	return keeper{w}, err
}

// kept are the inputs without those that are secret. One that holds a secret is not worth much without it, and is only
// named, too.
func kept(p *plan.Plan, given map[string]any, hidden *mask.Set) journal.Inputs {
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

func (k keeper) observe(e event.Event) {
	if k.w != nil {
		k.w.Observe(e)
	}
}

func (k keeper) commit(begins bool) error {
	if k.w == nil {
		return nil
	}
	return k.w.Commit(begins)
}

// logs says where steps keep their output; nil: nowhere.
func (k keeper) logs() func(step string) string {
	if k.w == nil {
		return nil
	}
	return k.w.Log
}

func (k keeper) end(r *Result) error {
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
