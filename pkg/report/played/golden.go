package played

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// Golden compares, for each testdata/*.txtar, the part `want` with what text makes of the parts. With update it writes it.
func Golden(t *testing.T, update bool, text func(t *testing.T, parts map[string]string) string) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range ar.Files {
				parts[f.Name] = string(f.Data)
			}
			got := text(t, parts)
			if d := cmp.Diff(parts["want"], got); d == "" {
				return
			} else if !update {
				t.Fatalf("-want +got\n%s", d)
			}
			i := slices.IndexFunc(ar.Files, func(f txtar.File) bool { return f.Name == "want" })
			if i < 0 {
				i = len(ar.Files)
				ar.Files = append(ar.Files, txtar.File{Name: "want"})
			}
			ar.Files[i].Data = []byte(got)
			if err := os.WriteFile(name, txtar.Format(ar), 0o666); err != nil {
				t.Fatal(err)
			}
		})
	}
}
