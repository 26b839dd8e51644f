package spec

import (
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// place is where a step stands, or what takes the part of one.
type place uint8

const (
	inList place = iota
	inExcept
	inFile
	inWorkflow
)

func (p place) bit() uint8 { return 1 << p }

func (p place) noun() string {
	return [...]string{"a step", "a clause of except", "the file", "a workflow"}[p]
}

func (p place) twoHelp() string {
	if p == inFile || p == inWorkflow {
		return "put one of them into a step of the other"
	}
	return "make them two steps"
}

// Sets of places.
const (
	step     = uint8(1<<inList | 1<<inExcept)
	onlyStep = uint8(1 << inList)
	clause   = uint8(1 << inExcept)
	file     = uint8(1 << inFile)
	header   = uint8(1<<inFile | 1<<inWorkflow)
	anywhere = step | header
)

// The actions that are no kinds, and sets of them.
var (
	blocks  = []string{"steps", "gather", "wait", "taskgroup"}
	joins   = []string{"gather", "wait", "taskgroup"}
	returns = []string{"steps", "gather", "wait", "taskgroup", "call"}
	builtin = []string{"call", "steps", "gather", "wait", "taskgroup", "await", "cancel"}
)

// word is one key of the language that is no kind's: where it may stand and what its value is. The table is
// what the JSON Schema, its validators and the messages are made of.
type word struct {
	name  string
	on    uint8    // places
	with  []string // the actions beside which it may stand; nil: all
	mode  kind.Mode
	json  string // JSON Schema of the value
	about string // a sentence; of ready and its examples the probe kind's are taken
	// examples are lines of YAML, of the key and its value. When there is only one, editors insert it with the key: for a
	// key whose value is a list or a mapping write two.
	examples []string
}

// words are all of them, in the order of the language page.
var words = []word{
	{
		name: "flowrun", on: file, json: `{"enum": [1]}`, about: "The version of the language. Required.",
		examples: []string{`flowrun: 1`},
	},
	{
		name: "name", on: file, mode: kind.Text, json: `{"type": "string"}`, about: "The name of the workflow in reports.",
		examples: []string{`name: nightly`},
	},
	{
		name: "description", on: header, mode: kind.Text, json: `{"type": "string"}`, about: "What the workflow is for.",
		examples: []string{`description: Build and test every shard.`},
	},
	{
		name: "inputs", on: header, mode: kind.Literal, json: `{"$ref": "#/definitions/inputs"}`, about: "Typed inputs, checked before anything runs.",
		examples: []string{`inputs: {tag: {type: string}}`, `inputs: {shards: {type: integer, default: 4, minimum: 1, description: how many test shards}}`},
	},
	{
		name: "dotenv", on: file, mode: kind.Literal, json: `{"$ref": "#/definitions/files"}`, about: "Files of NAME=value lines; one that may be missing ends in a question mark.",
		examples: []string{`dotenv: [.env]`, `dotenv: [.env, "local.env?"]`},
	},
	{
		name: "secrets", on: file, mode: kind.Literal, json: `{"$ref": "#/definitions/secrets"}`, about: "Names of environment variables that are masked everywhere and given only to steps that name them.",
		examples: []string{`secrets: [REGISTRY_TOKEN]`, `secrets: [{name: REGISTRY_TOKEN, file: secrets/token}]`},
	},
	{
		name: "semaphores", on: file, mode: kind.Literal, json: `{"$ref": "#/definitions/semaphores"}`, about: "Named limits, shared by the whole run.",
		examples: []string{`semaphores: {registry: 2}`, `semaphores: {registry: {permits: 2}}`},
	},
	{
		name: "workflows", on: file, mode: kind.Literal, json: `{"type": "object", "propertyNames": {"pattern": "` + namePattern + `"}, "additionalProperties": {"$ref": "#/definitions/workflow"}}`, about: "Reusable workflows, for call.",
		examples: []string{`workflows: {publish: {steps: [{run: ./publish.sh}]}}`, `workflows: {hello: {inputs: {who: {type: string}}, steps: [{echo: "hello ${{ inputs.who }}"}]}}`},
	},

	{
		name: "id", on: step, mode: kind.Literal, json: `{"type": "string", "pattern": "` + idPattern + `"}`, about: "The name of the step in expressions, needs, await and cancel. Unique in its workflow.",
		examples: []string{`id: build`},
	},
	{
		name: "name", on: step, mode: kind.Text, json: `{"type": "string"}`, about: "The name of the step in reports.",
		examples: []string{`name: Build the image`},
	},
	{
		name: "match", on: clause, mode: kind.Literal, json: `{"$ref": "#/definitions/match"}`, about: "The errors that this clause takes. Without it: all but the step's own cancellation.",
		examples: []string{`match: TimeoutError`, `match: [ExitError, HTTPError]`, `match: {type: ExitError, exit_code: [75], message: busy}`},
	},
	{
		name: "if", on: onlyStep, json: `{"$ref": "#/definitions/condition"}`, about: "The step is skipped when this is false.",
		examples: []string{`if: inputs.tag != ""`, `if: ${{ failure() }}`},
	},
	{
		name: "needs", on: onlyStep, mode: kind.Literal, json: `{"$ref": "#/definitions/ids"}`, about: "Siblings in the same gather, wait or taskgroup that must have ended before.",
		examples: []string{`needs: build`, `needs: [build, lint]`},
	},
	{
		name: "env", on: anywhere, mode: kind.Text, json: `{"$ref": "#/definitions/env"}`, about: "Environment variables. A null removes one.",
		examples: []string{`env: {CI: "1"}`, `env: {TOKEN: "${{ secrets.REGISTRY_TOKEN }}", HOME: null}`},
	},
	{
		name: "defaults", on: anywhere, with: blocks, json: `{"$ref": "#/definitions/defaults"}`, about: "What holds for every run and http step below that is not in the background.",
		examples: []string{`defaults: {timeout: 10m}`, `defaults: {retry: {attempts: 2}, env: {LANG: C}}`},
	},
	{
		name: "timeout", on: anywhere, json: `{"$ref": "#/definitions/duration"}`, about: "Bounds one attempt: it fails with TimeoutError.",
		examples: []string{`timeout: 10m`},
	},
	{
		name: "total_timeout", on: anywhere, json: `{"$ref": "#/definitions/duration"}`, about: "Bounds all attempts with their pauses and queueing.",
		examples: []string{`total_timeout: 1h`},
	},
	{
		name: "retry", on: step, json: `{"$ref": "#/definitions/retry"}`, about: "Tries the step again when it fails.",
		examples: []string{`retry: {attempts: 3, delay: 1s}`, `retry: {attempts: 10, delay: 2s, until: "value == 'done'"}`},
	},
	{
		name: "semaphore", on: step, mode: kind.Literal, json: `{"$ref": "#/definitions/names"}`, about: "The step works only while it holds a permit of each of these.",
		examples: []string{`semaphore: registry`, `semaphore: [registry, gpu]`},
	},
	{
		name: "shield", on: step, json: `{"type": "boolean"}`, about: "Once begun, the step is not cancelled from outside.",
		examples: []string{`shield: true`},
	},
	{
		name: "background", on: onlyStep, json: `{"type": "boolean"}`, about: "The step starts and the list goes on; await and cancel name it.",
		examples: []string{`background: true`},
	},
	{name: "ready", on: onlyStep, json: `{"$ref": "#/definitions/ready"}`},
	{
		name: "except", on: anywhere, json: `{"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/clause"}}`, about: "Clauses that handle errors, as Python's except*. Each is a step with a match.",
		examples: []string{`except: [{match: TimeoutError, echo: too slow}]`, `except: [{run: ./rollback.sh, shield: true}]`},
	},
	{
		name: "else", on: anywhere, json: `{"$ref": "#/definitions/steps"}`, about: "Steps that run when the action succeeded.",
		examples: []string{`else: [{echo: fine}]`, `else: [{run: ./announce.sh}]`},
	},
	{
		name: "finally", on: anywhere, json: `{"$ref": "#/definitions/steps"}`, about: "Steps that run whatever happened, shielded.",
		examples: []string{`finally: [{run: ./unlock.sh, timeout: 20s}]`, `finally: [{sleep: 1s}]`},
	},
	{
		name: "cleanup_timeout", on: anywhere, json: `{"$ref": "#/definitions/duration"}`, about: "Bounds finally and the clauses for CancelledError. Default 1m.",
		examples: []string{`cleanup_timeout: 2m`},
	},
	{
		name: "result", on: anywhere, with: returns, mode: kind.Free, json: `{}`, about: "The step's value, in place of the action's own.",
		examples: []string{`result: ${{ steps.build.value }}`, `result: {image: "app:${{ inputs.tag }}"}`},
	},

	{
		name: "call", on: step, mode: kind.Literal, json: `{"type": "string", "minLength": 1}`, about: "Calls a workflow of this file by name, or another file by its path.",
		examples: []string{`call: publish`, `call: ./deploy.yaml`},
	},
	{
		name: "with", on: step, with: []string{"call"}, mode: kind.Free, json: `{"type": "object"}`, about: "The inputs of the called workflow.",
		examples: []string{`with: {image: "app:1"}`, `with: {image: "app:${{ inputs.tag }}", push: true}`},
	},
	{
		name: "steps", on: anywhere, json: `{"$ref": "#/definitions/block"}`, about: "Steps one after the other, or a loop. The value is the last step's, or the loop's list.",
		examples: []string{`steps: [{run: make}, {run: make test}]`, `steps: {for: n, in: range(3), do: {echo: "${{ n }}"}}`},
	},
	{
		name: "gather", on: anywhere, json: `{"$ref": "#/definitions/block"}`, about: "Steps at the same time, as asyncio.gather: siblings of a failed one go on. The value is a list.",
		examples: []string{`gather: [{run: make lint}, {run: make test}]`, `gather: {for: n, in: range(3), do: {run: [./shard.sh, "${{ n }}"]}}`},
	},
	{
		name: "wait", on: anywhere, json: `{"$ref": "#/definitions/block"}`, about: "Steps at the same time, as asyncio.wait. The value has done, pending and first.",
		examples: []string{`wait: [{http: "https://a.example.com/x"}, {http: "https://b.example.com/x"}]`, `wait: {for: n, in: range(3), do: {run: [./try.sh, "${{ n }}"]}}`},
	},
	{
		name: "taskgroup", on: anywhere, json: `{"$ref": "#/definitions/block"}`, about: "Steps at the same time, as asyncio.TaskGroup: the first failure cancels the others. The value is a list.",
		examples: []string{`taskgroup: [{run: make lint}, {run: make test}]`, `taskgroup: {for: n, in: range(3), do: {run: [./shard.sh, "${{ n }}"]}}`},
	},
	{
		name: "limit", on: anywhere, with: joins, json: `{"$ref": "#/definitions/count"}`, about: "At most so many children are active at once.",
		examples: []string{`limit: 4`},
	},
	{
		name: "errors", on: anywhere, with: []string{"gather"}, mode: kind.Literal, json: `{"enum": ["group"]}`, about: "The gather fails with an ExceptionGroup of all errors.",
		examples: []string{`errors: group`},
	},
	{
		name: "return_exceptions", on: anywhere, with: []string{"gather"}, json: `{"type": "boolean"}`, about: "The gather succeeds; a failed child's place holds its error.",
		examples: []string{`return_exceptions: true`},
	},
	{
		name: "return_when", on: anywhere, with: []string{"wait"}, json: `{"$ref": "#/definitions/return_when"}`, about: "When the wait returns: one of the words, {completed: n} or {succeeded: n}. Default all_completed.",
		examples: []string{`return_when: first_success`, `return_when: {succeeded: 2}`},
	},
	{
		name: "return_after", on: anywhere, with: []string{"wait"}, json: `{"$ref": "#/definitions/duration"}`, about: "The wait returns then at the latest, without an error.",
		examples: []string{`return_after: 5s`},
	},
	{
		name: "rest", on: anywhere, with: []string{"wait"}, mode: kind.Literal, json: `{"enum": ["cancel", "keep"], "enumDescriptions": ["They are cancelled and awaited.", "They become background tasks of the list around the wait."]}`, about: "What becomes of children that are not done when the wait returns. Default cancel.",
		examples: []string{`rest: cancel`},
	},
	{
		name: "as_completed", on: anywhere, with: joins, json: `{"$ref": "#/definitions/step"}`, about: "A step that runs for each child that has ended, in that order, with task.",
		examples: []string{`as_completed: {echo: "${{ task.id }} has ended"}`, `as_completed: {run: [./report.sh, "${{ task.status }}"]}`},
	},
	{
		name: "await", on: step, mode: kind.Literal, json: `{"$ref": "#/definitions/ids"}`, about: "Waits for background tasks. The value is the task's, or a list.",
		examples: []string{`await: db`, `await: [db, cache]`},
	},
	{
		name: "cancel", on: step, mode: kind.Literal, json: `{"$ref": "#/definitions/ids"}`, about: "Cancels background tasks and waits for their end.",
		examples: []string{`cancel: db`, `cancel: [db, cache]`},
	},
}

// language is the language with the kinds of one caller.
type language struct {
	kinds    map[string]*kind.Kind
	probe    *kind.Kind // what `ready` is; nil: there is no such word
	actions  []string   // kinds first
	action   map[string]bool
	branches map[branch]*validator
	props    map[string]*property
	inside   map[string][]string // what members gives
}

func languageOf(kinds []*kind.Kind) *language {
	l := &language{kinds: make(map[string]*kind.Kind, len(kinds)), branches: map[branch]*validator{}, props: map[string]*property{}}
	for _, k := range kinds {
		if k.Probe {
			l.probe = k
			continue
		}
		if l.kinds[k.Name] != nil || slices.Contains(builtin, k.Name) {
			panic("spec: two actions are called " + k.Name)
		}
		if len(k.Keys) == 0 || k.Keys[0].Name != k.Name {
			panic("spec: the first key of the kind " + k.Name + " must be its action")
		}
		l.kinds[k.Name] = k
		l.actions = append(l.actions, k.Name)
	}
	l.actions = append(l.actions, builtin...)
	l.action = make(map[string]bool, len(l.actions))
	for _, name := range l.actions {
		l.action[name] = true
	}
	return l
}

// actionsAt lists the actions of a place.
func (l *language) actionsAt(where place) []string {
	if where == inFile || where == inWorkflow {
		return blocks
	}
	return l.actions
}

func (l *language) isAction(key string, where place) bool {
	if where == inFile || where == inWorkflow {
		return slices.Contains(blocks, key)
	}
	return l.action[key]
}

func (l *language) actionList(where place) string { return strings.Join(l.actionsAt(where), ", ") }

// known says whether key is a word of any step.
func (l *language) known(key string) bool { return len(l.owners(key)) > 0 || l.allowed(key, inList) }

// allowed says whether key may stand at a place beside some action.
func (l *language) allowed(key string, where place) bool {
	return slices.ContainsFunc(words, func(w word) bool { return w.name == key && w.on&where.bit() != 0 })
}

// owners are the actions beside which key may stand, when these are not all.
func (l *language) owners(key string) []string {
	var out []string
	for _, w := range words {
		if w.name == key && w.on&step != 0 {
			out = append(out, w.with...)
		}
	}
	for _, name := range l.actions {
		if k := l.kinds[name]; k != nil && key != name && modeOf(k, key) != noMode {
			out = append(out, name)
		}
	}
	return out
}

// defaultsMode is how a key of `defaults` that belongs to kinds is read.
func (l *language) defaultsMode(key string) kind.Mode {
	for _, name := range l.actions {
		if k := l.kinds[name]; k != nil && k.Limited && key != name && modeOf(k, key) != noMode {
			return modeOf(k, key)
		}
	}
	return kind.Typed
}

// members are the owners of the keys that stand inside the value of another key, in the order of the language page.
func (l *language) members(key string) []string {
	if l.inside == nil {
		l.inside = map[string][]string{}
		note := func(owner string, schema object) {
			for _, member := range membersOf(schema) {
				if !slices.Contains(l.inside[member], owner) {
					l.inside[member] = append(l.inside[member], owner)
				}
			}
		}
		for i := range words {
			if w := &words[i]; w.name != "ready" || l.probe != nil {
				note(w.name, l.inline(parse(w.json, w.name)).(object))
			}
		}
		for _, name := range l.actions {
			if k := l.kinds[name]; k != nil {
				for _, key := range k.Keys {
					note(key.Name, l.inline(l.kindKey(k, key)).(object))
				}
			}
		}
	}
	return l.inside[key]
}

// membersOf are the keys that a mapping of schema may have.
func membersOf(schema object) []string {
	props, _ := schema["properties"].(object)
	out := sortedKeys(props)
	alternatives, _ := schema["anyOf"].([]any)
	for _, sub := range alternatives {
		out = append(out, membersOf(sub.(object))...)
	}
	return out
}

// beside says where key belongs, for somebody who wrote it inside the value of owner; "" if nowhere.
func (l *language) beside(key, owner string) string {
	b := branch{inList, owner}
	beside := slices.ContainsFunc(words, func(w word) bool { return w.name == key && w.with == nil && w.on&step != 0 && !l.action[key] })
	if beside || l.action[owner] && l.validator(b).props[key] != nil {
		return key + " stands beside " + owner + ", not inside"
	}
	return l.elsewhere(key, b)
}

// elsewhere says where key belongs, for somebody who wrote it in the wrong place; "" if nowhere.
func (l *language) elsewhere(key string, b branch) string {
	if owners := l.owners(key); len(owners) > 0 {
		return key + " belongs to " + join(owners, "and")
	}
	for _, w := range words {
		switch {
		case w.name != key:
		case w.on&step == 0:
			return key + " stands at the top of the file"
		case w.on&anywhere == step && b.where != inList && b.where != inExcept:
			return key + " belongs to a step"
		case w.on == onlyStep && b.where == inExcept:
			return "if, needs and background may not stand on a clause"
		case w.on == clause:
			return "match belongs to a clause of except"
		}
	}
	switch isStep := b.where == inList || b.where == inExcept; {
	case !l.isAction(key, inList):
	case !isStep:
		return key + " is the action of a step: put it into the body"
	case b.action == "" || l.action[b.action]:
		return key + " is an action of its own: write it as another step"
	}
	switch owners := l.members(key); len(owners) {
	case 0:
		return ""
	case 1:
		return key + " stands inside " + owners[0] + ": " + owners[0] + ": {" + key + ": ...}"
	default:
		return key + " stands inside " + join(owners, "or")
	}
}

// join is a, b and c.
func join(items []string, last string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " " + last + " " + items[len(items)-1]
}
