//go:build unix

package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// flowFile is a file that holds src.
func flowFile(t *testing.T, src string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flow.yaml")
	if err := os.WriteFile(file, []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	return file
}

// signalled runs src until an event line holds each of the texts in turn, sends the signal after each of them ("" is
// in every line, so at once), and gives what the process printed and how it ended.
func signalled(t *testing.T, src string, sig syscall.Signal, after ...string) (out, errs string, state syscall.WaitStatus) {
	t.Helper()
	file := flowFile(t, src)
	cmd := exec.Command("flowrun", "run", "--format", "ndjson", file)
	var said bytes.Buffer
	cmd.Stderr = &said
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		for len(after) > 0 && strings.Contains(lines.Text(), after[0]) {
			after = after[1:]
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd.Wait() // its error is the state
	return all.String(), said.String(), cmd.ProcessState.Sys().(syscall.WaitStatus)
}

const stoppable = `
flowrun: 1
name: s
steps:
  - id: work
    run: "echo working; sleep 60"
    finally: [{id: tidy, run: "echo tidied"}]
`

func TestSignalCancels(t *testing.T) {
	for sig, name := range map[syscall.Signal]string{syscall.SIGINT: "SIGINT", syscall.SIGTERM: "SIGTERM", syscall.SIGHUP: "SIGHUP"} {
		out, errs, state := signalled(t, stoppable, sig, `"text":"working\n"`)
		if !state.Signaled() || state.Signal() != sig {
			t.Errorf("%s: ended with %v, want death by the signal", name, state)
		}
		if !strings.Contains(errs, "flowrun: "+name+": cancelling what runs") || !strings.Contains(errs, "s cancelled by "+name) {
			t.Errorf("%s: said\n%s", name, errs)
		}
		if !strings.Contains(out, `"text":"tidied\n"`) || !strings.Contains(out, `"type":"run.end","status":"cancelled","cause":"`+name+`"`) {
			t.Errorf("%s: events\n%s", name, out)
		}
	}
}

func TestSecondSignalKills(t *testing.T) {
	src := `
flowrun: 1
name: s
steps:
  - id: work
    run: "trap '' TERM INT; echo working; while :; do sleep 1; done"
    stop: {grace: 1h}
    finally: [{id: tidy, run: "echo tidied; sleep 60"}]
`
	out, errs, state := signalled(t, src, syscall.SIGINT, `"text":"working\n"`, `"type":"step.cancel","path":"work"`)
	if !state.Signaled() || state.Signal() != syscall.SIGINT {
		t.Errorf("ended with %v, want death by SIGINT", state)
	}
	if !strings.Contains(errs, "flowrun: SIGINT again: killing what runs") {
		t.Errorf("said\n%s", errs)
	}
	if !strings.Contains(out, `"type":"run.end","status":"cancelled"`) {
		t.Errorf("events\n%s", out)
	}
}

// SIGQUIT leaves no time: no cleanup, nothing left behind, and none of Go's stacks.
func TestQuitKills(t *testing.T) {
	src := `
flowrun: 1
name: s
steps:
  - id: work
    run: "trap '' TERM INT QUIT; echo working $$; while :; do sleep 1; done"
    stop: {grace: 1h}
    finally: [{id: tidy, run: "echo tidied"}]
`
	out, errs, state := signalled(t, src, syscall.SIGQUIT, `"text":"working `)
	if !state.Signaled() || state.Signal() != syscall.SIGQUIT || state.CoreDump() {
		t.Errorf("ended with %v, want death by SIGQUIT", state)
	}
	if want := "flowrun: SIGQUIT: killing what runs\n"; !strings.HasPrefix(errs, want) && !strings.Contains(errs, "\n"+want) {
		t.Errorf("said\n%s", errs)
	}
	if strings.Contains(errs, "goroutine") || strings.Contains(out, "tidied") {
		t.Errorf("said\n%s\nevents\n%s", errs, out)
	}
	if !strings.Contains(out, `"type":"run.end","status":"cancelled","cause":"SIGQUIT"`) {
		t.Errorf("events\n%s", out)
	}
	_, pid, _ := strings.Cut(out, "working ")
	pid, _, _ = strings.Cut(pid, `\n`)
	if n, err := strconv.Atoi(pid); err != nil || syscall.Kill(n, 0) == nil {
		t.Errorf("the process %q lives on (%v)", pid, err)
	}
}

func TestQuitAfterInterrupt(t *testing.T) {
	src := `
flowrun: 1
name: s
steps:
  - id: work
    run: "trap '' INT TERM; echo working; while :; do sleep 1; done"
    stop: {grace: 1h}
`
	file := flowFile(t, src)
	cmd := exec.Command("flowrun", "run", file)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() && !strings.Contains(lines.Text(), "working") {
	}
	var said strings.Builder
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 500)
		n, _ := errs.Read(b)
		said.Write(b[:n])
	}
	io.Copy(io.Discard, pipe)
	cmd.Wait() // its error is the signal
	if state := cmd.ProcessState.Sys().(syscall.WaitStatus); state.Signal() != syscall.SIGINT {
		t.Errorf("ended with %v, want death by the first signal", cmd.ProcessState)
	}
	if !strings.Contains(said.String(), "flowrun: SIGQUIT: killing what runs\n") {
		t.Errorf("said\n%s", &said)
	}
}

// The document is there after Ctrl-C, too, and is the only thing on standard output.
func TestDocumentAfterSignal(t *testing.T) {
	file := flowFile(t, stoppable)
	cmd := exec.Command("flowrun", "run", "--format", "json", file)
	var out bytes.Buffer
	cmd.Stdout = &out
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(errs); lines.Scan(); {
		if strings.Contains(lines.Text(), "work | working") {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd.Wait() // its error is the signal
	var doc struct {
		Status, Cause string
		Exit          int
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatalf("%s: %s", err, out.String())
	}
	if doc.Status != "cancelled" || doc.Cause != "SIGTERM" || doc.Exit != 143 {
		t.Errorf("%+v", doc)
	}
}

// A process that ignores TERM is killed after --grace where the file says nothing.
func TestGrace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "flow.yaml")
	src := "flowrun: 1\nsteps: [{run: \"trap '' TERM; sleep 60 & wait; wait\"}]\n"
	if err := os.WriteFile(file, []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("flowrun", "run", file, "--timeout", "100ms", "--grace", "50ms").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 124 {
		t.Errorf("%v\n%s", err, out)
	}
}

// A reader that goes away does not stop the run, and its cleanups run.
func TestReaderGoes(t *testing.T) {
	for _, format := range []string{"text", "ndjson"} {
		t.Run(format, func(t *testing.T) { readerGoes(t, format) })
	}
}

func readerGoes(t *testing.T, format string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "flow.yaml")
	src := `
flowrun: 1
steps:
  - run: "echo one; cat gate; echo two; echo three"
    finally: [{run: "touch tidied"}]
`
	if err := os.WriteFile(file, []byte(src), 0o666); err != nil {
		t.Fatal(err)
	}
	gate := filepath.Join(dir, "gate")
	if err := syscall.Mkfifo(gate, 0o666); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("flowrun", "run", "--format", format, file)
	var said bytes.Buffer
	cmd.Stderr = &said
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(pipe).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	pipe.Close()
	if err := os.WriteFile(gate, nil, 0o666); err != nil { // lets the step go on
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if strings.Contains(said.String(), "flowrun: ") {
		t.Errorf("said\n%s", said.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "tidied")); err != nil {
		t.Error("the cleanup did not run")
	}
}
