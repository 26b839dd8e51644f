package steps

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

// What holds when the key is not written.
const (
	defaultGrace  = 10 * time.Second
	defaultSignal = "TERM"
	defaultLimit  = 1 << 20
	// patience is how long a system without room for another process is asked again.
	patience = 10 * time.Second
)

func runKind() *kind.Kind {
	return &kind.Kind{
		Name:        "run",
		Title:       "Run a program or a script",
		Description: "Runs a program given as a list of arguments, or a script given as a text. Its value is what it writes to standard output.",
		Keys: append([]kind.Key{
			{
				Name:        "run",
				Description: "A list is a program with its arguments, without a shell. A text is a script for `shell`, sh by default; in one for sh or bash an expression is put in as data, by a variable.",
				Schema:      `{"type": ["string", "array"], "minLength": 1, "minItems": 1, "items": {"type": "string"}}`,
				Mode:        kind.Script,
				Examples:    []string{`run: ["go", "test", "./..."]`, `run: make -j4 all`},
			},
			{
				Name:        "dir",
				Description: "Folder to run in, relative to the workflow's file (the default). \"-\" is the current folder.",
				Schema:      `{"type": "string", "minLength": 1}`,
				Mode:        kind.Text,
				Examples:    []string{`dir: web`, `dir: "-"`},
			},
			{
				Name:        "stdin",
				Description: "What the program reads: a text as it is, anything else as JSON. Empty by default.",
				Schema:      `{}`,
				Mode:        kind.Free,
				Examples:    []string{`stdin: "yes\n"`, `stdin: ${{ steps.list.value }}`},
			},
			{
				Name:        "success_codes",
				Description: "The exit codes that are a success; [0] by default.",
				Schema:      `{"type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "integer", "minimum": 0, "maximum": 4294967295}}`,
				Mode:        kind.Typed,
				Examples:    []string{`success_codes: [0, 1]`, `success_codes: [0, 2, 3]`},
			},
			{
				Name:        "capture",
				Description: "What the value is made of: standard output as text without its last newline (default), as a list of lines, decoded from JSON, or null.",
				Schema: `{"type": "string", "enum": ["text", "lines", "json", "none"],
	"enumDescriptions": ["Standard output without its last newline.", "A list of its lines.", "What it is as JSON.", "null: it is not kept."]}`,
				Mode:     kind.Literal,
				Examples: []string{`capture: json`},
			},
			{
				Name:        "capture_limit",
				Description: "How much is kept of standard output and of standard error each; 1MiB by default. What is longer is not kept, and reading it fails.",
				Schema:      sizeSchema,
				Mode:        kind.Typed,
				Examples:    []string{`capture_limit: 10MiB`},
			},
			{
				Name:        "shell",
				Description: "What reads a script: sh (default), bash, pwsh, python, or a list of arguments in which {0} is the script's file.",
				Schema:      `{"anyOf": [{"type": "string", "enum": ["sh", "bash", "pwsh", "python"]}, {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}]}`,
				Mode:        kind.Literal,
				Examples:    []string{`shell: bash`, `shell: ["node", "{0}"]`},
			},
			{
				Name:        "stop",
				Description: "How the program is told to end: the signal (default TERM), and after the grace (default 10s) KILL.",
				Schema: `{"type": "object", "additionalProperties": false, "minProperties": 1, "properties": {
	"signal": {"description": "The signal that tells it to end.", "examples": ["INT"], "type": "string", "enum": ["TERM", "INT", "HUP", "QUIT", "KILL", "USR1", "USR2", "ABRT", "ALRM", "WINCH"]},
	"grace": {"description": "How long it and all that it started have before KILL.", "examples": ["30s"], ` + durationFields + `}
}}`,
				Mode:     kind.Typed,
				Examples: []string{`stop: {signal: INT, grace: 30s}`, `stop: {grace: 1m}`},
			},
			{
				Name:        "ci_commands",
				Description: "With pass, what the program prints may be commands for the CI that flowrun runs in (::group::, ##vso[...]). Else they are shown as text.",
				Schema:      `{"type": "string", "enum": ["pass"]}`,
				Mode:        kind.Literal,
				Examples:    []string{`ci_commands: pass`},
			},
			{
				Name:        "interactive",
				Description: "The program has the terminal while it runs: keys, Ctrl-C, job control, the whole screen. Its value is null. Not where another step could run at the same time.",
				Schema:      `{"type": "boolean"}`,
				Mode:        kind.Literal,
				Examples:    []string{`interactive: true`},
			},
			{
				Name:        "on_crash",
				Description: "What `flowrun resume` does with the step if it was at work when flowrun died: rerun it (default), or fail it with a LostError, as it may have been done already.",
				Schema:      `{"type": "string", "enum": ["rerun", "fail"], "enumDescriptions": ["It begins again, as a further attempt that no retry counts.", "It fails with a LostError, which a retry tries again only where its match names it."]}`,
				Mode:        kind.Literal,
				Examples:    []string{`on_crash: fail`},
			},
			{
				Name:        "isolate",
				Description: "With pid, the program sees only its own processes, and the kernel itself ends all of them with it, also when flowrun is killed. Linux.",
				Schema:      `{"type": "string", "enum": ["pid"]}`,
				Mode:        kind.Literal,
				Examples:    []string{`isolate: pid`},
			},
			{
				Name:        "artifacts",
				Description: "Files that are kept when the step has ended, for `fetch` of later steps and for `flowrun artifacts`: patterns below the folder it runs in, one or a list. A folder is all that is in it. Of a step that has failed there is kept what is there.",
				Schema:      `{"type": ["string", "array"], "minLength": 1, "minItems": 1, "uniqueItems": true, "items": {"type": "string", "minLength": 1}}`,
				Mode:        kind.Text,
				Examples:    []string{`artifacts: dist`, `artifacts: ["dist/*.tar.gz", report.xml]`},
			},
			{
				Name:        "fetch",
				Description: "Files that earlier steps have kept, put below the folder it runs in, at the same paths, before it begins: steps.x.artifacts, or a list of those.",
				Schema:      `{"type": "array", "minItems": 1}`,
				Mode:        kind.Typed,
				Examples:    []string{`fetch: ${{ steps.build.artifacts }}`, `fetch: ["${{ steps.linux.artifacts }}", "${{ steps.darwin.artifacts }}"]`},
			},
		}, remoteKeys()...),
		Check:    checkRun,
		Quote:    quoteScript,
		Limited:  true,
		Terminal: []string{"interactive", "stdin", "capture", "capture_limit", "isolate"},
		Run:      newRunner().runWithFiles,
	}
}

