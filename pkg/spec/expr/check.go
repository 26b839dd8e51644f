package expr

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/conf"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// The codes of what Check finds.
const (
	nameCode     = "unknown-name"
	fieldCode    = "unknown-field"
	functionCode = "unknown-function"
	typeCode     = "expression-type"
)

// Check types e against the names that it may use: root name to type. want is the type that the place needs
// (Any: whatever). What is wrong comes back with its place. An expression whose type is known only when it runs is let
// through; Eval then sees to it that the value is of the wanted type. A whole number may stand where a float is
// wanted, and the other way round if it is whole.
func (e *Expr) Check(names map[string]Type, want TypeKind) (*Program, diag.List) {
	errs := e.checkNames(names)
	if len(errs) > 0 {
		return nil, errs
	}
	if e.path != nil {
		if t := typeAt(names, e.path); !fits(t.Kind, want) {
			errs.Add(e.pos(e.reads[0].at[0]), typeCode, "%s is wanted here, but %s is %s", want, strings.Join(e.path, "."), t.Kind)
			return nil, errs
		}
		return newProgram(e, want), nil
	}
	if d := e.checkTypes(names, want); d != nil {
		return nil, diag.List{*d}
	}
	return newProgram(e, want), nil
}

// checkNames finds all unknown names, fields and functions, each once.
func (e *Expr) checkNames(names map[string]Type) (errs diag.List) {
	said := map[string]bool{}
	once := func(what string) bool {
		if said[what] {
			return false
		}
		said[what] = true
		return true
	}
	for _, c := range e.calls {
		if functions()[c.name] != nil || isLoop(c.name) || !once(c.name+"()") {
			continue
		}
		d := diag.Diagnostic{Pos: e.pos(c.at), Code: functionCode, Text: "there is no function " + c.name}
		if d.Help = functionHelp(c.name); d.Help == "" {
			d.Help = diag.Suggest(c.name, FunctionNames())
		}
		errs = append(errs, d)
	}
	for _, r := range e.reads {
		t, ok := names[r.path[0]]
		if !ok {
			if once(r.path[0]) {
				errs = append(errs, e.unknownName(r, names))
			}
			continue
		}
		for i, name := range r.path[1:] {
			if t.Kind == Any || t.Kind == Map && t.Fields == nil {
				break
			}
			next, ok := t.Fields[name]
			if !ok {
				if path := strings.Join(r.path[:i+2], "."); once(path) {
					errs = append(errs, e.noField(r, i, t))
				}
				break
			}
			t = next
		}
	}
	return errs
}

func (e *Expr) unknownName(r read, names map[string]Type) diag.Diagnostic {
	name := r.path[0]
	d := diag.Diagnostic{Pos: e.pos(r.at[0]), Code: nameCode, Text: fmt.Sprintf("%s is not a name here", name)}
	switch {
	case name == "it":
		d.Text = "it is the element inside map, filter and the like; here there is none"
	default:
		known := slices.Sorted(maps.Keys(names))
		d.Help = cmp.Or(e.nameHelp(r, known), diag.Suggest(name, known))
	}
	return d
}

// noField is said where member i of a read is none of a value of type t.
func (e *Expr) noField(r read, i int, t Type) diag.Diagnostic {
	name, of := r.path[i+1], strings.Join(r.path[:i+1], ".")
	d := diag.Diagnostic{Code: fieldCode, Text: fmt.Sprintf("%s is %s and has no field %q", of, t.Kind, name)}
	switch {
	case t.Fields != nil:
		d = unknownField(name, of, slices.Sorted(maps.Keys(t.Fields)))
		if r.path[0] == "steps" && i == 1 {
			d.Help = cmp.Or(resultHelp(name, of, t.Fields), d.Help)
		}
	case isLength(name) && (t.Kind == String || t.Kind == List):
		d.Help = "write len(" + of + ")"
	case t.Kind == List:
		d.Help = "an element is read with its place: " + of + "[0]"
	}
	d.Pos = e.pos(r.at[i+1])
	return d
}

func unknownField(name, of string, fields []string) diag.Diagnostic {
	return diag.Diagnostic{
		Code: fieldCode,
		Text: fmt.Sprintf("%s has no field %q", of, name),
		Help: diag.Suggest(name, fields),
	}
}

