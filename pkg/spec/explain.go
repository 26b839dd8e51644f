package spec

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// The validator only says that something is wrong. What it is, in words and with its place, is found here from
// the schema and the values: its own texts speak of schemas, come in random order and have no places.

// finding is a problem with the value that it is about.
type finding struct {
	diag.Diagnostic
	about *yaml.Node
	meant func() // puts what was meant into the tree, if that is certain; nil: it is not
}

// explainKeys reports keys that a step may not have.
func (r *reader) explainKeys(n *yaml.Node, b branch, v *validator) {
	for i := 0; i < len(n.Content); i += 2 {
		k := deref(n.Content[i])
		if v.props[k.Value] != nil {
			continue
		}
		r.found(r.unknownKey(r.strayStep(n, i, b, b.noun())))
	}
}

// strayStep is the key i of n that does not fit a branch.
func (r *reader) strayStep(n *yaml.Node, i int, b branch, noun string) stray {
	props := r.lang.validator(b).props
	s := stray{
		of: n, at: i, noun: noun, known: slices.Sorted(maps.Keys(props)),
		fits:      func(known string, v *yaml.Node) bool { return r.valid(props[known], v) },
		elsewhere: func(key string) string { return r.lang.elsewhere(key, b) },
	}
	switch {
	case b.where == inFile:
		s.owner = "file"
	case b.action == "call":
		s.owner = "call"
	}
	return s
}

// explainValue reports what the schema of a key refuses in its value.
func (r *reader) explainValue(p *property, n, key *yaml.Node) {
	all := r.explain(p.object, n, key, p.mode)
	if len(all) == 0 && !r.bad[n] {
		r.mismatch(n)
		r.mark(n)
	}
	for _, f := range all {
		r.found(f)
	}
}

func (r *reader) found(f finding) {
	r.problems = append(r.problems, f.Diagnostic)
	r.mark(f.about)
	if f.meant != nil {
		f.meant()
	}
}

// find makes a finding at a place about a value.
func (r *reader) find(at, about *yaml.Node, code, format string, args ...any) finding {
	return finding{
		Diagnostic: diag.Diagnostic{Pos: r.text.pos(at), Code: code, Text: fmt.Sprintf(format, args...), Len: r.text.width(at)},
		about:      about,
	}
}

// explain says what schema refuses in n, which stands beside key.
func (r *reader) explain(schema object, n, key *yaml.Node, mode kind.Mode) []finding {
	n = deref(n)
	if r.bad[n] || schema["x-step"] != nil {
		return nil
	}
	if schema["x-text"] != nil {
		mode = kind.Text
	}
	if alternatives, ok := schema["anyOf"].([]any); ok {
		return r.explainAny(alternatives, n, key, mode)
	}
	if f, wrong := r.explainType(schema, n, key, mode); wrong {
		return []finding{f}
	}
	if enum, ok := schema["enum"].([]any); ok && n.Kind != yaml.ScalarNode {
		return []finding{r.find(n, n, "wrong-type", "%s must be %s, and this is %s", key.Value, join(wordsOf(enum), "or"), nounOf(n))}
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.explainMapping(schema, n, key, mode)
	case yaml.SequenceNode:
		return r.explainList(schema, n, key, mode)
	}
	return r.explainScalar(schema, n, key, mode)
}

// explainAny takes the alternative that speaks of values like n; if several do, the one with the fewest words.
func (r *reader) explainAny(alternatives []any, n, key *yaml.Node, mode kind.Mode) []finding {
	var best []finding
	all := object{"type": []any{}}
	for _, sub := range alternatives {
		s := sub.(object)
		types := typesOf(s)
		if enum, ok := s["enum"].([]any); ok && len(types) == 0 {
			types = []any{jsonType(enum[0])}
		}
		all["type"] = append(all["type"].([]any), types...)
		if len(types) > 0 && !slices.ContainsFunc(types, func(t any) bool { return r.fits(t.(string), n, mode) }) {
			continue
		}
		found := r.explain(s, n, key, mode)
		if len(found) == 0 {
			return nil
		}
		if best == nil || len(found) < len(best) && s["pattern"] != exprOnly {
			best = found
		}
	}
	if best == nil {
		if f, wrong := r.explainType(all, n, key, mode); wrong {
			return []finding{f}
		}
	}
	return best
}

const exprOnly = `\$\{\{`

