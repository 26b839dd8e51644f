package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// TestLink: a run is looked for where it is, by who the user is now. What he is by is not kept.
func TestLink(t *testing.T) {
	t.Parallel()
	s := &session{System: System{Env: []string{
		"HOME=/h", "TEMPORAL_ADDRESS=other:7233", "TEMPORAL_API_KEY=secret", "TEMPORAL_NAMESPACE=n", "FLOWRUN_QUEUE=q", "TEMPORAL_TLS=true",
	}}}
	e := &journal.Engine{Name: engineTemporal, Env: []string{"TEMPORAL_ADDRESS=this:7233"}, Queue: "gpu", Store: "file:///s", KeyFile: "/k"}
	l := s.linkOf(e)
	if got := strings.Join(l.Env, " "); got != "TEMPORAL_API_KEY=secret TEMPORAL_TLS=true TEMPORAL_ADDRESS=this:7233" {
		t.Error(got)
	}
	if l.Queue != "gpu" || l.Store != "file:///s" || l.KeyFile != "/k" {
		t.Errorf("%+v", l)
	}
	if name := slices.IndexFunc(engineVariables(), func(v string) bool { return strings.Contains(v, "KEY") || strings.Contains(v, "TLS") }); name >= 0 {
		t.Errorf("%s is kept", engineVariables()[name])
	}
}

// TestKeysOnce: a key file may be a pipe, which has nothing more to say to who reads it again.
func TestKeysOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := (&session{}).linkOf(&journal.Engine{KeyFile: path})
	for range 2 {
		if text, err := l.Keys(); string(text) != "key" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
		_ = os.Remove(path)
	}
}

// TestInherited: processes on a worker have nothing of how it was started.
func TestInherited(t *testing.T) {
	t.Parallel()
	env := []string{"HOME=/h", "TEMPORAL_API_KEY=secret", "FLOWRUN_KEY_FILE=/k", "FLOWRUN_STORE=s", "FLOWRUN_PROCESS=1", "FLOWRUN_ENGINE=temporal", "A=1"}
	if got := strings.Join(inherited(newApp(&session{}), env), " "); got != "HOME=/h FLOWRUN_PROCESS=1 A=1" {
		t.Error(got)
	}
}

// quietRemote tells a few events at once, and then for ever what is at work says.
type quietRemote struct {
	executor.Remote
	events int64
}

func (r quietRemote) Follow(ctx context.Context, _ string, after int64, tell func(event.Event)) error {
	for n := after + 1; n <= r.events; n++ {
		tell(event.Event{Seq: n})
	}
	for {
		tell(event.Event{Type: event.StepOutput})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(quietFor / 5):
		}
	}
}

// TestGlance: who looks at a run is told what is new, and not kept waiting.
func TestGlance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		events, known int64
		told          int
		took          time.Duration
	}{
		{"something new", 5, 3, 2, quietFor},
		{"nothing new", 5, 5, 0, quietFor},
		{"nothing at all", 0, 0, 0, silentFor},
		{"it says nothing", 0, 7, 0, silentFor},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told, begin := 0, time.Now()
				g := glance{Remote: quietRemote{events: c.events}, until: context.Background(), silent: silentFor, quiet: quietFor}
				err := g.Follow(context.Background(), "r", c.known, func(e event.Event) { told += int(min(e.Seq, 1)) })
				if took := time.Since(begin); err != errGlance || told != c.told || took != c.took {
					t.Errorf("%v, %d told, %s", err, told, took)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		until, stop := context.WithTimeout(context.Background(), time.Hour)
		defer stop()
		begin := time.Now()
		err := glance{Remote: quietRemote{events: 1}, until: until}.Follow(context.Background(), "r", 0, func(event.Event) {})
		if took := time.Since(begin); err != errGlance || took != time.Hour {
			t.Errorf("%v %s", err, took)
		}
	})
}
