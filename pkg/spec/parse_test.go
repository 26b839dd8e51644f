package spec_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
)

var update = flag.Bool("update", false, "write the expected texts anew")

// cases runs every NAME.yaml of an archive and compares what got says of it with NAME.want.
func cases(t *testing.T, file string, got func(name string, src []byte) string) {
	t.Helper()
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out txtar.Archive
	out.Comment = a.Comment
	for i := 0; i < len(a.Files); i++ {
		f := a.Files[i]
		name, isCase := strings.CutSuffix(f.Name, ".yaml")
		if !isCase {
			continue
		}
		want := ""
		if i+1 < len(a.Files) && a.Files[i+1].Name == name+".want" {
			want = string(a.Files[i+1].Data)
		}
		t.Run(name, func(t *testing.T) {
			text := got(f.Name, f.Data)
			if text != "" {
				text += "\n"
			}
			out.Files = append(out.Files, f, txtar.File{Name: name + ".want", Data: []byte(text)})
			if !*update && text != want {
				t.Error(cmp.Diff(want, text))
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(&out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func builtin() spec.Options { return spec.Options{Kinds: steps.Builtin(), Dir: "/dir"} }

func TestProblems(t *testing.T) {
	for _, name := range []string{"errors", "foreign", "guards", "syntax"} {
		t.Run(name, func(t *testing.T) {
			cases(t, filepath.Join("testdata", name+".txtar"), func(name string, src []byte) string {
				_, err := spec.Parse(name, src, builtin())
				if err == nil {
					return ""
				}
				var list diag.List
				if !errors.As(err, &list) {
					t.Fatalf("%T is no diag.List", err)
				}
				return strings.ReplaceAll(list.Error(), name+":", "")
			})
		})
	}
}
