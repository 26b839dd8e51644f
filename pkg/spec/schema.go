package spec

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// The patterns of the language. Inside JSON they need no escapes but those written here.
const (
	idPattern       = `^[A-Za-z_][A-Za-z0-9_]*$`
	namePattern     = `^[A-Za-z_][A-Za-z0-9_.-]*$`
	exprPattern     = `\\$\\{\\{`
	durationPattern = `^\\s*[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h)(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h))*\\s*$|^\\s*[+-]?0\\s*$|\\$\\{\\{`
)

// definitions are the shared parts of the schema. step, clause and workflow are made of the words.
// A key in them has its description and its examples here; its title is its path.
var definitions = map[string]string{
	"duration":  `{"title": "duration", "type": ["string", "integer"], "pattern": "` + durationPattern + `", "minimum": 0, "maximum": 0, "patternErrorMessage": "not a duration such as 500ms, 30s or 1h30m"}`,
	"count":     `{"title": "count", "type": ["integer", "string"], "minimum": 1, "pattern": "` + exprPattern + `", "patternErrorMessage": "not a whole number, nor an expression in ${{ }}"}`,
	"number":    `{"title": "number", "type": ["number", "string"], "minimum": 0, "pattern": "` + exprPattern + `", "patternErrorMessage": "not a number, nor an expression in ${{ }}"}`,
	"condition": `{"title": "expression", "type": ["string", "boolean"], "minLength": 1}`,
	"id":        `{"title": "id", "type": "string", "pattern": "` + idPattern + `", "patternErrorMessage": "not an id: letters, digits and _, and no digit first"}`,
	"ids": `{"title": "id or list of ids", "type": ["string", "array"], "pattern": "` + idPattern + `", "patternErrorMessage": "not an id: letters, digits and _, and no digit first",
		"minItems": 1, "items": {"$ref": "#/definitions/id"}}`,
	"names": `{"title": "name or list of names", "type": ["string", "array"], "minLength": 1, "minItems": 1, "items": {"type": "string", "minLength": 1}}`,
	"files": `{"title": "file or list of files", "type": ["string", "array"], "pattern": "[^?]", "patternErrorMessage": "no name of a file", "minItems": 1,
		"items": {"type": "string", "pattern": "[^?]", "patternErrorMessage": "no name of a file"}}`,
	"env": `{"title": "environment", "type": "object", "propertyNames": {"pattern": "` + idPattern + `"}, "additionalProperties": {"type": ["string", "null"]}}`,
	"return_when": `{"anyOf": [{"enum": ["all_completed", "first_completed", "first_exception", "first_success"],
		"enumDescriptions": ["All have ended.", "One has ended; a failure counts.", "One has failed, or all have ended.", "One has succeeded. When none can any more, the wait fails with QuorumError."]},
		{"title": "return_when (number)", "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": {
		"completed": {"description": "So many children have ended.", "examples": [2], "$ref": "#/definitions/count"},
		"succeeded": {"description": "So many children have succeeded.", "examples": [2], "$ref": "#/definitions/count"}}}]}`,
	"steps": `{"title": "list of steps", "type": "array", "items": {"$ref": "#/definitions/step"}}`,
	"block": `{"title": "list of steps or generator", "type": ["array", "object"], "items": {"$ref": "#/definitions/step"},
		"additionalProperties": false, "required": ["for", "do"], "properties": {
		"for": {"description": "The name of the loop variable, or the lists of a matrix under their names.", "examples": ["shard", {"os": ["linux", "darwin"], "go": ["1.25", "1.26"]}],
			"type": ["string", "object"], "pattern": "` + idPattern + `", "minProperties": 1,
			"propertyNames": {"pattern": "` + idPattern + `"}, "additionalProperties": {"title": "expression", "type": ["array", "string"], "minLength": 1}},
		"in": {"title": "expression", "description": "A list, or an expression that gives one.", "examples": ["range(4)", ["a", "b"]], "type": ["array", "string"], "minLength": 1},
		"exclude": {"description": "Combinations of a matrix for which this is true are left out.", "examples": ["os == 'darwin' && go == '1.25'"], "$ref": "#/definitions/condition"},
		"do": {"description": "The step that is done for each.", "examples": [{"run": ["go", "test", "-shard", "${{ shard }}"]}, {"echo": "${{ shard }}"}], "$ref": "#/definitions/step"}}}`,
	"retry": `{"title": "retry", "type": "object", "additionalProperties": false, "required": ["attempts"], "properties": {
		"attempts": {"description": "How often the step is tried in all.", "examples": [3], "$ref": "#/definitions/count"},
		"delay": {"description": "The pause before the second attempt. Default 0.", "examples": ["1s"], "$ref": "#/definitions/duration"},
		"factor": {"description": "By what each pause is longer than the one before. Default 1.", "examples": [2], "$ref": "#/definitions/number"},
		"max_delay": {"description": "The longest pause.", "examples": ["30s"], "$ref": "#/definitions/duration"},
		"jitter": {"description": "By which part of itself a pause may be shorter or longer.", "examples": [0.2], "type": ["number", "string"], "minimum": 0, "maximum": 1, "pattern": "` + exprPattern + `"},
		"match": {"description": "The errors that are tried again. Default: all.", "examples": ["ExitError", {"type": "HTTPError", "when": "error.status == 503"}], "$ref": "#/definitions/match"},
		"until": {"description": "Tries again until this is true of value.", "examples": ["value == 'done'"], "$ref": "#/definitions/condition"}}}`,
	"match": `{"title": "match", "type": ["string", "object", "array"], "minLength": 1, "minItems": 1,` + matchFields + `,
		"items": {"type": ["string", "object"], "minLength": 1,` + matchFields + `}}`,
	"secrets": `{"title": "secrets", "type": "array", "items": {"title": "secret", "type": ["string", "object"], "pattern": "` + idPattern + `",
		"additionalProperties": false, "required": ["name", "file"], "properties": {
		"name": {"description": "The name of the secret in expressions.", "examples": ["REGISTRY_TOKEN"], "$ref": "#/definitions/id"},
		"file": {"description": "The file that holds the secret, relative to the workflow's file.", "examples": ["secrets/token"], "type": "string", "minLength": 1}}}}`,
	"semaphores": `{"title": "semaphores", "type": "object", "propertyNames": {"pattern": "` + namePattern + `"},
		"additionalProperties": {"title": "semaphore", "type": ["integer", "object"], "minimum": 1, "additionalProperties": false, "required": ["permits"], "properties": {
		"permits": {"description": "How many steps may hold it at once.", "examples": [2], "type": "integer", "minimum": 1},
		"scope": {"description": "Who shares it: the steps of this run (the default), or of all runs on the machine, whoever's they are.", "examples": ["machine"], "enum": ["run", "machine"]}}}}`,
	"inputs": `{"title": "inputs", "type": "object", "propertyNames": {"pattern": "` + idPattern + `"}, "additionalProperties": {
		"title": "input", "type": "object", "additionalProperties": false, "properties": {
		"type": {"description": "The type of the value. Without it: any.", "examples": ["string"], "enum": ["string", "integer", "number", "boolean", "array", "object"]},
		"default": {"description": "The value when none is given. An input without a default must be given.", "examples": [4, "main"]},
		"description": {"description": "What the input is for.", "examples": ["how many test shards"], "type": "string"},
		"secret": {"description": "The value is masked everywhere, and may stand only where a secret may.", "examples": [true], "type": "boolean"},
		"minimum": {"description": "The least number.", "examples": [1], "type": "number"},
		"maximum": {"description": "The greatest number.", "examples": [64], "type": "number"},
		"exclusiveMinimum": {"description": "The number is more than this.", "examples": [0], "type": "number"},
		"exclusiveMaximum": {"description": "The number is less than this.", "examples": [1], "type": "number"},
		"multipleOf": {"description": "The number is a multiple of this.", "examples": [2], "type": "number"},
		"minLength": {"description": "The text has at least so many characters.", "examples": [1], "type": "integer", "minimum": 0},
		"maxLength": {"description": "The text has at most so many characters.", "examples": [80], "type": "integer", "minimum": 0},
		"pattern": {"description": "A regular expression (RE2) that the text matches.", "examples": ["^v[0-9]+$"], "type": "string"},
		"enum": {"description": "The values that may be given.", "examples": [["dev", "prod"], [1, 2, 4]], "type": "array", "minItems": 1},
		"items": {"description": "The JSON Schema of each item of a list.", "examples": [{"type": "string"}, {"type": "integer", "minimum": 1}], "type": "object"},
		"minItems": {"description": "The list has at least so many items.", "examples": [1], "type": "integer", "minimum": 0},
		"maxItems": {"description": "The list has at most so many items.", "examples": [10], "type": "integer", "minimum": 0},
		"uniqueItems": {"description": "No two items of the list are equal.", "examples": [true], "type": "boolean"},
		"properties": {"description": "The JSON Schemas of the members of a mapping.", "examples": [{"host": {"type": "string"}}, {"port": {"type": "integer"}}], "type": "object"},
		"required": {"description": "The members that a mapping must have.", "examples": [["host"]], "type": "array", "items": {"type": "string"}},
		"additionalProperties": {"description": "Whether a mapping may have other members, or their JSON Schema.", "examples": [false], "type": ["boolean", "object"]}}}}`,
}

