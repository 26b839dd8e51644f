package executor_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/local"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/testenv"
)

const remoteFile = `
flowrun: 1
steps:
  - id: talks
    run: ["say 1s one", "say 2s two", "1: exit 3", "after 3s"]
    retry: {attempts: 2, delay: 1s}
  - gather:
      - {id: a, run: ["say 1s x", "after 2s"]}
      - {id: b, echo: "not logged"}
      - {id: c, run: ["after 1s", "exit 4"], except: [{value: handled}]}
`

// talkers are the fakes, which print what their scripts say as they begin.
func talkers() []*kind.Kind {
	out := fakes()
	for _, k := range out {
		if work := k.Run; work != nil {
			k.Run = func(ctx context.Context, call kind.Call) event.Outcome {
				for _, s := range fakeScript(k, call).says {
					call.Output.Say("stdout", s.line+"\n")
				}
				return work(ctx, call)
			}
		}
	}
	return out
}

// recorded is an engine on which a run has gone as recorded.
type recorded struct {
	events []event.Event
	holds  int   // it tells no more than so many before it was told to stop; 0: all
	breaks int   // once it has told so many it is out of reach; 0: never
	deaf   error // of Cancel
	refuse error // of Start

	spec      executor.Spec
	cancels   []string
	cancelled chan struct{}
}

func (r *recorded) Start(_ context.Context, s executor.Spec) error {
	r.spec = s
	return r.refuse
}

func (r *recorded) Spec(context.Context, string) (executor.Spec, error) { return r.spec, nil }

func (r *recorded) Follow(ctx context.Context, run string, after int64, tell func(event.Event)) error {
	if run != "case" {
		return executor.ErrNoRun
	}
	for i, e := range r.events {
		if r.breaks > 0 && i == r.breaks {
			return errors.New("connection refused")
		}
		if r.holds > 0 && i == r.holds {
			select {
			case <-r.cancelled:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if e.Seq > after {
			tell(e)
		}
	}
	return nil
}

func (r *recorded) Cancel(_ context.Context, _ string, why event.Cause, kill bool) error {
	if kill {
		r.cancels = append(r.cancels, "kill")
	} else {
		r.cancels = append(r.cancels, why.String())
	}
	if r.deaf == nil && r.cancelled != nil {
		close(r.cancelled)
		r.cancelled = nil
	}
	return r.deaf
}

// remoteCase is a run of a file, as recorded, and what it takes to run it elsewhere.
type remoteCase struct {
	*ran
	opt executor.Options
}

func newRemoteCase(t *testing.T, src string, run func(*testing.T, *ran)) *remoteCase {
	t.Helper()
	p := compileWith(t, talkers(), "flow.yaml", []byte(src), nil)
	here := t.TempDir()
	c := &remoteCase{ran: &ran{plan: p}, opt: executor.Options{RunID: "case", Env: []string{}, Keep: journal.Keep{
		Folder:  journal.Of(t.TempDir(), "case"),
		Command: journal.Command{Folder: here, Engine: &journal.Engine{Name: "told"}},
		Sources: []journal.Source{{Name: "flow.yaml", Path: filepath.Join(here, "flow.yaml"), Text: []byte(src)}},
	}}}
	if run == nil {
		c.ran = onLocal(t, p, nil)
	} else {
		run(t, c.ran)
	}
	return c
}

func (c *remoteCase) look() *journal.Run {
	return journal.Look(filepath.Dir(filepath.Dir(c.opt.Keep.Folder)), "case")
}

// kept are the events of the run's folder, with their texts, in lines.
func (c *remoteCase) kept(t *testing.T) (lines []string) {
	t.Helper()
	in, err := journal.Open(c.opt.Keep.Folder)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	texts := journal.NewTexts(c.opt.Keep.Folder)
	for {
		e, err := in.Next()
		if err == io.EOF {
			return lines
		}
		if err == nil {
			e, err = texts.Text(e)
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, asJSON(t, e))
	}
}

func asJSON(t *testing.T, e event.Event) string {
	t.Helper()
	e.Log, e.Bytes = "", 0
	b, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRunRemote: a run elsewhere gives the result, and leaves the folder, that it would here.
func TestRunRemote(t *testing.T) {
	c := newRemoteCase(t, remoteFile, nil)
	remote := &recorded{events: c.events}
	var seen []string
	c.opt.Observe = []func(event.Event){func(e event.Event) { seen = append(seen, asJSON(t, e)) }}
	result, err := executor.RunRemote(context.Background(), c.plan, fakes(), c.opt, remote, nil)
	if err != nil {
		t.Fatal(err)
	}
	var here *executor.Result
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(start))
		if here, err = executor.Run(context.Background(), c.plan, executor.Options{RunID: "case", Env: []string{}}); err != nil {
			t.Fatal(err)
		}
	})
	if diff := gocmp.Diff(document(t, here, nil), document(t, result, nil)); diff != "" {
		t.Error(diff)
	}
	if diff := gocmp.Diff(seen, c.kept(t)); diff != "" {
		t.Error(diff)
	}
	if r := c.look(); r.Word() != "succeeded" {
		t.Error(r.Word(), r.Problem)
	}
	for name, want := range map[string]string{"talks/1.stdout": "one\ntwo\n", "talks/2.stdout": "one\ntwo\n", "a/1.stdout": "x\n"} {
		if b, err := os.ReadFile(filepath.Join(c.look().Logs(), name)); string(b) != want {
			t.Errorf("%s: %q %v", name, b, err)
		}
	}
	if remote.spec.Run != "case" || len(remote.spec.Files) != 1 || remote.spec.Files[0].Path != "flow.yaml" {
		t.Errorf("%+v", remote.spec)
	}
}

