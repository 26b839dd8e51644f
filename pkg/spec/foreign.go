package spec

import (
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// This file is the dictionary of other tools: which word of flowrun's has the meaning of theirs, and what to write.

// foreignWord is a row of it: keys of other tools, or of other programs' ways to say a thing, that mean the same.
type foreignWord struct {
	words string // separated by blanks; case, - and _ do not count
	in    string // the key whose mapping they stand in, "file": at the top, "call": beside it, "block": of a generator; "": in a step, a workflow or the file
	to    string // our key; "": there is none of that meaning
	// as is the value as our key has it; not ok: there is no telling. Nil: it is the same.
	as   func(v any) (text string, ok bool)
	help string // what to write, where it is not just the key or the value
	acts bool   // without a key of ours: it says what a step does, so no action is missing beside it
}

// Shapes of files that more than one row speaks of.
const (
	helpContainer = "processes run on this machine; for a container write run: [docker, run, --rm, IMAGE, COMMAND]"
	helpWorker    = "processes run on this machine, or with --engine temporal on a worker: queue: NAME says on which; for a container write run: [docker, run, --rm, IMAGE, COMMAND]"
	helpGoOn      = "to go on after an error write return_exceptions: true beside gather, or except: [{echo: it failed}] on the step"
	helpMatrix    = "write gather: {for: {os: [linux, darwin]}, do: {run: ...}}; the variable is then read as os"
	helpLoop      = "write steps: {for: x, in: [a, b], do: {run: ...}}, or gather in the place of steps for all at once"
	helpUpToDate  = "flowrun does not look whether files are up to date; write if: with an expression"
	helpSchedule  = "flowrun runs when it is started; let cron or the CI start flowrun run FILE"
	helpOutputs   = "a step's output is steps.ID.value; key=value lines in $FLOWRUN_OUTPUT become steps.ID.outputs"
	helpHandlers  = "what follows an error is an except, what follows success an else, what always comes a finally: finally: [{run: ...}]"
)

// foreign is the dictionary. The words of flowrun itself that other tools have with another meaning stand here only where
// they mean nothing to flowrun.
var foreign = []foreignWord{
	// Durations and limits.
	{words: "timeout-minutes timeoutInMinutes", to: "timeout", as: minutes, help: "write timeout: 10m"},
	{words: "timeout-seconds timeoutSec activeDeadlineSeconds", to: "timeout", as: seconds, help: "write timeout: 30s"},
	{words: "timeout_ms timeout-millis", to: "timeout", as: milliseconds, help: "write timeout: 500ms"},
	{words: "deadline time-limit max-duration executionTimeout job-timeout", to: "timeout", as: duration, help: "write timeout: 10m"},
	{words: "max-parallel max-concurrency max-concurrent max-workers maxActiveSteps parallelism concurrency-limit", to: "limit", as: whole},
	{words: "concurrency", to: "limit", as: whole, help: "limit: 2 beside gather bounds its steps; semaphore: NAME with semaphores: {NAME: 1} at the top of the file bounds any"},
	{words: "mutex lock resource_group concurrency_group synchronization", to: "semaphore", as: name, help: "write semaphore: NAME here and semaphores: {NAME: 1} at the top of the file"},
	{words: "maxActiveRuns max_instances", help: "write semaphores: {NAME: 1} at the top of the file, and semaphore: NAME on the step"},

	// Retries. Who counts retries does not count the first attempt.
	{words: "retries max-retries retry-count retryCountOnTaskFailure", to: "retry", as: retries},
	{words: "max-attempts max-tries tries", to: "retry", as: attempts},
	{words: "retryPolicy retryStrategy", to: "retry", as: never, help: "write retry: {attempts: 3, delay: 5s, factor: 2}"},
	{words: "retry-delay retry-interval delay-between-retries", help: "the pause belongs to retry: retry: {attempts: 3, delay: 5s}"},
	{words: "max-attempts max-tries tries", in: "retry", to: "attempts"},
	{words: "limit retries max-retries", in: "retry", to: "attempts", as: oneMore},
	{words: "max count times", in: "retry", to: "attempts", as: never, help: "write attempts: 3, which counts the first one too"},
	{words: "intervalSec interval-seconds delay-seconds", in: "retry", to: "delay", as: seconds},
	{words: "interval wait pause sleep initial-interval", in: "retry", to: "delay", as: duration},
	{words: "backoff exponential-base multiplier backoff-coefficient backoff-factor", in: "retry", to: "factor", as: figure},
	{words: "max-interval maxIntervalSec max-backoff cap", in: "retry", to: "max_delay", as: duration},
	{words: "randomization randomize", in: "retry", to: "jitter", as: figure},
	{words: "when on on-error if retry-on errors exceptions", in: "retry", to: "match", as: never, help: "match says which errors are tried again: match: ExitError, or match: {type: ExitError, exit_code: [75]}"},
	{words: "exit-code exit-codes exitCode", in: "retry", to: "match", as: exitCodes},
	{words: "while condition", in: "retry", to: "until", as: never, help: "until: EXPR over value is true when it may stop"},

	// Order.
	{words: "depends-on depends dependencies deps requires dependsOn runAfter waitFor after upstream", to: "needs", as: names, help: "write needs: [ID, ID], beside the steps of the same gather, wait or taskgroup"},
	{words: "if-condition condition only-if run-if", to: "if"},
	{words: "when", to: "if", as: conditional, help: "write if: EXPR; what follows an error is an except, what always comes a finally"},
	{words: "unless skip-if", to: "if", as: never, help: "write if: not (EXPR)"},
	{words: "rules only", help: "write if: EXPR; the branch of a CI is a variable, as env.CI_COMMIT_BRANCH"},
	{words: "preconditions precondition", to: "if", as: never, help: "write if: EXPR, or a step before that fails"},
	{words: "parallel concurrent concurrently par", to: "gather", as: items, help: "steps at the same time are gather: [{run: ...}, {run: ...}]"},
	{words: "sequential sequentially serial sequence seq chain", to: "steps", as: items, help: "steps one after the other are steps: [{run: ...}, {run: ...}]"},
	{words: "race any", to: "wait", as: never, help: "write wait: [...] with return_when: first_success beside it"},
	{words: "dag", to: "gather", as: never, help: "a DAG is gather: [{id: a, run: ...}, {id: b, needs: a, run: ...}]"},
	{words: "fail-fast", help: "taskgroup cancels the others at the first failure, gather lets them end"},
	{words: "async detach daemon bg", to: "background", as: truth},

	// Loops.
	{words: "strategy matrix", acts: true, help: helpMatrix},
	{words: "foreach each loop with_items withItems withParam withSequence map repeat items", acts: true, help: helpLoop},
	{words: "foreach each var variable loop-var item", in: "block", to: "for", as: name},
	{words: "matrix", in: "block", to: "for"},
	{words: "of over items values list", in: "block", to: "in"},
	{words: "step steps body task run", in: "block", help: "the step that is done for each stands below do: do: {run: ...}"},
	{words: "tasks jobs children branches", in: "block", help: "write the list itself: gather: [{run: ...}, {run: ...}]"},
	{words: "include", in: "block", help: "write the lists of for, and exclude: EXPR for what is left out"},

	// What is done.
	{words: "cmd command cmds commands script scripts bash sh exec execute inline powershell", to: "run", as: script, help: "write run: | and the commands below it, one a line"},
	{words: "args arguments argv", help: "write the program and its arguments as a list: run: [PROGRAM, ARGUMENT]"},
	{words: "entrypoint executable program", to: "run", as: never, help: "write run: [PROGRAM, ARGUMENT]"},
	{words: "uses action", acts: true, help: "flowrun has no actions: install the tool in a step with run; steps of your own are called with call: FILE or call: NAME"},
	{words: "task job workflow template templateRef uses-workflow import sub-workflow", to: "call", as: name, help: "write call: NAME for an entry of workflows, or call: ./FILE.yaml"},
	{words: "vars variables params parameters arguments args inputs", in: "call", to: "with", as: mapping},
	{words: "params parameters", to: "with", help: "what the file is given are its inputs: {NAME: {type: string}}; what a call gives stands in with: {NAME: ...}"},
	{words: "pause delay", to: "sleep", as: duration},
	{words: "print log say msg message debug", to: "echo", as: sentence},
	{words: "raise throw abort", to: "fail", as: sentence},
	{words: "return assign set set-fact", to: "value", as: never, help: "write value: EXPR; other steps read it as steps.ID.value"},
	{words: "curl fetch request", to: "http", as: sentence, help: "write http: {method: GET, url: ...}"},
	{words: "kill terminate", to: "cancel", as: names},

	// Errors and cleanup.
	{words: "continue-on-error continueOnError continueOn allow_failure ignore-errors ignore-error ignore-failure", help: helpGoOn},
	{words: "on-failure on-error onFail catch rescue failure", to: "except", as: items, help: "write except: [{run: ...}]; error.message says what was wrong"},
	{words: "on-success success then", to: "else", as: items, help: "write else: [{run: ...}]"},
	{words: "defer always ensure after_script after-all cleanup teardown on-exit post-run", to: "finally", as: items, help: "write finally: [{run: ...}]"},
	{words: "before_script setup before", help: "write it as the first step of steps"},
	{words: "handlerOn handlers hooks", help: helpHandlers},
	{words: "try", to: "steps", help: "write steps: [...] with except: [...] beside it"},

	// run.
	{words: "working-directory working-dir workdir cwd chdir", to: "dir"},
	{words: "environment envs env-vars environ", to: "env", as: mapping, help: "write env: {NAME: value}"},
	{words: "variables", to: "env", as: mapping, help: "write env: {NAME: value}"},
	{words: "vars", to: "env", as: never, help: "write env: {NAME: value} for what processes read, inputs: {NAME: {default: value}} for what may be given"},
	{words: "env-file env_files envFile", to: "dotenv"},
	{words: "input input-data standard-input", to: "stdin"},
	{words: "success-exit-codes ok-codes exit-codes allowed-exit-codes", to: "success_codes"},
	{words: "stop-signal signal signalOnStop kill-signal", to: "stop", as: signal},
	{words: "stop-grace-period grace-period terminationGracePeriodSeconds kill-after grace", to: "stop", as: grace},
	{words: "signalOnStop stop-signal name", in: "stop", to: "signal"},
	{words: "timeout period kill-after grace-period", in: "stop", to: "grace", as: duration},
	{words: "interpreter", to: "shell", as: name, help: `write shell: [PROGRAM, "{0}"], where {0} is the file of the script`},
	{words: "output outputs capture-output register stdout export", help: helpOutputs},
	{words: "healthcheck health-check readiness readinessProbe wait-for wait-until", to: "ready", as: never, help: `write ready: {tcp: "HOST:PORT"}, or http, run or log in the place of tcp`},
	{words: "test", in: "ready", to: "run", as: never, help: "write ready: {run: [PROGRAM, ARGUMENT]}"},
	{words: "interval period poll", in: "ready", to: "every", as: duration},
	{words: "retries start_period", in: "ready", help: "timeout: 30s is how long it may take in all, every: 1s the pause between two looks"},
	{words: "port", in: "ready", to: "tcp", as: port},
	{words: "image container docker", help: helpContainer},
	{words: "runs-on pool vmImage agent agents machine node executor runner worker host", help: helpWorker},
	{words: "task-queue", to: "queue"},
	{words: "services", acts: true, help: "a service is a step with background: true, run, ready and stop, before the steps that need it"},
	{words: "ports volumes networks network_mode restart build links expose", help: helpContainer},

	// About the step.
	{words: "title label displayName desc summary", to: "name"},
	{words: "description", to: "name", as: sentence},
	{words: "key identifier step-id", to: "id", as: name},
	{words: "stage group tags labels extends interruptible trigger environment_name", help: "flowrun has no such thing; steps that belong together are the items of one gather or steps"},
	{words: "sources generates status method creates up-to-date", help: helpUpToDate},
	{words: "silent quiet no-log internal prompt watch", help: "what is shown is said on the command line: -q shows failures only, -v everything"},
	{words: "artifact upload artifact_paths upload-artifact", to: "artifacts"},
	{words: "download download-artifact", to: "fetch"},
	{words: "cache", help: "flowrun has no cache; files that a step names under artifacts are kept with the run, and later steps get them with fetch"},

	// The file.
	{words: "version", in: "file", help: "the version of the language is flowrun: 1"},
	{words: "jobs", acts: true, help: "a job is an item of gather, and its needs stay: gather: [{id: build, steps: [{run: make}]}, {id: test, needs: build, steps: [...]}]"},
	{words: "tasks targets recipes pipelines", acts: true, help: "a task is an entry of workflows, and call: NAME runs it; steps that run at once are a gather"},
	{words: "stages", acts: true, help: "stages are the items of steps, and what is in one stage is a gather: steps: [{gather: [...]}, {gather: [...]}]"},
	{words: "on triggers schedule cron schedules workflow_dispatch workflow_call push pull_request", help: helpSchedule},
	{words: "permissions run-name smtp mailOn mailOnError logDir histRetentionDays restartWaitSec", help: "flowrun has no such thing; leave it out"},
	{words: "include includes imports", help: "another file is called where it is needed: call: ./FILE.yaml"},
	{words: "default", in: "file", to: "defaults", as: never, help: "write defaults: {timeout: 10m, retry: {attempts: 2}}"},
	{words: "templates functions procedures", to: "workflows", as: never, help: "write workflows: {NAME: {inputs: {...}, steps: [...]}}, and call: NAME where it is needed"},
	{words: "apiVersion kind metadata spec", in: "file", help: "a file begins with flowrun: 1, and has steps, gather, wait or taskgroup at its top"},
	{words: "semaphore mutexes locks resources pools", in: "file", to: "semaphores", as: mapping, help: "write semaphores: {NAME: 1}"},
	{words: "handlers", in: "file", help: helpHandlers},

	// Members of other keys.
	{words: "required", in: "inputs", help: "an input without a default is required; leave required out, or write default: ..."},
	{words: "options choices values allowed", in: "inputs", to: "enum"},
	{words: "min", in: "inputs", to: "minimum"},
	{words: "max", in: "inputs", to: "maximum"},
	{words: "regex regexp", in: "inputs", to: "pattern"},
	{words: "desc help summary", in: "inputs", to: "description"},
	{words: "sensitive", in: "inputs", to: "secret"},
	{words: "run", in: "defaults", help: "write its keys here, without run: defaults: {shell: bash}"},
	{words: "uri href address", in: "http", to: "url"},
	{words: "verb", in: "http", to: "method"},
	{words: "params parameters", in: "http", to: "query"},
	{words: "data payload content", in: "http", to: "body"},
	{words: "code exit status", in: "match", to: "exit_code"},
	{words: "text pattern regex", in: "match", to: "message"},
	{words: "if condition", in: "match", to: "when"},
	{words: "error exception errors kind name class", in: "match", to: "type"},
}

// foreignValue is a value that other tools have for one of ours.
type foreignValue struct {
	key, words string
	to         string // "": there is none of that meaning
	help       string
}

var foreignValues = []foreignValue{
	{key: "type", words: "str text", to: "string"},
	{key: "type", words: "int long", to: "integer"},
	{key: "type", words: "float double decimal", to: "number"},
	{key: "type", words: "bool flag", to: "boolean"},
	{key: "type", words: "list sequence tuple", to: "array"},
	{key: "type", words: "dict map mapping json", to: "object"},
	{key: "type", words: "choice enum select", help: "write enum: [a, b] in the place of type"},
	{key: "capture", words: "string str raw stdout true", to: "text"},
	{key: "capture", words: "list array", to: "lines"},
	{key: "capture", words: "false off no null", to: "none"},
	{key: "return_when", words: "all", to: "all_completed"},
	{key: "return_when", words: "any first race one", help: "first_completed counts failures too, first_success does not"},
	{key: "rest", words: "stop kill", to: "cancel"},
	{key: "shell", words: "zsh ksh dash fish nu cmd perl node ruby", help: "write the program and {0}, where the file of the script is to stand: shell: [zsh, -e, \"{0}\"]"},
}

// shapes are values of keys as people expect them to look, for those who wrote another one.
var shapes = []struct{ key, help string }{
	{"env", "write env: {NAME: value}"},
	{"run", "write run: make test, or run: [make, test]"},
	{"inputs", "write inputs: {NAME: {type: string}}"},
	{"secrets", "write secrets: [NAME]"},
	{"wait", "write wait: [{run: ...}, {run: ...}]; a pause is sleep: 5s"},
	{"gather", "write gather: [{run: ...}, {run: ...}]"},
	{"taskgroup", "write taskgroup: [{run: ...}, {run: ...}]"},
	{"steps", "write steps: [{id: a, run: ...}, {id: b, run: ...}]"},
	{"call", "write call: NAME, with: {INPUT: value}"},
	{"with", "write with: {INPUT: value}"},
	{"except", "write except: [{match: ExitError, run: ...}]"},
	{"else", "write else: [{run: ...}]"},
	{"finally", "write finally: [{run: ...}]"},
}

// shapeOf is what the value of a key looks like; "" if that needs no words.
func shapeOf(key string) string {
	for _, s := range shapes {
		if s.key == key {
			return s.help
		}
	}
	return ""
}

// foreignFor is the row of a key in a mapping of owner, or nil.
func foreignFor(key, owner string) *foreignWord {
	for i := range foreign {
		if w := &foreign[i]; w.in == owner && among(w.words, key) {
			return w
		}
	}
	if owner == "file" || owner == "call" {
		return foreignFor(key, "")
	}
	return nil
}

// foreignValueFor is the row of a value of key, or nil.
func foreignValueFor(key, value string) *foreignValue {
	for i := range foreignValues {
		if w := &foreignValues[i]; w.key == key && among(w.words, value) {
			return w
		}
	}
	return nil
}

// among says whether word is one of words.
func among(words, word string) bool {
	for w := range strings.FieldsSeq(words) {
		if sameWord(w, word) {
			return true
		}
	}
	return false
}

// sameWord compares words of which case, - and _ do not count: timeout-minutes, timeoutMinutes, timeout_minutes.
func sameWord(a, b string) bool {
	for {
		a, b = strings.TrimLeft(a, "-_"), strings.TrimLeft(b, "-_")
		if a == "" || b == "" {
			return a == b
		}
		if unicode.ToLower(rune(a[0])) != unicode.ToLower(rune(b[0])) {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

// The ways from their values to ours. What comes in is a scalar's value, or a list or mapping as nodes.

func never(any) (string, bool) { return "", false }

func unitOf(v any, unit string) (string, bool) {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v) + unit, v > 0
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64) + unit, v > 0
	}
	return duration(v)
}

func minutes(v any) (string, bool)      { return unitOf(v, "m") }
func seconds(v any) (string, bool)      { return unitOf(v, "s") }
func milliseconds(v any) (string, bool) { return unitOf(v, "ms") }

// duration is a text that is one to people.
func duration(v any) (string, bool) {
	s, ok := v.(string)
	if !ok {
		return "", false
	}
	if _, ok := durationOf(s); ok {
		return strings.TrimSpace(s), true
	}
	d := spelledDuration(s)
	return d, d != ""
}

func whole(v any) (string, bool) {
	n, ok := v.(int)
	return strconv.Itoa(n), ok && n > 0
}

func oneMore(v any) (string, bool) {
	n, ok := v.(int)
	return strconv.Itoa(n + 1), ok && n >= 0
}

func figure(v any) (string, bool) {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

func retries(v any) (string, bool) {
	n, ok := oneMore(v)
	return "{attempts: " + n + "}", ok
}

func attempts(v any) (string, bool) {
	n, ok := whole(v)
	return "{attempts: " + n + "}", ok
}

func exitCodes(v any) (string, bool) {
	n, ok := v.(int)
	return "{type: ExitError, exit_code: " + strconv.Itoa(n) + "}", ok
}

func port(v any) (string, bool) {
	n, ok := v.(int)
	return `"127.0.0.1:` + strconv.Itoa(n) + `"`, ok && n > 0
}

func signal(v any) (string, bool) {
	s, ok := v.(string)
	return "{signal: " + strings.TrimPrefix(s, "SIG") + "}", ok && isID(s)
}

func grace(v any) (string, bool) {
	d, ok := seconds(v)
	return "{grace: " + d + "}", ok
}

func truth(v any) (string, bool) {
	b, ok := v.(bool)
	return strconv.FormatBool(b), ok
}

// The following leave the value as it is, if it has the right shape.

func same(ok bool) (string, bool) { return "", ok }

func name(v any) (string, bool) {
	s, ok := v.(string)
	return same(ok && isID(s))
}

func sentence(v any) (string, bool) {
	s, ok := v.(string)
	return same(ok && s != "")
}

// script is a text of commands, or a list that is not a list of them.
func script(v any) (string, bool) {
	_, ok := v.(string)
	return same(ok)
}

func conditional(v any) (string, bool) {
	s, ok := v.(string)
	if strings.Contains(strings.ReplaceAll(s, open, ""), open[1:]) {
		return "", false // a template of another language
	}
	return same(ok && (strings.ContainsAny(s, "=<>.(") || strings.Contains(s, open)))
}

// names are an id or a list of ids.
func names(v any) (string, bool) {
	n, ok := v.(*yaml.Node)
	if !ok {
		return name(v)
	}
	for _, c := range n.Content {
		if c = deref(c); c.Kind != yaml.ScalarNode || !isID(c.Value) {
			return "", false
		}
	}
	return same(n.Kind == yaml.SequenceNode && len(n.Content) > 0)
}

// items is a list of steps.
func items(v any) (string, bool) {
	n, ok := v.(*yaml.Node)
	if !ok || n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return "", false
	}
	for _, c := range n.Content {
		if deref(c).Kind != yaml.MappingNode {
			return "", false
		}
	}
	return same(true)
}

func mapping(v any) (string, bool) {
	n, ok := v.(*yaml.Node)
	return same(ok && n.Kind == yaml.MappingNode)
}
