package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMuchOutput: however much a step prints, in lines or not, text or not, its log is whole and flowrun stays small.
func TestMuchOutput(t *testing.T) {
	if !long() {
		t.Parallel()
	}
	lines, line, binary, secret := 150<<20, 100<<20, 50<<20, 10<<20
	if long() {
		lines, line, binary, secret = 10<<30, 1<<30, 1<<30, 1<<30
	}
	const unit = "all of this is printed again and again, and all of it must be there\n"
	for _, c := range []struct {
		name, keys, run string
		unit            string // that the log repeats; "": it is the file tee
		size            int
	}{
		{"lines", "", fmt.Sprintf(`yes '%s' | head -c %d`, strings.TrimSpace(unit), lines), unit, lines},
		{"one line", "", fmt.Sprintf(`head -c %d /dev/zero | tr '\0' x`, line), "x", line},
		{"binary", "", fmt.Sprintf(`head -c %d /dev/urandom | tee tee`, binary), "", binary},
		{"stderr", "", fmt.Sprintf(`yes '%s' | head -c %d >&2`, strings.TrimSpace(unit), secret), unit, secret},
		{"masked", "env: {X: '${{ secrets.S }}'}", fmt.Sprintf(`yes '%s' | head -c %d`, strings.TrimSpace(unit), secret), unit, secret},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !long() {
				t.Parallel()
			}
			top := ""
			if c.keys != "" {
				top = "secrets: [S]\n"
			}
			at := prepare(t, top+`steps:
  - id: it
    `+c.keys+`
    run: |
      `+c.run+`
  - id: peak
    capture: lines
    run: |
      sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB$/\1/p' /proc/$PPID/status /proc/$(sed -n 's/^PPid:[^0-9]*//p' /proc/$PPID/status)/status
`)
			p := at.play(t, "export S=hunter22")
			if p.state != "exit status 0" {
				t.Fatalf("it ended with %q\n%s", p.state, tail(p.errs))
			}
			sizes, _ := p.all("peak")[0].Value.([]any)
			if len(sizes) != 2 {
				t.Fatal("of engine and supervisor, the peaks are", sizes)
			}
			for i, size := range sizes {
				kb, err := strconv.Atoi(fmt.Sprint(size))
				if who := []string{"engine", "supervisor"}[i]; err != nil || kb > 32<<10 && !testing.Short() { // the detector of races needs memory of its own
					t.Errorf("the %s had %d kB", who, kb)
				} else {
					t.Logf("the %s had %d kB", who, kb)
				}
			}
			said := 0
			for _, e := range p.of("step.output") {
				said += len(e.Text)
			}
			if seconds := p.all("it")[0].Duration; said > 8<<20+int(seconds)<<20 {
				t.Errorf("%d bytes were said in %v s", said, seconds)
			}
			stream := "stdout"
			if c.name == "stderr" {
				stream = "stderr"
			}
			log := filepath.Join(at.logs(t), "it", "1."+stream)
			if c.unit == "" {
				if out, err := exec.Command("cmp", log, filepath.Join(at.dir, "tee")).CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			} else if err := repeats(log, c.unit, c.size); err != nil {
				t.Error(err)
			}
			_ = os.Remove(log)
		})
	}
}

// repeats sees that a file is a text again and again, up to a size.
func repeats(path, text string, size int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	want := []byte(strings.Repeat(text, 1<<20/len(text)))
	got := make([]byte, len(want))
	for left := size; ; left -= len(want) {
		n, err := io.ReadFull(f, got)
		if n != max(0, min(left, len(want))) || !bytes.Equal(got[:n], want[:n]) {
			return fmt.Errorf("%s is not whole: it differs in the %d bytes after byte %d", path, len(want), size-left)
		}
		if err != nil {
			return nil
		}
	}
}

