package executor_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
)

// sources are the files of the cases and examples, each with the files that it may call.
func sources(t testing.TB) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	cases, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range cases {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string]string{}
		for _, f := range archive.Files {
			parts[f.Name] = string(f.Data)
		}
		out[path] = parts
	}
	for _, pattern := range []string{"../../examples/*.yaml", "../../examples/*/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out[path] = map[string]string{"flow.yaml": string(src)}
		}
	}
	if len(out) < 100 {
		t.Fatalf("only %d files", len(out))
	}
	return out
}

// problems is all that is wrong with flow.yaml, which may call the other parts; warnings aside.
func problems(parts map[string]string) diag.List {
	return slices.DeleteFunc(saidOf(parts), func(d diag.Diagnostic) bool { return d.Warning })
}

// saidOf is all that is said of flow.yaml.
func saidOf(parts map[string]string) diag.List {
	open := func(dir, path string) (*ast.File, error) {
		full := filepath.Join(dir, path)
		src, ok := parts[strings.TrimPrefix(full, "/")]
		if !ok {
			return nil, os.ErrNotExist
		}
		return spec.Parse(full, []byte(src), spec.Options{Kinds: steps.Builtin(), Dir: filepath.Dir(full)})
	}
	f, err := open("/", "flow.yaml")
	var list diag.List
	errors.As(err, &list)
	if f == nil {
		return list
	}
	more := plan.Check(f, plan.Options{Open: open})
	return slices.Concat(list, more).Sorted()
}

// mistake is one change of a text that makes it wrong.
type mistake struct {
	what     string
	node     *yaml.Node // whose text is changed
	old, new string
	lines    []int        // of the problem: one of these
	hides    []*yaml.Node // what is not read any more
	needs    *yaml.Node   // another node that must be read for the problem to show
}

// mistakes are those that can be made in one file.
type mistakes struct {
	lines        []string
	local, names []mistake
	ids          map[string]*yaml.Node // of the workflow at work
	nameable     []*yaml.Node          // ids
	text         string
}

var stepActions = []string{
	"run", "sleep", "value", "echo", "fail", "call", "steps", "gather", "wait", "taskgroup", "await", "cancel",
}

func mistakesOf(text string) *mistakes {
	m := &mistakes{lines: strings.Split(text, "\n"), text: text}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		panic(err)
	}
	m.workflow(doc.Content[0])
	return m
}

func (m *mistakes) workflow(n *yaml.Node) {
	outer := m.ids
	m.ids = map[string]*yaml.Node{}
	m.step(n)
	m.ids = outer
}

// has says whether s stands at n.
func (m *mistakes) has(n *yaml.Node, s string) bool {
	line := m.lines[n.Line-1]
	return n.Column-1 <= len(line) && strings.HasPrefix(line[n.Column-1:], s) && isASCII(line)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 126 })
}

func (m *mistakes) step(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		m.key(n, k, v)
		switch k.Value {
		case "steps", "gather", "wait", "taskgroup", "except", "else", "finally":
			if v.Kind == yaml.MappingNode {
				m.generator(v)
			}
			for _, c := range v.Content {
				if v.Kind == yaml.SequenceNode {
					m.step(c)
				}
			}
		case "as_completed":
			m.step(v)
		case "workflows":
			for j := 1; j < len(v.Content); j += 2 {
				m.workflow(v.Content[j])
			}
		case "retry":
			for j := 0; j < len(v.Content); j += 2 {
				m.misspelt(v.Content[j], v.Content[j+1])
			}
		case "id":
			m.nameable = append(m.nameable, v)
			if first := m.ids[""]; first != nil && len(m.word(v.Value)) == 1 && m.has(v, v.Value) {
				m.names = append(m.names, mistake{
					what: "an id twice", node: v, old: v.Value, new: first.Value, lines: []int{v.Line, first.Line}, needs: first,
				})
			}
			if m.ids[""] == nil {
				m.ids[""] = v
			}
		}
		m.values(k, v)
	}
}

// word are the places of a word in the text.
func (m *mistakes) word(w string) []string { return strings.Split(m.text, w)[1:] }

func (m *mistakes) generator(n *yaml.Node) {
	for i := 0; i < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		m.misspelt(k, v)
		if k.Value == "do" {
			m.step(v)
		} else {
			m.values(k, v)
		}
	}
}

// key makes mistakes in a key of a step.
func (m *mistakes) key(n, k, v *yaml.Node) {
	if slices.Contains(stepActions, k.Value) {
		m.local = append(m.local,
			mistake{what: "no action", node: k, old: k.Value, new: "qqqqqq", lines: []int{n.Line, n.Content[0].Line, k.Line}, hides: besides(n, v)},
			mistake{what: "a misspelt action", node: k, old: k.Value, new: swapped(k.Value), lines: []int{n.Line, n.Content[0].Line, k.Line}, hides: []*yaml.Node{v}})
		return
	}
	m.misspelt(k, v)
}