const matchFields = `
	"additionalProperties": false, "minProperties": 1, "properties": {
		"type": {"description": "The type of the error, or several.", "examples": ["ExitError", ["HTTPError", "ConnectionError"]], "$ref": "#/definitions/names"},
		"exit_code": {"description": "The exit status, or several.", "examples": [75, [1, 2]], "type": ["integer", "array"], "minItems": 1, "items": {"type": "integer"}},
		"message": {"description": "A regular expression that the message matches.", "examples": ["busy|locked"], "type": "string"},
		"when": {"description": "An expression over error.", "examples": ["error.status == 503"], "$ref": "#/definitions/condition"}}`

// branch is one kind of step in one kind of place: what a closed, titled part of the schema is for.
type branch struct {
	where  place
	action string
}

func (b branch) noun() string {
	article := "a "
	if strings.ContainsRune("aeiou", rune(b.action[0])) || b.action == "http" {
		article = "an "
	}
	switch b.where {
	case inList:
		return article + b.action + " step"
	case inExcept:
		return article + b.action + " clause"
	default:
		return b.where.noun()
	}
}

type object = map[string]any

// validator checks the steps of one branch: which keys there are, and each key's value by its property.
type validator struct {
	index byte
	props map[string]*property
	keys  *jsonschema.Schema // of a step whose values are left out
}

