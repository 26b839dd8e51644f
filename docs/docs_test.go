// Package docs_test holds the documents to what they speak of.
package docs_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const casesDir = "../pkg/executor/testdata/cases"

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func cases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(casesDir + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".txtar")
	}
	slices.Sort(files)
	return files
}

var quoted = regexp.MustCompile("`([^`]+)`")

// TestCasesAreListed: the table of testing.md has every case once, and no word with less than five.
func TestCasesAreListed(t *testing.T) {
	_, table, ok := strings.Cut(read(t, "testing.md"), "## The words and their cases")
	if !ok {
		t.Fatal("testing.md has no table of words")
	}
	var listed []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], " ---") || cells[1] == " Word " {
			continue
		}
		names := quoted.FindAllStringSubmatch(cells[3], -1)
		if len(names) < 5 {
			t.Errorf("%s has only %d cases", strings.TrimSpace(cells[1]), len(names))
		}
		for _, n := range names {
			listed = append(listed, n[1])
		}
	}
	slices.Sort(listed)
	for i, n := range listed {
		if i > 0 && n == listed[i-1] {
			t.Errorf("%s is listed twice", n)
		}
	}
	have := cases(t)
	for _, n := range have {
		if !slices.Contains(listed, n) {
			t.Errorf("%s.txtar is not in the table of testing.md", n)
		}
	}
	for _, n := range listed {
		if !slices.Contains(have, n) {
			t.Errorf("testing.md lists %s, which is not there", n)
		}
	}
}

// TestRulingsNameTheirTests: a ruling without a test is an opinion.
func TestRulingsNameTheirTests(t *testing.T) {
	have := cases(t)
	n := 0
	for line := range strings.Lines(read(t, "rulings.md")) {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, ""), "|")
		if len(cells) != 7 || strings.HasPrefix(cells[1], " ---") || cells[1] == " No " {
			continue
		}
		if n++; strings.TrimSpace(cells[1]) != strconv.Itoa(n) {
			t.Errorf("ruling%sstands at the place of %d", cells[1], n)
		}
		names := quoted.FindAllStringSubmatch(cells[5], -1)
		if len(names) == 0 {
			t.Errorf("ruling%shas no test", cells[1])
		}
		for _, n := range names {
			if strings.ContainsAny(n[1], "/.") || strings.HasPrefix(n[1], "Test") {
				continue // a test elsewhere
			}
			if !slices.Contains(have, n[1]) {
				t.Errorf("ruling%snames %s, which is not there", cells[1], n[1])
			}
		}
	}
}

// TestLinks: what a document links to in the repository is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s#]+)[^)]*\)`)
	for _, f := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, f), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(f), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", f, m[1], err)
			}
		}
	}
}

// TestRoomsAreOnThePage: the table of architecture.md has every package, and all that it imports of the others.
func TestRoomsAreOnThePage(t *testing.T) {
	rooms := map[string][]string{}
	for line := range strings.Lines(read(t, "architecture.md")) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `") {
			continue
		}
		rooms[strings.Trim(cells[1], " `")] = strings.Split(strings.TrimSpace(cells[3]), ", ")
	}
	const module = "github.com/flowrun/flowrun/"
	found := 0
	for _, top := range []string{"cmd", "pkg", "schema"} {
		err := filepath.WalkDir("../"+top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			found++
			room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
			imports, known := rooms[room]
			if !known {
				t.Errorf("architecture.md has no row for %s", room)
				rooms[room] = nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			for _, i := range file.Imports {
				inner, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module)
				if name := inner[strings.LastIndex(inner, "/")+1:]; ok && !slices.Contains(imports, name) {
					t.Errorf("%s imports %s, which architecture.md does not say", path, inner)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found == 0 {
		t.Error("no package was found")
	}
}
