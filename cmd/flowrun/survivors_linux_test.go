package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/testenv"
)

// asCommand makes this test binary the command.
const asCommand = "FLOWRUN_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	testenv.Clean()
	os.Exit(m.Run())
}

// grace is what the steps here have. Whoever is told to stop ends limit after it on a machine that does nothing else. What must come
// and is not held to a time has slack: other tests kill their runs meanwhile, and what these leave is ended by every run.
const (
	grace = 300 * time.Millisecond
	limit = grace + time.Second
	slack = time.Minute
)

type kind struct{ name, script string }

// kinds are ways to leave a process behind. Those that clear their environment keep the marks of the test.
func kinds() []kind {
	const clear = `env -i FLOWTEST="$FLOWTEST" FLOWTEST_KIND="$FLOWTEST_KIND" PATH="$PATH" `
	depth := 5
	if long() {
		depth = 8
	}
	return []kind{
		{"plain", `sh -c 'sleep 1000; :' & p=$!; wait_for() { wait $p; }`},
		{"background", `sleep 1000 &`},
		{"closed", `sleep 1000 </dev/null >/dev/null 2>&1 &`},
		{"nohup", `nohup sleep 1000 >/dev/null 2>&1 &`},
		{"setsid", `setsid sleep 1000 &`},
		{"daemon", `setsid sh -c 'sleep 1000 </dev/null >/dev/null 2>&1 & exit' </dev/null >/dev/null 2>&1`},
		{"ignores", `trap '' TERM INT HUP; sleep 1000 & setsid sleep 1000 &`},
		{"setpgid", `bash -c 'set -m; sleep 1000 & sleep 1000 & exit'`},
		{"forks when told", `setsid sh -c 'trap "setsid sleep 1000 & sleep 1000 & exit" TERM; while :; do sleep 0.05; done' & trap "setsid sleep 1000 & sleep 1000 & exit 9" TERM`},
		{"holds the pipe", `setsid sh -c 'while :; do echo x; sleep 0.2; done' &`},
		{"cleared", clear + `setsid sleep 1000 & ` + clear + `sh -c 'setsid sh -c "sleep 1000 & exit" & exit'`},
		{"agent", clear + `setsid sh -c 'cd /; umask 077; trap "" INT HUP; (trap "" TERM; exec sleep 1000) & exit' </dev/null >/dev/null 2>&1`},
		{"hops", `setsid sh -c 'hop() { hop & exit 0; }; hop' </dev/null >/dev/null 2>&1 &`},
		{"hops in sessions", `echo 'sleep 0.00$(($$ % 4)); setsid sh "$0" & exit' >hop.sh; setsid sh ./hop.sh </dev/null >/dev/null 2>&1 &`},
		{"bush", `echo 'if [ $1 -gt 0 ]; then setsid sh "$0" $(($1-1)) & setsid sh "$0" $(($1-1)) & fi; sleep 1000' >bush.sh; sh ./bush.sh ` + strconv.Itoa(depth) + ` &`},
		{"stopped", `sleep 1000 & kill -STOP $!; setsid sh -c 'kill -STOP $$' &`},
	}
}

func long() bool { return os.Getenv("FLOWRUN_LONG") != "" }

// ending is a way for a run to end.
type ending struct {
	name string
	stay bool // the leaders wait to be ended; otherwise the script says how they end
	tail string
	top  string // keys of the workflow
	each string // keys of each step
	// act is called when all steps have started what they start; command is the process that was started.
	act  func(t *testing.T, c *command)
	code string // how the command must end; "" is: by itself, as the shell shows it: not 0
}

