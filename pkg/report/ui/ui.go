// Package ui serves the pages of runs (package page) to a browser on this machine: a list of runs, and each of them, past or
// going on, with what the journal says of it as it comes.
//
//	GET  /TOKEN/                     the runs
//	GET  /TOKEN/list                 their rows, as they change (server-sent events)
//	GET  /TOKEN/runs/RUN             the page of one
//	GET  /TOKEN/runs/RUN/events      its rows, as they change (server-sent events)
//	GET  /TOKEN/runs/RUN/log         a log, as it is
//	POST /TOKEN/runs/RUN/cancel      end it, as `flowrun cancel` does
//	POST /TOKEN/runs/RUN/resume      go on with it, as `flowrun resume` does
//
// Everybody on a machine can reach its ports, and so can every page in every browser on it. So an address has a random token, which
// nobody can guess; a request must name this server as its host, which one that was led here by a name (DNS rebinding)
// does not; nothing is changed by a GET; and a POST must come from a page of this server. No page may be shown in another's frame, and no
// address is told to anybody (Referrer-Policy).
package ui

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/report/model"
)

// Source is where runs come from, and what can be done with them.
type Source struct {
	List   func() ([]*journal.Run, error)         // the newest first
	Find   func(id string) *journal.Run           // nil: there is none
	Model  func(*journal.Run) (*model.Run, error) // with nothing observed
	Cancel func(*journal.Run) error               // tells it to stop, and does not wait
	Resume func(*journal.Run) error               // nil: nothing can be resumed
}

// Server serves pages.
type Server struct {
	Source
	token string
	hosts []string // that a request may name
	every time.Duration
}

// New makes a server for the port at which it will be reached.
func New(s Source, port string) *Server {
	return &Server{Source: s, token: rand.Text(), hosts: []string{net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("localhost", port)}, every: pace}
}

// pace is how often journals are looked at.
const pace = 150 * time.Millisecond

// URL is where the list of runs is.
func (s *Server) URL() string { return "http://" + s.hosts[0] + "/" + s.token + "/" }

// Serve answers until ctx is done.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx }, // so that streams end
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		stopped <- errors.Join(server.Shutdown(end), server.Close())
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped // what is still asked after two seconds is cut off
	return nil
}

// Handler answers requests.
func (s *Server) Handler() http.Handler {
	at := "/" + s.token
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+at+"/{$}", s.list)
	mux.HandleFunc("GET "+at+"/list", s.follow)
	mux.HandleFunc("GET "+at+"/runs/{run}", s.of(s.page))
	mux.HandleFunc("GET "+at+"/runs/{run}/events", s.of(s.events))
	mux.HandleFunc("GET "+at+"/runs/{run}/log", s.of(s.log))
	mux.HandleFunc("POST "+at+"/runs/{run}/cancel", s.of(s.cancel))
	mux.HandleFunc("POST "+at+"/runs/{run}/resume", s.of(s.resume))
	return s.guard(mux)
}

// guard lets through who may come in.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "frame-ancestors 'none'") // the others stand in the pages
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		token, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch {
		case r.Host != s.hosts[0] && r.Host != s.hosts[1]:
			http.Error(w, "this is "+s.hosts[0], http.StatusMisdirectedRequest)
		case subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1:
			http.Error(w, "there is nothing here: take the address that flowrun ui has printed", http.StatusNotFound)
		case r.Method == http.MethodPost && r.Header.Get("Origin") != "http://"+r.Host:
			http.Error(w, "only the pages of this server may ask for that", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// of finds the run that a request is about.
func (s *Server) of(next func(http.ResponseWriter, *http.Request, *journal.Run)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		run := s.Find(r.PathValue("run"))
		switch {
		case run == nil:
			http.Error(w, "there is no such run", http.StatusNotFound)
		case run.State == journal.Unknown:
			http.Error(w, "the run cannot be read: "+run.Problem.Error(), http.StatusInternalServerError)
		default:
			next(w, r, run)
		}
	}
}

func (s *Server) cancel(w http.ResponseWriter, _ *http.Request, run *journal.Run) {
	if run.State != journal.Live {
		http.Error(w, "the run is not going on", http.StatusConflict)
		return
	}
	answer(w, s.Cancel(run), "It is told to stop; its cleanups run.")
}

func (s *Server) resume(w http.ResponseWriter, _ *http.Request, run *journal.Run) {
	if !s.resumable(run) {
		http.Error(w, "the run cannot be resumed: it has "+run.Word(), http.StatusConflict)
		return
	}
	answer(w, s.Resume(run), "It goes on.")
}

// resumable says that there is something left to do.
func (s *Server) resumable(run *journal.Run) bool {
	switch run.Word() {
	case "crashed", "detached":
		return s.Resume != nil
	case "failed", "cancelled":
		return s.Resume != nil && run.Header.Command.Engine == nil
	}
	return false
}

func answer(w http.ResponseWriter, err error, done string) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	_, _ = w.Write([]byte(done + "\n"))
}
