package temporal

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/kernel"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/executor/temp"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
)

// hand carries out jobs: it is what a worker's activities of type leafType do.
type hand struct {
	kinds   []*kind.Kind // of flowrun
	allowed []string     // the kinds that it carries out; nil: all
	folder  string       // in the place of that in which runs are started, absolute
	env     []string     // what processes inherit
	name    string       // of the worker, for people
	client  client.Client
	now     <-chan struct{} // closed when the worker gives up what it has
	fence   *fence
	store   func(run string) kind.Store // nil: there is none
}

// Why a job was stopped.
var (
	errExpired = errors.New("its limit has expired")
	errGone    = errors.New("its worker gives it up")
	errTold    = errors.New("it is told to stop")
)

// leaf is the activity.
func (h *hand) leaf(ctx context.Context, j job) (report, error) {
	r := report{Worker: h.name}
	secrets, problem := h.secrets(j.Common.Secrets)
	var o event.Outcome
	var why error
	heard := &heard{}
	if problem == nil {
		o, why = h.carryOut(ctx, j, secrets, heard)
	} else {
		o = event.Failure(problem)
	}
	r.Said, r.Log, r.Ended = heard.said(), heard.log, time.Now().UTC()
	if r.Gone = why == errGone; r.Gone {
		return r, nil
	}
	r.Expired = why == errExpired
	r.Outcome = outcomeIn(o, j.Common.Reads, secrets.Seal)
	return r, nil
}

// outcomeIn writes an outcome as it goes into a report. One that is too large is another one.
func outcomeIn(o event.Outcome, reads []string, seal func(string) string) []byte {
	reading := func(key string) bool { return slices.Contains(reads, key) || slices.Contains(reads, "") }
	o.Extra, _ = executor.Short(o.Extra, reading)
	write := func(o event.Outcome) []byte {
		return kernel.WriteInputs([]kernel.Input{{Kind: kernel.Ended, Outcome: o}}, seal)
	}
	text := write(o)
	if len(text) <= maxValue {
		return text
	}
	err := event.Errorf(event.OutputError, "its value has %s, and Temporal carries no more than %s: "+
		"write it to a file and keep that (artifacts), or keep less of it (capture: none, capture_limit)", megabytes(len(text)), megabytes(maxValue))
	small := event.Failure(err)
	small.Extra = map[string]any{}
	for key, v := range o.Extra { // into a map: the order does not matter
		if _, isText := v.(string); !isText {
			small.Extra[key] = v
		}
	}
	if text = write(small); len(text) > maxValue { // outputs are large, too
		small.Extra = nil
		text = write(small)
	}
	return text
}

// secrets are those that the worker has.
func (h *hand) secrets(names []secret) (*mask.Set, *event.Error) {
	values := make([]string, len(names))
	for i, s := range names {
		var err error
		if values[i], err = h.secret(s); err != nil {
			return nil, event.Errorf(event.StartError, "secret %q cannot be read on the worker %s: %s", s.Name, h.name, err)
		}
	}
	return mask.New(values), nil
}

// secret is "" when the worker has none of that name: only who needs it fails.
func (h *hand) secret(s secret) (string, error) {
	if s.File == "" {
		value, _ := executor.Variable(h.env, s.Name)
		return value, nil
	}
	value, err := executor.SecretFile(h.folder, filepath.FromSlash(s.File))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return value, err
}

// carryOut does the work of j, and says how that ended and, if it was stopped, why.
func (h *hand) carryOut(ctx context.Context, j job, secrets *mask.Set, heard *heard) (event.Outcome, error) {
	k, call, problem := h.prepare(j, secrets)
	if problem != nil {
		return event.Failure(problem), nil
	}
	kill, done := make(chan struct{}), make(chan struct{})
	call.Kill = kill
	call.Output = kind.Output{Say: heard.say, Skip: heard.skip, Mask: secrets}
	temporary := &temp.Folder{}
	defer temporary.Remove()
	call.Temp = temporary.Path
	if h.store != nil {
		call.Store = h.store(j.Common.Run)
		call.Output.Log = logIn(temporary)
	}
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	var others sync.WaitGroup
	if call.ReadyLine != nil {
		call.Ready = func() { others.Go(func() { h.tell(work, j.Common.Run, readyNote{Leaf: j.Leaf, Step: j.Step}) }) }
	}
	others.Go(func() {
		h.watch(ctx, j, &teller{job: j, heard: heard}, stop, sync.OnceFunc(func() { close(kill) }), done)
	})
	if j.Probe != nil {
		others.Go(func() { h.ask(work, *j.Probe, secrets, temporary.Path) })
	}
	o := k.Run(work, call)
	why := context.Cause(work)
	if why != errGone && call.Output.Log != "" && !heard.whole() {
		patience := longEnough
		if why != nil {
			patience = whenStopped
		}
		heard.log = keepLog(ctx, call, patience)
	}
	close(done)
	stop(nil)
	others.Wait()
	var err error
	if o.Value, err = event.Canonical(o.Value); err != nil {
		o = event.Failure(event.Errorf(event.OutputError, "%s", err))
	}
	if why != nil {
		o = event.Outcome{Status: event.Cancelled, Extra: o.Extra} // whatever it says of its end
	}
	return o, why
}