func endings() []ending {
	signal := func(sig syscall.Signal) func(*testing.T, *command) {
		return func(_ *testing.T, c *command) { _ = syscall.Kill(c.pid, sig) }
	}
	return []ending{
		{name: "success", tail: "exit 0", code: "exit status 0"},
		{name: "failure", tail: "exit 3", code: "exit status 1"},
		{name: "leader killed", tail: "kill -KILL $$", code: "exit status 1"},
		{name: "timeout", stay: true, top: "timeout: 1500ms", code: "exit status 124"},
		{name: "sibling fails", stay: true, act: func(t *testing.T, c *command) { c.file("fail") }, code: "exit status 1"},
		{name: "Ctrl-C", stay: true, act: func(_ *testing.T, c *command) { _ = syscall.Kill(-c.pid, syscall.SIGINT) }, code: "signal: interrupt"},
		{name: "Ctrl-C twice", stay: true, act: func(_ *testing.T, c *command) {
			_ = syscall.Kill(-c.pid, syscall.SIGINT)
			time.Sleep(100 * time.Millisecond) // a person's finger
			_ = syscall.Kill(-c.pid, syscall.SIGINT)
		}, code: "signal: interrupt"},
		{name: "INT", stay: true, act: signal(syscall.SIGINT), code: "signal: interrupt"},
		{name: "TERM", stay: true, act: signal(syscall.SIGTERM), code: "signal: terminated"},
		{name: "HUP", stay: true, act: signal(syscall.SIGHUP), code: "signal: hangup"},
		{name: "KILL", stay: true, act: signal(syscall.SIGKILL), code: "signal: killed"},
		{name: "KILL of the group", stay: true, act: func(_ *testing.T, c *command) { _ = syscall.Kill(-c.pid, syscall.SIGKILL) }, code: "signal: killed"},
		{name: "crash of the engine", stay: true, act: func(t *testing.T, c *command) {
			_ = syscall.Kill(c.engine(t), syscall.SIGABRT) // what the runtime does with it, it does when it has no thread
		}, code: "exit status 3"},
		{name: "KILL of the engine", stay: true, act: func(t *testing.T, c *command) {
			_ = syscall.Kill(c.engine(t), syscall.SIGKILL)
		}, code: "exit status 137"},
		{name: "KILL of both", stay: true, act: func(t *testing.T, c *command) {
			engine := c.engine(t)
			_ = syscall.Kill(c.pid, syscall.SIGSTOP) // or it may live on for a moment
			_ = syscall.Kill(engine, syscall.SIGKILL)
			_ = syscall.Kill(c.pid, syscall.SIGKILL)
			until(t, slack, "end of the engine", func() bool { // the next command comes when it is gone
				stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", engine))
				return err != nil || bytes.Contains(stat, []byte(") Z "))
			})
		}, code: "signal: killed"},
	}
}

// command is the flowrun command at work.
type command struct {
	dir, mark string
	pid       int
	user      *syscall.Credential
}

func (c *command) file(name string) {
	_ = os.WriteFile(filepath.Join(c.dir, name), nil, 0o666)
}

// engine is the only child of the supervisor.
func (c *command) engine(t *testing.T) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", c.pid, c.pid))
	if err != nil {
		t.Skip(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatalf("children of the supervisor: %q", b)
	}
	return pid
}

// cmd is this binary as the command.
func (c *command) cmd(args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(filepath.Dir(c.dir), "flowrun"), args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), asCommand+"=1", "FLOWTEST="+c.mark, "XDG_STATE_HOME="+filepath.Join(c.dir, ".state"), "TMPDIR="+c.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: c.user}
	return cmd
}

// sweeps is what a run says that has ended what a killed one left: tests that kill runs are at work beside all others.
var sweeps = regexp.MustCompile(`(?m)^flowrun: an earlier run was killed;.*\n`)

// own is what a run has said about itself.
func own(errs *bytes.Buffer) string { return sweeps.ReplaceAllString(errs.String(), "") }

// start starts cmd as the command. is says whether it has ended.
func (c *command) start(t *testing.T, cmd *exec.Cmd) (is func() bool) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.pid = cmd.Process.Pid
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = cmd.Wait() // its error is the state
	}()
	return func() bool {
		select {
		case <-over:
			return true
		default:
			return false
		}
	}
}

