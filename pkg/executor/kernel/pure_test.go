package kernel_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPure holds the kernel to what it promises: it asks no clock, starts nothing, waits for nothing, and where it goes
// over a map, in whose order nobody can trust, it fills another map, or a comment says why the order does not matter.
func TestPure(t *testing.T) {
	fset := token.NewFileSet()
	files := ownFiles(t, fset)
	for _, f := range files {
		for _, imp := range f.Imports {
			switch path := strings.Trim(imp.Path.Value, `"`); path {
			case "sync", "sync/atomic", "os", "net", "context", "math/rand", "math/rand/v2", "unsafe":
				t.Errorf("%s: the kernel imports %s", fset.Position(imp.Pos()), path)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if bad := impure(n); bad != "" {
				t.Errorf("%s: the kernel has %s", fset.Position(n.Pos()), bad)
			}
			return true
		})
	}
	rangesOverMaps(t, fset, files)
}

func ownFiles(t *testing.T, fset *token.FileSet) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func impure(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a go statement"
	case *ast.ChanType:
		return "a channel"
	case *ast.SelectStmt:
		return "a select"
	case *ast.SendStmt:
		return "a send"
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return "a receive"
		}
	case *ast.SelectorExpr:
		clock := []string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"}
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	case *ast.FuncDecl:
		if n.Name.Name == "init" && n.Recv == nil {
			return "an init"
		}
	}
	return ""
}

// rangesOverMaps wants a comment with the word "order" at each loop over a map, or over its keys as they come.
func rangesOverMaps(t *testing.T, fset *token.FileSet, files []*ast.File) {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	conf := types.Config{Importer: importer.ForCompiler(fset, "gc", exported(t))}
	if _, err := conf.Check("kernel", fset, files, info); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		said := map[int]bool{}
		for _, group := range f.Comments {
			for _, c := range group.List {
				if strings.Contains(c.Text, "order") {
					said[fset.Position(c.Pos()).Line] = true
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			r, ok := n.(*ast.RangeStmt)
			if !ok || !isMap(info, r.X) || intoMap(info, r) {
				return true
			}
			if line := fset.Position(r.Pos()).Line; !said[line] && !said[line-1] {
				t.Errorf("%s: a loop over a map without a word on its order", fset.Position(r.Pos()))
			}
			return true
		})
	}
}

// intoMap says whether a loop does nothing but put entries into another map: then no order can be seen.
func intoMap(info *types.Info, r *ast.RangeStmt) bool {
	if len(r.Body.List) != 1 {
		return false
	}
	a, ok := r.Body.List[0].(*ast.AssignStmt)
	if !ok || len(a.Lhs) != 1 {
		return false
	}
	at, ok := a.Lhs[0].(*ast.IndexExpr)
	return ok && isMap(info, at.X)
}

// exported finds what the compiler wrote about the packages that the kernel imports.
func exported(t *testing.T) func(path string) (io.ReadCloser, error) {
	out, err := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	where := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		where[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(where[path]) }
}

func isMap(info *types.Info, x ast.Expr) bool {
	if call, ok := x.(*ast.CallExpr); ok {
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			pkg, _ := sel.X.(*ast.Ident)
			return pkg != nil && pkg.Name == "maps"
		}
	}
	t := info.TypeOf(x)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// TestDependencies: nothing below the kernel can reach a network, a process, a file format or a clock's package of its own.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		for _, bad := range []string{"net", "net/http", "os/exec", "gopkg.in/yaml.v3", "github.com/santhosh-tekuri/jsonschema/v5"} {
			if dep == bad {
				t.Errorf("the kernel depends on %s", dep)
			}
		}
	}
}
