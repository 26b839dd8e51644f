package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/flowrun/flowrun/pkg/executor/replayed"
)

// screen is a terminal with a program at it, and all that was shown.
type screen struct {
	*command
	t      *testing.T
	master *os.File
	mu     sync.Mutex
	shown  bytes.Buffer
	cmd    *exec.Cmd
	ended  chan struct{}
}

// prepare makes a folder with the workflow w.yaml, and the command in the folder above.
func prepare(t *testing.T, workflow string) *command {
	t.Helper()
	root := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(root, "flowrun")); err != nil {
		t.Fatal(err)
	}
	c := &command{dir: filepath.Join(root, "run"), mark: strings.ReplaceAll(root, "/", ".") + "/"}
	if err := os.Mkdir(c.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "w.yaml"), []byte("flowrun: 1\n"+workflow), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { replayed.All(t, c.state()) })
	return c
}

// sit starts a program on a terminal of its own, in a folder with the workflow w.yaml. Without a name it is flowrun run.
func sit(t *testing.T, workflow string, name ...string) *screen {
	t.Helper()
	s := &screen{command: prepare(t, workflow), t: t, ended: make(chan struct{})}
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	s.master = master
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer slave.Close()
	s.cmd = s.command.cmd("run", "w.yaml")
	if len(name) > 0 {
		s.cmd.Path, s.cmd.Args = name[0], name
	}
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid = s.cmd.Process.Pid
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.shown.Write(buf[:n])
			s.mu.Unlock()
			if err != nil { // the last who had the terminal has gone
				return
			}
		}
	}()
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait() // its error is the state
		<-read
	}()
	t.Cleanup(func() {
		kill(s.mark)
		<-s.ended
		master.Close()
		if t.Failed() {
			t.Logf("%s", s.text())
		}
	})
	return s
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// keys types.
func (s *screen) keys(text string) {
	s.t.Helper()
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// shows waits until a text is shown, and forgets what was shown up to its end.
func (s *screen) shows(text string) {
	s.t.Helper()
	until(s.t, slack, "text "+text, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		_, after, ok := strings.Cut(s.shown.String(), text)
		if ok {
			s.shown.Reset()
			s.shown.WriteString(after)
		}
		return ok
	})
}

// foreground is the group that has the terminal.
func (s *screen) foreground() int {
	s.t.Helper()
	group, err := unix.IoctlGetInt(int(s.master.Fd()), unix.TIOCGPGRP)
	if err != nil {
		s.t.Fatal(err)
	}
	return group
}

// gone waits for the end of the program and looks for what it has left.
func (s *screen) gone(state string) {
	s.t.Helper()
	until(s.t, limit+slack, "end", func() bool {
		select {
		case <-s.ended:
			return true
		default:
			return false
		}
	})
	for _, p := range marked(s.mark) {
		s.t.Errorf("survivor %s", p)
	}
	if got := s.cmd.ProcessState.String(); got != state {
		s.t.Errorf("it ended with %q, want %q", got, state)
	}
}

func (s *screen) has(file string) bool {
	_, err := os.Stat(filepath.Join(s.dir, file))
	return err == nil
}

// holding says in a step which group it is in, and waits for a line.
const holding = `run: 'echo group $$.; read -r line; echo "got $line"'
    interactive: true`

// step waits until a step says in which group it is, and has the terminal.
func (s *screen) step() (group int) {
	s.t.Helper()
	s.shows("group ")
	until(s.t, slack, "number of the group", func() bool {
		n, err := fmt.Sscanf(s.text(), "%d.", &group)
		return n == 1 && (err == nil || strings.Contains(s.text(), "."))
	})
	until(s.t, slack, "step in the foreground", func() bool { return s.foreground() == group })
	return group
}

