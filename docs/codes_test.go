package docs_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/docs/errors"
	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// sources finds the codes of diagnostics in Go sources: what is passed on where a parameter or a field is called code.
//
//	func (r *reader) problem(n *yaml.Node, code, ...)     then the code in r.problem(n, "bad-key", ...)
//	diag.Diagnostic{Code: "bad-key"}, d.Code = "bad-key", code := "bad-key"
//
// What is neither a text nor a constant nor a variable that is called code itself is not understood, and an error.
type sources struct {
	t      *testing.T
	set    *token.FileSet
	consts map[string]string
	params map[string][]int // places of code in the parameters of functions, and the fields of types, of that name
	codes  map[string]string
}

func (s *sources) add(e ast.Expr) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && text != "" {
			s.codes[text] = s.set.Position(e.Pos()).String()
		}
		return
	case *ast.Ident:
		if text, ok := s.consts[e.Name]; ok {
			s.codes[text] = s.set.Position(e.Pos()).String()
			return
		}
		if strings.EqualFold(e.Name, "code") {
			return // where it comes from is seen there
		}
	case *ast.SelectorExpr:
		if strings.EqualFold(e.Sel.Name, "code") {
			return
		}
	}
	s.t.Errorf("%s: the code of a diagnostic is a text or a constant, or a variable that is called code", s.set.Position(e.Pos()))
}

// learn notes constants, and functions that have a parameter called code.
func (s *sources) learn(n ast.Node) bool {
	list := func(name string, fields *ast.FieldList) {
		at := 0
		for _, p := range fields.List {
			for _, id := range p.Names {
				if typ, ok := p.Type.(*ast.Ident); ok && typ.Name == "string" && id.Name == "code" && !slices.Contains(s.params[name], at) {
					s.params[name] = append(s.params[name], at)
				}
				at++
			}
		}
	}
	note := func(name string, f *ast.FuncType) { list(name, f.Params) }
	switch n := n.(type) {
	case *ast.FuncDecl:
		note(n.Name.Name, n.Type)
	case *ast.TypeSpec:
		if st, ok := n.Type.(*ast.StructType); ok {
			list(n.Name.Name, st.Fields)
		}
	case *ast.Field:
		if f, ok := n.Type.(*ast.FuncType); ok {
			for _, id := range n.Names {
				note(id.Name, f)
			}
		}
	case *ast.AssignStmt:
		for i, right := range n.Rhs {
			if f, ok := right.(*ast.FuncLit); ok && i < len(n.Lhs) {
				if id, ok := n.Lhs[i].(*ast.Ident); ok {
					note(id.Name, f.Type)
				}
			}
		}
	case *ast.ValueSpec:
		for i, v := range n.Values {
			if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING && strings.HasSuffix(n.Names[i].Name, "Code") {
				s.consts[n.Names[i].Name], _ = strconv.Unquote(lit.Value)
			}
		}
	}
	return true
}

// find notes the codes.
func (s *sources) find(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
		}
		for _, at := range s.params[name] {
			if at >= len(n.Args) {
				continue
			}
			if lit, ok := n.Args[at].(*ast.BasicLit); ok && (lit.Kind != token.STRING || strings.ContainsAny(lit.Value, " %:")) {
				continue // another function of that name
			}
			if s.isCode(n.Args[at]) {
				s.add(n.Args[at])
			}
		}
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok && id.Name == "Code" {
			s.add(n.Value)
		}
	case *ast.AssignStmt:
		for i, left := range n.Lhs {
			id, isVar := left.(*ast.Ident)
			sel, isField := left.(*ast.SelectorExpr)
			if (isVar && id.Name == "code" || isField && sel.Sel.Name == "Code") && len(n.Rhs) == len(n.Lhs) {
				if lit, ok := n.Rhs[i].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					s.add(lit)
				}
			}
		}
	case *ast.CompositeLit:
		if id, ok := n.Type.(*ast.Ident); ok {
			for _, at := range s.params[id.Name] {
				if at >= len(n.Elts) {
					continue
				}
				if _, named := n.Elts[at].(*ast.KeyValueExpr); !named {
					s.add(n.Elts[at])
				}
			}
		}
	case *ast.FuncDecl:
		if r := n.Type.Results; r != nil && len(r.List[0].Names) > 0 && r.List[0].Names[0].Name == "code" {
			ast.Inspect(n.Body, func(n ast.Node) bool {
				if ret, ok := n.(*ast.ReturnStmt); ok && len(ret.Results) > 0 {
					if lit, ok := ret.Results[0].(*ast.BasicLit); ok {
						s.add(lit)
					}
				}
				return true
			})
		}
	}
	return true
}

// isCode tells a code from what is passed to another function of the same name.
func (s *sources) isCode(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return s.consts[e.Name] != "" || e.Name == "code"
	}
	return false
}