// property is one key with its schema. Branches share it, so each is compiled once, and only when a file has it.
type property struct {
	index  byte
	mode   kind.Mode
	source func() object
	object object // references inlined, steps within left out
	form   *form
	schema *jsonschema.Schema
}

// prepare makes the form at the first use.
func (p *property) prepare() {
	if p.form == nil {
		p.object = p.source()
		p.form = formOf(p.object)
	}
}

// valid checks a value with the JSON Schema.
func (p *property) valid(instance any) bool {
	if p.schema == nil {
		p.schema = compile(p.object)
	}
	return p.schema.Validate(instance) == nil
}

// parse reads a schema of our own or of a kind.
func parse(text, whose string) object {
	var v object
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic("spec: the schema of " + whose + " is not JSON: " + err.Error())
	}
	return v
}

// keysOf lists the keys of a branch: words, then those of a kind.
func (l *language) keysOf(b branch) ([]*word, []kind.Key) {
	var out []*word
	for i := range words {
		w := &words[i]
		other := w.name == "ready" && l.probe == nil || w.name != b.action && slices.Contains(builtin, w.name)
		if !other && w.on&b.where.bit() != 0 && (w.with == nil || slices.Contains(w.with, b.action)) {
			out = append(out, w)
		}
	}
	if k := l.kinds[b.action]; k != nil {
		return out, k.Keys
	}
	return out, nil
}

