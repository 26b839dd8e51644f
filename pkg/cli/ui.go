package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/report/ui"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

func uiCommand(s *session) *cli.Command {
	return &cli.Command{
		Name:      "ui",
		Category:  groupLook,
		Usage:     "show runs in a browser, past ones and those that are going on",
		UsageText: "flowrun ui [flags]",
		Description: `flowrun ui                 print an address on this machine, until Ctrl-C
flowrun ui --open          open it in the browser
flowrun ui --port 8080     always at that port`,
		Flags: append([]cli.Flag{
			&cli.IntFlag{Name: flagPort, Usage: "`N` of 127.0.0.1; else one that is free"},
			boolFlag(flagOpen, "", "open it in the browser of this user"),
			stateFlag(),
		}, commonFlags()...),
		Action: func(c *cli.Context) error { return s.ui(c) },
	}
}

func (s *session) ui(c *cli.Context) error {
	if c.NArg() > 0 {
		return usage("the page lists all runs", "ui takes no argument, not %s", shown(c.Args().First()))
	}
	if err := s.enter(c); err != nil {
		return err
	}
	if _, err := s.placesOf(c.String(flagState)); err != nil {
		return err
	}
	port := c.Int(flagPort)
	if port < 0 || port > 65535 {
		return usage("", "--%s: %d is no port", flagPort, port)
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return usage("leave it out to get one that is free", "--%s %d: %s", flagPort, port, reason(err))
	}
	_, at, _ := net.SplitHostPort(l.Addr().String())
	server := ui.New(s.pagesOf(c), at)
	ctx, stop := s.stopped()
	defer stop()
	fmt.Fprintf(s.Stdout, "%s\nCtrl-C ends it\n", server.URL())
	if c.Bool(flagOpen) {
		forget, err := s.browse(server.URL())
		if err != nil {
			fmt.Fprintf(s.Stderr, "flowrun: no browser can be opened: %s\n", plain.Inert(err.Error()))
		} else {
			defer forget()
		}
	}
	if err := server.Serve(ctx, l); err != nil {
		return fault{err}
	}
	return nil
}

// stopped gives a context that the first signal ends. That is how a server ends, and no failure.
func (s *session) stopped() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	if s.Notify == nil {
		return ctx, cancel
	}
	c := make(chan os.Signal, 1)
	release := s.Notify(c)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-c:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-gone
		release()
	}
}

// pagesOf is where the pages have their runs from.
func (s *session) pagesOf(c *cli.Context) ui.Source {
	dir := c.String(flagState)
	return ui.Source{
		List: func() ([]*journal.Run, error) {
			places, err := s.placesOf(dir)
			if err != nil {
				return nil, err
			}
			var list []*journal.Run
			for _, p := range places[:min(len(places), ui.Most)] {
				list = append(list, journal.Look(p.state, p.id))
			}
			return list, nil
		},
		Find: func(id string) *journal.Run {
			places, err := s.placesOf(dir)
			if err != nil {
				return nil
			}
			for _, p := range places {
				if p.id == id {
					return journal.Look(p.state, p.id)
				}
			}
			return nil
		},
		Model: func(r *journal.Run) (*model.Run, error) {
			p, err := compiled(r)
			if err != nil {
				return nil, err
			}
			return keptModel(r, p), nil
		},
		Cancel: func(r *journal.Run) error { return r.Signal(stopSignal) },
		Resume: func(r *journal.Run) error { return s.resumeApart(r) },
	}
}

// resumeApart resumes a run in a process of its own, which goes on when this one has ended. It waits until the run is
// alive; when the process ends before that, the error is what it has said.
func (s *session) resumeApart(r *journal.Run) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := os.CreateTemp("", "flowrun-resume-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	args := []string{"flowrun", "resume", r.ID, "--state-dir", filepath.Dir(filepath.Dir(r.Folder)), "--color", "never", "-q"}
	if r.State == journal.Ended {
		args = append(args, "--failed")
	}
	p, err := process.Detach(self, args, s.Env, r.Header.Command.Folder, out)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		state, err := p.Wait()
		if err == nil && !state.Success() {
			err = errors.New(state.String())
		}
		ended <- err
	}()
	for begin := time.Now(); time.Since(begin) < patience; {
		select {
		case err := <-ended:
			if now := r.Again(); err == nil || now.Word() != r.Word() || now.Took != r.Took {
				return nil // it went on, and has ended
			}
			b, _ := os.ReadFile(out.Name())
			return errors.New(cmp.Or(strings.TrimSpace(plain.Inert(string(bytes.ToValidUTF8(b, nil)))), err.Error()))
		case <-time.After(20 * time.Millisecond):
			if alive, err := r.Alive(); err == nil && alive {
				return nil
			}
		}
	}
	return nil
}

// browse opens an address in the browser. Whoever lists processes sees the arguments of a program, and the address is a
// secret: so the browser gets a file that leads there, which forget removes.
func (s *session) browse(url string) (forget func(), err error) {
	f, err := os.CreateTemp("", "flowrun-ui-*.html")
	if err != nil {
		return nil, err
	}
	forget = func() { _ = os.Remove(f.Name()) }
	defer f.Close()
	_, err = io.WriteString(f, `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=`+html.EscapeString(url)+`"><title>flowrun</title>`)
	if err == nil {
		err = s.opener(f.Name())
	}
	if err != nil {
		forget()
		return nil, err
	}
	return forget, nil
}

// opener opens a file with the program that this user has for it.
func (s *session) opener(path string) error {
	words := []string{"xdg-open"}
	switch runtime.GOOS {
	case "darwin":
		words = []string{"open"}
	case "windows":
		words = []string{"rundll32.exe", "url.dll,FileProtocolHandler"}
	}
	program, ok := s.program(words[0])
	if !ok {
		return fmt.Errorf("there is no %s", words[0])
	}
	p, err := process.Detach(program, append(words, path), s.Env, "", nil)
	if err != nil {
		return err
	}
	return p.Release()
}

// program is the file of a program in the PATH.
func (s *session) program(name string) (path string, ok bool) {
	if runtime.GOOS == "windows" && filepath.Ext(name) == "" {
		name += ".exe"
	}
	for _, dir := range filepath.SplitList(s.lookup("PATH")) {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && filepath.IsAbs(path) {
			return path, true
		}
	}
	return "", false
}
