package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// played is what became of one run.
type played struct {
	events []told
	errs   string
	state  string
}

// told is what these tests look at of an event.
type told struct {
	Type, Path, Status, Why string
	Value                   any
	Error                   struct{ Type, Message string }
	Text                    string
	Duration                float64
}

// play runs w.yaml to its end, below a shell that has done what limits says, and sees that nothing is left.
func (c *command) play(t *testing.T, limits string, args ...string) played {
	t.Helper()
	cmd := c.cmd(append([]string{"run", "w.yaml", "--format", "ndjson"}, args...)...)
	cmd.Args = append([]string{"bash", "-c", limits + `; exec "$0" "$@"`}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	var err error
	if cmd.Path, err = exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	cmd.Env = append(cmd.Env, "TMPDIR="+c.dir)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its error is the state
	p := played{errs: errs.String(), state: cmd.ProcessState.String()}
	for line := range bytes.Lines(out.Bytes()) {
		var e told
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		p.events = append(p.events, e)
	}
	for _, s := range marked(c.mark) {
		t.Errorf("survivor %s", s)
	}
	if t.Failed() {
		kill(c.mark)
	}
	return p
}

// of are the events of a type.
func (p played) of(typ string) (some []told) {
	for _, e := range p.events {
		if e.Type == typ {
			some = append(some, e)
		}
	}
	return some
}

// all is the end of the step, or of each of the generated steps, of that name.
func (p played) all(name string) (some []told) {
	for _, e := range p.of("step.end") {
		if e.Path == name || strings.HasPrefix(e.Path, name+"[") {
			some = append(some, e)
		}
	}
	return some
}

// succeeded sees that the run has, with n generated steps of that name, all of which have.
func (p played) succeeded(t *testing.T, name string, n int) {
	t.Helper()
	bad := 0
	for _, e := range p.all(name) {
		if e.Status != "succeeded" {
			if bad++; bad < 4 {
				t.Errorf("%s %s: %s: %s", e.Path, e.Status, e.Error.Type, e.Error.Message)
			}
		}
	}
	if got := len(p.all(name)) - 1; got != n {
		t.Errorf("%d steps have ended, want %d", got, n)
	}
	if p.state != "exit status 0" {
		t.Errorf("it ended with %q\n%s", p.state, tail(p.errs))
	}
}

// tail is the end of a text.
func tail(s string) string { return s[max(0, len(s)-2000):] }

// TestFewDescriptors: steps for which there are no descriptors are queued until others end; no timeout goes on meanwhile.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	for _, n := range []int{64, 256} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			c := prepare(t, `
steps:
  - id: g
    gather: {for: x, in: range(400), do: {run: [sleep, "0.1"], timeout: 1m}}
`)
			p := c.play(t, fmt.Sprint("ulimit -n ", n))
			p.succeeded(t, "g", 400)
			queued := 0
			for _, e := range p.of("step.queued") {
				if e.Why == "free file descriptors (ulimit -n)" {
					queued++
				}
			}
			if queued < 400-n {
				t.Errorf("%d steps were queued", queued)
			}
		})
	}
}

// Steps in the background do not wait for their turn. What they take is not given to others; those whose number nobody
// knows before, as in a loop, try again while others end.
func TestFewDescriptorsInTheBackground(t *testing.T) {
	t.Parallel()
	t.Run("known", func(t *testing.T) {
		t.Parallel()
		var b strings.Builder
		b.WriteString("steps:\n")
		for range 100 {
			b.WriteString("  - {background: true, run: [sleep, '1000']}\n")
		}
		b.WriteString("  - {id: g, gather: {for: x, in: range(100), do: {run: [sleep, '0.1'], timeout: 1m}}}\n")
		prepare(t, b.String()).play(t, "ulimit -n 256").succeeded(t, "g", 100)
	})
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		p := prepare(t, `
steps:
  - id: g
    gather: {for: x, in: range(60), do: {steps: [{id: b, background: true, run: "seq 10; sleep 0.2; seq 10"}, {await: b}]}}
`).play(t, "ulimit -n 64")
		if p.state != "exit status 0" {
			t.Errorf("it ended with %q\n%s", p.state, tail(p.errs))
		}
	})
}

func TestFewDescriptorsHTTP(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(50 * time.Millisecond): // so that there are many at once
		case <-r.Context().Done():
		}
		_, _ = w.Write([]byte("ok"))
	}))
	defer s.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	c := prepare(t, `
steps:
  - id: g
    gather: {for: x, in: range(150), do: {http: {url: "http://localhost:`+port+`/${{ x }}", save: "f${{ x }}"}, timeout: 1m}}
`)
	c.play(t, "ulimit -n 64").succeeded(t, "g", 150)
	c = prepare(t, `
steps:
  - gather: {for: x, in: range(150), do: {steps: [{id: b, background: true, http: "http://localhost:`+port+`"}, {await: b}]}}
`)
	if p := c.play(t, "ulimit -n 64"); p.state != "exit status 0" {
		t.Errorf("in the background, it ended with %q\n%s", p.state, tail(p.errs))
	}
}

// TestOutputInFiles: steps that are too many to have pipes write to their logs themselves, and all is as with pipes.
// With secrets, which the log must not have, and where somebody waits for a line, there are pipes whatever it costs.
func TestOutputInFiles(t *testing.T) {
	t.Parallel()
	const n = 12 // at 64 descriptors four have pipes
	const together = `
      : >$FLOWRUN_STEP.here; until [ $(ls *.here | wc -l) -ge 12 ]; do sleep 0.02; done`
	for _, c := range []struct {
		name, do, keys string
		check          func(t *testing.T, c *command, p played)
	}{
		{"whole", `readlink /proc/self/fd/1; seq 20000; seq 20000 >&2; exec >&2; echo end`, ``, func(t *testing.T, c *command, p played) {
			var want strings.Builder
			for i := range 20000 {
				fmt.Fprintln(&want, i+1)
			}
			files := 0
			for i := range n {
				path := fmt.Sprintf("g[%d]", i)
				end := p.all(path)
				text, _ := end[0].Value.(string)
				where, text, _ := strings.Cut(text, "\n")
				logs := filepath.Join(c.logs(t), path, "1.")
				if !strings.HasPrefix(where, "pipe:") {
					files++
					if where != logs+"stdout" {
						t.Errorf("%s writes to %s", path, where)
					}
				}
				if text+"\n" != want.String() {
					t.Errorf("%s: the value has %d bytes", path, len(text))
				}
				for stream, want := range map[string]string{"stdout": where + "\n" + want.String(), "stderr": want.String() + "end\n"} {
					if b, err := os.ReadFile(logs + stream); err != nil || string(b) != want {
						t.Errorf("%s: %v: the log of %s has %d bytes", path, err, stream, len(b))
					}
				}
				said := map[string]int{}
				for _, e := range p.of("step.output") {
					if e.Path == path {
						said[e.Text[strings.LastIndexByte(e.Text[:len(e.Text)-1], '\n')+1:]]++
					}
				}
				if said["end\n"] != 1 {
					t.Errorf("%s: the last line was said %d times", path, said["end\n"])
				}
			}
			if files < n-4 {
				t.Errorf("%d wrote to files", files)
			}
		}},
		{"lines", `printf 'a\nb\n'`, `capture: lines`, func(t *testing.T, _ *command, p played) {
			for _, e := range p.all("g")[:n] {
				if got := fmt.Sprint(e.Value); got != "[a b]" {
					t.Errorf("%s: %s", e.Path, got)
				}
			}
		}},
		{"too long", `seq 1000`, `capture_limit: 100B`, func(t *testing.T, c *command, _ played) {
			for i := range n {
				if info, err := os.Stat(filepath.Join(c.logs(t), fmt.Sprintf("g[%d]", i), "1.stdout")); err != nil || info.Size() != 3893 {
					t.Errorf("%v %v", info, err)
				}
			}
		}},
		{"again", `echo "attempt $FLOWRUN_ATTEMPT"; test $FLOWRUN_ATTEMPT = 2`, `retry: {attempts: 2}`, func(t *testing.T, c *command, p played) {
			for i := range n {
				path := fmt.Sprintf("g[%d]", i)
				for _, attempt := range []string{"1", "2"} {
					b, err := os.ReadFile(filepath.Join(c.logs(t), path, attempt+".stdout"))
					if string(b) != "attempt "+attempt+"\n" {
						t.Errorf("%s: %q %v", path, b, err)
					}
				}
				if v := p.all(path)[0].Value; v != "attempt 2" {
					t.Errorf("%s: %v", path, v)
				}
			}
		}},
		{"nothing", `exit 0`, ``, func(t *testing.T, c *command, _ played) {
			filepath.WalkDir(filepath.Join(c.dir, ".state"), func(path string, d os.DirEntry, err error) error {
				if err == nil && strings.Contains(path, "g[") {
					t.Errorf("%s was left", path)
				}
				return err
			})
		}},
		{"secrets", `readlink /proc/self/fd/1 /proc/self/fd/2; echo "it is $X"`, `env: {X: "${{ secrets.S }}"}`, func(t *testing.T, c *command, p played) {
			for i := range n {
				path := fmt.Sprintf("g[%d]", i)
				text, _ := p.all(path)[0].Value.(string)
				if strings.Count(text, "pipe:") != 2 {
					t.Errorf("%s writes to %s", path, text)
				}
				b, err := os.ReadFile(filepath.Join(c.logs(t), path, "1.stdout"))
				if err != nil || !strings.HasSuffix(string(b), "it is ***\n") {
					t.Errorf("%s: %v %q", path, err, b)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			top, keys := "", c.keys
			if keys == "" {
				keys = "capture: text"
			}
			if c.name == "secrets" {
				top = "secrets: [S]\n"
			}
			at := prepare(t, top+`steps:
- id: g
  gather:
    for: x
    in: range(12)
    do:
      `+keys+`
      run: |`+strings.ReplaceAll(together, "\n", "\n  ")+`
        `+c.do+"\n")
			p := at.play(t, "export S=hunter22; ulimit -n 64")
			p.succeeded(t, "g", n)
			if !t.Failed() {
				c.check(t, at, p)
			}
		})
	}
}

// logs is the folder of the logs of the only run.
func (c *command) logs(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(c.dir, ".state", "flowrun", "runs", "*", "logs"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	return found[0]
}

// TestFewProcesses: steps for which the system has no process try again while others end. What still has none is told
// what to do, and the run ends as it should.
func TestFewProcesses(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the limit counts all processes of a user: it needs one that has no others")
	}
	root := home(t)
	for i, c := range []struct {
		name, workflow string
		limit          int
		check          func(t *testing.T, p played)
	}{
		{"others end", `
steps:
  - id: g
    gather: {for: x, in: range(60), do: {run: [sleep, "0.2"], timeout: 1m}}
`, 45, func(t *testing.T, p played) { p.succeeded(t, "g", 60) }},
		{"nobody ends", `
steps:
  - id: g
    taskgroup: {for: x, in: range(60), do: {run: [sleep, "1000"]}}
`, 45, func(t *testing.T, p played) {
			if p.state != "exit status 1" {
				t.Errorf("it ended with %q\n%s", p.state, tail(p.errs))
			}
			failed := 0
			for _, e := range p.all("g") {
				if e.Error.Type == "StartError" {
					failed++
					if !strings.HasSuffix(e.Error.Message, "run fewer at once, with --jobs or limit, or raise ulimit -u") {
						t.Error(e.Error.Message)
					}
				}
			}
			if failed == 0 {
				t.Error("no step failed to start")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name == "nobody ends" && !long() {
				t.Skip("takes 10 s: FLOWRUN_LONG")
			}
			id := uint32(61000 + os.Getpid()%1000*2 + i)
			at := &command{
				dir: filepath.Join(root, fmt.Sprint("run", i)), mark: fmt.Sprint(filepath.Base(root), i, "/"),
				user: &syscall.Credential{Uid: id, Gid: id},
			}
			if err := os.Mkdir(at.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(at.dir, "w.yaml"), []byte("flowrun: 1\n"+c.workflow), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(at.dir, int(id), int(id)); err != nil {
				t.Skip("there is no such user: ", err) // as in a container that has few
			}
			c.check(t, at.play(t, fmt.Sprint("ulimit -u ", c.limit)))
		})
	}
}

// TestManySteps: many steps at once, started, and ended by each way that ends all of them.
func TestManySteps(t *testing.T) {
	n, work := 500, "1"
	if long() {
		n, work = 10_000, "40"
	}
	t.Run("end", func(t *testing.T) {
		many(t)
		const look = `capture: json, run: "ls /proc/$PPID/fd | wc -l"`
		c := prepare(t, fmt.Sprintf(`
steps:
  - {id: before, %s}
  - {id: g, gather: {for: x, in: range(%d), do: {run: [sleep, "%s"]}}}
  - {id: after, %s}
`, look, n, work, look))
		p := c.play(t, "true")
		p.succeeded(t, "g", n)
		var count [2]float64 // some are open for a moment
		for i, name := range []string{"before", "after"} {
			count[i], _ = p.all(name)[0].Value.(float64)
		}
		if count[0] == 0 || count[1] == 0 || count[1] > count[0]+20 {
			t.Errorf("%v descriptors before, %v after", count[0], count[1])
		}
	})
	for _, e := range []struct{ name, keys, code string }{
		{"timeout", "timeout: " + work + "s", "exit status 124"},
		{"Ctrl-C", "", "signal: interrupt"},
	} {
		t.Run(e.name, func(t *testing.T) {
			many(t)
			c := prepare(t, fmt.Sprintf("%s\nsteps: [{gather: {for: x, in: range(%d), do: {run: [sleep, '1000']}}}]\n", e.keys, n))
			cmd := c.cmd("run", "w.yaml", "-q")
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr = &said, &said
			is := c.start(t, cmd)
			defer kill(c.mark)
			patience := time.Duration(n)*20*time.Millisecond + slack
			until(t, patience, "start of all steps", func() bool { return is() || len(c.live()) >= n })
			if e.name == "Ctrl-C" {
				_ = unix.Kill(-c.pid, unix.SIGINT)
			}
			until(t, patience, "end", is)
			if got := cmd.ProcessState.String(); got != e.code {
				t.Errorf("it ended with %q, want %q\n%s", got, e.code, tail(said.String()))
			}
			for _, s := range marked(c.mark) {
				t.Errorf("survivor %s", s)
			}
		})
	}
}

// many is for a test that needs the whole machine when it is a long one, and the descriptors.
func many(t *testing.T) {
	if !long() {
		t.Parallel()
		return
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max < 15_000 {
		t.Skip("ulimit -n is ", limit.Max)
	}
}

// live are the children of the engine.
func (c *command) live() (all []string) {
	engine, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", c.pid, c.pid))
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%s/task/*/children", bytes.TrimSpace(engine)))
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		all = append(all, strings.Fields(string(b))...)
	}
	return all
}