// common lists the words of a place that may stand beside every action of it.
func (l *language) common(where place) []*word {
	var out []*word
	for i := range words {
		w := &words[i]
		if w.on&where.bit() != 0 && w.with == nil && !slices.Contains(builtin, w.name) && (w.name != "ready" || l.probe != nil) {
			out = append(out, w)
		}
	}
	return out
}

// kindKey is the schema of a kind's key as written in a file: expressions may stand where the mode allows them.
func (l *language) kindKey(k *kind.Kind, key kind.Key) object {
	p := parse(key.Schema, k.Name+"."+key.Name)
	if key.Mode != kind.Literal {
		p = widen(p)
	}
	p["description"] = key.Description
	p["examples"] = key.Examples // lines of YAML
	return p
}

// widen lets an expression stand for every value that p describes.
func widen(p object) object {
	out := maps.Clone(p)
	for _, key := range []string{"items", "additionalProperties"} {
		if sub, ok := p[key].(object); ok {
			out[key] = widen(sub)
		}
	}
	if props, ok := p["properties"].(object); ok {
		wide := object{}
		for name, sub := range props {
			wide[name] = widen(sub.(object))
		}
		out["properties"] = wide
	}
	alternatives, either := p["anyOf"].([]any)
	if either {
		wide := make([]any, len(alternatives))
		for i, sub := range alternatives {
			wide[i] = widen(sub.(object))
		}
		out["anyOf"] = wide
	}
	types := typesOf(p)
	_, enum := p["enum"]
	pattern, limited := p["pattern"].(string)
	switch {
	case either, len(types) == 0 && !enum:
	case enum:
		narrow := object{"enum": p["enum"]}
		delete(out, "enum")
		delete(out, "type")
		if len(types) > 0 {
			narrow["type"] = p["type"]
		}
		out["anyOf"] = []any{narrow, expression()}
	case slices.Contains(types, "string"):
		if limited {
			out["pattern"] = "(" + pattern + ")|\\$\\{\\{"
		}
	default:
		out["type"] = append(slices.Clone(types), "string")
		out["pattern"] = `\$\{\{`
	}
	return out
}

func expression() object { return object{"type": "string", "pattern": `\$\{\{`} }

// typesOf are the types that p allows; none when it says nothing of them.
func typesOf(p object) []any {
	switch t := p["type"].(type) {
	case string:
		return []any{t}
	case []any:
		return t
	}
	return nil
}

// defaultsSchema is that of `defaults`, with the keys that kinds like run give it.
func (l *language) defaultsSchema() object {
	props := object{
		"timeout": object{"description": "Bounds each attempt.", "examples": []string{"timeout: 10m"}, "$ref": "#/definitions/duration"},
		"retry":   object{"description": "Tries the steps again when they fail.", "examples": []string{"retry: {attempts: 3, delay: 1s}"}, "$ref": "#/definitions/retry"},
		"env":     object{"description": "Environment variables.", "examples": []string{"env: {LANG: C}", "env: {CI: \"1\", HOME: null}"}, "$ref": "#/definitions/env"},
	}
	for _, name := range l.actions {
		k := l.kinds[name]
		if k == nil || !k.Limited {
			continue
		}
		for _, key := range k.Keys {
			if slices.Contains([]string{"shell", "stop", "capture"}, key.Name) && props[key.Name] == nil {
				props[key.Name] = l.kindKey(k, key)
			}
		}
	}
	return object{"title": "defaults", "type": "object", "additionalProperties": false, "properties": props}
}

