package ui

import (
	"net/http"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/page"
)

// Most is how many runs are listed.
const Most = 200

// rows are those of the list.
func (s *Server) rows() (string, error) {
	list, err := s.List()
	if err != nil {
		return "", err
	}
	var entries []page.Entry
	for _, r := range list[:min(len(list), Most)] {
		e := page.Entry{ID: r.ID, State: r.Word()}
		if r.State == journal.Unknown {
			e.Problem = r.Problem.Error()
		} else {
			e.File, e.Workflow, e.Began, e.Took = r.Header.File, r.Header.Workflow, r.Header.Start, r.Took.Truncate(time.Second)
			if r.State != journal.Live {
				e.Took = r.Took
			}
		}
		entries = append(entries, e)
	}
	return page.Rows(entries), nil
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	rows, err := s.rows()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.List(w, rows) // who asked may have gone
}

// follow sends the rows of the list when they change.
func (s *Server) follow(w http.ResponseWriter, r *http.Request) {
	send := streamTo(w)
	tick := time.NewTicker(4 * s.every)
	defer tick.Stop()
	for id, last := int64(0), ""; ; {
		rows, err := s.rows()
		if err == nil && rows != last {
			id++
			if err = send(id, rows); err != nil {
				return
			}
			last = rows
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}
