package docs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/schema"
)

func where(b block) string { return fmt.Sprintf("%s:%d", filepath.Base(b.page), b.line) }

// workflow is the whole file of a block of YAML. A block that does not begin with `flowrun:` is a part of one: a
// list of steps, or one step.
func workflow(text string) string {
	switch {
	case strings.HasPrefix(text, "flowrun:"), strings.Contains(text, "\nflowrun:"):
		return text
	case strings.HasPrefix(text, "- "):
		return "flowrun: 1\nsteps:\n" + text
	}
	return "flowrun: 1\nsteps:\n- " + strings.TrimSuffix(strings.ReplaceAll(text, "\n", "\n  "), "  ")
}

// counted is a sorted list in which `code x3` stands for three of them.
func counted(codes []string) []string {
	var out []string
	for len(codes) > 0 {
		n := 1
		for n < len(codes) && codes[n] == codes[0] {
			n++
		}
		if n == 1 {
			out = append(out, codes[0])
		} else {
			out = append(out, fmt.Sprintf("%s x%d", codes[0], n))
		}
		codes = codes[n:]
	}
	return out
}

// problems are the codes of what is wrong in a file, sorted and counted, as a note before a block has them, and the whole text.
func problems(t *testing.T, src string) (note, text string) {
	t.Helper()
	file, err := spec.Parse("block.yaml", []byte(src), spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
	var p *plan.Plan
	if err == nil {
		p, err = plan.Compile(file, plan.Options{})
	}
	word := "refused: "
	if err == nil {
		word, err = "warns: ", p.Warnings.Err()
	}
	if err == nil {
		return "", ""
	}
	var list diag.List
	if !errors.As(err, &list) {
		t.Fatal(err)
	}
	var codes []string
	for _, d := range list {
		codes = append(codes, d.Code)
	}
	slices.Sort(codes)
	return word + strings.Join(counted(codes), " "), err.Error()
}

// TestYAML: every block of YAML is compiled, and there is not even a warning. After <!-- refused: code --> it must be refused
// for that and nothing else, and after <!-- warns: code --> there must be that warning and no other.
func TestYAML(t *testing.T) {
	each(t, "yaml", func(t *testing.T, b block) {
		want := b.note
		if !strings.HasPrefix(want, "refused: ") && !strings.HasPrefix(want, "warns: ") {
			want = ""
		}
		if got, text := problems(t, workflow(b.text)); got != want {
			t.Errorf("it is %q, want %q\n%s", got, want, text)
		}
	})
}

// TestCaseOnThePage: the case that testing.md shows is one of the cases, to the byte.
func TestCaseOnThePage(t *testing.T) {
	each(t, "txtar", func(t *testing.T, b block) {
		for _, name := range cases(t) {
			if read(t, filepath.Join(casesDir, name+".txtar")) == b.text {
				return
			}
		}
		t.Errorf("no case has this text (%d files)", len(txtar.Parse([]byte(b.text)).Files))
	})
}

// TestJSON: a block of JSON is right, and of the form that its schema wants when a comment before names one.
func TestJSON(t *testing.T) {
	each(t, "json", func(t *testing.T, b block) {
		var v any
		if err := json.Unmarshal([]byte(b.text), &v); err != nil {
			t.Fatal(err)
		}
		schemas := map[string][]byte{"result": schema.Result(), "event": schema.Events(), "runs": schema.Runs(), "diagnostics": schema.Diagnostics()}
		src, ok := schemas[b.note]
		if !ok {
			t.Fatalf("the comment before must say which schema it has: <!-- result -->, <!-- event -->, <!-- runs --> or <!-- diagnostics -->")
		}
		c := jsonschema.NewCompiler()
		if err := c.AddResource(b.note, bytes.NewReader(src)); err != nil {
			t.Fatal(err)
		}
		s, err := c.Compile(b.note)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("%#v", err)
		}
	})
}

// examples are the tested examples of the library, as their lines without the white space before them.
func examples(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("../pkg", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Base(path) == "example_test.go" {
			out = append(out, unindented(read(t, path)))
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	return out
}

func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, " \t"))
	}
	return b.String()
}

// TestGo: a block of Go stands in a tested example of the library, line for line.
func TestGo(t *testing.T) {
	all := examples(t)
	each(t, "go", func(t *testing.T, b block) {
		if !slices.ContainsFunc(all, func(e string) bool { return strings.Contains(e, unindented(b.text)) }) {
			t.Error("no example_test.go has these lines")
		}
	})
}

// TestCommandsThatAreTooLong: the commands of a block of sh are not run, for they run all tests, or these. What they
// name must be there: a program of the repository, or a package for `go`.
func TestCommandsThatAreTooLong(t *testing.T) {
	each(t, "sh", func(t *testing.T, b block) {
		for line := range strings.Lines(b.text) {
			command, _, _ := strings.Cut(line, "#")
			words := strings.Fields(command)
			if len(words) == 0 {
				continue
			}
			if words[0] != "go" {
				if info, err := os.Stat(filepath.Join("..", words[0])); err != nil || info.Mode()&0o111 == 0 {
					t.Errorf("%s is no program of the repository: %v", words[0], err)
				}
				continue
			}
			for _, w := range words[1:] {
				path, isPath := strings.CutPrefix(w, "./")
				if _, err := os.Stat(filepath.Join("..", strings.TrimSuffix(path, "..."))); isPath && err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// TestChecksRunTheTests: what README says runs the tests is what .ci/run calls.
func TestChecksRunTheTests(t *testing.T) {
	const command = "go test ./..."
	for _, name := range []string{"../README.md", "../CONTRIBUTING.md", "../.ci/run"} {
		if !strings.Contains(read(t, name), command) {
			t.Errorf("%s does not call %s", name, command)
		}
	}
}