// definition is a shared part by name.
func (l *language) definition(name string) object {
	switch name {
	case "defaults":
		return l.defaultsSchema()
	case "ready":
		p := l.kindKey(l.probe, l.probe.Keys[0])
		p["type"] = "object" // its members may be expressions; it may not
		delete(p, "pattern")
		return p
	}
	return parse(definitions[name], name)
}

const within = "#/definitions/"

// inline replaces references by what they refer to. Steps within are checked by their own branches.
func (l *language) inline(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = l.inline(x)
		}
		return out
	case object:
		if ref, ok := v["$ref"].(string); ok {
			switch name := strings.TrimPrefix(ref, within); name {
			case "step", "clause", "workflow":
				return object{"x-step": true}
			default:
				out := l.inline(l.definition(name)).(object)
				if name == "env" {
					out["x-text"] = true
				}
				return out
			}
		}
		out := make(object, len(v))
		for k, x := range v {
			switch k {
			case "description", "examples", "enumDescriptions":
			case "properties":
				props := make(object, len(x.(object)))
				for name, sub := range x.(object) {
					props[name] = l.inline(sub)
				}
				out[k] = props
			default:
				out[k] = l.inline(x)
			}
		}
		return out
	}
	return v
}

// validator returns the one of a branch.
func (l *language) validator(b branch) *validator {
	if v := l.branches[b]; v != nil {
		return v
	}
	v := &validator{index: byte(len(l.branches)), props: map[string]*property{}}
	l.branches[b] = v
	ours, kinds := l.keysOf(b)
	for _, w := range ours {
		v.props[w.name] = l.property(" "+w.name+w.json, w.mode, func() object { return parse(w.json, w.name) })
	}
	for _, key := range kinds {
		v.props[key.Name] = l.property(b.action+" "+key.Name, key.Mode, func() object { return l.kindKey(l.kinds[b.action], key) })
	}
	return v
}

func (l *language) property(name string, mode kind.Mode, schema func() object) *property {
	p := l.props[name]
	if p == nil {
		p = &property{index: byte(len(l.props)), mode: mode, source: func() object { return l.inline(schema()).(object) }}
		l.props[name] = p
	}
	return p
}

// closed compiles the schema of a step whose values are all true: which keys it may and must have.
func (v *validator) closed(required ...string) *jsonschema.Schema {
	if v.keys == nil {
		props := object{}
		for name := range v.props {
			props[name] = true
		}
		v.keys = compile(object{"type": "object", "additionalProperties": false, "required": required, "properties": props})
	}
	return v.keys
}

func compile(schema object) *jsonschema.Schema {
	s, err := compileSchema(schema)
	if err != nil {
		panic("spec: a schema of the language is wrong: " + err.Error())
	}
	return s
}

// compileSchema compiles a schema that refers to nothing outside itself: nothing is ever loaded.
func compileSchema(schema object) (*jsonschema.Schema, error) {
	b, err := json.Marshal(schema)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft7
	c.LoadURL = func(url string) (io.ReadCloser, error) {
		return nil, errors.New("a schema may not refer to " + url)
	}
	if err := c.AddResource("flowrun:schema", strings.NewReader(string(b))); err != nil {
		return nil, err
	}
	return c.Compile("flowrun:schema")
}

// form is what of a schema decides how values are told apart: two values of one shape are both valid or both not.
type form struct {
	step    bool // a step stands here
	text    bool // scalars are their text, whatever is around
	open    bool // nothing inside matters
	numbers bool // the value of a number matters
	sized   bool // the number of items matters
	texts   []func(string) bool
	props   map[string]*form
	more    *form             // of keys that are not in props
	names   func(string) bool // of these keys
	items   *form
}

func formOf(p object) *form {
	f := &form{step: p["x-step"] != nil, text: p["x-text"] != nil}
	f.add(p)
	f.open = !f.step && len(f.texts) == 0 && !f.numbers && f.props == nil && f.more == nil && f.items == nil && len(typesOf(p)) == 0 && p["anyOf"] == nil
	return f
}

