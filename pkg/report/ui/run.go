package ui

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/page"
)

// reading is a run that is read from its begin, and then as it goes on.
type reading struct {
	run   *journal.Run
	in    *journal.Reader
	texts *journal.Texts
	model *model.Run
	seq   int64
	alive bool // at the last look
	dirty page.Dirty
}

func (s *Server) open(run *journal.Run) (*reading, error) {
	m, err := s.Model(run)
	if err != nil {
		return nil, err
	}
	in, err := journal.Open(run.Folder)
	if err != nil {
		return nil, err
	}
	return &reading{run: run, in: in, texts: journal.NewTexts(run.Folder), model: m, alive: run.State == journal.Live}, nil
}

// take reads what is there.
func (x *reading) take() error {
	for {
		e, err := x.in.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			e, err = x.texts.Text(e)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // a log that was removed
			return err
		}
		if int(e.Node) >= len(x.model.Plan.Steps) {
			return fmt.Errorf("event %d is of a step that the workflow does not have", e.Seq)
		}
		x.model.Observe(e)
		x.seq = e.Seq
		x.dirty.Observe(x.model, e)
	}
}

// live says that more will come. One look after the process has gone finds all that it has written.
func (x *reading) live() bool { return x.alive && x.model.Ended.IsZero() }

// look looks after the process.
func (x *reading) look() (err error) {
	x.alive, err = x.run.Alive()
	if err == nil && !x.alive {
		err = x.take()
		x.model.About.Crashed = x.model.Ended.IsZero()
	}
	return err
}

func (x *reading) served(s *Server) *page.Served {
	return &page.Served{
		At: x.run.ID + "/", Home: "../", Live: x.live(), Now: time.Now(), Seq: x.seq, Resumable: s.resumable(x.run),
	}
}

func (s *Server) page(w http.ResponseWriter, _ *http.Request, run *journal.Run) {
	x, err := s.open(run)
	if err == nil {
		defer x.in.Close()
		err = x.take()
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Write(w, x.model, x.served(s)) // who asked may have gone
}

// events sends the rows that change from an event on, and ends with the run.
func (s *Server) events(w http.ResponseWriter, r *http.Request, run *journal.Run) {
	since, _ := strconv.ParseInt(cmp.Or(r.Header.Get("Last-Event-ID"), r.FormValue("since")), 10, 64)
	x, err := s.open(run)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer x.in.Close()
	x.dirty.Since = since
	send := streamTo(w)
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		if err = x.take(); err == nil {
			err = x.look()
		}
		if err != nil {
			return // what is wrong is told when the page is asked for again
		}
		if update, ok := x.dirty.Update(x.model, x.served(s)); ok {
			if send(x.seq, update) != nil {
				return
			}
		}
		if !x.live() {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}

// streamTo begins a stream of server-sent events.
func streamTo(w http.ResponseWriter) (send func(id int64, v any) error) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	_, _ = io.WriteString(w, "retry: 1000\n\n")
	_ = out.Flush()
	return func(id int64, v any) error {
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", id, b); err != nil {
			return err
		}
		return out.Flush()
	}
}

// log gives a log as it is. A browser shows it as text, whatever is in it.
func (s *Server) log(w http.ResponseWriter, r *http.Request, run *journal.Run) {
	name, stream := r.FormValue("log"), r.FormValue("stream")
	root, err := os.OpenRoot(run.Logs())
	if err != nil {
		http.Error(w, "there are no logs", http.StatusNotFound)
		return
	}
	defer root.Close()
	if strings.Count(name, "/") != 1 || stream != "stdout" && stream != "stderr" {
		http.Error(w, "there is no such log", http.StatusNotFound)
		return
	}
	f, err := root.Open(filepath.FromSlash(name) + "." + stream)
	if err != nil {
		http.Error(w, "there is no such log", http.StatusNotFound)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.Error(w, "there is no such log", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	http.ServeContent(w, r, "", info.ModTime(), f)
}