// typeAt is the type of a path as far as it is known.
func typeAt(names map[string]Type, path []string) Type {
	t := names[path[0]]
	for _, name := range path[1:] {
		t = t.Fields[name]
	}
	return t
}

// fits says whether a value of kind may be one of want.
func fits(kind, want TypeKind) bool {
	return want == Any || kind == Any || kind == want || kind == Int && want == Float || kind == Float && want == Int
}

// checkTypes lets the library check what it knows better: operators and arguments.
func (e *Expr) checkTypes(names map[string]Type, want TypeKind) (d *diag.Diagnostic) {
	defer func() {
		if p := recover(); p != nil {
			d = e.typeError(e.begin(), fmt.Sprintf("the expression cannot be checked (%v)", p))
		}
	}()
	tree := e.tree.Swap(nil)
	if tree == nil {
		var err *syntaxError
		if tree, _, err = parse(e.Src); err != nil {
			return e.typeError(err.at, err.text)
		}
	}
	config := &conf.Config{Strict: true, Functions: functions(), Env: e.environment(names)}
	if _, err := checker.Check(tree, config); err != nil {
		return e.explainType(tree, err)
	}
	n := tree.Node.Nature()
	if n.Nil && want != Any {
		return e.typeError(e.begin(), want.String()+" is wanted here, but this is null")
	}
	if kind := kindOf(n); !fits(kind, want) {
		return e.typeError(e.begin(), fmt.Sprintf("%s is wanted here, but this is %s", want, kind))
	}
	return nil
}

func (e *Expr) typeError(at int, text string) *diag.Diagnostic {
	return &diag.Diagnostic{Pos: e.pos(at), Code: typeCode, Text: text}
}

// environment describes the names that e reads, and of maps with many known keys only those that e reads: a file
// of 10,000 steps has as many keys under `steps`, for each of its expressions.
func (e *Expr) environment(names map[string]Type) nature.Nature {
	fields := make(map[string]nature.Nature, len(e.reads))
	for _, r := range e.reads {
		root := r.path[0]
		if _, ok := fields[root]; ok {
			continue
		}
		var paths [][]string
		for _, s := range e.reads {
			if s.path[0] == root {
				paths = append(paths, s.path[1:])
			}
		}
		fields[root] = natureOf(names[root], paths)
	}
	env := nature.NatureOf(map[string]any{})
	env.TypeData = &nature.TypeData{Fields: fields}
	env.Strict = true
	return env
}

// natureOf is t in the library's terms, as far as paths go; an empty path stands for all of it.
func natureOf(t Type, paths [][]string) nature.Nature {
	switch t.Kind {
	case Bool:
		return nature.NatureOf(true)
	case Int:
		return nature.NatureOf(0)
	case Float:
		return nature.NatureOf(0.0)
	case String:
		return nature.NatureOf("")
	case List:
		n := nature.NatureOf([]any{})
		if t.Elem != nil {
			elem := natureOf(*t.Elem, [][]string{{}})
			n.Ref = &elem
		}
		return n
	case Map:
		n := nature.NatureOf(map[string]any{})
		if t.Fields == nil {
			return n
		}
		n.Strict = true
		n.TypeData = &nature.TypeData{Fields: map[string]nature.Nature{}}
		if slices.ContainsFunc(paths, func(p []string) bool { return len(p) == 0 }) {
			for name, f := range t.Fields {
				n.Fields[name] = natureOf(f, [][]string{{}})
			}
			return n
		}
		below := map[string][][]string{}
		for _, p := range paths {
			below[p[0]] = append(below[p[0]], p[1:])
		}
		for name, rest := range below {
			n.Fields[name] = natureOf(t.Fields[name], rest)
		}
		return n
	}
	return nature.Nature{}
}

func kindOf(n *nature.Nature) TypeKind {
	switch {
	case n.IsBool():
		return Bool
	case n.IsInteger:
		return Int
	case n.IsFloat:
		return Float
	case n.IsString():
		return String
	case n.Kind == reflect.Slice:
		return List
	case n.Kind == reflect.Map:
		return Map
	}
	return Any
}