func (f *form) add(p object) {
	for _, key := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "enum"} {
		f.numbers = f.numbers || p[key] != nil
	}
	if enum, ok := p["enum"].([]any); ok {
		f.texts = append(f.texts, func(s string) bool { return slices.Contains(enum, any(s)) })
	}
	if pattern, ok := p["pattern"].(string); ok {
		f.texts = append(f.texts, matcher(pattern))
	}
	if least, ok := p["minLength"].(float64); ok {
		f.texts = append(f.texts, func(s string) bool { return float64(utf8.RuneCountInString(s)) >= least })
	}
	if most, ok := p["maxLength"].(float64); ok {
		f.texts = append(f.texts, func(s string) bool { return float64(utf8.RuneCountInString(s)) <= most })
	}
	for _, key := range []string{"minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"} {
		f.sized = f.sized || p[key] != nil
	}
	if props, ok := p["properties"].(object); ok {
		if f.props == nil {
			f.props = make(map[string]*form, len(props))
		}
		for name, sub := range props {
			f.props[name] = formOf(sub.(object))
		}
	}
	if more, ok := p["additionalProperties"].(object); ok {
		f.more = formOf(more)
	}
	if names, ok := p["propertyNames"].(object); ok {
		f.names = matcher(names["pattern"].(string))
	}
	if items, ok := p["items"].(object); ok {
		f.items = formOf(items)
	}
	alternatives, _ := p["anyOf"].([]any)
	for _, sub := range alternatives {
		f.add(sub.(object))
	}
}

// matcher is a pattern as a function; the patterns that every step has are matched by hand.
func matcher(pattern string) func(string) bool {
	switch pattern {
	case idPattern:
		return isID
	case exprOnly:
		return func(s string) bool { return strings.Contains(s, open) }
	}
	return regexp.MustCompile(pattern).MatchString
}

func isID(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || !isDigit(c)) {
			return false
		}
	}
	return s != ""
}

// check validates the own keys of the step n, without the steps within. Each shape of a value is shown to the
// JSON Schema once: for ten thousand steps of a few shapes that costs next to nothing.
func (r *reader) check(n *yaml.Node, b branch) {
	v := r.lang.validator(b)
	r.buf = append(r.buf[:0], 0, v.index)
	for i := 0; i < len(n.Content); i += 2 {
		r.buf = append(append(r.buf, deref(n.Content[i]).Value...), 0)
	}
	if !r.accepted(func() bool {
		keys := make(object, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			keys[deref(n.Content[i]).Value] = true
		}
		return v.closed(b.action).Validate(keys) == nil
	}) {
		r.explainKeys(n, b, v)
	}
	r.checkValues(n, b)
}

// checkKnown is check for a step that has no action, or two. Of keys that do not fit b nothing is said, for they may
// belong to the action that is meant, but of those that are nearly one that fits, or a word of another tool.
func (r *reader) checkKnown(n *yaml.Node, b branch) {
	props := r.lang.validator(b).props
	for i := 0; i < len(n.Content); i += 2 {
		k := deref(n.Content[i])
		if props[k.Value] != nil || r.bad[k] {
			continue
		}
		s := r.strayStep(n, i, b, b.where.noun())
		near := diag.Nearest(k.Value, s.known)
		if foreignFor(k.Value, s.owner) == nil && (near == "" || !s.mayBe(near) || r.lang.known(k.Value)) {
			r.mark(k)
			continue
		}
		r.found(r.unknownKey(s))
	}
	r.checkValues(n, b)
}

// checkValues validates the values of the keys of b.
func (r *reader) checkValues(n *yaml.Node, b branch) {
	v := r.lang.validator(b)
	for i := 0; i < len(n.Content); i += 2 {
		key, value := deref(n.Content[i]), deref(n.Content[i+1])
		p := v.props[key.Value]
		if p != nil && !r.valid(p, value) {
			r.explainValue(p, value, key)
		}
	}
}

