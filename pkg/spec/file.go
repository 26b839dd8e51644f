package spec

import (
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Version is the version of the language that this package reads.
const Version = 1

// file reads the top of a file.
func (r *reader) file(n *yaml.Node) *ast.File {
	f := &ast.File{Path: r.text.path}
	r.version(n)
	f.Main = r.workflow(ast.Name{}, n, inFile)
	for k, v := range r.entries(n) {
		switch k.Value {
		case "name":
			f.Main.Name = r.name(v)
		case "secrets":
			f.Secrets = r.secrets(v)
		case "semaphores":
			f.Semaphores = r.semaphores(v)
		case "workflows":
			f.Workflows = r.workflows(v)
		case "dotenv":
			f.Dotenv = r.names(v)
		}
	}
	return f
}

// version checks `flowrun: 1` before everything else: a file of another version is not worth more words.
func (r *reader) version(n *yaml.Node) {
	v := field(n, "flowrun")
	if v == nil {
		for k := range r.entries(n) {
			if k.Value != "flowrun" && diag.Nearest(k.Value, []string{"flowrun"}) != "" {
				return // the key is misspelt, which is said
			}
		}
		r.problems.Add(r.text.pos(n), "no-version", "the file does not say which version of the language it is written in")
		r.help("begin it with flowrun: 1")
		r.why("a later flowrun then reads it as it is meant today")
		// There is one version of the language, so it can be no other.
		if at := r.text.offset(n.Line, n.Column); n.Style&yaml.FlowStyle == 0 && n.Column == 1 && n.Anchor == "" && r.text.at(at).Col == 1 {
			r.mend(at, at, "flowrun: 1"+r.text.lineEnd())
		}
		return
	}
	if got, _, _ := scalar(v); got != Version {
		r.problem(v, "bad-version", "this flowrun reads version %d of the language", Version)
		r.help("write flowrun: 1")
		if s := strings.Trim(v.Value, "v."); s == "1" || s == "1.0" {
			r.mendToken(v, "1")
		}
	}
}

// workflow reads the file itself, or an entry of `workflows`, as a workflow: header and body.
func (r *reader) workflow(name ast.Name, n *yaml.Node, where place) *ast.Workflow {
	w := &ast.Workflow{Name: name, Body: &ast.Step{Pos: r.text.pos(n)}}
	if len(n.Content) > 0 {
		w.Body.Pos = r.text.pos(n.Content[0])
	}
	r.members(w.Body, n, r.actionOf(n, where), 0)
	// A workflow's `env` is in force for all of it, its handlers and `result` included, and `name` is no step's.
	w.Env, w.Body.Env, w.Body.Name = w.Body.Env, nil, nil
	for k, v := range r.entries(n) {
		switch k.Value {
		case "description":
			w.Description = r.name(v).Text
		case "inputs":
			w.Inputs = r.inputs(v)
		}
	}
	return w
}

func (r *reader) workflows(n *yaml.Node) []*ast.Workflow {
	var out []*ast.Workflow
	for k, v := range r.entries(n) {
		if v.Kind != yaml.MappingNode {
			r.mark(k)
			r.problem(v, "wrong-type", "a workflow is a mapping, and this is %s", nounOf(v))
			r.help("write its inputs and steps below its name")
			continue
		}
		out = append(out, r.workflow(r.name(k), v, inWorkflow))
	}
	return out
}

// secrets reads names, or {name, file}.
func (r *reader) secrets(n *yaml.Node) []*ast.Secret {
	if n.Kind != yaml.SequenceNode {
		r.mismatch(n)
		return nil
	}
	var out []*ast.Secret
	first := map[string]diag.Pos{}
	for _, c := range n.Content {
		c = deref(c)
		if r.bad[c] {
			continue
		}
		s := &ast.Secret{}
		if c.Kind == yaml.MappingNode {
			if v := field(c, "name"); v != nil {
				s.Name = r.name(v)
			}
			if v := field(c, "file"); v != nil {
				s.File = r.name(v).Text
			}
		} else {
			s.Name = r.name(c)
		}
		if at, twice := first[s.Name.Text]; twice {
			r.problems.Add(s.Name.Pos, "named-twice", "the secret %s is declared twice", s.Name.Text)
			r.secondAt(at, "first here")
			continue
		}
		first[s.Name.Text] = s.Name.Pos
		out = append(out, s)
	}
	return out
}

// semaphores reads `name: permits`, or `name: {permits, scope}`.
func (r *reader) semaphores(n *yaml.Node) []*ast.Semaphore {
	var out []*ast.Semaphore
	for k, v := range r.entries(n) {
		s := &ast.Semaphore{Name: r.name(k)}
		permits := v
		if v.Kind == yaml.MappingNode {
			permits = field(v, "permits")
			scope := field(v, "scope")
			s.Machine = scope != nil && scope.Value == "machine"
		}
		if permits == nil || r.bad[permits] || v.Kind == yaml.MappingNode && r.partial(v) {
			r.mark(k)
			continue
		}
		got, _, _ := scalar(permits)
		s.Permits, _ = got.(int)
		out = append(out, s)
	}
	return out
}

// inputs reads the declared inputs.
func (r *reader) inputs(n *yaml.Node) []*ast.Input {
	var out []*ast.Input
	for k, v := range r.entries(n) {
		if in := r.input(k, v); in != nil {
			out = append(out, in)
		} else {
			r.mark(k)
		}
	}
	return out
}

// input reads one declaration, nil if it cannot be read whole: half of one would say more than was written. What is no
// word of ours is the JSON Schema of the value.
func (r *reader) input(k, n *yaml.Node) *ast.Input {
	if n.Kind != yaml.MappingNode {
		r.mismatch(n)
		return nil
	}
	in := &ast.Input{Name: r.name(k), Required: true, Schema: map[string]any{}}
	before := len(r.problems)
	var written *yaml.Node
	for key, v := range r.entries(n) {
		switch key := key.Value; key {
		case "description":
			in.Description = r.name(v).Text
		case "secret":
			in.Secret = r.flag(v)
		case "default":
			in.Required = false
			written = v
			problems := len(r.problems)
			if t := r.template(v, kind.Literal); t != nil {
				in.Default = r.free(v)
			}
			if isSecret(n) {
				r.unquote(problems)
			}
		case "pattern":
			in.Schema[key] = r.regexp(v)
		default:
			if t := r.template(v, kind.Literal); t != nil {
				in.Schema[key] = t.Const
			}
		}
	}
	if len(r.problems) > before || r.partial(n) {
		return nil
	}
	in.Type, _ = in.Schema["type"].(string)
	check, err := compileInput(in)
	if err != nil {
		r.problem(n, "bad-input", "this declares no values: %s", firstLine(err.Error()))
		return nil
	}
	if in.Problem = check.problem; r.hidden && in.Secret {
		in.Problem = func(any) string { return "" }
	} else if written != nil {
		if wrong := check.problem(in.Default); wrong != "" {
			r.problem(written, "bad-default", "the default does not fit: %s", wrong)
		}
	}
	return in
}

// unquote takes the value of a secret input out of what was said about it since then.
func (r *reader) unquote(since int) {
	for i := range r.problems[since:] {
		d := &r.problems[since+i]
		d.Text, d.Help = "this default cannot be read as a value, and as the input is secret it is not shown", "write it in quotes"
		d.Fix = nil // it would show it
	}
}

// free reads a constant of any type by the strict rules for such places.
func (r *reader) free(n *yaml.Node) any {
	if t := r.template(n, kind.Free); t != nil {
		return t.Const
	}
	return nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