// marked are the processes whose environment has the text, with their command lines.
func marked(text string) (found []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		env, err := os.ReadFile(dir + "/environ")
		if err == nil && bytes.Contains(env, []byte(text)) {
			line, _ := os.ReadFile(dir + "/cmdline")
			if stat, _ := os.ReadFile(dir + "/stat"); bytes.Contains(stat, []byte(") Z ")) {
				continue
			}
			found = append(found, dir+": "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

// until waits for what must come soon.
func until(t *testing.T, patience time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	begin := time.Now()
	for !is() {
		if time.Since(begin) > patience {
			t.Fatalf("after %s: still no %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(begin)
}

// home is a folder with the command in it that every user may enter.
func home(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "flowrun-survivors-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Skip(err)
	}
	defer self.Close()
	// A child that is being forked meanwhile by another test must not inherit it open for writing: it could not be run.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	to, err := os.OpenFile(filepath.Join(dir, "flowrun"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, self); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// users are whom the matrix runs as: ourselves, and nobody where we may.
func users() map[string]*syscall.Credential {
	all := map[string]*syscall.Credential{"self": nil}
	if other := nobody(); other != nil {
		all["nobody"] = other
	}
	return all
}

// nobody is another user, who may enter the folder of temporary files; nil: only root may be another, and not in every container.
var nobody = sync.OnceValue(func() *syscall.Credential {
	other := &syscall.Credential{Uid: 65534, Gid: 65534}
	cmd := exec.Command("/bin/sh", "-c", ":")
	cmd.Dir, cmd.SysProcAttr = os.TempDir(), &syscall.SysProcAttr{Credential: other}
	if os.Geteuid() != 0 || cmd.Run() != nil {
		return nil
	}
	return other
})

// isolates says whether a user's steps can have a namespace of their own here.
func isolates(t *testing.T, root string, user *syscall.Credential) bool {
	t.Helper()
	version := (&command{dir: root, user: user}).cmd("version", "--verbose")
	version.Path = filepath.Join(root, "flowrun")
	out, err := version.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(out), "isolate     yes")
}

// workflow has a step for each kind, all at once.
func workflow(some []kind, e ending) string {
	var b strings.Builder
	fmt.Fprintf(&b, "flowrun: 1\n%s\ndefaults: {stop: {grace: %s}}\nsteps:\n- taskgroup:\n", e.top, grace)
	for i, k := range some {
		tail := e.tail
		if e.stay {
			tail = "while :; do sleep 0.1; done"
		}
		fmt.Fprintf(&b, "  - env: {FLOWTEST_KIND: %q}\n    %s\n    run: |\n      mkdir kind%d; cd kind%d\n      %s\n      : >ready\n      %s\n", k.name, e.each, i, i, k.script, tail)
	}
	if e.stay {
		b.WriteString("  - run: |\n      while ! test -e fail; do sleep 0.01; done; exit 7\n")
	}
	return b.String()
}

// TestNoSurvivors: however a run ends, none of its processes is alive then.
func TestNoSurvivors(t *testing.T) {
	for _, program := range []string{"setsid", "env", "nohup", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	root, rounds := home(t), 1
	if long() {
		rounds = 20
	}
	for name, user := range users() { // the order does not matter
		for _, e := range endings() {
			t.Run(name+"/"+e.name, func(t *testing.T) {
				t.Parallel()
				for range rounds {
					cell(t, root, user, e, kinds())
				}
				if long() {
					for _, k := range kinds() {
						cell(t, root, user, e, []kind{k})
					}
				}
			})
		}
	}
}

// TestNoSurvivorsIsolated: the same for steps in a namespace of their own, of which the kernel leaves nothing, even
// when both processes of flowrun are killed at once and nobody looks for what is left.
func TestNoSurvivorsIsolated(t *testing.T) {
	root, rounds := home(t), 1
	if long() {
		rounds = 20
	}
	for name, user := range users() { // the order does not matter
		if !isolates(t, root, user) {
			t.Logf("%s cannot isolate here", name)
			t.Run(name, func(t *testing.T) { t.Skip("no namespaces") })
			continue
		}
		for _, e := range endings() {
			if !slices.Contains([]string{"success", "leader killed", "timeout", "sibling fails", "Ctrl-C", "KILL", "KILL of the engine", "KILL of both"}, e.name) {
				continue
			}
			e.each = "isolate: pid"
			t.Run(name+"/"+e.name, func(t *testing.T) {
				t.Parallel()
				for range rounds {
					cell(t, root, user, e, kinds())
				}
			})
		}
	}
}

// cell is one run.
func cell(t *testing.T, root string, user *syscall.Credential, e ending, some []kind) {
	dir, err := os.MkdirTemp(root, "run-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	c := &command{dir: dir, mark: filepath.Base(root) + "/" + filepath.Base(dir) + "/", user: user}
	if err := os.WriteFile(filepath.Join(dir, "w.yaml"), []byte(workflow(some, e)), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := c.cmd("run", "w.yaml")
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	is := c.start(t, cmd)
	if e.stay {
		until(t, slack, "start of all steps", func() bool {
			ready, _ := filepath.Glob(filepath.Join(dir, "kind*", "ready"))
			return len(ready) == len(some) || is()
		})
	}
	begin := time.Now()
	if e.act != nil {
		e.act(t, c)
	}
	patience := limit + slack
	until(t, patience, "end", is)
	if strings.HasPrefix(e.name, "KILL") && e.name != "KILL of the engine" {
		if e.name == "KILL of both" && e.each == "" {
			sweep := c.cmd("run", "none.yaml")
			sweep.Env = append(sweep.Env, "FLOWTEST=sweeper")
			_ = sweep.Run() // there is no such file
		} else { // the engine cancels, or the kernel does it
			until(t, patience, "end of the engine", func() bool { return len(marked(c.mark)) == 0 })
		}
	}
	took := time.Since(begin)
	said, _ := os.ReadFile(out.Name())
	for _, s := range marked(c.mark) {
		t.Errorf("survivor %s", s)
	}
	if got := cmd.ProcessState.String(); got != e.code {
		t.Errorf("it ended with %q, want %q\n%s", got, e.code, said)
	}
	if e.stay && e.act != nil && took > limit {
		t.Logf("took %s", took)
	}
	if t.Failed() {
		t.Logf("%s", said)
		kill(c.mark)
		t.FailNow()
	}
}

// kill does not leave what a failed test has found.
func kill(mark string) {
	for _, s := range marked(mark) {
		pid, _, _ := strings.Cut(strings.TrimPrefix(s, "/proc/"), ":")
		n, _ := strconv.Atoi(pid)
		_ = syscall.Kill(n, syscall.SIGKILL)
	}
}

// TestStepByStep: none of a step's processes is alive when the step has ended and others go on, whose processes are
// left alone, also those that have left their leader.
func TestStepByStep(t *testing.T) {
	t.Parallel()
	root := home(t)
	mark := filepath.Base(root)
	var b strings.Builder
	b.WriteString(`flowrun: 1
steps:
- taskgroup:
  - run: |
      (setsid sh -c 'echo $$ >by.tmp; mv by.tmp by.pid; exec sleep 1000' &)
      (env -i PATH="$PATH" setsid sh -c 'echo $$ >clear.tmp; mv clear.tmp clear.pid; exec sleep 1000' &)
      while ! test -e done; do sleep 0.01; done
      kill -0 $(cat by.pid); kill -0 $(cat clear.pid)
`)
	var ids []string
	for i, k := range kinds() {
		id := "k" + strconv.Itoa(i)
		ids = append(ids, id)
		fmt.Fprintf(&b, `  - id: %s
    steps:
    - env: {FLOWTEST_KIND: %q}
      run: |
        while ! test -e by.pid || ! test -e clear.pid; do sleep 0.01; done
        mkdir %s; cd %s
        %s
        exit 0
    - run: "if grep -qzF 'FLOWTEST_KIND=%s' /proc/[0-9]*/environ 2>/dev/null; then exit 9; fi"
`, id, mark+id+".", id, id, k.script, mark+id+".")
	}
	fmt.Fprintf(&b, "  - {needs: [%s], run: ': >done'}\n", strings.Join(ids, ", "))
	c := &command{dir: filepath.Join(root, "run"), mark: mark}
	if err := os.Mkdir(c.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "w.yaml"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := c.cmd("run", "w.yaml", "--timeout", slack.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, s := range marked(mark) {
		t.Errorf("survivor %s", s)
	}
	kill(mark)
}

// TestSweepTakesNothingElse: a run ends what a dead one has left, and nothing that only looks like it.
func TestSweepTakesNothingElse(t *testing.T) {
	t.Parallel()
	root := home(t)
	c := &command{dir: filepath.Join(root, "run"), mark: "decoys"}
	if err := os.Mkdir(c.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	space, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Skip(err)
	}
	space = strings.Trim(space, "pid:[]")
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Skip(err)
	}
	me := strconv.Itoa(os.Getpid()) + ":" + strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))[19]
	const dead = ":1:1:1:1:"
	start := func(mark string) (*exec.Cmd, chan error) {
		cmd := exec.Command("sleep", "1000")
		cmd.Env = []string{"FLOWRUN_PROCESS=" + mark}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		return cmd, ended
	}
	_, left := start("1:2 " + space + dead + "7")
	var decoys []*exec.Cmd
	for _, mark := range []string{
		"", "x", ":::::", space, "1" + dead + "7", space + dead + "7:8",
		space + ":" + me + ":1:1:7", space + ":0:0:" + me + ":7",
	} {
		cmd, _ := start(mark)
		decoys = append(decoys, cmd)
	}
	_ = c.cmd("run", "none.yaml").Run() // there is no such file
	until(t, slack, "end of what was left", func() bool {
		select {
		case <-left:
			return true
		default:
			return false
		}
	})
	for _, cmd := range decoys {
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("%s: %v", cmd.Env, err)
		}
	}
}
