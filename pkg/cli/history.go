package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/ndjson"
	"github.com/flowrun/flowrun/pkg/report/runs"
)

func historyCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "history",
		Category:  groupLook,
		Usage:     "list past and present runs, the newest first",
		UsageText: "flowrun history [flags]",
		Description: `flowrun history --since 7d                         those of a week
flowrun history --file ci.yaml --status failed     those of a file that failed
flowrun history --prune 30d                        remove what is older than that`,
		Flags: append([]cli.Flag{
			textFlag(flagFile, "", "FILE", "only runs of that workflow file"),
			newChoice(flagStatus, "", "STATUS", words()...),
			textFlag(flagSince, "", "WHEN", "only runs since then: 90m, 12h, 7d ago, or 2026-01-31"),
			textFlag(flagPrune, "", "WHAT", "remove runs: those older than 30d, or all but the last 100"),
			newChoice(flagFormat, "", "FORMAT", "text", "json: one document"),
			stateFlag(),
		}, commonFlags()...),
		Action: func(c *cli.Context) error { return s.history(c) },
	}
}

// words are those of runs.
func words() []string {
	return []string{"succeeded", "failed", "cancelled", "skipped", "running", "crashed", "detached", "unknown"}
}

func (s *session) history(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage("flowrun show RUN shows one run", "history takes no argument, not %s", shown(c.Args().First()))
	}
	if err := s.enter(c); err != nil {
		return err
	}
	if what := c.String(flagPrune); what != "" {
		return s.prune(c, what, asJSON(c))
	}
	fits, err := filter(c, time.Now())
	if err != nil {
		return err
	}
	places, err := s.placesOf(c.String(flagState))
	if err != nil {
		return err
	}
	var list []*journal.Run
	for _, p := range places {
		if r := journal.Look(p.state, p.id); fits(r) {
			list = append(list, r)
		}
	}
	switch {
	case asJSON(c):
		return s.listing(list)
	case len(list) == 0:
		fmt.Fprintln(s.Stdout, "no runs")
	default:
		io.WriteString(s.Stdout, runs.Table(list))
	}
	return nil
}

// listing prints runs as one document.
func (s *session) listing(list []*journal.Run) error {
	var problem error
	b, err := runs.JSON(list, func(r *journal.Run) runs.Now {
		now, err := nowOf(r)
		problem = cmp.Or(problem, err)
		return now
	})
	if err = cmp.Or(err, problem); err != nil {
		return fault{err}
	}
	ndjson.Inert(s.Stdout).Write(b)
	return nil
}

// asJSON says whether --format is json.
func asJSON(c *cli.Context) bool { return c.String(flagFormat) == "json" }

// filter is what the flags say of the runs that are wanted.
func filter(c *cli.Context, now time.Time) (func(*journal.Run) bool, error) {
	file, status := c.String(flagFile), c.String(flagStatus)
	var since time.Time
	if text := c.String(flagSince); text != "" {
		var err error
		if since, err = when(text, now); err != nil {
			return nil, usage("write 90m, 12h, 7d, or 2026-01-31", "--%s: %s", flagSince, err)
		}
	}
	whole, err := filepath.Abs(file)
	if err != nil {
		return nil, fault{err}
	}
	return func(r *journal.Run) bool {
		known := r.State != journal.Unknown
		switch {
		case status != "" && r.Word() != status:
			return false
		case !since.IsZero() && (!known || r.Header.Start.Before(since)):
			return false
		case file == "":
			return true
		case !known || len(r.Header.Files) == 0:
			return false
		}
		return r.Header.File == file || r.Header.Files[0].Path == whole || filepath.Base(r.Header.File) == file
	}, nil
}

// when reads a time: a day, or so long ago.
func when(text string, now time.Time) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return day, nil
	}
	if d, err := age(text); err == nil {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%s is no time", shown(text))
}

// age reads a duration, which may be in days.
func age(text string) (time.Duration, error) {
	var d time.Duration
	var err error
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		if n > 36500 {
			err = strconv.ErrRange
		}
		d = time.Duration(n) * 24 * time.Hour
	} else {
		d, err = time.ParseDuration(text)
	}
	if err != nil || d <= 0 {
		return 0, errors.New("no duration")
	}
	return d, nil
}

// prune removes runs, but for those that are going on.
func (s *session) prune(c *cli.Context, what string, document bool) error {
	for _, f := range []string{flagFile, flagStatus, flagSince} {
		if c.IsSet(f) {
			return usage("", "--%s and --%s do not go together", flagPrune, f)
		}
	}
	most, notCount := strconv.Atoi(what)
	old, notAge := age(what)
	if (notCount != nil || most < 0) && notAge != nil {
		return usage("write 30d for all that are older, or 100 for all but the last 100", "--%s: %s is neither an age nor a number", flagPrune, shown(what))
	}
	places, err := s.placesOf(c.String(flagState))
	if err != nil {
		return err
	}
	removed := []any{}
	var failed error // the first: what is another user's hinders nobody from removing the rest
	now := time.Now()
	for i, p := range places {
		r := journal.Look(p.state, p.id)
		if notCount == nil && i < most || notCount != nil && !r.Begun().Before(now.Add(-old)) {
			continue
		}
		switch err := r.Remove(); {
		case err == nil:
			removed = append(removed, r.ID)
		case !errors.Is(err, journal.ErrBusy) && !errors.Is(err, fs.ErrNotExist): // another one may prune, too
			failed = cmp.Or(failed, err)
		}
	}
	states, err := s.states(c.String(flagState))
	for _, state := range states {
		err = cmp.Or(err, storeOf(state).Prune())
	}
	failed = cmp.Or(failed, err)
	if document {
		o := event.NewObject(nil)
		o.Int("flowrun", runs.Version)
		o.Value("removed", removed)
		b, err := o.End()
		if err != nil {
			return fault{err}
		}
		ndjson.Inert(s.Stdout).Write(append(b, '\n'))
	} else {
		fmt.Fprintf(s.Stdout, "removed %s\n", count(len(removed), "run"))
	}
	if failed != nil {
		return fault{failed}
	}
	return nil
}
