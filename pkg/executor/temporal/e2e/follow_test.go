//go:build e2e && linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const waiting = `
flowrun: 1
name: waiting
steps:
  - {id: first, run: 'echo "first said it"; echo "and complained" >&2; : >begun'}
  - {id: second, run: 'while ! test -e go; do sleep 0.05; done; echo "second said it"'}
`

// TestDetach: a run that nobody follows goes on. Whoever looks later, from wherever, sees all of it.
func TestDetach(t *testing.T) {
	s := open(t)
	s.write("waiting.yaml", waiting)
	s.worker(nil)
	c := s.types("run", "--engine", "temporal", "--detach", "waiting.yaml")
	id := strings.TrimSpace(c.out)
	if c.code != 0 || len(id) != 26 {
		t.Fatal(c)
	}
	s.until(patience, "first step", func() bool { return s.exists("begun") })
	if c := s.types("status"); !strings.Contains(c.out, id) {
		t.Errorf("the run is not among those that go on\n%s", c)
	}
	follower := s.starts(s.command("resume", id, "--format", "json"))
	elsewhere := s.other()
	other := elsewhere.starts(elsewhere.command("logs", "--engine", "temporal", "-f", id))
	s.write("go", "")
	c = follower.ends()
	if d := s.decode(c); c.code != 0 || d.Run != id || d.Value != "second said it" {
		t.Error(c)
	}
	said := []string{"first said it", "and complained", "second said it"}
	if c := other.ends(); c.code != 0 || !all(c.out+c.errs, said) {
		t.Error(c)
	}
	for _, s := range []*site{s, elsewhere, s.other()} {
		for _, row := range []struct {
			args []string
			want []string
		}{
			{[]string{"show", "--engine", "temporal", id}, append(said, "waiting", "succeeded")},
			{[]string{"logs", "--engine", "temporal", id, "second"}, said[2:]},
			{[]string{"report", "--engine", "temporal", id, "--report", "md=-"}, []string{"waiting", "first", "second"}},
			{[]string{"history"}, []string{id, "succeeded"}},
		} {
			if c := s.types(row.args...); c.code != 0 || !all(c.out, row.want) {
				t.Errorf("wanted %q:\n%s", row.want, c)
			}
		}
	}
}

// TestFollowerKilled: who follows a run is killed; the run goes on, and resume follows it again, without a word twice.
func TestFollowerKilled(t *testing.T) {
	s := open(t)
	s.write("waiting.yaml", waiting)
	s.worker(nil)
	r := s.begins("waiting.yaml")
	s.waits(r, "first step", func() bool { return s.exists("begun") })
	p := process{pid: r.pid, over: r.over}
	p.kill(both)
	s.write("go", "")
	c := s.types("resume", "--format", "json")
	if d := s.decode(c); c.code != 0 || d.Value != "second said it" {
		t.Error(c)
	}
	if c := s.types("logs", s.last()); strings.Count(c.out, "first said it") != 1 {
		t.Error(c)
	}
	if c := s.types("show", s.last()); c.code != 0 || !strings.Contains(c.out, "succeeded") {
		t.Error(c)
	}
}

// TestLive: what a step prints is shown while it works, once, also to who comes later; nothing of that can be read on the way.
func TestLive(t *testing.T) {
	s := open(t)
	s.write("live.yaml", `
flowrun: 1
steps:
  - {id: service, background: true, run: 'echo "it serves"; sleep 600'}
  - {id: talks, run: 'echo "first said it"; : >begun; while ! test -e go; do sleep 0.05; done; echo "second said it"; exit 3'}