func checkRun(constant map[string]any, report func(key, code, text string)) {
	if argv, ok := constant["run"].([]any); ok && len(argv) > 0 && argv[0] == "" {
		report("run", "bad-value", "the first item of run is the program and cannot be empty")
	}
	if argv, ok := constant["shell"].([]any); ok && !namesFile(argv) {
		report("shell", "bad-value", `no item of shell holds {0}, the place of the script's file: write for example ["node", "{0}"]`)
	}
	if stop, ok := constant["stop"].(map[string]any); ok {
		if grace, ok := stop["grace"]; ok {
			checkDuration("stop", grace, report)
		}
	}
	if limit, ok := constant["capture_limit"]; ok {
		if _, err := event.Size(limit); err != nil {
			report("capture_limit", "bad-size", err.Error())
		}
	}
	checkArtifacts(constant["artifacts"], report)
}

// options are the arguments of a run that are not about what to start.
type options struct {
	capture string
	limit   int
	codes   []int
	signal  string
	grace   time.Duration
}

func readOptions(args kind.Args) (options, error) {
	o := options{capture: "text", limit: defaultLimit, codes: []int{0}, signal: defaultSignal, grace: defaultGrace}
	var err error
	if v, ok := args["capture"]; ok && v != nil {
		o.capture = text(v)
		if !slices.Contains([]string{"text", "lines", "json", "none"}, o.capture) {
			return o, fmt.Errorf("capture: %q is none of text, lines, json, none", o.capture)
		}
	}
	if v, ok := args["capture_limit"]; ok && v != nil {
		if o.limit, err = event.Size(v); err != nil {
			return o, fmt.Errorf("capture_limit: %w", err)
		}
	}
	if v, ok := args["success_codes"]; ok && v != nil {
		list, isList := v.([]any)
		if !isList || len(list) == 0 {
			return o, fmt.Errorf("success_codes: must be a list of exit codes, not %s", text(v))
		}
		o.codes = nil
		for _, c := range list {
			code, isInt := c.(int)
			if !isInt || code < 0 {
				return o, fmt.Errorf("success_codes: %s is no exit code", text(c))
			}
			o.codes = append(o.codes, code)
		}
	}
	if v, ok := args["stop"]; ok && v != nil {
		stop, isMap := v.(map[string]any)
		if !isMap {
			return o, fmt.Errorf("stop: must be a mapping with signal and grace, not %s", noun(v))
		}
		if s, ok := stop["signal"]; ok && s != nil {
			o.signal = text(s)
			if !process.Signal(o.signal) {
				return o, fmt.Errorf("stop: %q is no signal: write one as TERM or INT", o.signal)
			}
		}
		if g, ok := stop["grace"]; ok && g != nil {
			if o.grace, err = duration(g); err != nil {
				return o, fmt.Errorf("stop: grace: %w", err)
			}
		}
	}
	return o, nil
}