// TestFullDisk: a step whose log cannot be written fails, and says so; the run ends as it should.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	c := prepare(t, `
steps:
  - id: g
    return_exceptions: true
    gather:
      - {id: much, capture_limit: 10MiB, run: "seq 1000000; : >full; echo more"} # a pipe holds no more than 1 MiB
      - {id: silent, run: "sleep 0.1", finally: [{id: tidy, run: ": >tidied"}]}
      - {id: fails, run: "until test -e full; do sleep 0.01; done; echo some; exit 4"}
  - {id: said, value: "${{ steps.much.error.type }} ${{ len(steps.much.stdout) }}"}
  - {id: next, run: echo next}
`)
	full := filepath.Join(c.dir, ".state")
	if err := os.Mkdir(full, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("none", full, "tmpfs", 0, "size=64k,mode=0700"); err != nil {
		t.Skip("no file system can be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(full, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	cmd := c.cmd("run", "w.yaml", "--format", "json", "--durability", "none")
	out, err := cmd.Output()
	if got := fmt.Sprint(err); got != "exit status 1" {
		t.Fatalf("it ended with %s", got)
	}
	var doc struct {
		Status string
		Exit   int
		Error  struct{ Type, Message, Step string }
		Root   node
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	logs := c.logs(t)
	lost := func(step string) string {
		return "its log " + logs + "/" + step + "/1.stdout cannot be written: no space left on device"
	}
	if doc.Status != "failed" || doc.Exit != 1 || doc.Error.Type != "OutputError" || doc.Error.Message != lost("next") {
		t.Errorf("%+v", doc)
	}
	for path, want := range map[string]string{
		"much":   "failed OutputError " + lost("much"),
		"silent": "succeeded  ",
		"tidy":   "succeeded  ",
		"fails":  "failed ExitError exit status 4; " + lost("fails"),
		"said":   "succeeded  ",
		"next":   "failed OutputError " + lost("next"),
	} {
		n := doc.Root.find(path)
		if n == nil {
			t.Errorf("%s is not in the document", path)
			continue
		}
		if got := n.Status + " " + n.Error.Type + " " + n.Error.Message; got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
		if path == "said" && n.Value != "OutputError 6888901" {
			t.Errorf("the value of said: %v", n.Value)
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "tidied")); err != nil {
		t.Error(err)
	}
}

// TestLimitOfFiles: the same for a log that gets longer than the user may have files. The signal that tells of it kills
// a program, and not flowrun.
func TestLimitOfFiles(t *testing.T) {
	t.Parallel()
	p := prepare(t, `
steps:
  - {id: much, run: "seq 100000", retry: {attempts: 2}, except: [{echo: "go on"}]}
  - {id: program, run: "exec seq 100000 >file"}
`).play(t, "ulimit -f 64")
	retried := p.of("step.retry")
	if len(retried) != 1 || retried[0].Error.Type != "OutputError" || !strings.HasSuffix(retried[0].Error.Message, "/logs/much/1.stdout cannot be written: file too large") {
		t.Errorf("%+v", retried)
	}
	program := p.all("program")
	if len(program) != 1 || program[0].Error.Message != "killed by SIGXFSZ: its limit of a file's size (ulimit -f)" {
		t.Errorf("%+v", program)
	}
	if p.state != "exit status 1" {
		t.Errorf("it ended with %q\n%s", p.state, tail(p.errs))
	}
}

// node is what a test looks at of a step in the result document.
type node struct {
	Path, Status string
	Value        any
	Error        struct{ Type, Message string }
	Children     []*node
}

func (n *node) find(path string) *node {
	if n.Path == path {
		return n
	}
	for _, c := range n.Children {
		if found := c.find(path); found != nil {
			return found
		}
	}
	return nil
}

// TestLostStdout: when standard output takes no more, the run goes on to its end, cleanups included; the exit code
// says that something is lost, unless its reader has gone by himself.
func TestLostStdout(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json", "ndjson"} {
		gone, why := "exit status 0", ""
		if format == "json" { // the document is not for looking at
			gone, why = "exit status 3", "broken pipe\n"
		}
		for _, c := range []struct{ name, to, code, said string }{
			{"full", ">/dev/full", "exit status 3", "flowrun: standard output cannot be written: no space left on device\n"},
			{"reader gone", "| true; exit ${PIPESTATUS[0]}", gone, why},
			{"reader gone soon", "| head -c 100 >/dev/null; exit ${PIPESTATUS[0]}", gone, why},
		} {
			t.Run(format+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				at := prepare(t, `
