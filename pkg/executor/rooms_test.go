package executor_test

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/flowrun/flowrun"

// rooms is who may import what of this module; docs/architecture.md says why. A room that is not here may not exist.
// A trailing /... means everything below.
func rooms() map[string][]string {
	const (
		event  = "pkg/executor/event"
		plan   = "pkg/executor/plan"
		kernel = "pkg/executor/kernel"
		ast    = "pkg/spec/ast"
		diag   = "pkg/spec/diag"
		dotenv = "pkg/spec/dotenv"
		expr   = "pkg/spec/expr"
		kind   = "pkg/spec/kind"
		mask   = "pkg/executor/mask"
	)
	return map[string][]string{
		"cmd/flowrun":                  {"pkg/cli", "pkg/steps/process/supervisor"},
		"pkg/cli":                      {"pkg/executor", event, plan, "pkg/executor/artifact", "pkg/executor/local", "pkg/executor/sim", "pkg/executor/journal", "pkg/executor/compare", "pkg/executor/portable", "pkg/executor/preview", "pkg/executor/simulation", "pkg/executor/durations", "pkg/report/...", "pkg/spec", ast, diag, expr, kind, "pkg/steps", "pkg/steps/process", "schema", "docs/errors"},
		"pkg/spec":                     {ast, diag, dotenv, expr, kind, "schema"},
		diag:                           nil,
		dotenv:                         {diag},
		expr:                           {event, diag},
		kind:                           {event, mask},
		ast:                            {diag, expr, kind},
		"pkg/executor":                 {event, plan, kernel, mask, "pkg/executor/glob", "pkg/executor/artifact", "pkg/executor/local", "pkg/executor/machine", "pkg/executor/reuse", "pkg/executor/sim", "pkg/executor/journal", "pkg/spec", ast, diag, expr, kind, "schema"},
		"pkg/executor/conformance":     nil,
		"pkg/executor/golden":          nil,
		"pkg/executor/replayed":        {"pkg/executor", "pkg/executor/journal", "pkg/steps"},
		event:                          nil,
		mask:                           nil,
		"pkg/executor/temp":            nil,
		plan:                           {event, ast, diag, expr, kind},
		kernel:                         {event, plan, ast, expr, kind},
		"pkg/executor/compare":         {event, plan, ast, expr},
		"pkg/executor/portable":        {event, plan, diag, expr},
		"pkg/executor/preview":         {event, plan, ast, expr, kind},
		"pkg/executor/simulation":      {event, plan, kernel, diag, kind, mask, "pkg/executor/sim", "pkg/executor/critical"},
		"pkg/executor/critical":        {plan},
		"pkg/executor/local":           {"pkg/executor/temp", event, plan, kernel, kind, "pkg/executor/artifact", "pkg/executor/machine", "pkg/executor/reuse"},
		"pkg/executor/machine":         {"pkg/executor/journal"},
		"pkg/executor/reuse":           {event, plan, kind},
		"pkg/executor/sim":             {event, plan, kernel, kind},
		"pkg/executor/journal":         {event},
		"pkg/executor/durations":       {event, plan, ast, kind, "pkg/executor/journal"},
		"pkg/executor/glob":            nil,
		"pkg/executor/artifact":        {event, kind, "pkg/executor/glob"},
		"pkg/steps":                    {event, diag, kind, mask, "pkg/executor/glob", "pkg/executor/artifact", "pkg/steps/process", "pkg/steps/script"},
		"pkg/steps/script":             {kind},
		"pkg/steps/process":            {"pkg/steps/process/tree"},
		"pkg/steps/process/tree":       nil,
		"pkg/steps/process/supervisor": {"pkg/steps/process/tree"},
		"pkg/report/...":               {event, plan, "pkg/executor/journal", "pkg/executor/critical", "pkg/executor/durations", diag, "pkg/report/..."},
		"pkg/report/graph":             {event, plan, ast, expr, "pkg/report/plain"},
		"pkg/report/played":            {event, plan, kernel, "pkg/executor/sim", "pkg/spec", kind, "pkg/steps"},
		"pkg/report/tty":               {event, plan, ast, "pkg/report/columns", "pkg/report/plain"},
		"pkg/testenv":                  nil,
		"schema":                       nil,
		"examples":                     {"pkg/...", "schema"},
		"docs":                         {"pkg/...", "schema", "docs/errors"},
		"docs/errors":                  nil,
		"docs/record":                  {"pkg/report/tty/vt"},
		"bench":                        {"pkg/...", "schema"},
	}
}

// owners is which room alone may import a module from outside.
func owners() map[string]string {
	return map[string]string{
		"gopkg.in/yaml.v3":                         "pkg/spec",
		"github.com/santhosh-tekuri/jsonschema/v5": "pkg/spec",
		"github.com/expr-lang/expr":                "pkg/spec/expr",
		"github.com/urfave/cli/v2":                 "pkg/cli",
		"mvdan.cc/sh/v3":                           "pkg/steps/script",
	}
}

// TestOneOwnerOfProcesses: whoever else started a process could collect the status of ours, or be killed as one.
func TestOneOwnerOfProcesses(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		if !strings.HasPrefix(path, "bench") && path != "docs/record" && slices.Contains(p.Imports, "os/exec") {
			t.Errorf("%s imports os/exec; pkg/steps/process starts processes", path)
		}
	}
}

type listed struct {
	ImportPath string
	Imports    []string
}

// TestRooms holds what the packages import against the table.
func TestRooms(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, known := roomOf(path)
		if !known {
			t.Errorf("%s has no line in the table of rooms", path)
			continue
		}
		for _, imp := range p.Imports {
			if inner, ok := strings.CutPrefix(imp, module+"/"); ok {
				if !slices.ContainsFunc(allowed, func(a string) bool { return below(inner, a) }) {
					t.Errorf("%s imports %s; it may import %s", path, inner, strings.Join(allowed, ", "))
				}
				continue
			}
			for lib, owner := range owners() { // errors only: the order does not matter
				if below(imp, lib+"/...") && path != owner && path != "bench" { // bench measures against it
					t.Errorf("%s imports %s; only %s may", path, imp, owner)
				}
			}
		}
	}
}

func roomOf(path string) ([]string, bool) {
	table := rooms()
	if allowed, ok := table[path]; ok {
		return allowed, true
	}
	if below(path, "pkg/report/...") {
		return table["pkg/report/..."], true
	}
	return nil, false
}

// below says whether path is the room, or in it when the room ends in /... .
func below(path, room string) bool {
	all, isAll := strings.CutSuffix(room, "/...")
	return path == room || isAll && (path == all || strings.HasPrefix(path, all+"/"))
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
