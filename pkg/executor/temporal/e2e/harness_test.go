//go:build e2e && linux

// Package e2e runs the built commands against a real server: a server for development, and workers as processes of their own. .ci/e2e
// builds the server and runs these tests.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/flowrun/flowrun/pkg/testenv"
)

// serverVariable has the path of the server (.ci/temporal prints it).
const serverVariable = "FLOWRUN_TEMPORAL"

// patience is for what must come to an end and is not held to a time.
const patience = 3 * time.Minute

func TestMain(m *testing.M) {
	if address := os.Getenv(asFloor); address != "" {
		if err := workFloor(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(built(m))
}

// built runs the tests with both commands in PATH.
func built(m *testing.M) int {
	dir, err := os.MkdirTemp("", "flowrun-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir+"/", "github.com/flowrun/flowrun/cmd/flowrun", "github.com/flowrun/flowrun/pkg/executor/temporal/cmd/flowrun-temporal")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", build, err, out)
		return 1
	}
	testenv.Clean()
	os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m.Run()
}

func long() bool { return os.Getenv("FLOWRUN_LONG") != "" }

// site is a server, workers, and the folder of a repository in which people type commands.
type site struct {
	t       testing.TB
	dir     string // workers have the same one
	state   string // the state folder
	mark    string // every process of a step has it in its environment
	port    int
	memory  bool // the server has no file
	server  *process
	started int // processes
}

// open starts a server that has nothing in it yet, and keeps what it has in a file. It is gone when the test ends.
func open(t testing.TB) *site { return openWith(t, false) }

// openWith is open, or with a server that keeps all in its memory: a database in a file has a disk do more than flowrun and the
// server.
func openWith(t testing.TB, memory bool) *site {
	t.Helper()
	if os.Getenv(serverVariable) == "" {
		t.Fatalf("%s is not set: run .ci/e2e", serverVariable)
	}
	// Not below t.TempDir: its paths are long, and the names of the tests are in them.
	dir, err := os.MkdirTemp("", "flowrun-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: filepath.Join(dir, "repository"), state: filepath.Join(dir, "state"), mark: filepath.Base(dir)}
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range s.survivors() {
			t.Logf("left behind: %s", p)
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
		if !t.Failed() {
			_ = os.RemoveAll(dir)
			return
		}
		t.Logf("logs are in %s", dir)
	})
	s.port, s.memory = freePort(t), memory
	s.serve()
	return s
}

// in is the site in a test below that of s.
func (s *site) in(t testing.TB) *site {
	below := *s
	below.t = t
	return &below
}

// freePort is a port for the server, below those that the system gives to whoever asks for any: it stays free until the server has it,
// and when that comes again.
func freePort(t testing.TB) int {
	t.Helper()
	var err error
	for range 100 {
		port := 10_000 + rand.IntN(20_000)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal(err)
	return 0
}

// serve starts the server, again with the data that it had.
func (s *site) serve() {
	s.t.Helper()
	cmd := exec.Command(os.Getenv(serverVariable), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", fmt.Sprint(s.port),
		"--log-level", "warn",
		// Or a timer below a second takes one.
		"--dynamic-config-value", `history.timerProcessorMaxTimeShift="10ms"`)
	if !s.memory {
		cmd.Args = append(cmd.Args, "--db-filename", s.database())
	}
	s.server = s.launch(cmd)
	ctx, done := context.WithTimeout(s.t.Context(), patience)
	defer done()
	for {
		if c, err := s.dial(ctx); err == nil {
			_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: client.DefaultNamespace})
			c.Close()
			if err == nil {
				return
			}
		}
		if s.server.ended() || ctx.Err() != nil {
			s.t.Fatalf("the server does not begin:\n%s", s.server.said())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// database is the file in which the server keeps everything.
func (s *site) database() string { return filepath.Join(filepath.Dir(s.dir), "server.db") }

func (s *site) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *site) dial(ctx context.Context) (client.Client, error) {
	return client.DialContext(ctx, client.Options{HostPort: s.address(), Logger: silent{}})
}

// silent is a log that nobody reads.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// worker starts a worker; vars are further variables of its environment.
func (s *site) worker(vars []string, args ...string) *process {
	s.t.Helper()
	cmd := exec.Command("flowrun-temporal", append([]string{"worker"}, args...)...)
	cmd.Env = append(s.environ(), "FLOWTEST="+s.mark)
	cmd.Env = append(cmd.Env, vars...)
	return s.launch(cmd)
}

// environ is that of a command.
func (s *site) environ() []string {
	return append(os.Environ(), "TEMPORAL_ADDRESS="+s.address(), "FLOWRUN_STATE_DIR="+s.state)
}

// process is a server or a worker at work.
type process struct {
	pid  int
	log  string // the file
	over chan struct{}
}

// launch starts a process that ends with the test.
func (s *site) launch(cmd *exec.Cmd) *process {
	s.t.Helper()
	s.started++
	p := &process{log: filepath.Join(filepath.Dir(s.dir), fmt.Sprintf("%d-%s.log", s.started, filepath.Base(cmd.Args[0])))}
	log, err := os.Create(p.log)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	p.over = s.start(cmd)
	p.pid = cmd.Process.Pid
	s.t.Cleanup(func() {
		p.kill(both)
		if s.t.Failed() {
			said := p.said()
			s.t.Logf("%s:\n%s", filepath.Base(p.log), said[max(0, len(said)-3000):])
		}
	})
	return p
}

// start starts a command in a session of its own. It does not outlive the tests, whatever becomes of them. over is closed when it has
// ended.
func (s *site) start(cmd *exec.Cmd) (over chan struct{}) {
	s.t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	over, begun := make(chan struct{}), make(chan error)
	go func() {
		defer close(over)
		runtime.LockOSThread() // with the thread that has started it, it would end
		err := cmd.Start()
		begun <- err
		if err == nil {
			_ = cmd.Wait() // its error is the state; many are killed
		}
	}()
	if err := <-begun; err != nil {
		s.t.Fatal(err)
	}
	return over
}

func (p *process) ended() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

func (p *process) said() string {
	text, _ := os.ReadFile(p.log)
	return string(text)
}

// victim is which process of a worker is killed: the one that was started, which is above the engine, the engine below it, or both.
type victim int

const (
	upper victim = iota
	lower
	both
)

// kill ends a process with SIGKILL and waits until it is gone.
func (p *process) kill(v victim) {
	engines := children(p.pid)
	if v == both {
		_ = syscall.Kill(p.pid, syscall.SIGSTOP) // or it may live on for a moment
	}
	if v != upper {
		for _, pid := range engines {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if v != lower || len(engines) == 0 {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
	<-p.over
}

func children(pid int) (list []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, word := range strings.Fields(string(text)) {
		var child int
		if _, err := fmt.Sscan(word, &child); err == nil {
			list = append(list, child)
		}
	}
	return list
}

// survivor is a process of a step.
type survivor struct {
	pid  int
	line string
}

func (p survivor) String() string { return fmt.Sprintf("%d: %s", p.pid, p.line) }

// survivors are the processes of steps that are alive. Workers have the mark too, and are none.
func (s *site) survivors() (found []survivor) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, err := os.ReadFile(dir + "/environ")
		if err != nil || !bytes.Contains(env, []byte("FLOWTEST="+s.mark)) {
			continue
		}
		stat, _ := os.ReadFile(dir + "/stat")
		text, err := os.ReadFile(dir + "/cmdline")
		if err != nil || bytes.Contains(stat, []byte(") Z ")) || bytes.Contains(text, []byte("flowrun-temporal\x00worker")) {
			continue
		}
		p := survivor{line: strings.ReplaceAll(string(text), "\x00", " ")}
		if _, err := fmt.Sscanf(filepath.Base(dir), "%d", &p.pid); err == nil {
			found = append(found, p)
		}
	}
	return found
}

// until waits for what must come within a time, and says how long it took.
func (s *site) until(within time.Duration, what string, is func() bool) time.Duration {
	s.t.Helper()
	begin := time.Now()
	for !is() {
		if time.Since(begin) > within {
			s.t.Fatalf("after %s: still no %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(begin)
}

// waits is until, for what a command must bring about before it ends.
func (s *site) waits(r *running, what string, is func() bool) {
	s.t.Helper()
	s.until(patience, what, func() bool { return is() || r.ended() })
	if !is() {
		s.t.Fatalf("it has ended, and there was no %s:\n%s", what, r.ends())
	}
}

// write makes a file of the repository.
func (s *site) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) remove(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(s.dir, name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// last is the id of the run that was the last to begin, as this user's state folder knows it.
func (s *site) last() string {
	s.t.Helper()
	folders, _ := filepath.Glob(filepath.Join(s.state, "runs", "*"))
	if len(folders) == 0 {
		s.t.Fatalf("there is no run in %s", s.state)
	}
	return filepath.Base(slices.Max(folders))
}

// read is a file of the repository; "" is none.
func (s *site) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(s.dir, name))
	return string(text)
}

func (s *site) exists(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, name))
	return err == nil
}

// typed is a command that was typed and has ended.
type typed struct {
	line, out, errs string
	code            int
}

func (c typed) String() string {
	return fmt.Sprintf("$ %s; echo $?\n%s%s%d", c.line, c.out, c.errs, c.code)
}

// command is flowrun-temporal with these arguments, not yet started.
func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.Command("flowrun-temporal", args...)
	cmd.Dir, cmd.Env = s.dir, s.environ()
	return cmd
}

// running is a command that was typed.
type running struct {
	pid       int
	cmd       *exec.Cmd
	out, errs bytes.Buffer
	over      chan struct{}
}

// starts begins a command, which is told to end when it takes too long.
func (s *site) starts(cmd *exec.Cmd) *running {
	s.t.Helper()
	r := &running{cmd: cmd}
	cmd.Stdout, cmd.Stderr = &r.out, &r.errs
	r.over = s.start(cmd)
	r.pid = cmd.Process.Pid
	late := time.AfterFunc(patience, func() {
		if !r.ended() {
			_ = syscall.Kill(-r.pid, syscall.SIGKILL)
		}
	})
	s.t.Cleanup(func() {
		late.Stop()
		_ = syscall.Kill(-r.pid, syscall.SIGKILL)
		<-r.over
	})
	return r
}

func (r *running) ended() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// ends waits for the end of a command.
func (r *running) ends() typed {
	<-r.over
	c := typed{line: strings.Join(r.cmd.Args, " "), out: r.out.String(), errs: r.errs.String(), code: r.cmd.ProcessState.ExitCode()}
	if status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		c.code = 128 + int(status.Signal())
	}
	return c
}

// types runs flowrun-temporal with these arguments.
func (s *site) types(args ...string) typed {
	s.t.Helper()
	return s.starts(s.command(args...)).ends()
}

// document is a result document.
type document struct {
	Run    string `json:"run"`
	Status string `json:"status"`
	Exit   int    `json:"exit"`
	Value  any    `json:"value"`
	Error  any    `json:"error"`
	Root   step   `json:"root"`
}

// step is a step in it.
type step struct {
	Path     string `json:"path"`
	ID       string `json:"id"`
	Status   string `json:"status"`
	Attempts int    `json:"attempts"`
	Value    any    `json:"value"`
	Error    any    `json:"error"`
	Children []step `json:"children"`
}

// each visits a step and all below it.
func (x *step) each(visit func(*step)) {
	visit(x)
	for i := range x.Children {
		x.Children[i].each(visit)
	}
}

// step is the one of that path.
func (d *document) step(path string) (found step) {
	d.Root.each(func(x *step) {
		if x.Path == path {
			found = *x
		}
	})
	return found
}

// begins starts a workflow on the engine. Flags follow the file.
func (s *site) begins(file string, flags ...string) *running {
	s.t.Helper()
	return s.starts(s.command(append([]string{"run", "--engine", "temporal", file, "--format", "json"}, flags...)...))
}

// runs runs a workflow on the engine to its end and gives the result document. Flags follow the file.
func (s *site) runs(file string, flags ...string) (document, typed) {
	s.t.Helper()
	c := s.begins(file, flags...).ends()
	return s.decode(c), c
}

func (s *site) decode(c typed) (d document) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(c.out), &d); err != nil {
		s.t.Fatalf("no result document: %v\n%s", err, c)
	}
	if d.Exit != c.code {
		s.t.Errorf("the document says %d\n%s", d.Exit, c)
	}
	return d
}

// succeeds fails the test unless a workflow succeeds.
func (s *site) succeeds(file string, flags ...string) document {
	s.t.Helper()
	d, c := s.runs(file, flags...)
	if c.code != 0 {
		s.t.Fatal(c)
	}
	return d
}
