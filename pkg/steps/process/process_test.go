//go:build unix

package process

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/flowrun/flowrun/pkg/testenv"
)

func TestMain(m *testing.M) {
	testenv.Clean()
	goleak.VerifyTestMain(m)
}

// soon is longer than anything here takes that does not hang.
const soon = time.Minute

// output collects what comes, and a test may wait for a number of lines.
type output struct {
	mu   sync.Mutex
	cond sync.Cond
	buf  bytes.Buffer
}

func newOutput() *output {
	o := &output{}
	o.cond.L = &o.mu
	return o
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cond.Broadcast()
	return o.buf.Write(b)
}

// lines waits for n whole lines.
func (o *output) lines(n int) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	for strings.Count(o.buf.String(), "\n") < n {
		o.cond.Wait()
	}
	return strings.Split(o.buf.String(), "\n")[:n]
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func script(text string, out io.Writer) Spec {
	return Spec{Path: "/bin/sh", Args: []string{"sh", "-c", text}, Env: os.Environ(), Stdout: out, Stderr: io.Discard}
}

// job is a process that a test may end.
type job struct {
	*Process
	signal     string
	grace      time.Duration
	stop, kill chan struct{}
}

func (p *job) Stop() { close(p.stop) }

func (p *job) Kill() { close(p.kill) }

// start starts a process that has that grace.
func start(t *testing.T, spec Spec, grace time.Duration) *job {
	t.Helper()
	p, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	return &job{Process: p, signal: "TERM", grace: grace, stop: make(chan struct{}), kill: make(chan struct{})}
}

// wait fails the test when Wait hangs.
func wait(t *testing.T, p *job) Exit {
	t.Helper()
	late := time.AfterFunc(soon, func() { panic("process: Wait hangs") })
	defer late.Stop()
	return p.Wait(Ending{Stop: p.stop, Signal: p.signal, Grace: p.grace, Kill: p.kill})
}

// lives says whether the process of that number runs; one that only waits for its parent, or is on its way out (the
// kernel's flag PF_EXITING), does not.
func lives(t *testing.T, number string) bool {
	t.Helper()
	pid, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		_, err := os.Stat("/proc/self")
		return err != nil // without /proc the signal's answer stands
	}
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	flags, err := strconv.ParseUint(f[6], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f[0] != "Z" && flags&0x4 == 0
}

func TestExit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"exit 0":           "exit status 0",
		"exit 255":         "exit status 255",
		"kill -TERM $$":    "killed by SIGTERM",
		"kill -SEGV $$":    "killed by SIGSEGV",
		"kill -40 $$":      "killed by SIG40",
		"sleep 0 & exit 7": "exit status 7",
	} {
		if got := wait(t, start(t, script(text, io.Discard), time.Hour)); got.String() != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestStartFails(t *testing.T) {
	for _, path := range []string{"/no/such", "/etc/passwd", "/etc"} {
		if p, err := Start(Spec{Path: path, Args: []string{path}, Stdin: "x", Stdout: io.Discard, Stderr: io.Discard}); err == nil {
			p.Wait(Ending{})
			t.Errorf("%s was started", path)
		}
	}
}

func TestOutputIsWhole(t *testing.T) {
	t.Parallel()
	out := newOutput()
	spec := script("cat; echo e >&2", out)
	errs := newOutput()
	spec.Stderr = errs
	spec.Stdin = strings.Repeat("0123456789abcde\n", 1<<16)
	if exit := wait(t, start(t, spec, time.Hour)); exit.Code != 0 {
		t.Error(exit)
	}
	if out.String() != spec.Stdin || errs.String() != "e\n" {
		t.Errorf("%d bytes came back of %d; stderr %q", len(out.String()), len(spec.Stdin), errs)
	}
}

// slow takes the first piece only when it is told to.
type slow struct {
	io.Writer
	first, free chan struct{}
	once        sync.Once
}

func (s *slow) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.first); <-s.free })
	return s.Writer.Write(b)
}

