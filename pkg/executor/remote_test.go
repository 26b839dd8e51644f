package executor_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestSpec: a run travels with all that its kernel needs, in paths below the folder where it was started, and without its secrets.
func TestSpec(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ci/main.yaml", `{flowrun: 1, name: main, inputs: {n: {type: integer, default: 3}}, dotenv: [.env], secrets: [TOKEN, EMPTY, KEY],
		steps: [{call: ../lib/sub.yaml, with: {m: "${{ inputs.n }}"}}, {value: "${{ [env.HOME_OF, env.FROM_FILE, glob('*.txt')] }}"},
			{run: [true], env: {T: "${{ secrets.TOKEN }}", E: "${{ secrets.EMPTY }}", K: "${{ secrets.KEY }}"}}]}`)
	write("ci/.env", "FROM_FILE=file\nKEY=hidden-in-the-file\n")
	write("ci/a.txt", "")
	write("lib/sub.yaml", `{flowrun: 1, inputs: {m: {type: integer}}, steps: [{value: "${{ inputs.m + 1 }}"}]}`)
	var sources []journal.Source
	p, err := executor.Load(filepath.Join(dir, "ci/main.yaml"), executor.LoadOptions{Kinds: steps.Builtin(), Source: func(name string, text []byte) {
		path, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, journal.Source{Name: name, Path: path, Text: text})
	}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := executor.NewSpec(p, steps.Builtin(), executor.Options{
		RunID: "1", Env: []string{"HOME_OF=me", "OTHER=x", "TOKEN=hunter2-hunter2", "EMPTY="},
		Keep: journal.Keep{Sources: sources, Command: journal.Command{Folder: dir}},
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"hunter2", "hidden-in-the-file", "OTHER"} {
		if strings.Contains(string(all), no) {
			t.Errorf("%s travels: %s", no, all)
		}
	}
	if _, err := executor.NewSpec(p, steps.Builtin(), executor.Options{
		RunID: "1", Env: []string{"HOME_OF=it is hunter2-hunter2", "TOKEN=hunter2-hunter2"},
		Keep: journal.Keep{Sources: sources, Command: journal.Command{Folder: dir}},
	}); err == nil || !strings.Contains(err.Error(), "holds the value of a secret") {
		t.Errorf("a secret travels as a variable: %v", err)
	}
	there, err := s.Plan(steps.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	k, err := s.Kernel(there)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]any{"n": 3}, k.Inputs); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"HOME_OF=me"}, k.Env); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]string{"TOKEN": mask.Reference(0), "KEY": mask.Reference(2)}, k.Secrets); d != "" {
		t.Error(d)
	}
	if found, err := k.Glob("*.txt"); err != nil || !cmp.Equal(found, []any{"a.txt"}) {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := k.Glob("*.md"); err == nil {
		t.Error("a pattern is found of which nobody has asked")
	}
	if s.Files[0].Path != "ci/main.yaml" || s.Files[1].Path != "lib/sub.yaml" || there.Main.Dir != "ci" {
		t.Errorf("%q, %q, %q", s.Files[0].Path, s.Files[1].Path, there.Main.Dir)
	}
	if d := cmp.Diff(map[string]string{"FROM_FILE": "file"}, s.Files[0].Dotenv); d != "" {
		t.Error(d)
	}
}