steps:
  - {id: left, background: true, run: "sleep 1000 & sleep 1000"}
  - {id: much, run: "seq 20000; sleep 0.2; seq 20000", finally: [{run: ": >tidied"}]}
`)
				cmd := at.cmd("run", "w.yaml", "--format", format)
				cmd.Args = []string{"bash", "-c", `"$0" "$@" ` + c.to, cmd.Path, "run", "w.yaml", "--format", format}
				var err error
				if cmd.Path, err = exec.LookPath("bash"); err != nil {
					t.Skip(err)
				}
				var errs bytes.Buffer
				cmd.Stderr = &errs
				_ = cmd.Run() // its error is the state
				if got, said := cmd.ProcessState.String(), own(&errs); got != c.code || !strings.HasSuffix(said, c.said) {
					t.Errorf("it ended with %q, want %q, and at the end said\n%s\nwant\n%s", got, c.code, tail(said), c.said)
				}
				if _, err := os.Stat(filepath.Join(at.dir, "tidied")); err != nil {
					t.Error(err)
				}
				for _, s := range marked(at.mark) {
					t.Errorf("survivor %s", s)
				}
				kill(at.mark)
			})
		}
	}
}

// TestStateOfNobody: whoever has no home of his own finds what steps print among the temporary files, and nobody else
// does.
func TestStateOfNobody(t *testing.T) {
	t.Parallel()
	if nobody() == nil {
		t.Skip("needs another user")
	}
	root := home(t)
	c := &command{dir: filepath.Join(root, "run"), mark: filepath.Base(root) + "/", user: nobody()}
	temp := filepath.Join(root, "tmp")
	for dir, mode := range map[string]os.FileMode{c.dir: 0o755, temp: 0o777 | os.ModeSticky} {
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(c.dir, "w.yaml"), []byte("flowrun: 1\nsteps: [{id: it, run: echo it}]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) (out, errs string, code int) {
		cmd := c.cmd(args...)
		cmd.Env = append(cmd.Env, "XDG_STATE_HOME=", "HOME="+c.dir, "TMPDIR="+temp)
		var o, e bytes.Buffer
		cmd.Stdout, cmd.Stderr = &o, &e
		_ = cmd.Run() // its error is the code
		return o.String(), own(&e), cmd.ProcessState.ExitCode()
	}
	state := filepath.Join(temp, "flowrun-65534")
	want := "flowrun: mkdir " + c.dir + "/.local: permission denied: the run is kept in " + state + " (--state-dir names another folder)\n"
	if out, errs, code := do("run", "w.yaml"); code != 0 || !strings.Contains(errs, want) {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if logs, _ := filepath.Glob(filepath.Join(state, "runs", "*", "logs", "it", "1.stdout")); len(logs) != 1 {
		t.Errorf("the logs are %s", logs)
	}
	if info, err := os.Stat(state); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	if out, errs, code := do("show"); code != 0 || !strings.HasPrefix(out, "it | it\n") {
		t.Errorf("show: exit code %d\n%s%s", code, out, errs)
	}
	// Somebody else has been there first.
	if err := errors.Join(os.RemoveAll(state), os.Mkdir(state, 0o755)); err != nil {
		t.Fatal(err)
	}
	out, errs, code := do("run", "w.yaml")
	if code != 3 || !strings.Contains(errs, "; use "+state+": it is another user's (--state-dir names another)\n") || out != "" {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if out, errs, code := do("history"); code != 0 || out != "no runs\n" {
		t.Errorf("history: exit code %d\n%s%s", code, out, errs)
	}
	for _, command := range []string{"history", "status", "show", "logs"} {
		if out, errs, code := do(command, "--state-dir", state); code != 3 || out != "" || errs != "flowrun: --state-dir: use "+state+": it is another user's\n" {
			t.Errorf("%s: exit code %d\n%s%s", command, code, out, errs)
		}
	}
}