// codes are all codes of diagnostics in the sources, and where each is.
func codes(t *testing.T) map[string]string {
	t.Helper()
	s := &sources{t: t, set: token.NewFileSet(), consts: map[string]string{}, params: map[string][]int{}, codes: map[string]string{}}
	var files []*ast.File
	for _, room := range []string{
		"spec", "spec/diag", "spec/dotenv", "spec/expr", "spec/kind", "executor", "executor/plan", "executor/portable", "steps", "cli",
	} {
		paths, err := filepath.Glob("../pkg/" + room + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(s.set, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	for _, f := range files {
		ast.Inspect(f, s.learn)
	}
	for _, f := range files {
		ast.Inspect(f, s.find)
	}
	return s.codes
}

// TestEveryCodeHasAPage: and every page is of a code that can come, and is in the index.
func TestEveryCodeHasAPage(t *testing.T) {
	have := codes(t)
	pages := errors.Codes()
	index := read(t, "errors/README.md")
	for _, code := range slices.Sorted(maps.Keys(have)) {
		if !slices.Contains(pages, code) {
			t.Errorf("%s: there is no page docs/errors/%s.md", have[code], code)
		}
	}
	for _, code := range pages {
		if have[code] == "" {
			t.Errorf("docs/errors/%s.md is of a code that nothing has", code)
		}
		if row := fmt.Sprintf("| [%s](%s.md) | %s |\n", code, code, errors.Summary(code)); !strings.Contains(index, row) {
			t.Errorf("docs/errors/README.md must have the row\n%s", row)
		}
		if page, _ := errors.Page(code); !strings.HasPrefix(page, "# "+code+"\n\n") || !strings.HasSuffix(errors.Summary(code), ".") {
			t.Errorf("docs/errors/%s.md must begin with its code and a sentence", code)
		}
	}
	// What the tests of other packages expect is not found by a look at the sources, and so tells what that misses.
	golden := regexp.MustCompile(`: (?:error|warning)\[([a-z0-9-]+)\]: `)
	for _, dir := range []string{"../pkg/spec/testdata", "../pkg/executor/plan/testdata", "../pkg/cli/testdata/script"} {
		files, err := filepath.Glob(dir + "/*.txtar")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, f := range files {
			for _, m := range golden.FindAllStringSubmatch(read(t, f), -1) {
				if have[m[1]] == "" {
					t.Errorf("%s has the code %s, which is not seen in the sources", f, m[1])
				}
			}
		}
	}
}

// TestPagesOfCodes checks the files of each page: the wrong ones are refused for that code and nothing else, or warned of when
// the code is a warning's, and with the right ones there is nothing to say. After <!-- run --> they are run, for there is no need for the code before;
// after <!-- engine --> they are validated for the engine beyond this machine.
func TestPagesOfCodes(t *testing.T) {
	for _, code := range errors.Codes() {
		t.Run(code, func(t *testing.T) {
			page := "errors/" + code + ".md"
			command := []string{"validate"}
			switch text := read(t, page); {
			case strings.Contains(text, "<!-- run -->"):
				command = []string{"run", "--state-dir", t.TempDir()}
			case strings.Contains(text, "<!-- engine -->"):
				command = append(command, "--engine", "temporal")
			}
			wrong, right, ok := strings.Cut(read(t, page), "\nRight:\n")
			if !ok || !strings.Contains(wrong, "\nWrong:\n") {
				t.Fatal("a page has a part Wrong: and a part Right:")
			}
			want := "error " + code
			if slices.Contains(slices.Concat(plan.WarningCodes(), plan.EngineCodes()), code) {
				want = "warning " + code
				if !strings.HasPrefix(errors.Summary(code), "A warning: ") {
					t.Error("the page does not say that it is a warning")
				}
			}
			if got := said(t, blocksOf(t, page, wrong), command); !slices.Equal(got, []string{want}) {
				t.Errorf("of the wrong file is said %v", got)
			}
			if got := said(t, blocksOf(t, page, right), command); len(got) > 0 {
				t.Errorf("of the right file is said %v", got)
			}
		})
	}
}

// said are the severities and codes that a command has for the files of a page.
func said(t *testing.T, files []block, command []string) []string {
	t.Helper()
	dir := t.TempDir()
	for _, b := range files {
		name := b.file
		if name == "" {
			name = "flow.yaml"
		}
		text := b.text
		if strings.HasPrefix(b.note, "escapes") {
			text = regexp.MustCompile(`\\u[0-9a-f]{4}|\\x[0-9a-f]{2}`).ReplaceAllStringFunc(text, func(s string) string {
				s, err := strconv.Unquote(`"` + s + `"`)
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		}
		times := 0
		if _, err := fmt.Sscanf(b.note, "times %d:", &times); err == nil {
			at := strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n') + 1
			var whole strings.Builder
			whole.WriteString(text[:at])
			for i := range times {
				whole.WriteString(strings.ReplaceAll(text[at:], "%d", strconv.Itoa(i)))
			}
			text = whole.String()
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out, problems bytes.Buffer
	args := slices.Concat([]string{"flowrun"}, command, []string{"-C", dir, "flow.yaml"})
	t.Chdir(dir)
	exit := cli.Main(args, cli.System{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &problems, Env: []string{"PATH=" + os.Getenv("PATH")},
		Notify: func(chan<- os.Signal) func() { return func() {} },
	})
	var codes []string
	wrong := false
	for _, m := range regexp.MustCompile(`(?m)^[^ ]+: (error|warning)\[([a-z0-9-]+)\]: `).FindAllStringSubmatch(problems.String(), -1) {
		codes = append(codes, m[1]+" "+m[2])
		wrong = wrong || m[1] == "error"
	}
	if wrong != (exit != 0) {
		t.Errorf("exit code %d\n%s%s", exit, out.String(), problems.String())
	}
	if len(codes) > 1 || t.Failed() {
		t.Log(problems.String())
	}
	return codes
}