`)
	s.write("key", strings.Repeat("a", 64))
	key := filepath.Join(s.dir, "key")
	s.worker(nil, "--key-file", key)
	begins := s.launch(s.command("run", "--engine", "temporal", "-v", "--progress", "plain", "--key-file", key, "live.yaml"))
	said := []string{"service | it serves\n", "talks | first said it\n"}
	early := func(p *process) func() bool { return func() bool { return p.ended() || all(p.said(), said) } }
	s.until(patience, "output of steps at work", early(begins))
	begins.kill(both)
	c, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d, err := c.DescribeWorkflowExecution(t.Context(), s.last(), "")
	if err != nil || len(d.GetPendingActivities()) != 2 {
		t.Fatal(d, err)
	}
	for _, a := range d.GetPendingActivities() {
		for _, p := range a.GetHeartbeatDetails().GetPayloads() {
			if encoding := string(p.GetMetadata()["encoding"]); encoding != "binary/encrypted" {
				t.Errorf("a sign of life has %q: %s", encoding, p.GetData())
			}
		}
	}
	follows := s.launch(s.command("resume", "-v", "--progress", "plain"))
	s.until(patience, "output of steps at work for who comes later", early(follows))
	s.write("go", "")
	s.until(patience, "end", follows.ended)
	text := follows.said()
	for _, line := range append(said, "talks | second said it\n", "✗ failed     talks") {
		if strings.Count(text, line) != 1 {
			t.Errorf("%q is not there, or twice:\n%s", line, text)
		}
	}
	if first, second := strings.Index(text, said[1]), strings.Index(text, "second said it"); first > second {
		t.Error(text)
	}
	if c := s.types("logs", s.last()); c.out != "talks | first said it\ntalks | second said it\nservice | it serves\n" {
		t.Error(c)
	}
}

// TestHandOver: plain flowrun calls flowrun-temporal, with the same arguments and the same exit code, or says how to install it.
func TestHandOver(t *testing.T) {
	s := open(t)
	s.write("fails.yaml", "flowrun: 1\nsteps:\n  - {id: s, run: 'echo $FLOWRUN_STEP; exit 5'}\n")
	s.worker(nil)
	cmd := s.command("run", "--engine", "temporal", "--format", "json", "fails.yaml")
	plain := cmd.Args[0][:len("flowrun")]
	path, err := exec.LookPath(plain)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args[0] = path, plain
	c := s.starts(cmd).ends()
	if d := s.decode(c); c.code != 1 || d.step("s").Status != "failed" {
		t.Error(c)
	}
	cmd = s.command("run", "--engine", "temporal", "fails.yaml")
	cmd.Path, cmd.Args[0] = path, plain
	cmd.Env = append(cmd.Env, "PATH="+t.TempDir())
	if c := s.starts(cmd).ends(); c.code != 2 || !strings.Contains(c.errs, "go install") {
		t.Error(c)
	}
}

// TestNobodyThere: without a server, and without a worker, people are told so.
func TestNobodyThere(t *testing.T) {
	s := open(t)
	s.write("hello.yaml", "flowrun: 1\nsteps:\n  - echo: hello\n")
	cmd := s.command("run", "--engine", "temporal", "hello.yaml")
	cmd.Env = append(cmd.Env, "TEMPORAL_ADDRESS=127.0.0.1:1")
	if c := s.starts(cmd).ends(); c.code != 2 || !strings.Contains(c.errs, "127.0.0.1:1") || !strings.Contains(c.errs, "TEMPORAL_ADDRESS") {
		t.Error(c)
	}
	cmd = s.command("run", "--engine", "temporal", "hello.yaml")
	cmd.Env = append(cmd.Env, "TEMPORAL_NAMESPACE=nowhere")
	if c := s.starts(cmd).ends(); c.code != 2 || !strings.Contains(c.errs, "nowhere") {
		t.Error(c)
	}
	r := s.starts(s.command("run", "--engine", "temporal", "hello.yaml"))
	s.waits(r, "run", func() bool { folders, _ := filepath.Glob(filepath.Join(s.state, "runs", "*")); return len(folders) > 0 })
	s.worker(nil) // it comes late, and not too late
	if c := r.ends(); c.code != 0 || !strings.Contains(c.out, "hello") {
		t.Error(c)
	}
}

// TestQueues: a step goes to the workers of its queue, and to no worker that does not carry out its kind.
func TestQueues(t *testing.T) {
	s := open(t)
	s.write("queues.yaml", `
flowrun: 1
steps:
  - gather:
      - {run: 'echo $WHO'}
      - {run: 'echo $WHO', queue: special}
`)
	s.worker([]string{"WHO=usual"})
	s.worker([]string{"WHO=special"}, "--queue", "special")
	d := s.succeeds("queues.yaml")
	if got, _ := d.Value.([]any); !slices.Equal(got, []any{"usual", "special"}) {
		t.Errorf("%v", d.Value)
	}
	s.worker([]string{"WHO=http"}, "--queue", "careful", "--allow", "http")
	s.write("refused.yaml", "flowrun: 1\nsteps:\n  - {run: 'echo $WHO', queue: careful}\n")
	if d, c := s.runs("refused.yaml"); c.code != 1 || d.Status != "failed" || !strings.Contains(c.out, "allow") {
		t.Error(c)
	}
}

// other is a person at another machine, with another state folder and none of the files.
func (s *site) other() *site {
	s.t.Helper()
	there := *s
	root, err := os.MkdirTemp(filepath.Dir(s.dir), "other-")
	if err != nil {
		s.t.Fatal(err)
	}
	there.dir, there.state = filepath.Join(root, "repository"), filepath.Join(root, "state")
	for _, dir := range []string{there.dir, there.state} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	return &there
}

// all says whether a text has all of these.
func all(text string, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) })
}

// TestTerminated: of a run that was ended in Temporal's own pages nobody says that it goes on, and what it said until then can be read.
func TestTerminated(t *testing.T) {
	s := open(t)
	s.write("waiting.yaml", waiting)
	s.worker(nil)
	id := strings.TrimSpace(s.types("run", "--engine", "temporal", "--detach", "waiting.yaml").out)
	s.until(patience, "first step", func() bool { return s.exists("begun") })
	c, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.TerminateWorkflow(t.Context(), id, "", "enough"); err != nil {
		t.Fatal(err)
	}
	const why = "does not go on: the engine has ended it: it was terminated: enough"
	if c := s.types("status"); c.code != 0 || strings.Contains(c.out, id) || !strings.Contains(c.errs, why) {
		t.Error(c)
	}
	if c := s.types("resume", id); c.code != 3 || !strings.Contains(c.errs, why) {
		t.Error(c)
	}
}
