package spec_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestVariables: later files win, optional ones may be missing, and without a reader nothing is read.
func TestVariables(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		filepath.Join(dir, "a.env"):        "A=1\nB=1\n",
		filepath.Join(dir, "sub", "b.env"): "B=2\nC=2\n",
		"extra.env":                        "C=3\n",
	}
	read := func(path string) ([]byte, error) {
		text, ok := files[path]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return []byte(text), nil
	}
	src := "flowrun: 1\ndotenv: [a.env, \"gone?\", sub/b.env]\nsteps: []\n"
	opt := spec.Options{Kinds: steps.Builtin(), Dir: dir, EnvFiles: []string{"extra.env"}, ReadFile: read}
	f, err := spec.Parse("dir/f.yaml", []byte(src), opt)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, v := range f.Vars {
		fmt.Fprintf(&got, "%s %s=%v\n", v.Key.Pos, v.Key.Text, v.Value.Const)
	}
	want := "dir/a.env:1:1 A=1\ndir/sub/b.env:1:1 B=2\nextra.env:1:1 C=3\n"
	if got.String() != filepath.ToSlash(want) {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}

	delete(files, "extra.env")
	src = "flowrun: 1\ndotenv: gone\nsteps: []\n"
	_, err = spec.Parse("dir/f.yaml", []byte(src), opt)
	wrong := "dir/f.yaml:2:9: error[missing-file]: there is no file gone (write \"gone?\" if it may be missing)\n" +
		"extra.env: error[missing-file]: the file cannot be read: file does not exist"
	if fmt.Sprint(err) != wrong {
		t.Errorf("got\n%v\nwant\n%s", err, wrong)
	}
	opt.ReadFile = nil
	if f, err = spec.Parse("dir/f.yaml", []byte(src), opt); err != nil || len(f.Vars) > 0 {
		t.Errorf("without a reader: %v %v", f, err)
	}
}
