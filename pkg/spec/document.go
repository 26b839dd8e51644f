package spec

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Schema is the JSON Schema (draft-07) of a workflow file with these kinds, for editors: a step is an anyOf of
// closed, titled branches, one for each action, so that an editor completes by context. It is made of the same
// parts that Parse validates with.
func Schema(kinds []*kind.Kind) []byte {
	l := languageOf(kinds)
	defs := object{"defaults": l.defaultsSchema()}
	if l.probe != nil {
		defs["ready"] = l.definition("ready")
	}
	for name := range definitions {
		defs[name] = l.definition(name)
	}
	defs["env"] = loosen(defs["env"].(object))
	branches := func(title string, where place) object {
		var refs []any
		for _, action := range l.actionsAt(where) {
			name := title + "." + action
			defs[name] = l.branchSchema(branch{where, action})
			refs = append(refs, object{"$ref": within + name})
		}
		return object{"title": title, "anyOf": refs}
	}
	defs["step"] = branches("step", inList)
	defs["clause"] = branches("clause", inExcept)
	defs["workflow"] = branches("workflow", inWorkflow)
	document := branches("file", inFile)
	document["$schema"] = "http://json-schema.org/draft-07/schema#"
	document["$id"] = "https://flowrun.dev/schema/v1.json"
	document["title"] = "flowrun workflow, version 1"
	document["definitions"] = defs
	out, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		panic("spec: the schema cannot be written: " + err.Error())
	}
	return append(out, '\n')
}

// branchSchema is the closed schema of a branch, as it stands in the document.
func (l *language) branchSchema(b branch) object {
	props := object{}
	ours, kinds := l.keysOf(b)
	for _, w := range ours {
		p := wordSchema(w)
		if w.mode == kind.Text {
			p = loosen(p)
		}
		props[w.name] = p
	}
	for _, key := range kinds {
		p := l.kindKey(l.kinds[b.action], key)
		if key.Mode == kind.Text || key.Mode == kind.Script {
			p = loosen(p)
		}
		props[key.Name] = p
	}
	required := []string{b.action}
	if b.where == inFile {
		required = []string{"flowrun", b.action}
	}
	title := b.action
	if k := l.kinds[b.action]; k != nil && k.Title != "" {
		title = b.action + ": " + k.Title
	}
	return object{"title": title, "type": "object", "additionalProperties": false, "required": required, "properties": props}
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
