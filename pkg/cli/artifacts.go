package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/artifact"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/runs"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

func artifactsCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "artifacts",
		Category:  groupLook,
		Usage:     "list the files that the steps of a run have kept, or get them",
		UsageText: "flowrun artifacts [flags] [RUN] [STEP]",
		Description: `flowrun artifacts                     those of the last run of this folder
flowrun artifacts last build          of a step and all in it
flowrun artifacts last --to out       puts them into out/, at their paths`,
		Flags: append([]cli.Flag{
			textFlag(flagTo, "", "DIR", "the folder to put them in; it is made if need be"),
			stateFlag(),
		}, lookFlags()...),
		Action: func(c *cli.Context) error { return s.artifacts(c) },
	}
}

func (s *session) artifacts(c *cli.Context) error {
	if c.NArg() > 2 {
		return usage("", "artifacts takes a RUN and a STEP, not %d words", c.NArg())
	}
	if err := s.enter(c); err != nil {
		return err
	}
	r, err := s.runNow(c)
	if err != nil {
		return err
	}
	if err := told(r); err != nil {
		return err
	}
	step := c.Args().Get(1)
	list, paths, err := runs.Artifacts(r, step)
	switch {
	case errors.Is(err, runs.ErrNoStep):
		return usage(nearStep(step, paths), "no step %s has begun in run %s", shown(step), r.ID)
	case err != nil:
		return fault{err}
	case c.IsSet(flagTo):
		store, err := s.keptOf(c.Context, r)
		if err != nil {
			return err
		}
		return s.fetch(c.Context, store, list, c.String(flagTo))
	case len(list) == 0:
		fmt.Fprintln(s.Stdout, "nothing was kept: files that a step names under artifacts are")
		return nil
	}
	io.WriteString(s.Stdout, plain.Inert(runs.ArtifactTable(list)))
	return nil
}

// keptOf is where the steps of a run have kept their files: in its folder, or in the store of the workers.
func (s *session) keptOf(ctx context.Context, r *journal.Run) (kind.Store, error) {
	engine := r.Header.Command.Engine
	switch {
	case engine == nil:
		return artifact.Folder(func() (string, error) { return r.Folder, nil }, false), nil
	case engine.Store == "":
		return nil, usage("--store names that of the workers", "the files of run %s are in a store, and it is not known in which", r.ID)
	}
	if err := s.present(); err != nil {
		return nil, err
	}
	return s.Engine.Store(ctx, s.linkOf(engine), r.ID)
}

// fetch puts files into a folder.
func (s *session) fetch(ctx context.Context, store kind.Store, list []runs.Artifact, to string) error {
	if to == "" {
		return usage("--to . is this one", "--to needs the name of a folder")
	}
	owner := map[string]runs.Artifact{}
	var files []event.Artifact
	for _, a := range list {
		before, twice := owner[a.Path]
		if twice && before.SHA256 != a.SHA256 {
			return usage("name the STEP whose files you want", "%s is of %s and of %s, and not the same", shown(a.Path), shown(before.Step), shown(a.Step))
		}
		if owner[a.Path] = a; !twice {
			files = append(files, a.Artifact)
		}
	}
	err := os.MkdirAll(to, 0o777)
	if err == nil {
		err = artifact.Fetch(ctx, store, to, files)
	}
	if err != nil {
		return fault{err}
	}
	io.WriteString(s.Stdout, plain.Inert(runs.Total(list)+" in "+to+"\n"))
	return nil
}