// runner runs the processes of a kind. How many it starts at once is bounded, and each is started on a goroutine of its
// own: so what waits for its turn to start, or for its process to end, is small. Of these there are as many as steps at work.
type runner struct{ starting chan struct{} }

func newRunner() *runner { return &runner{starting: make(chan struct{}, 2*runtime.GOMAXPROCS(0))} }

// run is one attempt, with one more variable in the environment, if it is not "".
func (r *runner) run(ctx context.Context, call *kind.Call, more string) event.Outcome {
	select {
	case r.starting <- struct{}{}:
	case <-ctx.Done():
		return event.Stopped(nil)
	}
	var a *attempt
	var p *process.Process
	var failed *event.Error
	done := make(chan struct{})
	go func() {
		defer close(done)
		a, p, failed = begin(ctx, call, more)
		<-r.starting
	}()
	<-done
	if p != nil {
		return a.end(ctx, p.Wait(a.ending))
	}
	if failed == nil {
		return event.Stopped(nil)
	}
	return event.Failure(failed)
}

// begin starts the process. Without one it is stopped before that, or has failed.
func begin(ctx context.Context, call *kind.Call, more string) (*attempt, *process.Process, *event.Error) {
	opts, err := readOptions(call.Args)
	if err != nil {
		return nil, nil, event.Errorf(event.ValueError, "%v", err)
	}
	folder, failed := workFolder(call)
	if failed != nil {
		return nil, nil, failed
	}
	env, failed := environment(call, more)
	if failed != nil {
		return nil, nil, failed
	}
	cmd, failed := readCommand(call.Args, folder, env)
	if failed != nil {
		return nil, nil, failed
	}
	a := &attempt{
		capture: opts.capture, codes: opts.codes, script: cmd.script, file: cmd.file, interrupt: call.Interrupt,
		ending: process.Ending{Stop: ctx.Done(), Signal: opts.signal, Grace: opts.grace, Kill: call.Kill},
	}
	spec := process.Spec{Path: cmd.path, Args: cmd.argv, Env: env, Dir: folder, Mode: mode(call.Args)}
	if spec.Mode != process.Terminal {
		a.stdout, a.stderr = newSink("stdout", opts.limit, &call.Output), newSink("stderr", opts.limit, &call.Output)
		a.stdout.watch, a.stderr.watch = watches(*call)
		spec.Stdout, spec.Stderr = a.stdout, a.stderr
		if v, ok := call.Args["stdin"]; ok && v != nil {
			spec.Stdin = text(v)
		}
	}
	p, err := patiently(ctx, func() (*process.Process, error) { return process.Start(spec) })
	if err == nil {
		return a, p, nil
	}
	cmd.close()
	if a.stdout != nil {
		a.stdout.log.remove()
		a.stderr.log.remove()
	}
	if ctx.Err() != nil {
		return nil, nil, nil
	}
	return nil, nil, startError(cmd, err)
}

