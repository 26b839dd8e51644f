package temporal

import (
	"cmp"
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
	"github.com/flowrun/flowrun/pkg/executor/temporal/store"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

// Engine is Temporal as an engine of the flowrun command. It is a cli.Engine.
type Engine struct{}

var _ cli.Engine = Engine{}

// defaultQueue is that of runs and workers of which nobody says another.
const defaultQueue = "flowrun"

// Dial implements cli.Engine.
func (Engine) Dial(ctx context.Context, l cli.Link) (executor.Remote, error) {
	opt, err := link.Options(l)
	if err != nil {
		return nil, err
	}
	c, err := link.Dial(ctx, opt)
	if err != nil {
		return nil, err
	}
	return &Remote{
		Client: c, Data: opt.DataConverter, Namespace: opt.Namespace, Queue: cmp.Or(l.Queue, defaultQueue),
		Indexed: link.Searchable(ctx, c, opt.Namespace) == nil,
		Notice:  l.Notice,
		Explain: func(err error) error { return link.Explain(err, opt) },
	}, nil
}

// Store implements cli.Engine.
func (Engine) Store(ctx context.Context, l cli.Link, run string) (kind.Store, error) {
	keys, err := link.ReadKeys(l)
	if err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, l.Store)
	if err != nil {
		return nil, err
	}
	return keys.Store(s.Run(run), run), nil
}

// Work implements cli.Engine.
func (Engine) Work(ctx context.Context, w cli.Worker) error {
	opt, err := link.Options(w.Link)
	if err != nil {
		return err
	}
	var kept func(run string) kind.Store
	if w.Store != "" {
		s, err := store.Open(ctx, w.Store)
		if err != nil {
			return err
		}
		defer s.Close()
		keys, err := link.ReadKeys(w.Link)
		if err != nil {
			return err
		}
		kept = func(run string) kind.Store { return keys.Store(s.Run(run), run) }
	}
	const most = 1000 // at once, where nobody says how many
	queue := cmp.Or(w.Queue, defaultQueue)
	f := newFence(unheard)
	opt.ConnectionOptions.DialOptions = append(opt.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(f.intercept))
	opt.Logger = link.Logger(w.Log)
	c, err := link.Dial(ctx, opt)
	if err != nil {
		return err
	}
	defer c.Close()
	// Made by workers they are known to all of the server when the first run begins.
	if err := link.Searchable(ctx, c, opt.Namespace); err != nil {
		fmt.Fprintf(w.Log, "flowrun: Temporal's lists of runs do not show how they stand: %s\n", err)
	}
	fmt.Fprintf(w.Log, "flowrun: serving the queue %q of the namespace %q at %s, as %q; Ctrl-C ends it\n", queue, opt.Namespace, opt.HostPort, opt.Identity)
	return link.Explain(Work(ctx, c, f, Worker{
		Queue: queue, Folder: w.Folder, Env: w.Env, Allowed: w.Allow,
		Slots: cmp.Or(w.Slots, min(cmp.Or(process.Room(), most), most)), Name: opt.Identity, Kinds: steps.Builtin(),
		Store: kept, Kill: w.Kill,
	}), opt)
}
