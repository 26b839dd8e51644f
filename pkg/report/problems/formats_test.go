package problems_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/report/problems"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/schema"
)

// several are problems of all forms, and the file that they are about.
func several() (diag.List, *problems.Sources) {
	var src problems.Sources
	src.Add("a b/c.yaml", []byte("x: 🎉 bad\ny: 1\n"))
	in := func(line, col int) diag.Pos { return diag.Pos{File: "a b/c.yaml", Line: line, Col: col} }
	return diag.List{
		{Pos: in(1, 6), Code: "one", Text: "100%: a, b\r::error::x\n##[x]", Help: "h", Why: "w"},
		{
			Pos: in(1, 6), Len: 2, Code: "two", Text: "t", Other: in(2, 1), OtherText: "here",
			Fix: &diag.Fix{From: in(1, 6), To: in(1, 9), Text: "good"},
		},
		{Pos: in(9, 9), Code: "two", Text: "behind the end"},
		{Pos: diag.Pos{File: "/etc/x,y:z"}, Code: "three", Text: "no place"},
		{Code: "four", Text: "nowhere"},
		{Pos: in(2, 1), Code: "five", Text: "hardly meant", Warning: true},
	}, &src
}

func TestJSON(t *testing.T) {
	list, src := several()
	compiled, err := jsonschema.CompileString("diagnostics", string(schema.Diagnostics()))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []diag.List{list, nil} {
		var b bytes.Buffer
		if err := problems.JSON(&b, []string{"a b/c.yaml"}, l, src); err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(doc); err != nil {
			t.Errorf("%#v", err)
		}
		entries := doc["diagnostics"].([]any)
		if len(entries) != len(l) {
			t.Errorf("%d entries of %d", len(entries), len(l))
		}
	}
}

func TestGitHub(t *testing.T) {
	list, src := several()
	var b strings.Builder
	problems.GitHub(&b, list, src)
	want := `::error file=a b/c.yaml,line=1,endLine=1,col=7,endColumn=10,title=one::100%25: a, b::error::x ## [x]%0Ahelp: h%0Awhy: w
::error file=a b/c.yaml,line=1,endLine=1,col=7,endColumn=9,title=two::t%0Aa b/c.yaml:2:1: here
::error file=a b/c.yaml,line=9,title=two::behind the end
::error file=/etc/x%2Cy%3Az,title=three::no place
::error title=four::nowhere
::warning file=a b/c.yaml,line=2,endLine=2,col=1,endColumn=2,title=five::hardly meant
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSARIF(t *testing.T) {
	list, src := several()
	var b bytes.Buffer
	if err := problems.SARIF(&b, "v1", list, src); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           map[string]int
					}
				}
			}
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Version != "2.1.0" || len(doc.Runs) != 1 || len(doc.Runs[0].Results) != len(list) {
		t.Fatalf("%s", b.Bytes())
	}
	rules := doc.Runs[0].Tool.Driver.Rules
	var places []string
	for i, r := range doc.Runs[0].Results {
		if r.RuleID != list[i].Code || rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("result %d has the rule %s, number %d", i, r.RuleID, r.RuleIndex)
		}
		for _, l := range r.Locations {
			region, err := json.Marshal(l.PhysicalLocation.Region)
			if err != nil {
				t.Fatal(err)
			}
			places = append(places, l.PhysicalLocation.ArtifactLocation.URI+" "+string(region))
		}
	}
	want := []string{
		`a%20b/c.yaml {"endColumn":10,"startColumn":7,"startLine":1}`, `a%20b/c.yaml {"endColumn":9,"startColumn":7,"startLine":1}`,
		`a%20b/c.yaml {"startLine":9}`, `file:///etc/x,y:z null`, `a%20b/c.yaml {"endColumn":2,"startColumn":1,"startLine":2}`,
	}
	if diff := cmp.Diff(want, places); diff != "" {
		t.Error(diff)
	}
}

func TestLines(t *testing.T) {
	list, _ := several()
	var b strings.Builder
	problems.Lines(&b, list)
	if n := strings.Count(b.String(), "\n"); n != len(list) {
		t.Errorf("%d lines for %d problems:\n%s", n, len(list), b.String())
	}
}