// TestTerminalIsTheSteps: an interactive step is the foreground of the terminal, which flowrun has again afterwards.
func TestTerminalIsTheSteps(t *testing.T) {
	t.Parallel()
	s := sit(t, `
steps:
  - id: ask
    `+holding+`
  - {value: "${{ steps.ask.value }}, ${{ steps.ask.stdout }}", id: none}
  - {echo: "value ${{ steps.none.value }}"}
  - run: 'touch second; while ! test -e go; do sleep 0.01; done'
`)
	group := s.step()
	if group == s.pid || group == s.engine(t) {
		t.Errorf("the foreground is %d, which is flowrun's", group)
	}
	if pgid, err := unix.Getpgid(group); err != nil || pgid != group {
		t.Errorf("%d leads group %d, %v", group, pgid, err)
	}
	s.keys("hello\r")
	s.shows("got hello")
	s.shows("value null, null")
	until(t, slack, "second step", func() bool { return s.has("second") })
	if got := s.foreground(); got != s.pid {
		t.Errorf("the foreground is %d, not flowrun's %d", got, s.pid)
	}
	s.file("go")
	s.gone("exit status 0")
}

// TestTerminalCtrlC: Ctrl-C goes to the step alone, and when that dies of it, the run is cancelled as by SIGINT.
func TestTerminalCtrlC(t *testing.T) {
	t.Parallel()
	s := sit(t, `
steps:
  - id: db
    background: true
    run: 'trap "touch stopped; exit" TERM; touch up; while :; do sleep 0.01; done'
  - run: 'while ! test -e up; do sleep 0.01; done; sleep 1000 & setsid sleep 1000 & echo group $$.; exec sleep 1000'
    interactive: true
  - run: touch next
finally:
  - run: touch cleaned
`)
	s.step()
	s.keys("\x03")
	s.gone("signal: interrupt")
	for file, want := range map[string]bool{"stopped": true, "cleaned": true, "next": false} {
		if s.has(file) != want {
			t.Errorf("file %s: %t", file, !want)
		}
	}
}

// TestTerminalCtrlCTwice: a second Ctrl-C, which flowrun gets, ends the cleanups, as a second one always does.
func TestTerminalCtrlCTwice(t *testing.T) {
	t.Parallel()
	s := sit(t, `
steps:
  - run: 'echo group $$.; exec sleep 1000'
    interactive: true
    finally:
      - {run: 'trap "" INT TERM; echo cleaning; while :; do sleep 0.01; done'}
`)
	s.step()
	s.keys("\x03")
	s.shows("cleaning")
	until(t, slack, "flowrun in the foreground", func() bool { return s.foreground() == s.pid })
	s.keys("\x03")
	s.shows("flowrun: SIGINT again: killing what runs")
	s.gone("signal: interrupt")
}

// TestTerminalCtrlCTaken: a program that takes Ctrl-C goes on, and so does the run.
func TestTerminalCtrlCTaken(t *testing.T) {
	t.Parallel()
	s := sit(t, `
steps:
  - run: 'trap "echo taken" INT; echo group $$.; until read -r line; do :; done; echo "got $line"'
    interactive: true
  - {echo: on it goes}
`)
	s.step()
	s.keys("\x03")
	s.shows("taken")
	s.keys("x\r")
	s.shows("got x")
	s.shows("on it goes")
	s.gone("exit status 0")
}

// TestTerminalEnds: however a step ends, flowrun has the terminal again, in the modes in which it was.
func TestTerminalEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"success": "exit 0", "failure": "exit 3", "killed": "kill -KILL $$", "timeout": "sleep 1000", "job": `sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shell := "sh"
			if name == "job" { // the foreground is that of a job of a shell in the step
				end, shell = "set -m; "+end, "bash"
			}
			s := sit(t, fmt.Sprintf(`
steps:
  - run: 'trap "" TERM; stty raw -echo; sleep 1000 & %s'
    shell: %s
    interactive: true
    timeout: 500ms
    stop: {grace: 100ms}
    except: [{echo: caught}]
  - run: 'touch second; while ! test -e go; do sleep 0.01; done'