// prepare is what j comes to on this worker.
func (h *hand) prepare(j job, secrets *mask.Set) (*kind.Kind, kind.Call, *event.Error) {
	i := slices.IndexFunc(h.kinds, func(k *kind.Kind) bool { return k.Name == j.Kind })
	if i < 0 || h.kinds[i].Run == nil {
		return nil, kind.Call{}, event.Errorf(event.StartError, "the worker %s does not know how to %s", h.name, j.Kind)
	}
	k := h.kinds[i]
	if h.allowed != nil && !k.Probe && !slices.Contains(h.allowed, k.Name) {
		return nil, kind.Call{}, event.Errorf(event.StartError, "the worker %s carries out no %s: it was started with --allow %s", h.name, k.Name, strings.Join(h.allowed, ","))
	}
	unset := func(err error) *event.Error {
		var missing []string
		for _, s := range j.Common.Secrets {
			if value, _ := h.secret(s); value == "" {
				missing = append(missing, s.Name)
			}
		}
		if len(missing) == 0 {
			return event.Errorf(event.StartError, "the worker %s: %s", h.name, err)
		}
		return event.Errorf(event.StartError, "it is given a secret that is not set on the worker %s, which lacks %s", h.name, strings.Join(missing, ", "))
	}
	call := kind.Call{
		Dir: filepath.Join(h.folder, filepath.FromSlash(j.Place.Dir)), Step: j.Step, RunID: j.Common.Run, Attempt: j.Attempt,
	}
	args, err := kernel.ReadValues(j.Args, secrets.Unseal)
	if err != nil {
		return nil, kind.Call{}, unset(err)
	}
	call.Args = args
	own := make([]string, len(j.Place.Env))
	for i, v := range j.Place.Env {
		if own[i], err = secrets.Unseal(v); err != nil {
			return nil, kind.Call{}, unset(err)
		}
	}
	call.Env = h.environment(j, own)
	if j.ReadyLine != "" {
		if call.ReadyLine, err = regexp.Compile(j.ReadyLine); err != nil {
			return nil, kind.Call{}, event.Errorf(event.StartError, "%s", err)
		}
	}
	if d, err := time.ParseDuration(j.Common.Grace); err == nil && d > 0 {
		k = steps.WithGrace([]*kind.Kind{k}, d)[0]
	}
	return k, call, nil
}

// environment is the worker's, without what is not for steps, and own over it. Each name is in it once.
func (h *hand) environment(j job, own []string) []string {
	drop := map[string]bool{}
	for _, name := range j.Place.Without {
		drop[name] = true
	}
	for _, s := range j.Common.Secrets {
		drop[s.Name] = true
	}
	for _, v := range own {
		name, _, _ := strings.Cut(v, "=")
		drop[name] = true
	}
	var list []string
	for _, v := range h.env {
		if name, _, _ := strings.Cut(v, "="); !drop[name] {
			list = append(list, v)
		}
	}
	return append(list, own...)
}

// watch gives signs of life until the work is done, and stops it: when its limit expires, when it is told to, and when the worker
// gives it up or is not heard by the server any more, which will then have somebody else begin it.
func (h *hand) watch(ctx context.Context, j job, output *teller, stop context.CancelCauseFunc, kill func(), done <-chan struct{}) {
	var limit <-chan time.Time
	if j.Limit > 0 {
		t := time.NewTimer(j.Limit)
		defer t.Stop()
		limit = t.C
	}
	token := activity.GetInfo(ctx).TaskToken
	h.fence.begin(token)
	defer h.fence.end(token)
	beat := time.NewTicker(pulse)
	defer beat.Stop()
	told, now := ctx.Done(), h.now
	for { // work that is over within a pulse costs the server no sign of life
		select {
		case <-done:
			return
		case <-limit:
			stop(errExpired)
		case <-told:
			told = nil
			stop(errTold)
		case <-now:
			now = nil
			stop(errGone)
			kill()
		case <-beat.C:
			activity.RecordHeartbeat(ctx, output.sign(h.name)...)
			if h.fence.cut(token) {
				stop(errGone)
				kill()
			}
			if told == nil && h.killed(ctx, j) {
				kill()
			}
		}
	}
}

// killed says whether a job that was told to stop shall end at once.
func (h *hand) killed(ctx context.Context, j job) bool {
	if h.client == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pulse)
	defer cancel()
	var yes bool
	answer, err := h.client.QueryWorkflow(ctx, j.Common.Run, "", queryKilled, j.Leaf)
	return err == nil && answer.Get(&yes) == nil && yes
}

// ask asks whether the service of which probe is the probe is ready, until ctx is done.
func (h *hand) ask(ctx context.Context, probe job, secrets *mask.Set, temp func() (string, error)) {
	k, call, problem := h.prepare(probe, secrets)
	o := event.Outcome{}
	if problem != nil {
		o = event.Failure(problem)
	} else {
		call.Kill, call.Temp = make(chan struct{}), temp
		call.Output = kind.Output{Say: func(string, string) {}, Skip: func(string, int64) {}, Mask: secrets}
		o = k.Run(ctx, call)
	}
	if ctx.Err() == nil {
		h.tell(ctx, probe.Common.Run, readyNote{Leaf: probe.Leaf, Step: probe.Step, Outcome: outcomeIn(o, nil, secrets.Seal)})
	}
}

// tell tells the workflow, again and again until it is told or nobody wants to know.
func (h *hand) tell(ctx context.Context, run string, n readyNote) {
	for h.client != nil && h.client.SignalWorkflow(ctx, run, "", signalReady, n) != nil {
		if sleep(ctx, pulse) != nil {
			return
		}
	}
}
