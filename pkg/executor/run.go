package executor

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/executor/machine"
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
	// Live are told before Observe are, and the same, but of what steps print beyond this machine: that they are told while it is printed, as
	// far as it comes at once (event.Event.Seq is 0 then), and at the end what they do not know. They are those who show a run that goes on.
	Live []func(event.Event)
	// Past are told, by Resume and before anything else, what Observe were told before.
	Past []func(event.Event)
	// Kill, when closed, ends a cancelled run at once: without grace, through shields and cleanups.
	Kill <-chan struct{}
	// Interrupted is told, from the goroutine of Observe, that the run is being cancelled since its user has pressed
	// Ctrl-C at an interactive step, which flowrun does not get as a signal. The cause is then SIGINT. It may be nil.
	Interrupted func()
	// RunID is the run's id; "": a new one.
	RunID string
	// Earlier is for Retake.
	Earlier Earlier
	// Keep is where and how the run keeps what it does. The folder is made when the run begins; that it cannot be made is
	// an error of Run, unless what cannot be kept shall run, too.
	Keep journal.Keep
	// Machine is the folder in which runs share the semaphores of the machine; "": the one that all users have.
	Machine string
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
	r, err := newRun(p, opt)
	if err != nil {
		return nil, err
	}
	given := kernel.Options{RunID: opt.RunID, Name: p.Name, Start: now, Inputs: r.inputs, Env: inherited(r.Env, r.secrets), Secrets: r.secrets}
	lost := r.begin(now)
	if lost != nil && opt.Keep.Durability != journal.Nothing {
		return nil, lost
	}
	local.Run(ctx, r.plan, r.local(given))
	return r.end(lost)
}

// run is a run that is to begin, or to be gone on with.
type run struct {
	Options
	plan      *plan.Plan // limited by Timeout
	inputs    map[string]any
	secrets   map[string]string
	hidden    *mask.Set
	veil      *veil
	collector *collector
	keep      keeper
}

// newRun checks what the run of p is given.
func newRun(p *plan.Plan, opt Options) (*run, error) {
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
	for _, s := range p.Secrets { // in their order, by which the journal refers to them
		masked = append(masked, values[s.Name.Text])
	}
	hidden := mask.New(constants(p, masked))
	return &run{
		Options: opt, plan: p, inputs: given, secrets: values, hidden: hidden, veil: newVeil(p, hidden), collector: newCollector(p, opt.RunID),
	}, nil
}

// local are the options for the driver, with what the kernel is given.
func (r *run) local(given kernel.Options) local.Options {
	given.Glob = r.keep.glob(Glob(r.plan))
	return local.Options{
		Kernel: given,
		Observe: func(e event.Event) {
			e = r.veil.event(e)
			r.collector.observe(e)
			r.keep.observe(e)
			for _, tell := range r.Live {
				tell(e)
			}
			for _, tell := range r.Observe {
				tell(e)
			}
		},
		Commit:   r.keep.commit,
		Sync:     r.keep.sync(),
		Soon:     r.keep.soon,
		Stepping: r.keep.stepping(),
		Output:   kind.Output{Mask: r.hidden, Whole: r.Whole, Safe: r.keep.sync() != nil},
		Logs:     r.keep.logs(),
		Store:    r.keep.store(),
		Machine:  machine.Open(r.Machine, r.RunID, journal.Self(r.Keep.Supervisor)),
		Kill:     r.Kill, Interrupted: r.Interrupted,
	}
}

// end is the result of the run, lost why it is not kept.
func (r *run) end(lost error) (*Result, error) {
	result := r.collector.result
	result.Exit = ExitCode(result.Root.Outcome, result.Returned, r.Strict)
	if err := r.keep.end(result); err != nil || lost != nil {
		if r.Keep.Durability != journal.Nothing {
			result.Exit = ExitFault
		}
		return result, cmp.Or(lost, err)
	}
	return result, nil
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
