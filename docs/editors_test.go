package docs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/schema"
)

// schemaFile is the schema of workflow files, which an editor is told to use.
func schemaFile(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../schema/workflow.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// form is what is wrong in the form of a file: what spec.Parse says.
func form(t *testing.T, text string) diag.List {
	t.Helper()
	_, err := spec.Parse("flow.yaml", []byte(text), spec.Options{Kinds: steps.Builtin(), Dir: t.TempDir()})
	var list diag.List
	if err != nil && !errors.As(err, &list) {
		t.Fatal(err)
	}
	return list
}

// TestEditorIsThere says, with -v, which language server the tests below drive, or why there is none.
func TestEditorIsThere(t *testing.T) {
	dir := inEditor(t, "the tests of the schema in an editor")
	var about struct{ Version string }
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "node_modules/yaml-language-server/package.json"))), &about); err != nil {
		t.Fatal(err)
	}
	t.Logf("yaml-language-server %s in %s", about.Version, dir)
}

// TestSpecimens: the examples of the schema are right, each at its place in a file, but for what no schema can say.
func TestSpecimens(t *testing.T) {
	for _, s := range specimens(t) {
		for _, d := range form(t, s.text) {
			if reason := unsaid[d.Code]; reason == "" {
				t.Errorf("%s: %s: %s\n%s", s.path, d.Code, d.Text, s.text)
			}
		}
	}
}

// unsaid are the codes for what examples of one key alone leave out.
var unsaid = map[string]string{
	"missing-key":            "a generator has its list in `in`, unless it is a matrix",
	"matrix-in":              "... and then not",
	"exclude-without-matrix": "exclude belongs to a matrix",
	"bad-value":              "a GET has no body; a probe saves nothing",
	"ready":                  "a probe asks in exactly one way",
}