// TestFollow: whenever the engine gets out of reach, the run can be followed again, as if nothing had been.
func TestFollow(t *testing.T) {
	whole := newRemoteCase(t, remoteFile, nil)
	for n := 1; n < len(whole.events); n++ {
		c := newRemoteCase(t, remoteFile, func(_ *testing.T, r *ran) { r.events = whole.events })
		result, err := executor.RunRemote(context.Background(), c.plan, fakes(), c.opt, &recorded{events: c.events, breaks: n}, nil)
		var left *executor.LeftError
		if result != nil || !errors.As(err, &left) || err.Error() != "connection refused" {
			t.Fatalf("%d: %v %v", n, result, err)
		}
		if r := c.look(); r.Word() != "detached" {
			t.Fatalf("%d: %s %v", n, r.Word(), r.Problem)
		}
		if n%2 == 0 { // a text that was written before its event
			if logs, _ := filepath.Glob(filepath.Join(c.look().Logs(), "*", "*")); len(logs) > 0 {
				f, err := os.OpenFile(logs[len(logs)-1], os.O_APPEND|os.O_WRONLY, 0)
				if err == nil {
					_, err = f.WriteString("x")
				}
				if err != nil || f.Close() != nil {
					t.Fatal(err)
				}
			}
		}
		var seen []string
		tell := func(e event.Event) { seen = append(seen, asJSON(t, e)) }
		opt := executor.Options{Keep: journal.Keep{Folder: c.opt.Keep.Folder}, Observe: []func(event.Event){tell}}
		past := 0
		opt.Past = []func(event.Event){func(event.Event) { past++ }}
		result, err = executor.Follow(context.Background(), c.plan, opt, &recorded{events: c.events}, nil)
		if err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		if past != n || len(seen) != len(c.events)-n {
			t.Errorf("%d: %d past, %d seen", n, past, len(seen))
		}
		kept := c.kept(t)
		if diff := gocmp.Diff(seen, kept[n:]); diff != "" || c.look().Word() != "succeeded" || result.Root.Status != event.Succeeded {
			t.Errorf("%d: %s %s", n, c.look().Word(), diff)
		}
		if again, err := executor.Follow(context.Background(), c.plan, opt, &recorded{}, nil); err != nil || document(t, again, nil) != document(t, result, nil) {
			t.Errorf("%d: at its end: %v", n, err)
		}
	}
}