func (r *reader) explainType(schema object, n, key *yaml.Node, mode kind.Mode) (finding, bool) {
	types := typesOf(schema)
	if len(types) == 0 || slices.ContainsFunc(types, func(t any) bool { return r.fits(t.(string), n, mode) }) {
		return finding{}, false
	}
	what := r.kindOf(n, mode)
	f := r.find(n, n, "wrong-type", "%s must be %s, and this is %s", key.Value, wanted(schema, types), what)
	switch {
	case what == "nothing":
		f.Pos, f.Len = r.text.pos(key), r.text.width(key)
		f.Text = fmt.Sprintf("%s has no value: it must be %s", key.Value, wanted(schema, types))
	case n.Kind == yaml.ScalarNode && foreignValueFor(key.Value, n.Value) != nil && schema["enum"] != nil:
		enum, _ := schema["enum"].([]any)
		r.explainWord(&f, key, n, wordsOf(enum))
	case what != "nothing" && ownerOf(key, propsOf(schema)) == "inputs" && n.Kind == yaml.ScalarNode:
		member := "default"
		typ, _ := propsOf(schema)["type"].(object)
		if enum, _ := typ["enum"].([]any); slices.Contains(enum, any(n.Value)) {
			member = "type"
		}
		f.Help = "write " + key.Value + ": {" + member + ": " + brief(n.Value) + "}"
	case shapeOf(key.Value) != "" && what != "nothing":
		f.Help = shapeOf(key.Value)
	case key.Value == "required" && slices.Contains(types, any("array")):
		f.Help = foreignFor("required", "inputs").help
	case schema["title"] == "retry":
		f.Help = "write retry: {attempts: " + n.Value + "}"
	case schema["title"] == "ready":
		f.Help = `write ready: {tcp: "HOST:PORT"}, or http, run or log in the place of tcp`
	case slices.Contains(types, any("boolean")) && truthOf(n.Value) != "":
		f.Help = "write " + truthOf(n.Value)
		r.replace(&f, n, truthOf(n.Value))
	}
	return f, true
}