// TestEditorHover: every key of the language is explained where it stands.
func TestEditorHover(t *testing.T) {
	all := slices.DeleteFunc(specimens(t), func(s specimen) bool { return !s.first })
	s := startServer(t, fmt.Sprint(len(all), " keys"), schemaFile(t))
	names := make([]string, len(all))
	for i, k := range all {
		names[i] = fmt.Sprintf("%d.yaml", i)
		s.open(names[i], k.text)
	}
	for i, found := range s.problems(names...) {
		if len(found) > 0 {
			t.Errorf("%s: %v\n%s", all[i].path, found, all[i].text)
		}
	}
	for i, k := range all {
		got := s.hover(names[i], k.line, k.column+1)
		plain := strings.ReplaceAll(got, `\`, "")
		key := k.path[strings.LastIndex(k.path, " ")+1:]
		title, _, _ := strings.Cut(plain, "\n")
		if !strings.Contains(plain, strings.ReplaceAll(k.about, `\`, "")) || !strings.Contains(title, key) && key != "do" { // a step, which has a title
			t.Errorf("%s is %q, and this is shown: %q\n%s", k.path, k.about, got, k.text)
		}
	}
}

// TestEditorCompletes: what is offered at the mark | of each file is what stands below it. -update writes that.
func TestEditorCompletes(t *testing.T) {
	const path = "testdata/completion.txtar"
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, fmt.Sprint(len(archive.Files), " completions"), schemaFile(t))
	for i, f := range archive.Files {
		text, want, _ := strings.Cut(string(f.Data), "=> ")
		var labels []string
		for _, item := range s.complete(text) {
			labels = append(labels, item.Label)
			if problem := inserted(t, text, item); problem != "" {
				t.Errorf("%s: %s: %s", f.Name, item.Label, problem)
			}
		}
		slices.Sort(labels)
		got := wrap(labels)
		if diff := cmp.Diff(strings.Fields(want), strings.Fields(got)); diff != "" && !*update {
			t.Errorf("%s (-want +offered):\n%s", f.Name, diff)
		}
		archive.Files[i].Data = []byte(text + "=> " + got)
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// wrap is a list of words in lines.
func wrap(words []string) string {
	var b strings.Builder
	line := 0
	for _, w := range words {
		if line += len(w) + 1; line > 120 {
			b.WriteString("\n")
			line = len(w) + 1
		} else if b.Len() > 0 {
			b.WriteString(" ")
		}
		b.WriteString(w)
	}
	return b.String() + "\n"
}

var placeholder = regexp.MustCompile(`\$\{\d+:((?:[^{}\\]|\\.|\{[^{}]*\})*)\}|\$\{?\d+\}?`)

// inserted says what is wrong with a file in which an item that was offered has been taken: it may wait for a value, but
// its keys must stand where they belong.
func inserted(t *testing.T, text string, i item) string {
	t.Helper()
	before, after, _ := strings.Cut(text, "|")
	line := before[strings.LastIndex(before, "\n")+1:]
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	what := placeholder.ReplaceAllString(i.TextEdit.NewText, "$1")
	what = strings.NewReplacer(`\$`, "$", `\}`, "}").Replace(strings.ReplaceAll(what, "\n", "\n"+indent))
	for _, d := range form(t, before+what+after) {
		if slices.Contains([]string{"syntax", "unknown-key", "two-actions", "duplicate-key"}, d.Code) {
			return fmt.Sprintf("%s: %s in\n%s", d.Code, d.Text, before+what+after)
		}
	}
	return ""
}

// TestEditorShowsNothing: nothing is shown in a file that is right. The file says itself where the schema is.
func TestEditorShowsNothing(t *testing.T) {
	texts := map[string]string{}
	for _, pattern := range []string{"../examples/*.yaml", "../examples/*/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			texts[strings.ReplaceAll(strings.TrimPrefix(path, "../"), "/", "-")] = read(t, path)
		}
	}
	codes, err := filepath.Glob("errors/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages(t), codes...) {
		for _, b := range blocks(t, page) {
			if text := workflow(b.text); b.language() == "yaml" && len(form(t, text)) == 0 {
				texts[fmt.Sprintf("%s-%d.yaml", filepath.Base(page), b.line)] = text
			}
		}
	}
	// If each branch looked at the steps below, this would be looked at 13 to the power of 12 times.
	texts["deep.yaml"] = "flowrun: 1\nsteps: [" + strings.Repeat("{run: x, finally: [", 12) + strings.Repeat("]}", 12) + "]\n"
	names := slices.Sorted(maps.Keys(texts))
	s := startServer(t, fmt.Sprint(len(names), " files"), "")
	if err := os.WriteFile(filepath.Join(s.dir, "schema.json"), []byte(read(t, schemaFile(t))), 0o644); err != nil {
		t.Fatal(err)
	}
	const modeline = "# yaml-language-server: $schema=schema.json\n"
	for _, name := range names {
		s.open(name, modeline+texts[name])
	}
	for i, found := range s.problems(names...) {
		if len(found) > 0 {
			t.Errorf("%s: %v\n%s", names[i], found, texts[names[i]])
		}
	}
	for _, line := range []string{modeline, "# $schema: schema.json\n"} {
		s.open("wrong.yaml", line+"flowrun: 1\nsteps:\n  - rnu: make\n")
		if len(s.problems("wrong.yaml")[0]) == 0 {
			t.Errorf("nothing is shown in a file that is wrong: does %q name a schema?", line)
		}
	}
}

// TestEditorShowsTheLine: what an editor shows stands on the lines on which validate reports.
func TestEditorShowsTheLine(t *testing.T) {
	texts := map[string]string{}
	codes, err := filepath.Glob("errors/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range codes {
		for _, b := range blocks(t, page) {
			if b.language() == "yaml" {
				texts[fmt.Sprintf("%s-%d.yaml", filepath.Base(page), b.line)] = b.text
			}
		}
	}
	archive, err := txtar.ParseFile("../pkg/spec/testdata/errors.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if strings.HasSuffix(f.Name, ".yaml") {
			texts[f.Name] = string(f.Data)
		}
	}
	names := slices.Sorted(maps.Keys(texts))
	s := startServer(t, fmt.Sprint(len(names), " files"), schemaFile(t))
	for _, name := range names {
		s.open(name, texts[name])
	}
	for i, found := range s.problems(names...) {
		reported, wanted := map[int]string{}, map[int]string{}
		list := form(t, texts[names[i]])
		for _, d := range list {
			reported[d.Pos.Line] += " " + d.Code
			if shows(d) {
				wanted[d.Pos.Line] = d.String()
			}
		}
		lines := strings.Split(texts[names[i]], "\n")
		for _, q := range found {
			line := q.Range.Start.Line + 1
			delete(wanted, line)
			switch {
			case reported[line] != "":
			case slices.Contains(slices.Collect(maps.Values(reported)), " foreign-file"):
				// Nothing more is said of a file of another tool; the editor does not know one.
			case strings.HasPrefix(q.Message, "Property ") && reported[1] == " no-action":
				// Which keys are right depends on the action of the file, and there is none.
			case strings.HasPrefix(q.Message, "Missing property") && len(reported) > 0:
				// The action is misspelt, or missing: we report at the key that was meant, the editor at the begin as well.
			case strings.HasSuffix(q.Message, "is not allowed.") && slices.ContainsFunc(list, func(d diag.Diagnostic) bool { return d.Code == "no-action" }):
				// Without an action we say nothing of other keys: they may belong to the one that is meant.
			case strings.Contains(lines[line-1], "null"):
				// Where the text of a scalar counts, null is a text; to a schema it is no value.
			default:
				t.Errorf("%s:%d: shown, but not reported: %s", names[i], line, q.Message)
			}
		}
		for _, text := range wanted {
			t.Errorf("%s: reported, but not shown: %s", names[i], text)
		}
	}
}

// shows says whether a schema can say what d does.
func shows(d diag.Diagnostic) bool {
	switch d.Code {
	case "unknown-key", "wrong-type", "two-actions", "no-action", "bad-name", "bad-version", "no-version", "out-of-range",
		"too-few", "too-many", "too-short", "duplicate-key", "unknown-anchor":
		return true
	case "bad-duration": // 0 is a duration, and so is -1s; whether it may stand there is not the schema's matter
		return !strings.Contains(d.Text, "must be more than 0") && !strings.Contains(d.Text, "negative")
	case "missing-key": // whether there must be `in` depends on the value of `for`
		return !strings.Contains(d.Text, "has no in:")
	case "bad-value": // or it is a kind's check
		return strings.Contains(d.Text, "is not one of")
	}
	return false
}

// TestOtherValidator: ajv, which other programs validate with, and our own library find the same files right.
func TestOtherValidator(t *testing.T) {
	var files []any
	for _, s := range specimens(t) {
		files = append(files, s.file)
		if s.first {
			files = append(files, mistakes(s.file)...)
		}
	}
	dir := inEditor(t, fmt.Sprint(len(files), " files"))
	in, err := json.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	const program = `
const Ajv = require("ajv"), fs = require("fs");
const valid = new Ajv({strict: false}).compile(JSON.parse(fs.readFileSync(process.argv[1])));
console.log(JSON.stringify(JSON.parse(fs.readFileSync(0)).map(f => valid(f))));`
	cmd := exec.Command("node", "-e", program, schemaFile(t))
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs []bool
	if err := json.Unmarshal(out, &theirs); err != nil || len(theirs) != len(files) {
		t.Fatalf("%d answers for %d files: %v", len(theirs), len(files), err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("v1.json", bytes.NewReader(schema.Workflow())); err != nil {
		t.Fatal(err)
	}
	own, err := c.Compile("v1.json")
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i, f := range files {
		err := own.Validate(f)
		if err != nil {
			wrong++
		}
		if (err == nil) != theirs[i] {
			t.Errorf("for ajv it is %v, for us %v: %v", theirs[i], err, f)
		}
	}
	if wrong < len(files)/4 || wrong > len(files)*3/4 {
		t.Errorf("%d of %d files are wrong: it says little that both agree", wrong, len(files))
	}
}

// mistakes are files with one thing changed in the deepest place that is first.
func mistakes(v any) []any {
	switch v := v.(type) {
	case map[string]any:
		var out []any
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key == "flowrun" {
				continue
			}
			for _, below := range mistakes(v[key]) {
				m := maps.Clone(v)
				m[key] = below
				out = append(out, m)
			}
			m := maps.Clone(v)
			delete(m, key)
			m[key+"x"] = v[key]
			return append(out, m)
		}
	case []any:
		if len(v) > 0 {
			var out []any
			for _, below := range mistakes(v[0]) {
				out = append(out, append([]any{below}, v[1:]...))
			}
			return append(out, []any{})
		}
	}
	return []any{7.5}
}