// patiently tries again for a while when the system has no room for another process or connection now: others end.
func patiently[T any](ctx context.Context, try func() (T, error)) (T, error) {
	begin := time.Now()
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		if err := ctx.Err(); err != nil {
			var none T
			return none, err
		}
		v, err := try()
		if err == nil || !process.NoRoom(err) || time.Since(begin) > patience {
			return v, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// attempt is what there is to know of a process until it has ended.
type attempt struct {
	capture        string
	codes          []int
	script         bool   // its program is an interpreter with a script
	file           string // the script's file, which is then removed; "" when there is none
	ending         process.Ending
	stdout, stderr *sink // nil: it has the terminal
	interrupt      func()
}

// end is how the step ended whose process did.
func (a *attempt) end(ctx context.Context, exit process.Exit) event.Outcome {
	removeScript(a.file)
	var code any
	if exit.Signal == "" {
		code = exit.Code
	}
	if a.stdout == nil {
		return a.leftTerminal(ctx, exit, code)
	}
	a.stdout.end()
	a.stderr.end()
	o := a.outcome(exit)
	o.Extra = map[string]any{"stdout": a.stdout.value(), "stderr": a.stderr.value(), "exit_code": code}
	return logged(o, &a.stdout.log, &a.stderr.log)
}

// logged is the outcome when the logs have been written: a step whose output is not all there has failed.
func logged(o event.Outcome, logs ...*logFile) event.Outcome {
	for _, l := range logs {
		err := l.problem()
		if err == nil {
			continue
		}
		text := fmt.Sprintf("its log %s cannot be written: %v", l.path(), err)
		if o.Err != nil {
			o.Err.Message += "; " + text
			return o
		}
		o.Status, o.Value, o.Err = event.Failed, nil, event.Errorf(event.OutputError, "%s", text)
	}
	return o
}

// outcome is how a process that has ended counts.
func (a *attempt) outcome(exit process.Exit) event.Outcome {
	if len(exit.Left) > 0 {
		return event.Failure(event.Errorf(event.ExitError, "%s, and these processes cannot be killed: %s", exit, list(exit.Left)))
	}
	if exit.Signal != "" {
		e := event.Errorf(event.ExitError, "%s%s", exit, signalHint(exit.Signal))
		e.Fields = map[string]any{"signal": exit.Signal}
		return event.Failure(e)
	}
	if !slices.Contains(a.codes, exit.Code) {
		e := event.Errorf(event.ExitError, "%s%s", exit, exitHint(exit.Code, a.script))
		e.Fields = map[string]any{"exit_code": exit.Code}
		return event.Failure(e)
	}
	if a.stdout == nil {
		return event.Success(nil)
	}
	value, err := captured(a.capture, a.stdout)
	if err != nil {
		return event.Failure(err)
	}
	return event.Success(value)
}

func list(numbers []int) string {
	var words []string
	for _, n := range numbers {
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, ", ")
}

// environment is what the process gets: the step's, what flowrun says of it, and one more variable if it is not "".
func environment(call *kind.Call, more string) ([]string, *event.Error) {
	values, failed := scriptVariables(call.Args)
	if failed != nil {
		return nil, failed
	}
	own := append(values,
		"FLOWRUN_RUN_ID="+call.RunID,
		"FLOWRUN_STEP="+call.Step,
		"FLOWRUN_ATTEMPT="+strconv.Itoa(call.Attempt),
		"FLOWRUN_IDEMPOTENCY_KEY="+idempotencyKey(*call),
		"TRACEPARENT="+traceparent(*call),
	)
	if more != "" {
		own = append(own, more)
	}
	env := make([]string, 0, len(call.Env)+len(own)+1) // and one for package tree
	for _, v := range call.Env {
		name, _, _ := strings.Cut(v, "=")
		if strings.IndexByte(v, 0) >= 0 {
			return nil, event.Errorf(event.ValueError, "env: the value of %s holds a NUL, which no variable can", name)
		}
		if !slices.ContainsFunc(own, func(o string) bool { return len(o) > len(name) && o[len(name)] == '=' && o[:len(name)] == name }) {
			env = append(env, v)
		}
	}
	return append(env, own...), nil
}

// workFolder is the folder to run in, absolute.
func workFolder(call *kind.Call) (string, *event.Error) {
	folder := call.Dir
	switch v, ok := call.Args["dir"]; {
	case !ok || v == nil:
	case text(v) == "-":
		wd, err := os.Getwd()
		if err != nil {
			return "", event.Errorf(event.StartError, "dir: the current folder is not known: %v", err)
		}
		folder = wd
	case filepath.IsAbs(text(v)):
		folder = filepath.Clean(text(v))
	default:
		folder = filepath.Join(call.Dir, text(v))
	}
	info, err := os.Stat(folder)
	switch {
	case os.IsNotExist(err):
		return "", event.Errorf(event.StartError, "dir: there is no folder %s", folder)
	case err != nil:
		return "", event.Errorf(event.StartError, "dir: %v", err)
	case !info.IsDir():
		return "", event.Errorf(event.StartError, "dir: %s is not a folder", folder)
	}
	return folder, nil
}