// valid says whether value is one of p.
func (r *reader) valid(p *property, value *yaml.Node) bool {
	p.prepare()
	r.buf = append(r.buf[:0], 1, p.index)
	r.shape(p.form, value, p.mode)
	return r.accepted(func() bool { return p.valid(r.instance(p.form, value, p.mode)) })
}

// accepted says whether the shape in r.buf is one that was found valid, or is so now.
func (r *reader) accepted(valid func() bool) bool {
	if r.seen[string(r.buf)] {
		return true
	}
	shape := string(r.buf)
	if !valid() {
		return false
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[shape] = true
	return true
}

// shape appends to r.buf what the schema can see of n.
func (r *reader) shape(f *form, n *yaml.Node, mode kind.Mode) {
	n = deref(n)
	if f != nil && f.text {
		mode = kind.Text
	}
	switch {
	case f == nil || f.open || f.step:
		r.buf = append(r.buf, '*')
	case n.Kind == yaml.ScalarNode:
		r.scalarShape(f, n, mode)
	case n.Kind == yaml.SequenceNode:
		r.buf = append(r.buf, '[')
		begin, end := 0, len(r.buf)
		for _, c := range n.Content {
			at := len(r.buf)
			r.shape(f.items, c, mode)
			// A run of equal items is one.
			if !f.sized && begin > 0 && string(r.buf[begin:end]) == string(r.buf[at:]) {
				r.buf = r.buf[:at]
				continue
			}
			begin, end = at, len(r.buf)
		}
		r.buf = append(r.buf, ']')
	default:
		r.buf = append(r.buf, '{')
		for i := 0; i < len(n.Content); i += 2 {
			key := deref(n.Content[i]).Value
			sub := f.props[key]
			if sub == nil && f.more != nil && (f.names == nil || f.names(key)) {
				sub = f.more
				r.buf = append(r.buf, '.')
			} else {
				r.buf = strconv.AppendQuote(r.buf, key)
			}
			r.shape(sub, n.Content[i+1], mode)
		}
		r.buf = append(r.buf, '}')
	}
}

func (r *reader) scalarShape(f *form, n *yaml.Node, mode kind.Mode) {
	v, hard := r.value(n, mode)
	switch s, isText := v.(string); {
	case hard:
		r.buf = append(r.buf, '!')
	case isText:
		r.buf = append(r.buf, 's')
		for _, is := range f.texts {
			bit := byte('0')
			if is(s) {
				bit = '1'
			}
			r.buf = append(r.buf, bit)
		}
	default:
		r.buf = append(r.buf, tagOf(v)...)
		if f.numbers {
			r.buf = append(r.buf, n.Value...)
		}
	}
	r.buf = append(r.buf, ',')
}

// value is a scalar as the schema sees it. hard: it has no value, which is reported elsewhere.
func (r *reader) value(n *yaml.Node, mode kind.Mode) (any, bool) {
	if mode == kind.Text || mode == kind.Script {
		if n.Style&(quoted|yaml.TaggedStyle) == 0 && n.Value == "" {
			return nil, false
		}
		return n.Value, false
	}
	v, _, hard := scalar(n)
	return v, hard
}

// instance is n for the validator: steps within are left out, and what has no value is an expression.
func (r *reader) instance(f *form, n *yaml.Node, mode kind.Mode) any {
	n = deref(n)
	if f != nil && f.text {
		mode = kind.Text
	}
	switch {
	case f == nil || f.open || f.step:
		return true
	case n.Kind == yaml.ScalarNode:
		v, hard := r.value(n, mode)
		if hard {
			r.template(n, kind.Free)
			return open + closing
		}
		return v
	case n.Kind == yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = r.instance(f.items, c, mode)
		}
		return out
	}
	out := make(object, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		key := deref(n.Content[i]).Value
		sub := f.props[key]
		if sub == nil {
			sub = f.more
		}
		out[key] = r.instance(sub, n.Content[i+1], mode)
	}
	return out
}
