package ci_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/report/ci"
)

// readOutputs reads a file of outputs as GitHub's runner does.
func readOutputs(t *testing.T, text string) map[string]string {
	t.Helper()
	out := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		name, end, ok := strings.Cut(lines[i], "<<")
		if !ok {
			t.Fatalf("line %d is no begin: %q", i+1, lines[i])
		}
		from := i + 1
		for i++; i < len(lines) && lines[i] != end; i++ {
		}
		if i == len(lines) {
			t.Fatalf("%s has no end", name)
		}
		out[name] = strings.Join(lines[from:i], "\n")
	}
	return out
}

// TestOutput: no value can end its block.
func TestOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "output")
	for _, c := range []struct {
		value any
		want  string
	}{
		{"text", "text"},
		{"two\nlines\n", "two\nlines\n"},
		{"", ""},
		{"x\nother<<E\ny\nE\nresult=z", "x\nother<<E\ny\nE\nresult=z"},
		{map[string]any{"a": []any{1, nil, "<x>\n"}}, `{"a":[1,null,"<x>\n"]}`},
		{nil, "null"},
	} {
		if err := ci.AppendOutput(path, "result", c.value); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := readOutputs(t, string(b))
		if len(got) != 1 || got["result"] != c.want {
			t.Errorf("%q: got %q", c.want, got)
		}
	}
	b, _ := os.ReadFile(path)
	ends := regexp.MustCompile(`(?m)^result<<(.*)$`).FindAllString(string(b), -1)
	if len(ends) < 2 || ends[0] == ends[1] {
		t.Errorf("the ends are not random: %q", ends)
	}
	before := len(b)
	if err := ci.AppendOutput(path, "result", strings.Repeat("x", 2<<20)); err == nil {
		t.Error("a large value is no error")
	}
	if b, _ := os.ReadFile(path); len(b) != before {
		t.Error("something of a large value is written")
	}
}

// TestSummary: others have written to the file, and of one that is too large nothing would be shown.
func TestSummary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary")
	for range 2 {
		if err := ci.AppendSummary(path, "## one\n"); err != nil {
			t.Fatal(err)
		}
	}
	if b, _ := os.ReadFile(path); string(b) != "## one\n\n\n## one\n" {
		t.Errorf("%q", b)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 1<<20)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := ci.AppendSummary(path, "## two\n"); err == nil || !strings.Contains(err.Error(), "1 MiB") {
		t.Errorf("%v", err)
	}
	if info, _ := os.Stat(path); info.Size() != 1<<20 {
		t.Errorf("it has %d bytes", info.Size())
	}
	if err := ci.AppendSummary(filepath.Join(path, "nothing"), "x"); err == nil {
		t.Error("no error")
	}
}