// TestRemoteCancel: what the user wants reaches the run; who does not answer is left.
func TestRemoteCancel(t *testing.T) {
	cancelled := func(t *testing.T, r *ran) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(1500*time.Millisecond, func() { cancel(local.Signal{Name: "SIGINT"}) })
			local.Run(ctx, r.plan, local.Options{Kernel: options(r.plan, nil), Observe: func(e event.Event) { r.events = append(r.events, e) }})
		})
	}
	far := errors.New("no route to host")
	for _, c := range []struct {
		name    string
		deaf    error
		mute    bool          // it takes the word, and goes on
		kill    time.Duration // when
		want    string        // the error
		took    time.Duration
		cancels string
	}{
		{name: "it stops", took: time.Second, cancels: "SIGINT"},
		{name: "out of reach", deaf: far, took: time.Second, want: "it cannot be told to stop: no route to host", cancels: "SIGINT"},
		{
			name: "nobody is there", mute: true, kill: 3 * time.Second, took: 8 * time.Second,
			want: "it was told to end at once, and has not ended within 5s: there may be no worker", cancels: "SIGINT kill",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newRemoteCase(t, remoteFile, cancelled)
			synctest.Test(t, func(t *testing.T) {
				remote := &recorded{events: x.events, holds: 4, deaf: c.deaf, cancelled: make(chan struct{})}
				if c.mute {
					remote.cancelled = nil // nobody closes it
				}
				ctx, cancel := context.WithCancelCause(context.Background())
				time.AfterFunc(time.Second, func() { cancel(local.Signal{Name: "SIGINT"}) })
				kill := make(chan struct{})
				if c.kill > 0 {
					time.AfterFunc(c.kill, func() { close(kill) })
				}
				x.opt.Kill = kill
				begin := time.Now()
				result, err := executor.RunRemote(ctx, x.plan, fakes(), x.opt, remote, nil)
				if took := time.Since(begin); took != c.took || strings.Join(remote.cancels, " ") != c.cancels {
					t.Errorf("%s, %q", took, remote.cancels)
				}
				if c.want == "" && (err != nil || result.Exit != executor.ExitInterrupt) || c.want != "" && (err == nil || err.Error() != c.want) {
					t.Errorf("%v %v", result, err)
				}
			})
		})
	}
}

// shelf is a store into which nothing is put.
type shelf struct{ testenv.Shelf }

func (shelf) Put(context.Context, string, io.Reader) error { panic("nothing is put") }

// TestRemoteLogs: of a long output only the end travels; the rest comes from the store, or is said to be missing.
func TestRemoteLogs(t *testing.T) {
	for _, c := range []struct {
		name    string
		store   kind.Store
		log     string
		skipped int64
	}{
		{"stored", shelf{testenv.Shelf{"logs/a/1.stdout": "begin\nthe \xff end\n"}}, "begin\nthe \xff end\n", 6},
		{"no store", nil, "[6 bytes before this are not here: they are in the store of the workers, which --store names]\nthe \ufffd end\n", 0},
		{"lost", shelf{}, "[6 bytes before this are not here: file does not exist]\nthe \ufffd end\n", 0},
		{"shorter than told", shelf{testenv.Shelf{"logs/a/1.stdout": "n"}}, "[6 bytes before this are not here]\nthe \ufffd end\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newRemoteCase(t, `{flowrun: 1, steps: [{id: a, run: ["say 1s x", "say 2s y", "say 3s z", "after 4s"]}]}`, nil)
			i := slices.IndexFunc(x.events, func(e event.Event) bool { return e.Type == event.StepOutput })
			for n, said := range []event.Event{{Skipped: 6}, {Text: "the ", Bytes: 4}, {Text: "\ufffd end\n", Bytes: 6}} {
				e := &x.events[i+n]
				e.Log, e.Skipped, e.Text, e.Bytes = "logs/a/1", said.Skipped, said.Text, said.Bytes
			}
			var seen []event.Event
			x.opt.Observe = []func(event.Event){func(e event.Event) {
				if e.Type == event.StepOutput {
					seen = append(seen, e)
				}
			}}
			if _, err := executor.RunRemote(context.Background(), x.plan, fakes(), x.opt, &recorded{events: x.events}, c.store); err != nil {
				t.Fatal(err)
			}
			if seen[0].Skipped != c.skipped || seen[1].Text != "the " || seen[2].Text != "\ufffd end\n" {
				t.Errorf("%+v", seen)
			}
			b, err := os.ReadFile(filepath.Join(x.look().Logs(), "a", "1.stdout"))
			if string(b) != c.log {
				t.Errorf("%q %v", b, err)
			}
			for n, e := range seen {
				if kept := x.kept(t)[i+n]; kept != asJSON(t, e) {
					t.Errorf("%s\n%s", kept, asJSON(t, e))
				}
			}
		})
	}
}