// wanted is what the types allow, in words.
func wanted(schema object, types []any) string {
	names := map[string]string{
		"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
		"array": "a list", "object": "a mapping", "null": "null",
	}
	if schema["title"] == "list of steps" {
		return "a list of steps"
	}
	var out []string
	for _, t := range types {
		name := names[t.(string)]
		if t == "boolean" && schema["title"] == "expression" {
			continue
		}
		if t == "string" && (schema["pattern"] == exprOnly || schema["title"] == "expression") {
			name = "an expression"
		}
		if t == "string" && isDuration(schema) {
			return "a duration"
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return join(out, "or")
}

// isDuration recognises the schema of a duration, our own or a kind's, by its units.
func isDuration(schema object) bool {
	pattern, _ := schema["pattern"].(string)
	return strings.Contains(pattern, "(ns|us|")
}

// fits says whether n is of a JSON type.
func (r *reader) fits(t string, n *yaml.Node, mode kind.Mode) bool {
	switch n.Kind {
	case yaml.SequenceNode:
		return t == "array"
	case yaml.MappingNode:
		return t == "object"
	}
	v, hard := r.value(n, mode)
	if f, ok := v.(float64); ok && t == "integer" {
		return f == math.Trunc(f)
	}
	got := jsonType(v)
	return hard || got == t || got == "integer" && t == "number"
}

func jsonType(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case int:
		return "integer"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case object:
		return "object"
	default:
		panic(fmt.Sprintf("spec: %T is no type of JSON", v))
	}
}

func (r *reader) kindOf(n *yaml.Node, mode kind.Mode) string {
	if n.Kind == yaml.ScalarNode {
		v, _ := r.value(n, mode)
		if _, isText := v.(string); !isText && v != nil {
			return noun(v) + ", " + brief(n.Value)
		} else if isText && n.Value != "" && !strings.Contains(n.Value, "\n") {
			return "text, " + strconv.Quote(brief(n.Value))
		}
		return noun(v)
	}
	return nounOf(n)
}

func (r *reader) explainMapping(schema object, n, key *yaml.Node, mode kind.Mode) []finding {
	var out []finding
	props := propsOf(schema)
	if slices.Contains(blocks, key.Value) && stepsByName(n, props) {
		f := r.find(n, n, "wrong-type", "%s must be a list of steps, and this is a mapping", key.Value)
		f.Help = shapeOf(key.Value)
		return []finding{f}
	}
	more, _ := schema["additionalProperties"].(object)
	closed := schema["additionalProperties"] == false
	names, _ := schema["propertyNames"].(object)
	for i := 0; i < len(n.Content); i += 2 {
		k, v := deref(n.Content[i]), deref(n.Content[i+1])
		if p, ok := props[k.Value].(object); ok {
			out = append(out, r.explain(p, v, k, mode)...)
			continue
		}
		if names != nil {
			if wrong := r.explainScalar(names, k, k, kind.Text); len(wrong) > 0 {
				wrong[0].Code = "bad-name"
				out = append(out, wrong...)
				continue
			}
		}
		switch {
		case more != nil:
			out = append(out, r.explain(more, v, k, mode)...)
		case closed:
			out = append(out, r.unknownKey(stray{
				of: n, at: i, noun: key.Value, owner: ownerOf(key, props), known: sortedKeys(props),
				fits: func(known string, v *yaml.Node) bool {
					right := *k
					right.Value = known
					return len(r.explain(props[known].(object), v, &right, mode)) == 0
				},
				elsewhere: func(other string) string { return r.lang.beside(other, key.Value) },
			}))
		}
	}
	if len(out) > 0 {
		return out // a missing key may be the misspelt one
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if field(n, name.(string)) == nil {
			f := r.find(key, n, "missing-key", "%s has no %s", key.Value, name)
			if name == "attempts" {
				f.Help = "write attempts: 3"
			}
			out = append(out, f)
		}
	}
	if least, ok := schema["minProperties"].(float64); ok && float64(len(n.Content)/2) < least {
		out = append(out, r.find(n, n, "too-few", "%s is empty", key.Value))
	}
	if most, ok := schema["maxProperties"].(float64); ok && float64(len(n.Content)/2) > most {
		out = append(out, r.find(n, n, "too-many", "%s may have only one of %s", key.Value, strings.Join(sortedKeys(props), ", ")))
	}
	return out
}

// stepsByName says that n is {build: {...}, test: {...}}: steps under their names.
func stepsByName(n *yaml.Node, props object) bool {
	for i := 0; i < len(n.Content); i += 2 {
		key := deref(n.Content[i]).Value
		if props[key] != nil || foreignFor(key, "block") != nil || deref(n.Content[i+1]).Kind != yaml.MappingNode {
			return false
		}
	}
	return len(n.Content) > 0
}

func (r *reader) explainList(schema object, n, key *yaml.Node, mode kind.Mode) []finding {
	if least, ok := schema["minItems"].(float64); ok && float64(len(n.Content)) < least {
		if least == 1 {
			return []finding{r.find(n, n, "too-few", "%s is an empty list", key.Value)}
		}
		return []finding{r.find(n, n, "too-few", "%s needs at least %v items", key.Value, least)}
	}
	if most, ok := schema["maxItems"].(float64); ok && float64(len(n.Content)) > most {
		return []finding{r.find(n, n, "too-many", "%s may have at most %v items", key.Value, most)}
	}
	items, ok := schema["items"].(object)
	if !ok {
		return nil
	}
	item := *key
	item.Value = "an item of " + key.Value
	var out []finding
	for _, c := range n.Content {
		found := r.explain(items, c, &item, mode)
		for i := range found {
			if found[i].Pos == r.text.pos(key) { // a null has no place but its own here
				found[i].Pos, found[i].Len = r.text.pos(c), r.text.width(c)
			}
		}
		out = append(out, found...)
	}
	return out
}

// explainScalar looks at the text or the number itself; its type is right.
func (r *reader) explainScalar(schema object, n, key *yaml.Node, mode kind.Mode) []finding {
	v, hard := r.value(n, mode)
	if hard {
		return nil
	}
	one := func(code, format string, args ...any) []finding {
		return []finding{r.find(n, n, code, format, args...)}
	}
	if enum, ok := schema["enum"].([]any); ok {
		return r.explainEnum(enum, v, n, key)
	}
	if x, ok := numeric(v); ok {
		return r.explainNumber(schema, x, n, key)
	}
	s, ok := v.(string)
	if !ok {
		return nil
	}
	if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(s) {
		switch {
		case isDuration(schema):
			out := one("bad-duration", "%q is not a duration such as 500ms, 30s or 1h30m", brief(s))
			out[0].Help = durationHelp(s)
			if d := spelledDuration(s); d != "" {
				r.replace(&out[0], n, d)
			}
			return out
		case pattern == exprOnly:
			others := slices.DeleteFunc(slices.Clone(typesOf(schema)), func(t any) bool { return t == "string" })
			return one("wrong-type", "%s must be %s or an expression, and this is text, %q", key.Value, wanted(schema, others), brief(s))
		case pattern == idPattern:
			return one("bad-name", "%q is not a name here: letters, digits and _, and no digit in front", brief(s))
		case pattern == namePattern:
			return one("bad-name", "%q is not a name here: letters, digits, _, - and ., and a letter or _ in front", brief(s))
		}
		if message, ok := schema["patternErrorMessage"].(string); ok {
			return one("bad-value", "%q is %s", brief(s), message)
		}
		return one("bad-value", "%q does not have the form of %s: %s", brief(s), key.Value, pattern)
	}
	if least, ok := schema["minLength"].(float64); ok && float64(utf8.RuneCountInString(s)) < least {
		if s == "" {
			return one("too-short", "%s is empty", key.Value)
		}
		return one("too-short", "%s must have at least %v characters", key.Value, least)
	}
	if most, ok := schema["maxLength"].(float64); ok && float64(utf8.RuneCountInString(s)) > most {
		return one("bad-value", "%s may have at most %v characters", key.Value, most)
	}
	return nil
}

func (r *reader) explainEnum(enum []any, v any, n, key *yaml.Node) []finding {
	words := wordsOf(enum)
	for _, x := range enum {
		if a, ok := numeric(x); ok {
			if b, ok := numeric(v); ok && a == b {
				return nil
			}
		}
		if x == v {
			return nil
		}
	}
	f := r.find(n, n, "bad-value", "%s is not one of %s", brief(n.Value), diag.Names(words))
	if len(words) == 1 {
		f.Text = fmt.Sprintf("%s is not %s", brief(n.Value), words[0])
	} else {
		r.explainWord(&f, key, n, words)
	}
	return []finding{f}
}

// explainWord says which of words was meant by n.
func (r *reader) explainWord(f *finding, key, n *yaml.Node, words []string) {
	if argv := strings.Fields(n.Value); key.Value == "shell" && len(argv) > 1 {
		f.Help = "write the program and its arguments as a list: shell: [" + strings.ReplaceAll(diag.Names(argv), "{0}", `"{0}"`) + "]"
		return
	}
	near := diag.Nearest(n.Value, words)
	certain := near != "" && len(n.Value) > 3 && diag.Certain(n.Value, words) != "" // zsh is not meant to be sh
	if w := foreignValueFor(key.Value, n.Value); w != nil {
		if f.Help = w.help; w.to == "" {
			return
		}
		near, certain = w.to, slices.Contains(words, w.to)
	}
	if near != "" {
		f.Help = diag.DidYouMean(near)
	}
	if certain {
		r.replace(f, n, near)
	}
}

// replace makes f certain: the scalar n is to be text.
func (r *reader) replace(f *finding, n *yaml.Node, text string) {
	if from, to, ok := r.text.token(n); ok {
		f.Fix = r.text.fix(from, to, text)
	}
}

// ownerOf is the key whose mapping one with these members is, as the dictionary of other tools has it.
func ownerOf(key *yaml.Node, props object) string {
	if props["default"] != nil && props["secret"] != nil {
		return "inputs" // the key is the name of one
	}
	if slices.Contains(blocks, key.Value) {
		return "block"
	}
	return strings.TrimPrefix(key.Value, "an item of ")
}

func propsOf(schema object) object {
	props, _ := schema["properties"].(object)
	return props
}

func wordsOf(enum []any) []string {
	words := make([]string, len(enum))
	for i, x := range enum {
		words[i] = fmt.Sprint(x)
	}
	return words
}

func (r *reader) explainNumber(schema object, x float64, n, key *yaml.Node) []finding {
	one := func(format string, args ...any) []finding {
		return []finding{r.find(n, n, "out-of-range", format, args...)}
	}
	if isDuration(schema) && x != 0 {
		out := []finding{r.find(n, n, "bad-duration", "%s has no unit", brief(n.Value))}
		out[0].Help = durationHelp(n.Value)
		return out
	}
	if least, ok := schema["minimum"].(float64); ok && x < least {
		return one("%s must be at least %v, and this is %s", key.Value, least, brief(n.Value))
	}
	if most, ok := schema["maximum"].(float64); ok && x > most {
		return one("%s may be at most %v, and this is %s", key.Value, most, brief(n.Value))
	}
	if least, ok := schema["exclusiveMinimum"].(float64); ok && x <= least {
		return one("%s must be more than %v, and this is %s", key.Value, least, brief(n.Value))
	}
	if most, ok := schema["exclusiveMaximum"].(float64); ok && x >= most {
		return one("%s must be less than %v, and this is %s", key.Value, most, brief(n.Value))
	}
	if step, ok := schema["multipleOf"].(float64); ok && math.Mod(x, step) != 0 {
		return one("%s must be a multiple of %v, and this is %s", key.Value, step, brief(n.Value))
	}
	return nil
}

func numeric(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func sortedKeys(m object) []string { return slices.Sorted(maps.Keys(m)) }
