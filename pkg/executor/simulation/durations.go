package simulation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// Entry is one entry of a file of durations: a path of steps, or a pattern for some, with what is said of them. The value is
// a duration (3s), or a mapping with some of
//
//	duration  how long an attempt works
//	ready     how long a service takes to be ready
//	fails     true: every attempt fails; a number: so many at first do, those in other attempts of its block counted too;
//	          a text: every attempt fails with an error of that type
//	value     what the step gives
//
// In a pattern * stands for any text: tests[*] are all children of tests. A path wins over a pattern, and of patterns the first.
type Entry struct {
	Path  string
	Value any
	Pos   diag.Pos
}

// rule is an entry that was read.
type rule struct {
	path     string
	form     *regexp.Regexp // nil: it is a path
	pos      diag.Pos
	duration time.Duration // negative: not given
	ready    time.Duration // likewise
	fails    int           // the first so many attempts fail
	err      string        // the type of their error; "": that of the kind
	value    any
	given    bool // there is a value
	used     bool // some step has it
}

// ever is more attempts than there are.
const ever = 1 << 30

// rules reads entries. The error is a diag.List.
func readRules(entries []Entry) ([]*rule, diag.List) {
	var out []*rule
	var problems diag.List
	for _, e := range entries {
		r := &rule{path: e.Path, pos: e.Pos, duration: -1, ready: -1}
		if strings.Contains(e.Path, "*") {
			r.form = pattern(e.Path)
		}
		problems = append(problems, r.read(e)...)
		out = append(out, r)
	}
	return out, problems
}

// pattern is a text in which * stands for any text.
func pattern(s string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(s), `\*`, ".*") + "$")
}

func (r *rule) read(e Entry) (problems diag.List) {
	say := func(code, help, format string, args ...any) {
		problems = append(problems, diag.Diagnostic{
			Pos: e.Pos, Code: code, Text: fmt.Sprintf("%s: ", e.Path) + fmt.Sprintf(format, args...), Help: help,
		})
	}
	span := func(v any, to *time.Duration) {
		text, isText := v.(string)
		d, err := event.Duration(v)
		switch {
		case !isText && v != 0:
			say("bad-duration", "write it as 500ms, 10s or 5m", "a duration has a unit")
		case err != nil:
			say("bad-duration", "write it as 500ms, 10s or 5m", "%q is not a duration", text)
		case d < 0:
			say("bad-duration", "", "%s is less than nothing", text)
		default:
			*to = d
		}
	}
	m, ok := e.Value.(map[string]any)
	if !ok {
		span(e.Value, &r.duration)
		return problems
	}
	keys := []string{"duration", "ready", "fails", "value"}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		switch v := m[k]; k {
		case "duration":
			span(v, &r.duration)
		case "ready":
			span(v, &r.ready)
		case "value":
			r.value, r.given = v, true
		case "fails":
			switch v := v.(type) {
			case bool:
				if v {
					r.fails = ever
				}
			case int:
				if v < 0 {
					say("bad-value", "", "fails is the number of attempts that fail, and %d is less than none", v)
				}
				r.fails = v
			case string:
				r.fails, r.err = ever, v
			default:
				say("wrong-type", "", "fails is true, a number of attempts, or the type of an error")
			}
		default:
			help := "the keys are " + diag.Names(keys)
			if near := diag.Nearest(k, keys); near != "" {
				help = fmt.Sprintf("did you mean %q?", near)
			}
			say("unknown-key", help, "there is no key %q here", k)
		}
	}
	return problems
}

// find is the rule for the step at path; nil: there is none.
func find(rules []*rule, path string) *rule {
	for _, r := range rules {
		if r.form == nil && r.path == path {
			return r
		}
	}
	for _, r := range rules {
		if r.form != nil && r.form.MatchString(path) {
			return r
		}
	}
	return nil
}

var numbers = regexp.MustCompile(`\[\d+\]`)

// unknownPaths says which rules are for no step that there can be.
func unknownPaths(p *plan.Plan, rules []*rule) (problems diag.List) {
	var paths []string
	exact := map[string]bool{}
	for _, r := range rules {
		if r.used {
			continue
		}
		if paths == nil {
			paths = p.Paths()
			for _, path := range paths {
				exact[path] = true
			}
		}
		switch {
		case exact[r.path], r.form == nil && isNumbered(r.path, exact), r.form != nil && slices.ContainsFunc(paths, r.form.MatchString):
			continue
		}
		help := "flowrun list shows the paths of all steps"
		if near := diag.Nearest(r.path, paths); near != "" {
			help = fmt.Sprintf("did you mean %q?", near)
		}
		problems = append(problems, diag.Diagnostic{
			Pos: r.pos, Code: "unknown-step", Text: fmt.Sprintf("no step has the path %q", r.path), Help: help,
		})
	}
	return problems
}

// isNumbered says whether path is one of the known with numbers in the place of [*]. Numbers of written steps stay.
func isNumbered(path string, known map[string]bool) bool {
	at := numbers.FindAllStringIndex(path, -1)
	if len(at) > 12 {
		at = at[:12]
	}
	for some := 1; some < 1<<len(at); some++ {
		form := path
		for i := len(at) - 1; i >= 0; i-- {
			if some&(1<<i) != 0 {
				form = form[:at[i][0]] + "[*]" + form[at[i][1]:]
			}
		}
		if known[form] {
			return true
		}
	}
	return false
}