`, end, shell))
			until(t, slack, "second step", func() bool { return s.has("second") })
			if got := s.foreground(); got != s.pid {
				t.Errorf("the foreground is %d, not flowrun's %d", got, s.pid)
			}
			modes, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
			if err != nil || modes.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != unix.ICANON|unix.ECHO|unix.ISIG {
				t.Errorf("modes %+v, %v", modes, err)
			}
			s.file("go")
			s.gone("exit status 0")
		})
	}
}

// atShell sits down at a shell with job control, which knows the command as flowrun.
func atShell(t *testing.T, workflow string) *screen {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	s := sit(t, workflow, bash, "--norc", "--noprofile", "-i")
	s.keys("PS1='prompt''> '; flowrun() { " + filepath.Join(filepath.Dir(s.dir), "flowrun") + " \"$@\"; }\r")
	s.shows("prompt> ")
	return s
}

// shell waits until the shell has the terminal.
func (s *screen) shell() {
	s.t.Helper()
	s.shows("prompt> ")
	if got := s.foreground(); got != s.pid {
		s.t.Errorf("the foreground is %d, not the shell's %d", got, s.pid)
	}
}

// leave ends the shell.
func (s *screen) leave() {
	s.t.Helper()
	s.keys("exit\r")
	s.gone("exit status 0")
}

// TestTerminalCtrlZ: Ctrl-Z stops flowrun with the step that has the terminal, and fg lets both go on.
func TestTerminalCtrlZ(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"alone": "flowrun run w.yaml", "in a pipeline": "flowrun run w.yaml | cat", "of a script": `sh -c '../flowrun run w.yaml; echo script ends'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := atShell(t, "\nsteps:\n  - "+holding+"\n  - {echo: on it goes}\n")
			s.keys(line + "\r")
			step := s.step()
			for range 3 {
				s.keys("\x1a")
				s.shows("Stopped")
				s.shell()
				s.keys("fg\r")
				until(t, slack, "step in the foreground", func() bool { return s.foreground() == step })
			}
			s.keys("hello\r")
			s.shows("got hello")
			s.shows("on it goes")
			s.shell()
			s.leave()
		})
	}
}

// TestTerminalBackground: in the background a step stops when it wants the terminal, and flowrun with it.
func TestTerminalBackground(t *testing.T) {
	t.Parallel()
	s := atShell(t, "\nsteps:\n  - "+holding+"\n  - {echo: on it goes}\n")
	s.keys("flowrun run w.yaml &\r")
	s.shows("group ")
	for _, line := range []string{"", "bg"} { // it stops again
		s.keys(line + "\r")
		until(t, slack, "stop of the job", func() bool {
			s.keys("jobs -s\r")
			time.Sleep(20 * time.Millisecond)
			return strings.Contains(s.text(), "Stopped")
		})
		s.keys("echo so''far\r")
		s.shows("sofar")
	}
	s.keys("fg\r")
	until(t, slack, "step in the foreground", func() bool { f := s.foreground(); return f != s.pid && f > 0 })
	s.keys("hello\r")
	s.shows("got hello")
	s.shows("on it goes")
	s.shell()
	s.leave()
}

// TestTerminalWithoutShell: nobody would let a run go on that has no shell above it, so Ctrl-Z does not stop it.
func TestTerminalWithoutShell(t *testing.T) {
	t.Parallel()
	s := sit(t, "\nsteps:\n  - "+holding+"\n")
	s.step()
	s.keys("\x1a")
	s.keys("hello\r")
	s.shows("got hello")
	s.gone("exit status 0")
}

