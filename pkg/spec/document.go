package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Schema is the JSON Schema (draft-07) of a workflow file with these kinds, for editors. It is made of the same parts
// that Parse validates with, in the form by which editors complete:
//
//	step         anyOf step.run, step.gather, ...           closed and titled, one for each action
//	             if it has a key, then: key.id, key.if, ...  the keys of every step
//	step.run     if it has run, then: run.dir, run.shell, ...
//
// What stands behind a then is offered when the condition holds: at the begin of a step only the actions are. A branch
// knows the keys of every step by name alone, so that their values, and all steps below them, are looked at once and not
// once for each branch.
func Schema(kinds []*kind.Kind) []byte {
	d := &document{lang: languageOf(kinds), defs: object{}}
	root := d.place(inFile, "flowrun workflow, version 1")
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["$id"] = "https://flowrun.dev/schema/v1.json"
	root["description"] = "A workflow of flowrun. The language is described in docs/language.md."
	root["definitions"] = d.defs
	out, err := json.MarshalIndent(root, "", " ")
	if err != nil {
		panic("spec: the schema cannot be written: " + err.Error())
	}
	return append(out, '\n')
}

// document is the schema while it is made.
type document struct {
	lang *language
	defs object
}

// define adds a definition once, and refers to it.
func (d *document) define(name string, make func() object) object {
	if d.defs[name] == nil {
		d.defs[name] = object{} // for references from inside
		d.defs[name] = make()
	}
	return object{"$ref": within + name}
}

// place is the schema of a step, or of what takes the part of one.
func (d *document) place(where place, title string) object {
	name := [...]string{"step", "clause", "file", "workflow"}[where]
	common := object{}
	for _, w := range d.lang.common(where) {
		common[w.name] = d.word(w)
	}
	var branches []any
	for _, action := range d.lang.actionsAt(where) {
		b := branch{where, action}
		branches = append(branches, d.define(name+"."+action, func() object { return d.branch(b) }))
	}
	out := object{"title": title, "anyOf": branches}
	if where == inFile || where == inWorkflow {
		out["properties"] = common // a header is often written before the body
		return out
	}
	// An editor asks for what may follow with an empty key in the place of the next one.
	out["if"] = object{"type": "object", "minProperties": 1, "propertyNames": object{"minLength": 1}}
	out["then"] = object{"properties": common}
	return out
}

// branch is the closed schema of a step with one action.
func (d *document) branch(b branch) object {
	props, own := object{}, object{}
	words, keys := d.lang.keysOf(b)
	for _, w := range words {
		switch {
		case w.name == b.action:
			props[w.name] = d.word(w)
		case w.with == nil:
			props[w.name] = elsewhere(w.name)
		default:
			props[w.name] = elsewhere(w.name)
			own[w.name] = d.word(w)
		}
	}
	k := d.lang.kinds[b.action]
	for _, key := range keys {
		if key.Name == b.action {
			props[key.Name] = d.key(k, key)
			continue
		}
		props[key.Name] = elsewhere(key.Name)
		own[key.Name] = d.key(k, key)
	}
	required := []string{b.action}
	if b.where == inFile {
		required = []string{"flowrun", b.action}
	}
	title := b.action
	if k != nil && k.Title != "" {
		title = b.action + ": " + k.Title
	}
	// A step that fits no branch is held to the one that knows most of it. True counts more than any number of keys that are
	// explained elsewhere, so this is the one of its action.
	own[b.action] = true
	return object{
		"title": title, "type": "object", "additionalProperties": false, "properties": props,
		// Beside the properties, editors would offer the branch as a whole, too.
		"allOf": []any{object{"required": required}},
		"if":    object{"type": "object", "required": []string{b.action}},
		"then":  object{"properties": own},
	}
}

// elsewhere is for a key that may stand here, and of which another part of the schema says what it is.
func elsewhere(key string) object { return object{"title": key, "doNotSuggest": true} }

// word is the schema of a word as an editor sees it.
func (d *document) word(w *word) object {
	name := "key." + w.name
	if w.on&step == 0 {
		name = "top." + w.name
	}
	return d.define(name, func() object {
		if w.name == "ready" {
			key := d.lang.probe.Keys[0]
			return d.shown(d.lang.definition("ready"), "ready", key.Description, key.Examples)
		}
		p := parse(w.json, w.name)
		if w.mode == kind.Text {
			p = loosen(p)
		}
		return d.shown(p, w.name, w.about, w.examples)
	})
}

// key is the schema of a kind's key as an editor sees it.
func (d *document) key(k *kind.Kind, key kind.Key) object {
	return d.define(k.Name+"."+key.Name, func() object {
		p := d.lang.kindKey(k, key)
		if key.Mode == kind.Text || key.Mode == kind.Script {
			p = loosen(p)
		}
		return d.shown(p, key.Name, key.Description, key.Examples)
	})
}

// shown is p with what an editor shows of it, all the way down.
func (d *document) shown(p object, path, about string, examples []string) object {
	p = maps.Clone(p)
	p["title"], p["description"], p["examples"] = path, about, offered(values(examples))
	return d.part(p, path)
}

