package plan_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

var update = flag.Bool("update", false, "write the golden files")

// kinds are stand-ins: this package needs only their keys.
func kinds() []*kind.Kind {
	key := func(name string, mode kind.Mode) kind.Key { return kind.Key{Name: name, Mode: mode, Schema: "{}"} }
	one := func(name string) *kind.Kind {
		return &kind.Kind{
			Name: name, Keys: []kind.Key{key(name, kind.Free)},
			Instant: func(kind.Args) kind.Instant { return kind.Instant{} },
		}
	}
	run := &kind.Kind{Name: "run", Limited: true, Terminal: []string{"interactive", "stdin", "capture"}, Keys: []kind.Key{
		key("run", kind.Text), key("stdin", kind.Free), key("dir", kind.Text), key("shell", kind.Typed), key("stop", kind.Typed), key("capture", kind.Typed),
		key("interactive", kind.Literal),
	}}
	http := &kind.Kind{Name: "http", Limited: true, Keys: []kind.Key{key("http", kind.Free)}}
	probe := &kind.Kind{Name: "ready", Probe: true, Keys: []kind.Key{key("ready", kind.Typed)}}
	return []*kind.Kind{run, http, probe, one("value"), one("echo"), one("fail"), one("sleep")}
}

// TestCompile compiles the files of each archive in testdata. A case is a file NAME.yaml with a file NAME.want: the plan, or
// all that is wrong. Files without a .want are there to be called. A line "# jobs 2" in a case is an option.
func TestCompile(t *testing.T) {
	for path, archive := range archives(t) {
		files := filesOf(archive)
		for i, f := range archive.Files {
			name, isWant := strings.CutSuffix(f.Name, ".want")
			if !isWant {
				continue
			}
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar")+"/"+name, func(t *testing.T) {
				got := compiled(t, files, name+".yaml")
				if *update {
					archive.Files[i].Data = []byte(got)
				} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// archives are those in testdata, by path.
func archives(t *testing.T) map[string]*txtar.Archive {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatal("no cases", err)
	}
	out := map[string]*txtar.Archive{}
	for _, path := range paths {
		if out[path], err = txtar.ParseFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func filesOf(a *txtar.Archive) map[string][]byte {
	files := map[string][]byte{}
	for _, f := range a.Files {
		files[f.Name] = f.Data
	}
	return files
}

func compiled(t *testing.T, files map[string][]byte, name string) string {
	t.Helper()
	p, err := compile(files, name)
	if err != nil {
		return err.Error() + "\n"
	}
	return p.String()
}

func compile(files map[string][]byte, name string) (*plan.Plan, error) {
	open := func(dir, path string) (*ast.File, error) {
		full := strings.TrimPrefix(filepath.Join(dir, path), "/")
		src, ok := files[full]
		if !ok {
			return nil, errors.New("no such file")
		}
		return spec.Parse(full, src, spec.Options{Kinds: kinds(), Dir: filepath.Dir("/" + full)})
	}
	f, err := open("/", name)
	opt := plan.Options{Open: open}
	if err != nil {
		var list diag.List
		if f == nil || !errors.As(err, &list) {
			return nil, err
		}
		return nil, slices.Concat(list, plan.Check(f, opt)).Err()
	}
	if slices.Contains(strings.Split(string(files[name]), "\n"), "# jobs 2") {
		opt.Jobs = 2
	}
	return plan.Compile(f, opt)
}
