//go:build unix

package steps

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// soon is longer than anything here takes that does not hang.
const soon = time.Minute

// sayings collects what a step says.
type sayings struct {
	mu    sync.Mutex
	all   strings.Builder
	lines chan string // every text, for a test that waits for one
}

func (s *sayings) output(stream, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.all, "%s %q\n", stream, text)
	select {
	case s.lines <- text:
	default:
	}
}

func (s *sayings) skip(stream string, bytes int64) {
	s.output(stream, fmt.Sprintf("[%d bytes]\n", bytes))
}

// run is one attempt without outputs.
func run(ctx context.Context, call kind.Call) event.Outcome { return newRunner().run(ctx, &call, "") }

func newCall(t *testing.T, args kind.Args) (kind.Call, *sayings) {
	s := &sayings{lines: make(chan string, 100)}
	return kind.Call{
		Args: args, Env: os.Environ(), Dir: t.TempDir(),
		Step: "tests[1]", RunID: "01K", Attempt: 2,
		Output: kind.Output{Say: s.output, Skip: s.skip}, Kill: make(chan struct{}),
		Temp: sync.OnceValues(func() (string, error) { return os.MkdirTemp(t.TempDir(), "") }),
	}, s
}

// document is an outcome as text: the value or the error, then stdout, stderr and the exit code.
func document(o event.Outcome) string {
	var b strings.Builder
	put := func(v any) {
		j, err := event.Marshal(v)
		if err != nil {
			j = []byte(err.Error())
		}
		fmt.Fprintf(&b, "%s\n", j)
	}
	if o.Status == event.Succeeded {
		put(o.Value)
	} else {
		put(o.Err)
	}
	for _, k := range []string{"stdout", "stderr", "exit_code"} {
		if v, ok := o.Extra[k]; ok && v != "" && v != 0 {
			fmt.Fprintf(&b, "%s ", k)
			put(v)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestRun(t *testing.T) {
	t.Parallel()
	exit := func(message, fields string) string {
		return `{"type":"ExitError","message":"` + message + `","step":"",` + fields + `}`
	}
	other := func(typ, message string) string {
		b, _ := event.Marshal(message)
		return `{"type":"` + typ + `","message":` + string(b) + `,"step":""}`
	}
	noText := func(stream string) string {
		return `{"error":` + other("OutputError", stream+" is not UTF-8: use capture: none and read the log, or encode it, as with base64") + `}`
	}
	for _, c := range []struct{ name, args, want string }{
		{"argv", `{"run":["echo","a b","$HOME"]}`, `"a b $HOME"` + "\n" + `stdout "a b $HOME\n"`},
		{"argv of other types", `{"run":["echo",1,2.5,true,null,{"a":[1]}]}`, `"1 2.5 true null {\"a\":[1]}"` + "\n" + `stdout "1 2.5 true null {\"a\":[1]}\n"`},
		{"script", `{"run":"echo a; echo b"}`, `"a\nb"` + "\n" + `stdout "a\nb\n"`},
		{"sh stops at an error", `{"run":"echo a\nfalse\necho b"}`, exit("exit status 1", `"exit_code":1`) + "\nstdout \"a\\n\"\nexit_code 1"},
		{"bash", `{"run":"echo ${BASH_VERSION:+yes}; false | true","shell":"bash"}`, exit("exit status 1", `"exit_code":1`) + "\nstdout \"yes\\n\"\nexit_code 1"},
		{"python", `{"run":"import sys\nprint(len(sys.argv), sys.path[0] in ('', None))","shell":"python"}`, "\"1 True\"\nstdout \"1 True\\n\""},
		{"shell as a list", `{"run":"echo in $1","shell":["sh","{0}","x"]}`, "\"in x\"\nstdout \"in x\\n\""},
		{"shell as the file itself", `{"run":"#!/bin/sh\necho started","shell":["{0}"]}`, "\"started\"\nstdout \"started\\n\""},
		{"unknown shell", `{"run":"x","shell":"fish"}`, other("ValueError", `shell: "fish" is none of sh, bash, pwsh, python: for another one write a list with {0}`)},
		{"only the last newline goes", `{"run":"printf 'a\\n\\n'"}`, `"a\n"` + "\n" + `stdout "a\n\n"`},
		{"no newline", `{"run":"printf a"}`, `"a"` + "\n" + `stdout "a"`},
		{"no output", `{"run":"true"}`, `""`},
		{"stderr", `{"run":"echo e >&2; echo o"}`, "\"o\"\nstdout \"o\\n\"\nstderr \"e\\n\""},
		{"binary", `{"run":"printf 'a\\377\\376b\\000c'"}`, noText("stdout") + "\nstdout " + noText("stdout")},
		{"binary lines", `{"run":"printf 'a\\n\\377'","capture":"lines"}`, noText("stdout") + "\nstdout " + noText("stdout")},
		{"binary json", `{"run":"printf '\"\\377\"'","capture":"json"}`, other("OutputError", "stdout is not JSON: it is not UTF-8") + "\nstdout " + noText("stdout")},
		{"binary to nobody", `{"run":"printf '\\377'; printf '\\376' >&2","capture":"none"}`, "null\nstdout " + noText("stdout") + "\nstderr " + noText("stderr")},
		{"NUL in the output", `{"run":"printf 'b\\000c'"}`, "\"b\\u0000c\"\nstdout \"b\\u0000c\""},

		{"lines", `{"run":"printf 'a\\n\\nb\\r\\nc'","capture":"lines"}`, `["a","","b","c"]` + "\n" + `stdout "a\n\nb\r\nc"`},
		{"no lines", `{"run":"true","capture":"lines"}`, `[]`},
		{"json", `{"run":"echo '{\"b\": [1, 2.5, 9223372036854775807]}'","capture":"json"}`, `{"b":[1,2.5,9223372036854775807]}` + "\n" + `stdout "{\"b\": [1, 2.5, 9223372036854775807]}\n"`},
		{"none", `{"run":"echo a","capture":"none"}`, "null\nstdout \"a\\n\""},
		{"no json", `{"run":"printf 'ok\\nhello'","capture":"json"}`, other("OutputError", `stdout is not JSON: invalid character 'o' looking for beginning of value at line 1, column 1: it begins with "ok\nhello"`) + "\nstdout \"ok\\nhello\""},
		{"json and more", `{"run":"printf '{}\\n ]'","capture":"json"}`, other("OutputError", `stdout is not JSON: invalid character ']' after top-level value at line 2, column 2: it begins with "{}\n ]"`) + "\nstdout \"{}\\n ]\""},
		{"half a json", `{"run":"printf '{\"a\": '","capture":"json"}`, other("OutputError", `stdout is not JSON: it ends in the middle of a value: it begins with "{\"a\": "`) + "\nstdout \"{\\\"a\\\": \""},
		{"empty json", `{"run":"true","capture":"json"}`, other("OutputError", `stdout is empty and not JSON, which capture: json needs`)},
		{"failed json", `{"run":"exit 4","capture":"json"}`, exit("exit status 4", `"exit_code":4`) + "\nexit_code 4"},
		{"at the limit", `{"run":"printf 123456","capture_limit":"6B"}`, "\"123456\"\nstdout \"123456\""},
		{
			"over the limit", `{"run":"printf 1234567","capture_limit":6}`,
			`{"error":` + other("OutputError", "stdout was longer than capture_limit (6B) and was not kept: raise capture_limit, or write to a file") + `}` + "\n" +
				`stdout {"error":` + other("OutputError", "stdout was longer than capture_limit (6B) and was not kept: raise capture_limit, or write to a file") + `}`,
		},
		{
			"none over the limit", `{"run":"printf 1234567 >&2","capture_limit":6,"capture":"none"}`,
			"null\n" + `stderr {"error":` + other("OutputError", "stderr was longer than capture_limit (6B) and was not kept: raise capture_limit, or write to a file") + `}`,
		},

		{"stdin empty", `{"run":["cat"]}`, `""`},
		{"stdin text", `{"run":["cat"],"stdin":"a\nb"}`, `"a\nb"` + "\n" + `stdout "a\nb"`},
		{"stdin json", `{"run":["cat"],"stdin":{"a":[1,"<x>"]}}`, `"{\"a\":[1,\"<x>\"]}"` + "\n" + `stdout "{\"a\":[1,\"<x>\"]}"`},
		{"stdin not read", `{"run":["true"],"stdin":"` + strings.Repeat("x", 1<<20) + `"}`, `""`},

		{"exit code", `{"run":"exit 3"}`, exit("exit status 3", `"exit_code":3`) + "\nexit_code 3"},
		{"success codes", `{"run":"echo a; exit 3","success_codes":[0,3]}`, "\"a\"\nstdout \"a\\n\"\nexit_code 3"},
		{"success without 0", `{"run":"true","success_codes":[3]}`, exit("exit status 0", `"exit_code":0`)},
		{"command not found in a script", `{"run":"no-such-command 2>/dev/null"}`, exit("exit status 127: a command of the script was not found", `"exit_code":127`) + "\nexit_code 127"},
		{"not executable in a script", `{"run":"/etc/passwd 2>/dev/null"}`, exit("exit status 126: a command of the script was found but is not executable", `"exit_code":126`) + "\nexit_code 126"},
		{"signal", `{"run":"kill -TERM $$"}`, exit("killed by SIGTERM", `"signal":"TERM"`) + "\nexit_code null"},
		{"killed", `{"run":"kill -KILL $$"}`, exit("killed by SIGKILL; out of memory?", `"signal":"KILL"`) + "\nexit_code null"},
		{"killed inside", `{"run":"exec 2>/dev/null; sh -c 'kill -KILL $$'; exit $?"}`, exit("exit status 137: something in it was killed by SIGKILL; out of memory?", `"exit_code":137`) + "\nexit_code 137"},

		{"killed inside by a fault", `{"run":"exec 2>/dev/null; sh -c 'kill -SEGV $$'; exit $?"}`, exit("exit status 139: something in it was killed by SIGSEGV (segmentation fault): a bug in the program", `"exit_code":139`) + "\nexit_code 139"},
		{"fault", `{"run":"ulimit -c 0; kill -SEGV $$"}`, exit("killed by SIGSEGV (segmentation fault): a bug in the program", `"signal":"SEGV"`) + "\nexit_code null"},
		{"command not found by another", `{"run":["sh","-c","exit 127"]}`, exit("exit status 127: so says a program that did not find another one", `"exit_code":127`) + "\nexit_code 127"},
		{"no signal", `{"run":"exit 200"}`, exit("exit status 200", `"exit_code":200`) + "\nexit_code 200"},
		{"variables", `{"run":"echo $FLOWRUN_RUN_ID $FLOWRUN_STEP $FLOWRUN_ATTEMPT"}`, "\"01K tests[1] 2\"\nstdout \"01K tests[1] 2\\n\""},
		{"no such folder", `{"run":"true","dir":"/no/such"}`, other("StartError", "dir: there is no folder /no/such")},
		{"folder is a file", `{"run":"true","dir":"/etc/passwd"}`, other("StartError", "dir: /etc/passwd is not a folder")},
		{"not executable", `{"run":["/etc/passwd"]}`, other("StartError", "/etc/passwd cannot be run: it is not executable (chmod +x)")},
		{"a folder", `{"run":["/etc"]}`, other("StartError", "/etc cannot be run: it is a folder")},
		{"empty command", `{"run":[""]}`, other("ValueError", "run: the command is empty")},
		{"no command", `{"run":[]}`, other("ValueError", "run: the command is empty")},
		{"NUL", `{"run":["echo","a\u0000b"]}`, other("ValueError", "run: item 1 holds a NUL, which no argument can")},
		{"too long", `{"run":["echo","` + strings.Repeat("x", 200<<10) + `"]}`, other("StartError", "echo cannot be run: its arguments and environment are too long; give large data by stdin")},
		{"long script", `{"run":"echo long #` + strings.Repeat("x", 200<<10) + `"}`, "\"long\"\nstdout \"long\\n\""},
		{"stop is checked", `{"run":"true","stop":{"signal":"BOOM"}}`, other("ValueError", `stop: "BOOM" is no signal: write one as TERM or INT`)},
		{"grace is checked", `{"run":"true","stop":{"grace":-1}}`, other("ValueError", `stop: grace: -1s is negative`)},
		{"limit is checked", `{"run":"true","capture_limit":"much"}`, other("ValueError", `capture_limit: "much" is no size: write one as 64KiB, 10MiB or 1GiB`)},
		{"codes are checked", `{"run":"true","success_codes":["x"]}`, other("ValueError", `success_codes: x is no exit code`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, _ := newCall(t, value(t, c.args).(map[string]any))
			if shell, ok := call.Args["shell"].(string); ok {
				if _, missing := exec.LookPath(shell); missing != nil && shell != "fish" {
					t.Skip(missing)
				}
			}
			if got := document(run(t.Context(), call)); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRunFindsPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		syscall.ForkLock.RLock() // no child of a test beside this one may hold it open
		defer syscall.ForkLock.RUnlock()
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("bin/tool", "#!/bin/sh\necho tool\n", 0o755)
	write("sub/tool", "#!/bin/sh\necho sub\n", 0o755)
	write("off/tool", "#!/bin/sh\n", 0o644)
	write("bad", "#!/no/such/interpreter\n", 0o755)
	write("plain", "echo no first line\n", 0o755)
	for _, c := range []struct{ name, path, command, dir, want string }{
		{"PATH of the step", dir + "/bin", "tool", "", `"tool"`},
		{"relative PATH", "../bin", "tool", "sub", `"tool"`},
		{"first in PATH", dir + "/sub:" + dir + "/bin", "tool", "", `"sub"`},
		{"not executable is passed over", dir + "/off:" + dir + "/bin", "tool", "", `"tool"`},
		{"only one that is not executable", dir + "/off", "tool", "", "StartError: tool cannot be run: " + dir + "/off/tool: it is not executable (chmod +x)"},
		{"not found", "/a:/b", "tool", "", `StartError: command "tool" was not found in PATH (/a:/b)`},
		{"command line in one item", "/a", "tool --x", "", `StartError: command "tool --x" was not found in PATH (/a): for a command line write run as a text, not as a list`},
		{"a slip", dir + "/bin", "tol", "", `StartError: command "tol" was not found in PATH (` + dir + `/bin); did you mean tool?`},
		{"a slip, but that is no program", dir + "/off", "tol", "", `StartError: command "tol" was not found in PATH (` + dir + `/off)`},
		{"in the folder", "/a", "plain", "", `StartError: command "plain" was not found in PATH (/a); the one in the step's folder is ./plain`},
		{"a slip in a path", "", "bin/tol", "", "StartError: bin/tol was not found in " + dir + "; did you mean bin/tool?"},
		{"a path is relative to dir", "", "./tool", "sub", `"sub"`},
		{"above dir", "", "../bin/tool", "sub", `"tool"`},
		{"no such path", "", "./tool", "", "StartError: ./tool was not found in " + dir},
		{"interpreter missing", "", "./bad", "", "StartError: ./bad cannot be run: the interpreter in its first line (#!) was not found"},
		{"no first line", "", "./plain", "", "StartError: ./plain cannot be run: it is no program of this system and its first line names no interpreter (#!)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			args := kind.Args{"run": []any{c.command}}
			if c.dir != "" {
				args["dir"] = c.dir
			}
			call, _ := newCall(t, args)
			call.Dir, call.Env = dir, []string{"PATH=/nowhere", "PATH=" + c.path}
			o := run(t.Context(), call)
			got, _ := event.Marshal(o.Value)
			if o.Err != nil {
				got = []byte(o.Err.Error())
			}
			if string(got) != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestRunFolders(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	call, _ := newCall(t, nil)
	base, err := filepath.EvalSymlinks(call.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(base, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{"": base, ".": base, "sub": base + "/sub", "sub/..": base, "-": here, "/": "/"} {
		call.Args = kind.Args{"run": []any{"pwd", "-P"}}
		if dir != "" {
			call.Args["dir"] = dir
		}
		if o := run(t.Context(), call); o.Value != want {
			t.Errorf("dir %q: %v, want %s (%v)", dir, o.Value, want, o.Err)
		}
	}
}

func TestRunEnvironment(t *testing.T) {
	t.Parallel()
	call, _ := newCall(t, kind.Args{"run": []any{"/usr/bin/env"}, "capture": "lines"})
	call.Env = []string{"FLOWRUN_STEP=outer", "B=2", "A=3", "EMPTY="}
	want := `["B=2","A=3","EMPTY=","FLOWRUN_RUN_ID=01K","FLOWRUN_STEP=tests[1]","FLOWRUN_ATTEMPT=2",` +
		`"FLOWRUN_IDEMPOTENCY_KEY=4439ff5b7ab177554e6e56b82f519d6a","TRACEPARENT=00-a1ebe053fac8bc1edca901f0e4f4e8dd-7e1db699b728a853-01"]`
	got := strings.SplitN(document(run(t.Context(), call)), "\n", 2)[0]
	if got = regexp.MustCompile(`,"FLOWRUN_PROCESS=[0-9: ]+"`).ReplaceAllString(got, ""); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if len(call.Env) != 4 || call.Env[0] != "FLOWRUN_STEP=outer" {
		t.Errorf("the caller's environment was changed: %q", call.Env)
	}
	call.Env = []string{"A=x\x00y"}
	if o := run(t.Context(), call); o.Err == nil || o.Err.Message != "env: the value of A holds a NUL, which no variable can" {
		t.Errorf("NUL: %v", o.Err)
	}
}

func TestRunSays(t *testing.T) {
	t.Parallel()
	call, s := newCall(t, kind.Args{"run": "printf 'a\\nb\\nend'; printf 'e\\n\\303' >&2"})
	if o := run(t.Context(), call); o.Err != nil {
		t.Fatal(o.Err)
	}
	var out, errs string
	for line := range strings.Lines(s.all.String()) {
		stream, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		text, err := strconv.Unquote(text)
		if err != nil {
			t.Fatal(err)
		}
		if stream == "stdout" {
			out += text
		} else {
			errs += text
		}
	}
	if out != "a\nb\nend" || errs != "e\n\xc3" {
		t.Errorf("stdout %q, stderr %q", out, errs)
	}
}

// What a step says comes while it works.
func TestRunSaysAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	call, s := newCall(t, kind.Args{"run": "echo ready; sleep 1000"})
	ended := make(chan event.Outcome, 1)
	go func() { ended <- run(ctx, call) }()
	if line := <-s.lines; line != "ready\n" {
		t.Errorf("said %q", line)
	}
	cancel()
	if o := <-ended; o.Extra["stdout"] != "ready\n" {
		t.Errorf("extra: %v", o.Extra)
	}
}

func TestRunBigOutput(t *testing.T) {
	for name, script := range map[string]string{
		"lines":    "yes 0123456789abcdef | head -c 67108864",
		"one line": "head -c 67108864 /dev/zero | tr '\\0' x",
		"binary":   "head -c 67108864 /dev/zero | tr '\\0' '\\377'",
	} {
		for _, whole := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %t", name, whole), func(t *testing.T) {
				call, _ := newCall(t, kind.Args{"run": script})
				call.Output.Whole = whole
				call.Output.Log = filepath.Join(t.TempDir(), "logs", "big", "1")
				var said, skipped int64
				var longest int
				var peak uint64
				call.Output.Say = func(_, text string) {
					before := said >> 23
					if said += int64(len(text)); said>>23 != before {
						var m runtime.MemStats
						runtime.ReadMemStats(&m)
						peak = max(peak, m.HeapInuse)
					}
					longest = max(longest, len(text))
				}
				call.Output.Skip = func(_ string, n int64) { skipped += n }
				o := run(t.Context(), call)
				if _, cut := o.Value.(event.Poison); !cut || o.Err != nil {
					t.Errorf("value %T, error %v", o.Value, o.Err)
				}
				if name != "binary" && said+skipped != 64<<20 {
					t.Errorf("%d bytes were said, %d skipped", said, skipped)
				}
				if whole == (skipped > 0) {
					t.Errorf("%d bytes were skipped", skipped)
				}
				if info, err := os.Stat(call.Output.Log + ".stdout"); err != nil || info.Size() != 64<<20 {
					t.Errorf("the log: %v", err)
				}
				if longest > 3*64<<10 {
					t.Errorf("a piece of %d bytes", longest)
				}
				if peak > 32<<20 {
					t.Errorf("%d MiB of heap", peak>>20)
				}
			})
		}
	}
}

func TestRunIsStopped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script, stop string
		kill               bool
		want               string
	}{
		{"TERM", `echo ready; sleep 1000`, `{}`, false, "killed by SIGTERM"},
		{"cleans up", `trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done`, `{}`, false, "exit status 5 bye"},
		{"its own signal", `trap 'echo int; exit 6' INT; echo ready; while :; do sleep 0.01; done`, `{"signal":"INT"}`, false, "exit status 6 int"},
		{"ignores TERM", `trap '' TERM; echo ready; sleep 1000`, `{"grace":"50ms"}`, false, "killed by SIGKILL; out of memory?"},
		{"no grace", `trap '' TERM; echo ready; sleep 1000`, `{"grace":0}`, false, "killed by SIGKILL; out of memory?"},
		{"killed at once", `trap '' TERM; echo ready; sleep 1000`, `{"grace":"1000s"}`, true, "killed by SIGKILL; out of memory?"},
		{"stopped process", `echo ready; kill -STOP $$`, `{}`, false, "killed by SIGTERM"},
		{"the tree has the grace", `sh -c 'trap "echo bye; exit" TERM; echo ready; while :; do sleep 0.01; done' & wait`, `{}`, false, "killed by SIGTERM bye"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			call, s := newCall(t, kind.Args{"run": c.script, "stop": value(t, c.stop)})
			kill := make(chan struct{})
			call.Kill = kill
			ended := make(chan event.Outcome, 1)
			go func() { ended <- run(ctx, call) }()
			<-s.lines
			cancel()
			if c.kill {
				close(kill)
			}
			select {
			case o := <-ended:
				got := strings.TrimSpace(o.Err.Message + " " + strings.TrimSpace(strings.TrimPrefix(o.Extra["stdout"].(string), "ready\n")))
				if got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			case <-time.After(soon):
				t.Error("it hangs")
				<-ended
			}
		})
	}
}

func TestRunCancelledBeforeItStarts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	call, s := newCall(t, kind.Args{"run": "echo started"})
	if o := run(ctx, call); o.Status != event.Cancelled || s.all.Len() != 0 {
		t.Errorf("%v, said %s", o.Status, &s.all)
	}
}

// A script's file is gone when the step has ended.
func TestRunRemovesItsFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	call, _ := newCall(t, kind.Args{"run": "echo $0", "shell": []any{"sh", "{0}"}})
	o := run(t.Context(), call)
	if o.Err != nil || !strings.HasPrefix(o.Value.(string), dir) {
		t.Errorf("%v, %v", o.Value, o.Err)
	}
	call.Args["shell"] = []any{"no-such-shell", "{0}"}
	if o := run(t.Context(), call); o.Err == nil || o.Err.Type != event.StartError {
		t.Errorf("%v", o.Err)
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// A program may open its own outputs again: what was written before stays, as it would not in a file.
func TestRunOpensItsOutputsAgain(t *testing.T) {
	if _, err := os.Stat("/dev/stderr"); err != nil {
		t.Skip(err)
	}
	t.Parallel()
	call, _ := newCall(t, kind.Args{"run": `echo one; echo two >/dev/stdout; echo a >&2; echo b >/dev/stderr; echo c | tee /dev/stderr; echo three`})
	call.Output.Log = filepath.Join(t.TempDir(), "1")
	o := run(t.Context(), call)
	const out, errs = "one\ntwo\nc\nthree\n", "a\nb\nc\n"
	if o.Extra["stdout"] != out || o.Extra["stderr"] != errs {
		t.Errorf("%q", o.Extra)
	}
	for end, want := range map[string]string{".stdout": out, ".stderr": errs} {
		if got, err := os.ReadFile(call.Output.Log + end); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", end, got, err)
		}
	}
}
