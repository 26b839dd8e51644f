package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// last is what a command line calls the last run of this folder.
const last = "last"

// place is where a run left its folder.
type place struct{ state, id string }

// placesOf are all runs below the folder of --state-dir, or those of this user, the newest first.
func (s *session) placesOf(dir string) ([]place, error) {
	states, err := s.states(dir)
	if err != nil {
		return nil, err
	}
	var all []place
	for _, state := range states {
		ids, err := journal.IDs(state)
		if err != nil {
			return nil, fault{err}
		}
		for _, id := range ids {
			all = append(all, place{state, id})
		}
	}
	slices.SortStableFunc(all, func(a, b place) int { return cmp.Compare(b.id, a.id) })
	return all, nil
}

// states are the folders in which this user's runs have theirs: the one of --state-dir, or that of the user, and the one among
// the temporary files when that cannot be written. Those that are not there are left out.
func (s *session) states(dir string) ([]string, error) {
	if dir != "" {
		dir, err := filepath.Abs(dir)
		if err == nil {
			err = safe(dir)
		}
		if err != nil {
			return nil, fault{fmt.Errorf("--%s: %w", flagState, err)}
		}
		return []string{dir}, nil
	}
	var found []string
	dir, err := s.userState()
	if err == nil {
		err = safe(dir)
	}
	if none := (*unsafeError)(nil); errors.As(err, &none) {
		return nil, fault{err}
	}
	if err == nil {
		found = append(found, dir)
		err = access(dir)
	}
	if temp := tempState(); err != nil && safe(temp) == nil {
		found = append(found, temp)
	}
	return found, nil
}

// runOf is the run that a command is about. One beyond this machine is reached as the command line says, if it does.
func (s *session) runOf(c *cli.Context) (*journal.Run, error) {
	r, err := s.named(c)
	if err != nil || r.Header.Command.Engine == nil {
		return r, err
	}
	return r, relink(c, r.Header.Command.Engine)
}

// named is the run that the first argument names, by the begin or the end of its id; without one, or with `last`, it is the last
// one of this folder.
func (s *session) named(c *cli.Context) (*journal.Run, error) {
	if isRemote(c) && c.String(flagState) != "" { // it may get its first run
		if _, err := s.state(c); err != nil {
			return nil, err
		}
	}
	places, err := s.placesOf(c.String(flagState))
	if err != nil {
		return nil, err
	}
	name := c.Args().First()
	if c.NArg() == 0 || name == last {
		return lastHere(places)
	}
	if name == "" { // a variable of a script that is not set is not the last run: it could be cancelled
		return nil, usage("flowrun history lists runs", "the RUN is empty")
	}
	var fit []place
	for _, p := range places {
		if id := strings.ToUpper(name); strings.HasPrefix(p.id, id) || strings.HasSuffix(p.id, id) {
			fit = append(fit, p)
		}
	}
	switch len(fit) {
	case 1:
		return journal.Look(fit[0].state, fit[0].id), nil
	case 0:
		if isRemote(c) {
			return s.fetched(c, name)
		}
		hint := nearRun(name, places)
		if hint == "" && journal.IsID(strings.ToUpper(name)) {
			hint = fmt.Sprintf("flowrun %s %s --%s %s finds it if it was begun there", c.Command.Name, name, flagEngine, engineTemporal)
		}
		return nil, usage(cmp.Or(hint, "flowrun history lists runs"), "there is no run %s", shown(name))
	}
	var ids []string
	for _, p := range fit[:min(len(fit), 3)] {
		ids = append(ids, p.id)
	}
	more := ""
	if len(fit) > len(ids) {
		more = fmt.Sprintf(" and %d more", len(fit)-len(ids))
	}
	return nil, usage("write more of the id", "%s is the begin or the end of %s%s", shown(name), strings.Join(ids, ", "), more)
}

// nearRun is a hint at the run that was meant; "": it is none that is known here.
func nearRun(name string, places []place) string {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.id
	}
	if near := diag.Nearest(strings.ToUpper(name), ids); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// lastHere is the newest run that was begun in this folder, or is of a workflow in it.
func lastHere(places []place) (*journal.Run, error) {
	here, err := os.Getwd()
	if err != nil {
		return nil, fault{err}
	}
	for _, p := range places {
		if r := journal.Look(p.state, p.id); r.Here(here) {
			return r, nil
		}
	}
	return nil, usage("flowrun history lists all runs", "no run was begun in this folder, or is of a workflow in it")
}

// told says why nothing can be told of a run; nil if there is no reason.
func told(r *journal.Run) error {
	if r.State != journal.Unknown {
		return nil
	}
	if errors.Is(r.Problem, fs.ErrNotExist) {
		return fault{fmt.Errorf("run %s has no journal: it was not begun, or by an older flowrun", r.ID)}
	}
	return fault{r.Problem}
}