// part is a part of a schema in the form of the document.
func (d *document) part(p object, path string) object {
	if ref, ok := p["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, within)
		if len(p) == 1 {
			return d.define(name, func() object { return d.source(name) })
		}
		// Many programs pass over what stands beside a reference.
		whole, isStep := d.step(name)
		if !isStep {
			whole = maps.Clone(d.raw(name))
		}
		for k, v := range p {
			if k != "$ref" {
				whole[k] = v
			}
		}
		if isStep {
			return whole
		}
		p = whole
	}
	out := make(object, len(p))
	for k, v := range p {
		switch k {
		case "properties":
			props := object{}
			for name, sub := range v.(object) {
				below := maps.Clone(sub.(object))
				below["title"] = path + "." + name
				if lines, ok := below["examples"].([]string); ok {
					below["examples"] = values(lines)
				}
				if all, ok := below["examples"].([]any); ok {
					below["examples"] = offered(all)
				}
				props[name] = d.part(below, path+"."+name)
			}
			out[k] = props
		case "additionalProperties":
			if sub, ok := v.(object); ok {
				v = d.part(sub, path+".NAME")
			}
			out[k] = v
		case "items":
			out[k] = d.part(v.(object), path)
		case "anyOf":
			var all []any
			for _, sub := range v.([]any) {
				all = append(all, d.part(titled(sub.(object), path), path))
			}
			out[k] = all
		default:
			out[k] = v
		}
	}
	return split(out)
}

// source is what a name refers to.
func (d *document) source(name string) object {
	if step, ok := d.step(name); ok {
		return step
	}
	return d.part(d.raw(name), name)
}

// step is what a name refers to that is a step or takes the part of one.
func (d *document) step(name string) (object, bool) {
	switch name {
	case "step":
		return d.place(inList, name), true
	case "clause":
		return d.place(inExcept, name), true
	case "workflow":
		return d.place(inWorkflow, name), true
	}
	return nil, false
}

// raw is what any other name refers to, as Parse has it.
func (d *document) raw(name string) object {
	p := d.lang.definition(name)
	if name == "env" {
		p = loosen(p)
	}
	return p
}

// offered are examples without the mappings, if some are scalars: where a value is asked for yaml-language-server offers
// a mapping as [object Object].
func offered(examples []any) []any {
	isMapping := func(v any) bool { _, ok := v.(object); return ok }
	isScalar := func(v any) bool { _, list := v.([]any); return !list && !isMapping(v) }
	if slices.ContainsFunc(examples, isScalar) {
		return slices.DeleteFunc(slices.Clone(examples), isMapping)
	}
	return examples
}

// values are the values of examples, each a line of YAML with a key.
func values(lines []string) []any {
	var out []any
	for _, line := range lines {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(line), &n); err != nil {
			panic("spec: the example " + line + " is not YAML: " + err.Error())
		}
		out = append(out, exampleOf(n.Content[0].Content[1]))
	}
	return out
}

func exampleOf(n *yaml.Node) any {
	switch n.Kind {
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = exampleOf(c)
		}
		return out
	case yaml.MappingNode:
		out := make(object, len(n.Content)/2)
		for i := 0; i < len(n.Content); i += 2 {
			out[n.Content[i].Value] = exampleOf(n.Content[i+1])
		}
		return out
	}
	v, _, _ := scalar(n)
	return v
}

// split makes alternatives, one for each type, of a value that may be a list and something else, or a mapping that must
// have nothing and something else. Else editors insert a dash, or a mapping, with the key, and offer nothing more.
func split(p object) object {
	types := typesOf(p)
	mapping := slices.Contains(types, any("object")) && p["required"] == nil
	if len(types) < 2 || !slices.Contains(types, any("array")) && !mapping {
		return p
	}
	out := maps.Clone(p)
	delete(out, "type")
	title := fmt.Sprint(p["title"])
	var all, plain []any
	for _, t := range types {
		switch t {
		case "array":
			all = append(all, take(out, titled(object{"type": t}, title), "items", "minItems", "maxItems", "uniqueItems"))
		case "object":
			one := take(out, titled(object{"type": t}, title), "properties", "additionalProperties", "propertyNames", "minProperties", "maxProperties")
			if required, ok := out["required"]; ok {
				delete(out, "required")
				one["allOf"] = []any{object{"required": required}} // as in a branch
			}
			all = append(all, one)
		default:
			plain = append(plain, t)
		}
	}
	if len(plain) > 0 {
		one := take(out, object{"type": plain}, "pattern", "patternErrorMessage", "minLength", "maxLength", "minimum", "maximum", "enum")
		all = append([]any{titled(one, title)}, all...)
	}
	out["anyOf"] = all
	return out
}

// titled is an alternative with a title of its own: of equal ones an editor shows all.
func titled(p object, path string) object {
	if p["title"] != nil || p["$ref"] != nil {
		return p
	}
	p = maps.Clone(p)
	what := "word"
	if types := typesOf(p); p["enum"] == nil && len(types) > 0 {
		what = map[any]string{"string": "text", "integer": "number", "number": "number", "boolean": "true or false", "array": "list", "object": "mapping", "null": "null"}[types[0]]
	}
	p["title"] = path + " (" + what + ")"
	return p
}

// take moves keys out of a schema into one of its alternatives.
func take(from, to object, keys ...string) object {
	for _, key := range keys {
		if v, ok := from[key]; ok {
			to[key] = v
			delete(from, key)
		}
	}
	return to
}

// loosen lets numbers and booleans stand where the text of a scalar counts: an editor sees 1.10 as a number.
func loosen(p object) object {
	out := maps.Clone(p)
	if types := typesOf(p); slices.Contains(types, "string") {
		out["type"] = append(slices.Clone(types), "number", "boolean")
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if sub, ok := p[key].(object); ok {
			out[key] = loosen(sub)
		}
	}
	return out
}
