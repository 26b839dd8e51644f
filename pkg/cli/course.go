package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/compare"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// course is how a run goes on.
type course struct {
	plan    *plan.Plan
	sources []journal.Source // of plan
	old     *plan.Plan       // of the take that there is
	changes []compare.Change // from old to plan, that the user accepts
	retake  bool             // in a new take, else in the one that there is
}

// courseOf is how r goes on with the files that there are, and with what the flags say. What is nothing to go on with is an error;
// nil: there is nothing to do, which is said.
func (s *session) courseOf(c *cli.Context, r *journal.Run) (*course, error) {
	accept, original, failed := c.Bool(flagAccept), c.Bool(flagOriginal), c.Bool(flagFailed)
	if accept && original {
		return nil, usage("", "--%s and --%s do not go together", flagAccept, flagOriginal)
	}
	if err := resumable(r, accept || failed); err != nil {
		return nil, err
	}
	x, err := s.filesOf(r, accept, original)
	if err != nil {
		return nil, err
	}
	x.retake = failed || len(x.changes) > 0
	good := r.State == journal.Ended && r.Lost == "" && r.Word() != "failed" && r.Word() != "cancelled"
	switch {
	case len(x.changes) > 0:
	case failed && good:
		fmt.Fprintf(s.Stdout, "run %s has %s: nothing failed, and nothing runs again\n", r.ID, ended(r))
		return nil, nil
	case !failed && r.State == journal.Ended && r.Lost == "":
		hint := ""
		if !good {
			hint = "flowrun resume " + r.ID + " --failed runs again what failed"
		}
		return nil, usage(hint, "%s is as it was when run %s began", quote(r.Header.File), r.ID)
	}
	return x, nil
}

// filesOf is what there is of the files of r: what was kept of them, and what they are now.
func (s *session) filesOf(r *journal.Run, accept, original bool) (*course, error) {
	was, err := r.Sources()
	if err != nil {
		return nil, fault{err}
	}
	now, p, wrong := s.filesNow(r)
	gone := errors.Is(wrong, fs.ErrNotExist)
	same := func(a, b journal.Source) bool { return a.Name == b.Name && bytes.Equal(a.Text, b.Text) }
	switch {
	case accept && wrong != nil:
		return nil, unreadable(wrong)
	case wrong == nil && slices.EqualFunc(was, now, same):
		return &course{plan: p, old: p, sources: now}, nil
	}
	kept, err := s.keptPlan(r, was)
	if err != nil {
		return nil, err
	}
	x := &course{plan: kept, old: kept, sources: was}
	if original || gone {
		return x, nil
	}
	if wrong != nil {
		return nil, usage(fmt.Sprintf("flowrun resume %s --%s goes on with it as it was", r.ID, flagOriginal),
			"%s is not as it was when run %s began, and is not right: %s", quote(r.Header.File), r.ID, unreadable(wrong))
	}
	changes := compare.Plans(kept, p)
	switch {
	case len(changes) == 0: // of meaning
		return x, nil
	case accept:
		return &course{plan: p, old: kept, sources: now, changes: changes}, nil
	}
	return nil, usage("", "%s is not as it was when run %s began:\n%s\n"+
		"flowrun resume %s --%s goes on with it as it is, and keeps what did not change\n"+
		"flowrun resume %s --%s goes on with it as it was",
		quote(r.Header.File), r.ID, compare.Text(changes), r.ID, flagAccept, r.ID, flagOriginal)
}

// filesNow loads the files of r as they are now. The error is fs.ErrNotExist where there is none.
func (s *session) filesNow(r *journal.Run) ([]journal.Source, *plan.Plan, error) {
	if r.Header.File == "-" || len(r.Header.Files) == 0 {
		return nil, nil, fs.ErrNotExist
	}
	if _, err := os.Stat(r.Header.File); err != nil {
		return nil, nil, err
	}
	opt := loading(r)
	opt.Source = s.source
	p, err := executor.Load(r.Header.File, opt)
	if err != nil {
		return nil, nil, err
	}
	for i := range s.files {
		if s.files[i].Path, err = filepath.Abs(s.files[i].Name); err != nil {
			return nil, nil, err
		}
	}
	return s.files, p, nil
}

// loading says how the command line of r had its files loaded.
func loading(r *journal.Run) executor.LoadOptions {
	command := r.Header.Command
	return executor.LoadOptions{Kinds: kindsOf(command.Grace), EnvFiles: command.EnvFiles, Jobs: command.Jobs, Room: command.Room}
}

// keptPlan compiles files that r has kept.
func (s *session) keptPlan(r *journal.Run, files []journal.Source) (*plan.Plan, error) {
	opt := loading(r)
	opt.Dotenv = true
	p, err := executor.Reload(moved(files), opt)
	if err != nil {
		return nil, unreadable(err)
	}
	return p, nil
}

// moved are files where they are now: below the current folder, if that of the workflow is not there, as on another machine.
func moved(files []journal.Source) []journal.Source {
	home := filepath.Dir(files[0].Path)
	if _, err := os.Stat(home); err == nil {
		return files
	}
	here, err := os.Getwd()
	if err != nil {
		return files
	}
	files = slices.Clone(files)
	for i, f := range files {
		if below, err := filepath.Rel(home, f.Path); err == nil {
			files[i].Path = filepath.Join(here, below)
		}
	}
	return files
}

// earlier is what is to be known of the take before.
func (s *session) earlier(r *journal.Run, x *course) (executor.Earlier, error) {
	if x.retake {
		return executor.Earlier{Plan: x.old, Changed: before(x.changes)}, nil
	}
	take := r.Header.Number() - 1
	if take == 0 {
		return executor.Earlier{}, nil
	}
	in, err := journal.OpenTake(r.Folder, take)
	if err != nil {
		return executor.Earlier{}, fault{err}
	}
	defer in.Close()
	files, err := journal.EarlierSources(r.Folder, in.Header)
	if err != nil {
		return executor.Earlier{}, fault{err}
	}
	old, err := s.keptPlan(r, files)
	if err != nil {
		return executor.Earlier{}, err
	}
	return executor.Earlier{Plan: old, Changed: before(compare.Plans(old, x.plan))}, nil
}

// before are the steps of changes as they were.
func before(changes []compare.Change) (list []*plan.Step) {
	for _, c := range changes {
		if c.Old != nil {
			list = append(list, c.Old)
		}
	}
	return list
}

// tell says what a new take keeps: before it begins, or at its end where that depends on what comes out of what was changed.
func (x *course) tell(w io.Writer, id string) func(kept, again int) {
	if len(x.changes) == 0 {
		return func(kept, again int) {
			fmt.Fprintf(w, "run %s: %s kept, %d to run\n", id, count(kept, "result"), again)
		}
	}
	io.WriteString(w, plain.Inert(compare.Text(x.changes))+"\n")
	return func(kept, again int) {
		fmt.Fprintf(w, "run %s: %s kept, %d came anew\n", id, count(kept, "result"), again)
	}
}