// TestRemoteSealed: what stands in the place of secrets is shown as stars, and kept so.
func TestRemoteSealed(t *testing.T) {
	x := newRemoteCase(t, `{flowrun: 1, steps: [{id: a, run: ["say 1s end", "after 2s"]}]}`, nil)
	i := slices.IndexFunc(x.events, func(e event.Event) bool { return e.Type == event.StepOutput })
	x.events[i].Text = "token " + mask.Reference(0) + ", and \x1a\x1a\n"
	if _, err := executor.RunRemote(context.Background(), x.plan, fakes(), x.opt, &recorded{events: x.events}, nil); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(x.look().Logs(), "a", "1.stdout"))
	if string(b) != "token ***, and \x1a\n" {
		t.Errorf("%q %v", b, err)
	}
}

// TestRemoteBroken: what cannot be is not taken for the run.
func TestRemoteBroken(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*recorded)
	}{
		{"an event is missing", "its event 4 was told behind event 2", func(r *recorded) { r.events = slices.Delete(r.events, 2, 3) }},
		{"another workflow", "its event 3 is of a step that the workflow does not have", func(r *recorded) { r.events[2].Node = 99 }},
		{"no end", "it has told all that happened, but for the end", func(r *recorded) { r.events = r.events[:4] }},
		{"it does not begin", "no such queue", func(r *recorded) { r.refuse = errors.New("no such queue") }},
		{"it may have begun", "no answer", func(r *recorded) {
			r.refuse = &executor.LeftError{Err: errors.New("no answer"), Unsure: true}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newRemoteCase(t, remoteFile, nil)
			remote := &recorded{events: x.events}
			c.change(remote)
			result, err := executor.RunRemote(context.Background(), x.plan, fakes(), x.opt, remote, nil)
			if result != nil || err == nil || err.Error() != c.want {
				t.Errorf("%v %v", result, err)
			}
			_, gone := os.Stat(x.opt.Keep.Folder)
			if (err.Error() == "no such queue") != errors.Is(gone, fs.ErrNotExist) {
				t.Error(gone)
			}
		})
	}
}

// TestAdopt: a run that was begun elsewhere gets a folder, and is followed from its begin.
func TestAdopt(t *testing.T) {
	c := newRemoteCase(t, remoteFile, nil)
	remote := &recorded{events: c.events}
	if err := executor.StartRemote(context.Background(), c.plan, fakes(), c.opt, remote); err != nil {
		t.Fatal(err)
	}
	if r := c.look(); r.Word() != "detached" || r.Header.Command.Engine.Name != "told" {
		t.Fatal(r.Word(), r.Problem)
	}
	p, err := remote.spec.Plan(fakes())
	if err != nil {
		t.Fatal(err)
	}
	c.opt.Keep.Folder = journal.Of(t.TempDir(), "case")
	if err := executor.Adopt(remote.spec, p, c.opt); err != nil {
		t.Fatal(err)
	}
	if _, err := executor.Follow(context.Background(), p, executor.Options{Keep: c.opt.Keep}, remote, nil); err != nil {
		t.Fatal(err)
	}
	if r := c.look(); r.Word() != "succeeded" {
		t.Error(r.Word(), r.Problem)
	}
}