func (m *mistakes) misspelt(k, v *yaml.Node) {
	for _, word := range []string{"zzzzzz", swapped(k.Value)} {
		if k.Value == "flowrun" && word == "zzzzzz" {
			continue // then the version is missing, too
		}
		m.local = append(m.local, mistake{what: "a misspelt key", node: k, old: k.Value, new: word, lines: []int{k.Line}, hides: []*yaml.Node{v}})
	}
}

// swapped is s with two letters swapped.
func swapped(s string) string {
	if len(s) < 3 {
		return s + "x"
	}
	if s[1] == s[2] {
		return s + "x"
	}
	return s[:1] + s[2:3] + s[1:2] + s[3:]
}

// besides are the action's value v and what else in n depends on the action.
func besides(n, v *yaml.Node) []*yaml.Node {
	out := []*yaml.Node{v}
	for i := 0; i < len(n.Content); i += 2 {
		out = append(out, n.Content[i]) // of several unknown keys any may be meant to be the action
		switch n.Content[i].Value {
		case "limit", "as_completed", "return_when", "return_after", "return_exceptions", "rest", "errors", "with", "stdin", "dir":
			out = append(out, n.Content[i+1])
		}
	}
	return out
}

// values makes mistakes in what stands beside a key.
func (m *mistakes) values(k, v *yaml.Node) {
	if v.Kind == yaml.SequenceNode {
		for _, c := range v.Content {
			if c.Kind == yaml.ScalarNode && (k.Value == "needs" || k.Value == "semaphore" || k.Value == "await" || k.Value == "cancel") {
				m.name(k, c)
			}
		}
	}
	if v.Kind == yaml.MappingNode {
		switch k.Value {
		case "with", "env", "value", "run", "echo":
			for i := 1; i < len(v.Content); i += 2 {
				m.values(k, v.Content[i])
			}
		}
		return
	}
	if v.Kind != yaml.ScalarNode || v.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return
	}
	line := m.lines[v.Line-1]
	at := func(text string, shift int) *yaml.Node {
		return &yaml.Node{Line: v.Line, Column: v.Column + shift, Value: text}
	}
	plain := m.has(v, v.Value) && v.Style == 0
	if plain {
		switch k.Value {
		case "timeout", "total_timeout", "sleep", "cleanup_timeout", "return_after":
			m.local = append(m.local, mistake{what: "a bad duration", node: v, old: v.Value, new: "5 parsecs", lines: []int{v.Line}, hides: []*yaml.Node{v}})
			fallthrough
		case "id", "limit", "background", "shield", "if", "return_exceptions", "rest", "call", "for", "semaphore", "needs", "await", "cancel":
			m.local = append(m.local, mistake{what: "a wrong type", node: v, old: v.Value, new: "[[x]]", lines: []int{v.Line}, hides: []*yaml.Node{v}})
		}
		m.name(k, v)
	}
	from := max(0, min(v.Column-1, len(line)))
	if i := strings.Index(line[from:], "${{"); i >= 0 && strings.HasPrefix(v.Value, "${{") == (i < 2) && strings.Contains(v.Value, "${{") && !strings.Contains(v.Value, "$${{") {
		m.local = append(m.local, mistake{what: "a wrong expression", node: at("${{", i), old: "${{", new: "${{ ) ", lines: []int{v.Line}, hides: []*yaml.Node{v}, needs: v})
	}
	for _, root := range []string{"steps.", "inputs."} {
		i := strings.Index(line[from:], root)
		if i < 0 || !strings.Contains(v.Value, root) || strings.Contains(v.Value, "\n") {
			continue
		}
		name := line[from+i+len(root):]
		end := strings.IndexFunc(name, func(r rune) bool {
			return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
		if end > 0 {
			m.names = append(m.names, mistake{what: "an unknown name of " + root, node: at(name[:end], i+len(root)), old: name[:end], new: "nosuch", lines: []int{v.Line}, needs: v})
		}
	}
}

func (m *mistakes) name(k, v *yaml.Node) {
	switch k.Value {
	case "needs", "semaphore", "await", "cancel":
		m.names = append(m.names, mistake{what: "an unknown name in " + k.Value, node: v, old: v.Value, new: "nosuch", lines: []int{v.Line}, needs: v})
	}
}

// inside says whether n is root or below it.
func inside(n, root *yaml.Node) bool {
	if root == nil || n == nil {
		return false
	}
	if n == root {
		return true
	}
	return slices.ContainsFunc(root.Content, func(c *yaml.Node) bool { return inside(n, c) })
}

// apply makes both mistakes; false: they are not independent of each other.
func (m *mistakes) apply(a, b mistake) (string, bool) {
	n := cmp.Or(b.needs, b.node)
	if a.node.Line == b.node.Line && a.node.Column == b.node.Column || !m.has(a.node, a.old) || !m.has(b.node, b.old) {
		return "", false
	}
	hides := func(x mistake, n *yaml.Node) bool {
		return slices.ContainsFunc(x.hides, func(hidden *yaml.Node) bool { return inside(n, hidden) })
	}
	if hides(a, n) || hides(a, b.node) || hides(b, cmp.Or(a.needs, a.node)) {
		return "", false
	}
	if a.what == "a wrong type" && b.what != "an id twice" && slices.ContainsFunc(m.nameable, func(n *yaml.Node) bool { return n == a.node }) {
		return "", false // any unknown name may be that of the step without one
	}
	both := []mistake{a, b}
	slices.SortFunc(both, func(x, y mistake) int { return cmp.Compare(y.node.Column, x.node.Column) })
	return m.make(both...), true
}

// make makes mistakes, of which those in one line come from right to left.
func (m *mistakes) make(all ...mistake) string {
	lines := slices.Clone(m.lines)
	for _, x := range all {
		line := lines[x.node.Line-1]
		at := x.node.Column - 1
		lines[x.node.Line-1] = line[:at] + x.new + line[at+len(x.old):]
	}
	return strings.Join(lines, "\n")
}

// TestTwoMistakes makes two mistakes that have nothing to do with each other in every file: one that reading finds and
// one that needs all names. Both are told, and nothing that only follows from one of them.
func TestTwoMistakes(t *testing.T) {
	all := sources(t)
	rng := rand.New(rand.NewPCG(1, 2))
	made := map[string]int{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		parts := all[path]
		if list := problems(parts); len(list) > 0 {
			t.Fatalf("%s is wrong as it is: %v", path, list)
		}
		m := mistakesOf(parts["flow.yaml"])
		if len(m.local) == 0 || len(m.names) == 0 {
			continue
		}
		for range 3 {
			a, b := m.local[rng.IntN(len(m.local))], m.names[rng.IntN(len(m.names))]
			if rng.IntN(3) == 0 {
				b = m.local[rng.IntN(len(m.local))]
			}
			text, ok := m.apply(a, b)
			if !ok {
				continue
			}
			made[a.what]++
			made[b.what]++
			wrong := maps.Clone(parts)
			wrong["flow.yaml"] = text
			list := problems(wrong)
			if !told(list, a, b) {
				t.Errorf("%s: %s (%s: %s) and %s (%s)\n%s\n%v", path, a.what, a.old, a.new, b.what, b.old, numbered(text), list)
			}
		}
	}
	t.Log(made)
}

// TestLoad reads a file, and one that calls it, from a folder: all that is wrong comes at once.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	opt := executor.LoadOptions{Kinds: steps.Builtin()}
	write("called.yaml", "flowrun: 1\ninputs: {n: {type: integer}}\nsteps:\n  - {echo: 1, retry: {delay: 1s}}\n  - {value: \"${{ inputs.m }}\"}\n")
	_, err := executor.Load(write("main.yaml", "flowrun: 1\ndefaults: {retry: {}}\nsteps:\n  - {call: called.yaml, with: {n: no way}}\n  - {await: t}\n"), opt)
	var list diag.List
	if !errors.As(err, &list) {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		got = append(got, fmt.Sprintf("%s:%d %s", filepath.Base(d.Pos.File), d.Pos.Line, d.Code))
	}
	want := []string{"called.yaml:4 missing-key", "called.yaml:5 unknown-input", "main.yaml:2 missing-key", "main.yaml:4 bad-input", "main.yaml:5 unknown-step"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v\n%v", got, want, list)
	}
	if p, err := executor.Load(write("right.yaml", "flowrun: 1\nsteps: [{value: 1}]\n"), opt); err != nil || len(p.Steps) != 2 {
		t.Error(p, err)
	}
	if _, err := executor.Load(filepath.Join(dir, "none.yaml"), opt); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// told says whether the list is one problem for a and one for b.
func told(list diag.List, a, b mistake) bool {
	if len(list) != 2 {
		return false
	}
	x, y := list[0].Pos.Line, list[1].Pos.Line
	return slices.Contains(a.lines, x) && slices.Contains(b.lines, y) || slices.Contains(a.lines, y) && slices.Contains(b.lines, x)
}

func numbered(text string) string {
	var b bytes.Buffer
	for i, line := range strings.Split(text, "\n") {
		fmt.Fprintf(&b, "%3d  %s\n", i+1, line)
	}
	return b.String()
}

// FuzzLoad: no text makes reading or compiling panic or take long, and a file that is right by Check has a plan.
func FuzzLoad(f *testing.F) {
	for _, parts := range sources(f) {
		f.Add(parts["flow.yaml"])
		m := mistakesOf(parts["flow.yaml"])
		for i, a := range m.local {
			if b := m.local[(i+7)%len(m.local)]; i%10 == 0 {
				if text, ok := m.apply(a, b); ok {
					f.Add(text)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts := map[string]string{"flow.yaml": text, "other.yaml": text}
		begin := time.Now()
		list := saidOf(parts)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		for i, d := range list {
			if d.Code == "" || d.Text == "" || d.Pos.Line < 1 || i > 0 && d == list[i-1] {
				t.Errorf("%+v", d)
			}
		}
	})
}
