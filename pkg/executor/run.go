package executor

import (
	"cmp"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Options are what a run is given besides its plan. The zero Options are those of a workflow without inputs in the
// environment of this process.
type Options struct {
	// Inputs are the values of the workflow's inputs. They are checked, and defaults filled in.
	Inputs map[string]any
	// Places are where inputs were given, for what is said of them; those without a place need none.
	Places map[string]diag.Pos
	// Env is the environment that processes inherit, NAME=value; nil: that of this process.
	Env []string
	// Secrets are values for declared secrets that do not come from Env or a file.
	Secrets map[string]string
	// Observe are told everything that happens, in order and one after the other, from one goroutine, with secrets
	// masked. The run waits for them; they cannot stop it.
	Observe []func(event.Event)
	// Kill, when closed, ends a cancelled run at once: without grace, through shields and cleanups.
	Kill <-chan struct{}
	// Interrupted is told, from the goroutine of Observe, that the run is being cancelled since its user has pressed
	// Ctrl-C at an interactive step, which flowrun does not get as a signal. The cause is then SIGINT. It may be nil.
	Interrupted func()
	// RunID is the run's id; "": a new one.
	RunID string
	// Keep is where and how the run keeps what it does. The folder is made when the run begins; that it cannot be made is
	// an error of Run, unless what cannot be kept shall run, too.
	Keep journal.Keep
	// Whole: all output of steps is in the events, however much and fast it is. Else some of a flood is skipped.
	Whole bool
	// Timeout limits the whole run, handlers included; 0: no limit.
	Timeout time.Duration
	// Strict makes Result.Exit 1 when errors were handed back as values.
	Strict bool
}

// Run runs p to its end on this machine. It returns when nothing of the run is alive any more.
//
// Cancelling ctx cancels the run; the text of context.Cause is the cause that reports show (local.Signal names a
// signal). A run that fails or is cancelled is a Result, not an error. The error is a diag.List when inputs or
// secrets are wrong, and a *journal.Problem when the run's folder cannot be made: then nothing was started and the Result
// is nil. It is a *journal.Problem beside a Result when the folder could not be written any more; unless Options.Keep says
// that this may be, the run was then cancelled, and its exit code is ExitFault.
func Run(ctx context.Context, p *plan.Plan, opt Options) (*Result, error) {
	now := time.Now()
	if opt.RunID == "" {
		opt.RunID = NewRunID(now)
	}
	if opt.Env == nil {
		opt.Env = os.Environ()
	}
	given, masked, problems := inputs(p, opt)
	values, more := secrets(p, opt)
	if err := append(problems, more...).Err(); err != nil {
		return nil, err
	}
	if opt.Timeout > 0 {
		p = limited(p, opt.Timeout)
	}
	hidden := mask.New(constants(p, slices.AppendSeq(masked, maps.Values(values))))
	veil := newVeil(p, hidden)
	collector := newCollector(p, opt.RunID)
	keep, lost := newKeeper(p, opt, now, given, hidden)
	if lost != nil && opt.Keep.Durability != journal.Nothing {
		return nil, lost
	}
	local.Run(ctx, p, local.Options{
		Kernel: kernel.Options{
			RunID: opt.RunID, Name: p.Name, Start: now,
			Inputs: given, Env: inherited(opt.Env, values), Secrets: values,
			Glob: Glob(p),
		},
		Observe: func(e event.Event) {
			e = veil.event(e)
			collector.observe(e)
			keep.observe(e)
			for _, tell := range opt.Observe {
				tell(e)
			}
		},
		Commit: keep.commit,
		Output: kind.Output{Mask: hidden, Whole: opt.Whole},
		Logs:   keep.logs(),
		Kill:   opt.Kill, Interrupted: opt.Interrupted,
	})
	r := collector.result
	r.Exit = ExitCode(r.Root.Outcome, r.Returned, opt.Strict)
	if err := keep.end(r); err != nil || lost != nil {
		if opt.Keep.Durability != journal.Nothing {
			r.Exit = ExitFault
		}
		return r, cmp.Or(lost, err)
	}
	return r, nil
}

// inherited is env without the declared secrets: they go only to the steps that name them.
func inherited(env []string, secrets map[string]string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, secret := secrets[name]
		return secret
	})
}

// limited is p with a limit around everything else of its workflow.
func limited(p *plan.Plan, d time.Duration) *plan.Plan {
	text := &expr.Template{Const: event.FormatDuration(d)}
	v, problems := text.Check(nil, expr.Any)
	if len(problems) > 0 {
		panic("executor: a constant that is no value: " + problems.Error())
	}
	body := *p.Main.Body
	body.Body = &plan.Limit{D: &plan.Value{V: v, Pos: body.Pos}, Total: true, Body: body.Body}
	main := *p.Main
	main.Body = &body
	out := *p
	out.Main = &main
	out.Workflows = slices.Clone(p.Workflows)
	for i, w := range out.Workflows {
		if w == p.Main {
			out.Workflows[i] = &main
		}
	}
	out.Steps = slices.Clone(p.Steps)
	out.Steps[body.Index] = &body
	return &out
}
