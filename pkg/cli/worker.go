package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

func workerCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "worker",
		Category:  groupRun,
		Usage:     "carry out steps of runs with --engine temporal",
		UsageText: "flowrun worker [flags]",
		Description: `flowrun worker                             in this folder, until Ctrl-C
flowrun worker --queue gpu --slots 1       of steps with queue: gpu, one at a time
flowrun worker --allow http                only requests, and no processes`,
		Flags: append(append([]cli.Flag{
			queueFlag(),
			textFlag(flagAllow, "", "KINDS", "only these kinds of steps, as run,http; else all"),
			&cli.IntFlag{Name: flagSlots, Usage: "`N` at most so many steps at once"},
			textFlag(flagDir, "", "DIR", "in the place of the folder in which runs are started; else the current one"),
		}, linkFlags()...), commonFlags()...),
		Action: func(c *cli.Context) error { return s.worker(c) },
	}
}

func (s *session) worker(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage("", "worker takes no argument, not %s", shown(c.Args().First()))
	}
	var allow []string
	if c.IsSet(flagAllow) {
		var err error
		if allow, err = allowed(c.String(flagAllow)); err != nil {
			return err
		}
	}
	if err := s.present(); err != nil {
		return err
	}
	if err := s.enter(c); err != nil {
		return err
	}
	folder, err := filepath.Abs(cmp.Or(c.String(flagDir), "."))
	if err != nil {
		return fault{err}
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return usage("name the folder that stands in the place of the one in which runs are started", "--%s: %s is no folder", flagDir, shown(c.String(flagDir)))
	}
	engine, err := s.engineOf(c)
	if err != nil {
		return err
	}
	return s.work(Worker{
		Link: s.linkOf(engine), Folder: folder, Allow: allow, Slots: c.Int(flagSlots), Env: inherited(c.App, s.Env), Log: inertLines{s.Stderr},
	})
}

// work works until the first signal, and until what is at work then has ended, or the second, or the process above is killed: nobody
// would then see to the processes of steps if this one is killed, too.
func (s *session) work(w Worker) error {
	ctx, kill, stop := s.signals(context.Background(), nil, s.Stderr, signalWords{
		first: "taking no more steps, and waiting for those at work; once more kills them", second: "killing what is at work",
	})
	defer stop()
	above := process.Supervisor()
	now := make(chan struct{})
	w.Kill = now
	ended := make(chan error, 1)
	go func() { ended <- s.Engine.Work(ctx, w) }()
	for told := ctx.Done(); ; {
		select {
		case err := <-ended:
			return err
		case <-told:
			told = nil
			if process.Supervisor() == above {
				continue
			}
			fmt.Fprintln(s.Stderr, "flowrun: the process above was killed: killing what is at work")
		case <-kill:
		}
		break
	}
	close(now)
	s.code = executor.ExitInterrupt
	select {
	case err := <-ended:
		return err
	case <-time.After(patience): // what is at work dies with this process
		return nil
	}
}

// inherited is env without the settings of flowrun and of the engine.
func inherited(app *cli.App, env []string) []string {
	settings := map[string]bool{}
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			settings[variable(f.Names()[0])] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return settings[name] || strings.HasPrefix(name, enginePrefix)
	})
}

// allowed are the kinds that --allow names. No name at all is a mistake, as of a variable in a script that is not set: it never
// means all.
func allowed(text string) ([]string, error) {
	var known, list []string
	for _, k := range steps.Builtin() {
		if k.Run != nil && !k.Probe {
			known = append(known, k.Name)
		}
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(known, name) {
			return nil, usage(diag.Suggest(name, known), "--%s: workers carry out no steps of kind %s", flagAllow, shown(name))
		}
		list = append(list, name)
	}
	return list, nil
}

// inertLines passes text on in which no line drives a terminal or a CI: it tells of steps of others.
type inertLines struct{ w io.Writer }

// Write implements io.Writer.
func (i inertLines) Write(b []byte) (int, error) {
	if _, err := io.WriteString(i.w, plain.Inert(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
