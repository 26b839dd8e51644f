package cli

import (
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/ci"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/tty"
)

// progressFlag says how a run is shown.
func progressFlag() cli.Flag {
	return newChoice(flagProgress, "", "HOW", append([]string{"auto", "tty: a tree that is drawn over", "plain: lines", "none: only the end"}, ci.Names()...)...)
}

// view shows a run.
type view struct {
	lines   *plain.Printer
	recall  []func(event.Event) // what happened before the run was gone on with
	observe []func(event.Event)
	said    io.Writer // for what is to be said meanwhile
	close   func()    // gives the terminal back, however the run has ended
}

// progress makes the view of a run on text.
func (s *session) progress(c *cli.Context, text io.Writer, p *plan.Plan, opt plain.Options, id string) view {
	how := c.String(flagProgress)
	if !s.live(c, how, text) {
		opt.EndOnly, opt.Frame = how == "none", s.frame(how)
		v := view{lines: plain.New(text, p, opt), said: s.Stderr, close: func() {}}
		v.lines.Run().ID = id
		v.recall = []func(event.Event){opt.Past.Observe, v.lines.Recall}
		v.observe = []func(event.Event){opt.Past.Observe, v.lines.Observe}
		if !opt.Quiet && !opt.EndOnly {
			v.close = v.lines.Beat()
		}
		return v
	}
	screen := tty.New(text, p, tty.Options{
		Size: func() (columns, rows int) {
			if !inForeground(text) {
				return 0, 0
			}
			return terminalSize(text)
		},
		Color: opt.Color, ASCII: !s.unicode(), Silent: opt.Quiet, Verbose: opt.Verbose, Run: id, History: opt.Past,
	})
	opt.EndOnly = !opt.Verbose
	lines := plain.New(screen, p, opt)
	lines.Run().ID = id
	unfollow := follow(screen)
	v := view{
		lines: lines,
		// The screen is first: it gives way before the end is written.
		recall:  []func(event.Event){opt.Past.Observe, screen.Recall, lines.Recall},
		observe: []func(event.Event){opt.Past.Observe, screen.Observe, lines.Observe},
		said:    s.Stderr,
		close: func() {
			unfollow()
			screen.Close()
		},
	}
	if isTerminal(s.Stderr) {
		v.said = screen
	}
	return v
}

// frame is how things are set apart in the log of a CI: of that which is named, or by itself of that in whose environment
// flowrun is; nil: there is none.
func (s *session) frame(how string) plain.Frame {
	if how == "" || how == "auto" {
		how = ci.Dialect(s.lookup)
	}
	return ci.Frame(how, s.lookup)
}

// live says whether text is a terminal on which a tree can be drawn, and it is wanted.
func (s *session) live(c *cli.Context, how string, text io.Writer) bool {
	columns, _ := terminalSize(text)
	term := s.lookup("TERM")
	switch {
	case how == "plain", how == "none", s.frame(how) != nil:
		return false
	case columns == 0, !isTerminal(text), term == "", term == "dumb":
		return false
	case c.String(flagFormat) == "ndjson" && isTerminal(s.Stdout): // its lines would stand in the tree
		return false
	case how == "tty":
		return true
	}
	return !c.Bool(flagQuiet) && s.lookup("CI") == "" && s.lookup("NO_COLOR") == ""
}

// unicode says whether the terminal shows more than ASCII.
func (s *session) unicode() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := s.lookup(name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return runtime.GOOS == "darwin" // where programs are started without a locale, and the terminal has all characters
}

// file is the file that w writes to.
func file(w io.Writer) (*os.File, bool) {
	if s, ok := w.(*stream); ok {
		w = s.w
	}
	f, ok := w.(*os.File)
	return f, ok
}