// A taker that is slower than the process loses nothing of what is in the pipe when the process has gone.
func TestOutputOfASlowTaker(t *testing.T) {
	t.Parallel()
	out := newOutput()
	s := &slow{Writer: out, first: make(chan struct{}), free: make(chan struct{})}
	p := start(t, script("head -c 60000 /dev/zero", s), time.Hour)
	go func() {
		<-s.first
		<-p.ended
		time.AfterFunc(100*time.Millisecond, func() { close(s.free) })
	}()
	wait(t, p)
	if n := len(out.String()); n != 60000 {
		t.Errorf("%d bytes", n)
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		act        func(*job)
		grace      time.Duration
		want       string
	}{
		{"background child", `sleep 1000 & echo $!; exit 3`, nil, 0, "exit status 3"},
		{"many", `for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo $!; exit 0`, nil, 0, "exit status 0"},
		{"child of a child", `sh -c 'sh -c "echo \$\$; exec sleep 1000" & exit' ; while :; do sleep 0.01; done`, (*job).Kill, 0, "killed by SIGKILL"},
		{"ignores HUP", `nohup sleep 1000 & echo $!`, nil, 0, "exit status 0"},
		{"all told to stop", `sleep 1000 & echo $!; wait`, (*job).Stop, time.Minute, "killed by SIGTERM"},
		{"a child that ignores the signal", `sh -c 'trap "" TERM; echo $$; while :; do sleep 1000; done' & wait`, (*job).Stop, 50 * time.Millisecond, "killed by SIGTERM"},
		{"a leader that ignores the signal", `trap "" TERM; sleep 1000 & echo $!; while :; do sleep 1000; done`, (*job).Stop, 50 * time.Millisecond, "killed by SIGKILL"},
		{"killed in its grace", `sh -c 'trap "" TERM; echo $$; while :; do sleep 1000; done' & wait`, func(p *job) {
			p.Stop()
			<-p.ended
			p.Kill()
		}, time.Hour, "killed by SIGTERM"},
		{"killed, and stopped", `trap "echo term" TERM; sleep 1000 & echo $!; while :; do wait; done`, func(p *job) {
			p.Kill()
			p.Stop()
		}, time.Hour, "killed by SIGKILL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := newOutput()
			p := start(t, script(c.text, out), c.grace)
			number := out.lines(1)[0]
			if c.act != nil {
				go c.act(p)
			}
			if got := wait(t, p); got.String() != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if lives(t, number) {
				t.Errorf("process %s lives", number)
			}
		})
	}
}

// The end of the whole tree ends the grace, not the clock.
func TestGraceEndsEarly(t *testing.T) {
	t.Parallel()
	out := newOutput()
	p := start(t, script(`sh -c 'trap "echo bye; exit" TERM; echo ready; while :; do sleep 0.01; done' & wait`, out), time.Hour)
	out.lines(1)
	p.Stop()
	wait(t, p)
	if out.String() != "ready\nbye\n" {
		t.Errorf("output %q", out)
	}
}

// Who has left the group and holds the pipe does not hold the step.
func TestHeldPipe(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("no setsid")
	}
	t.Parallel()
	for name, body := range map[string]string{"silent": "exec sleep 1000", "talks": "while :; do echo x; done"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := newOutput()
			spec := script(`setsid sh -c 'echo $$; `+body+`' & sleep 1000`, out)
			spec.Stdin = strings.Repeat("x", 1<<20) // nobody reads it
			p := start(t, spec, time.Hour)
			number := out.lines(1)[0]
			defer func() {
				pid, _ := strconv.Atoi(number)
				_ = syscall.Kill(-pid, syscall.SIGKILL)
			}()
			p.Kill()
			wait(t, p) // it would hang
		})
	}
}

// A session of its own: no terminal, and a group that the signal of a terminal does not reach.
func TestSession(t *testing.T) {
	t.Parallel()
	out := newOutput()
	p := start(t, script("echo $$; ps -o sid=,pgid= -p $$ || :; cat", out), time.Hour)
	wait(t, p)
	words := strings.Fields(out.String())
	for _, w := range words {
		if w != words[0] {
			t.Errorf("%q, want one number", words)
		}
	}
}

func TestSignal(t *testing.T) {
	for name, want := range map[string]bool{"TERM": true, "INT": true, "WINCH": true, "SIGTERM": false, "term": false, "": false, "BOOM": false} {
		if Signal(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}

func BenchmarkTrue(b *testing.B) {
	path, err := exec.LookPath("true")
	if err != nil {
		b.Skip(err)
	}
	for b.Loop() {
		p, err := Start(Spec{Path: path, Args: []string{"true"}, Stdout: io.Discard, Stderr: io.Discard})
		if err != nil {
			b.Fatal(err)
		}
		p.Wait(Ending{})
	}
}

func BenchmarkOSExec(b *testing.B) {
	for b.Loop() {
		cmd := exec.Command("true")
		cmd.Stdout, cmd.Stderr = &bytes.Buffer{}, &bytes.Buffer{}
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
	}
}