// TestTerminalKilled: when flowrun is killed, the step goes with it, and the terminal is as it was.
func TestTerminalKilled(t *testing.T) {
	t.Parallel()
	for name, whom := range map[string]func(supervisor, engine int) []int{
		"engine":     func(_, engine int) []int { return []int{engine} },
		"supervisor": func(supervisor, _ int) []int { return []int{supervisor} },
		"both":       func(supervisor, engine int) []int { return []int{engine, supervisor} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := atShell(t, `
steps:
  - run: 'trap "" TERM HUP; stty raw -echo; sleep 1000 & echo $$ >pid.tmp; mv pid.tmp pid; while :; do sleep 1; done'
    interactive: true
    stop: {grace: 100ms}
`)
			s.keys("../flowrun run w.yaml; echo code $?.\r")
			until(t, slack, "step", func() bool { return s.has("pid") })
			b, _ := os.ReadFile(filepath.Join(s.dir, "pid"))
			engine := parent(t, strings.TrimSpace(string(b)))
			supervisor := parent(t, fmt.Sprint(engine))
			for _, pid := range whom(supervisor, engine) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			s.shows("code 137.")
			s.shell()
			if name == "both" { // the next run ends what they have left
				s.keys("../flowrun run none.yaml; echo code $?.\r")
				s.shows("code 2.")
			}
			until(t, slack, "modes as before", func() bool {
				modes, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
				return err == nil && modes.Lflag&unix.ISIG != 0
			})
			s.keys("stty -a\r")
			s.shows("isig icanon")
			s.leave()
		})
	}
}

// parent is the process that has started another.
func parent(t *testing.T, pid string) (parent int) {
	t.Helper()
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))[1], &parent); err != nil {
		t.Fatal(err)
	}
	return parent
}

// TestTerminalWithout: without a terminal an interactive step does not start, and says so.
func TestTerminalWithout(t *testing.T) {
	t.Parallel()
	c := prepare(t, "steps: [{run: [cat], interactive: true}]")
	out, err := c.cmd("run", "w.yaml").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "StartError: cat cannot be run: the step is interactive and flowrun has no terminal") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestTerminalStreams: flowrun's own streams are not the step's: its result goes into a file, the step is on the terminal.
func TestTerminalStreams(t *testing.T) {
	t.Parallel()
	s := atShell(t, `
steps:
  - id: db
    background: true
    run: 'while ! test -e ask; do sleep 0.01; done; echo from behind; touch said; while ! test -e never; do sleep 0.01; done'
  - run: 'touch ask; while ! test -e said; do sleep 0.01; done; sleep 0.1; echo here; read -r line; echo "got $line"'
    interactive: true
`)
	s.keys("echo | ../flowrun run w.yaml --format json >result; echo code $?.\r")
	s.shows("here")
	if strings.Contains(s.text(), "from behind") {
		t.Error("a step in the background writes over the one that has the terminal")
	}
	s.keys("hello\r")
	s.shows("got hello")
	s.shows("from behind") // now
	s.shows("code 0.")
	b, err := os.ReadFile(filepath.Join(s.dir, "result"))
	if err != nil || !bytes.HasPrefix(b, []byte("{")) || bytes.Contains(b, []byte("got hello")) {
		t.Errorf("%v\n%s", err, b)
	}
	s.leave()
}

// TestTerminalNoSurvivors: a step that has the terminal leaves nothing behind, although it is in our session.
func TestTerminalNoSurvivors(t *testing.T) {
	t.Parallel()
	for name, tail := range map[string]string{"success": "exit 0", "timeout": "while :; do sleep 0.1; done"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := fmt.Sprint(strings.ReplaceAll(t.Name(), "/", "."), os.Getpid(), ".")
			var b strings.Builder
			b.WriteString("\nsteps:\n")
			for i, k := range kinds() {
				fmt.Fprintf(&b, `  - interactive: true
    timeout: 150ms
    stop: {grace: 50ms}
    except: [{match: TimeoutError, echo: stopped}]
    env: {FLOWTEST_KIND: %q}
    run: |
      mkdir kind%d; cd kind%d
      %s
      %s
  - run: "if grep -qzF 'FLOWTEST_KIND=%s' /proc/[0-9]*/environ 2>/dev/null; then echo %s >>../left; fi"
`, mark+k.name, i, i, k.script, tail, mark+k.name, k.name)
			}
			s := sit(t, b.String())
			s.gone("exit status 0")
			if left, err := os.ReadFile(filepath.Join(s.dir, "..", "left")); err == nil {
				t.Errorf("left by\n%s", left)
			}
		})
	}
}
