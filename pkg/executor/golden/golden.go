// Package golden has the cases of a test stand in one file, with what they come to. It is no part of flowrun.
package golden

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// Cases compares, for each file NAME.want of the archive at path, what is in it with what text makes of the case NAME; files are all
// of the archive. With update it writes that into the archive.
func Cases(t *testing.T, path string, update bool, text func(t *testing.T, name string, files map[string][]byte) string) {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range archive.Files {
		files[f.Name] = f.Data
	}
	for i, f := range archive.Files {
		name, ok := strings.CutSuffix(f.Name, ".want")
		if !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got := text(t, name, files)
			if update {
				archive.Files[i].Data = []byte(got)
			} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
	if update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
