package files

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/plain"
)

// junit writes JUnit XML as Surefire does, which Jenkins, GitLab, GitHub's actions and others read:
//
//	testsuites                      the run
//	  testsuite                     the workflow's own steps, then each of its blocks with all in it
//	    testcase                    a step that does something itself; a block only if it raised an error itself
//	      failure error skipped     why
//	      rerunFailure rerunError   the attempts before the last, of a step that failed
//	      flakyFailure              those of a step that succeeded
//	      system-out system-err     the end of what its last attempt printed
//
// Only what the run failed for is a failure. A step that was cancelled, or whose failure was handled, is skipped and says so:
// else a run that succeeded would be red. But a run that did not succeed has a failure in any case, if need be its own.
func junit(w io.Writer, r *model.Run) error {
	j := newSuites(r)
	x := &xmlWriter{w: bufio.NewWriter(w)}
	x.text("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	total := j.counts(j.list...)
	x.open("testsuites", "name", r.Label(), "time", seconds(r.Until().Sub(r.Started)), "tests", total.tests, "failures", total.failures, "errors", total.errors)
	for i, s := range j.list {
		n := j.counts(s)
		x.open("testsuite", "name", s.name, "time", seconds(s.took(r)), "timestamp", r.Started.UTC().Format("2006-01-02T15:04:05"),
			"tests", n.tests, "failures", n.failures, "errors", n.errors, "skipped", n.skipped)
		if i == 0 {
			j.properties(x)
		}
		for _, c := range s.cases {
			j.testcase(x, s, c)
		}
		x.close("testsuite")
	}
	x.close("testsuites")
	return x.w.Flush()
}

// suites are the cases of a run.
type suites struct {
	run    *model.Run
	blamed map[*model.Step]*event.Error // steps that the run failed for
	list   []*suite
	names  map[string]int // of cases that were written
}

type suite struct {
	name  string
	class string
	step  *model.Step // nil: the workflow's own
	cases []testcase
}

func (s *suite) took(r *model.Run) time.Duration {
	if s.step == nil {
		return r.Until().Sub(r.Started)
	}
	return s.step.Took(r)
}

// testcase is a step with what became of it: good, skipped, failure or error.
type testcase struct {
	step *model.Step
	what string
	typ  string // of a failure or an error
	text string // why
}

func newSuites(r *model.Run) *suites {
	j := &suites{run: r, blamed: map[*model.Step]*event.Error{}, names: map[string]int{}}
	var homeless []string // causes without a step
	for _, c := range r.Causes() {
		if c.Step == nil {
			homeless = append(homeless, c.Err.Step+": "+c.Err.Error())
		} else if j.blamed[c.Step] == nil {
			j.blamed[c.Step] = c.Err
		}
	}
	own := &suite{name: r.Label(), class: classOf(r.Label())}
	j.list = []*suite{own}
	if r.Root == nil {
		return j
	}
	for _, c := range r.Root.Children {
		to := own
		if !c.Works() {
			to = &suite{name: r.Label() + " " + c.Path, class: own.class + "." + classOf(c.Path), step: c}
		}
		j.collect(to, c)
		if to != own && len(to.cases) > 0 {
			j.list = append(j.list, to)
		}
	}
	if c := j.workflow(homeless); c.what != "" {
		own.cases = append([]testcase{c}, own.cases...)
	}
	if len(own.cases) == 0 && len(j.list) > 1 {
		j.list = j.list[1:]
	}
	return j
}

// collect appends what is a case of s and of the steps in it.
func (j *suites) collect(to *suite, s *model.Step) {
	if s.Works() || j.blamed[s] != nil {
		to.cases = append(to.cases, j.judge(s))
	}
	for _, c := range s.Children {
		j.collect(to, c)
	}
}

// judge says what became of s.
func (j *suites) judge(s *model.Step) testcase {
	c := testcase{step: s}
	if err := j.blamed[s]; err != nil {
		c.what, c.typ, c.text = kindOf(err), err.Type, err.Message
		return c
	}
	if s.State != model.Ended && s.Tries > 0 {
		c.what, c.typ, c.text = "error", "Unfinished", "it was "+s.State.String()+" when this was written"
		if j.run.About.Crashed {
			c.text = "it was " + s.State.String() + " when the run crashed"
		}
		return c
	}
	switch s.At() {
	case event.Waiting:
		c.what, c.text = "skipped", "it had not begun"
	case event.Failed:
		c.what, c.text = "skipped", "it failed, and the run went on: "+s.Err.Error()
	case event.Cancelled:
		if s.Cause.Why == event.WhyListEnd && !s.Ready.IsZero() {
			return c // a service that has done what it is for
		}
		c.what, c.text = "skipped", "cancelled: "+s.Cause.String()
	case event.Skipped:
		c.what, c.text = "skipped", s.Reason
	}
	return c
}

// workflow is the case of the workflow itself, if it needs one: it raised an error itself, or nothing else says that the
// run did not succeed.
func (j *suites) workflow(homeless []string) testcase {
	r := j.run
	c := testcase{step: r.Root, what: "error", typ: r.Word(), text: strings.Join(homeless, "\n")}
	err := j.blamed[r.Root]
	switch n := j.counts(j.list...); {
	case err != nil:
		c.what, c.typ, c.text = kindOf(err), err.Type, err.Message
	case len(homeless) > 0:
	case n.failures+n.errors > 0, r.Word() == "succeeded", r.Word() == "skipped":
		return testcase{}
	case r.Outcome.Cause != nil:
		c.text = "cancelled: " + r.Outcome.Cause.String()
	default:
		c.text = "the run " + map[bool]string{true: "crashed", false: "has not ended"}[r.About.Crashed]
	}
	return c
}

// kindOf says whether a step failed, or could not do what it is for.
func kindOf(e *event.Error) string {
	switch e.Type {
	case event.StartError, event.ExpressionError, event.InputError, event.ValueError, event.RecursionError, event.DeadlockError:
		return "error"
	}
	return "failure"
}

// tailLines is how many of the last lines of a failed step are shown with the failure.
const tailLines = 20

type tally struct{ tests, failures, errors, skipped int }

func (j *suites) counts(list ...*suite) (n tally) {
	for _, s := range list {
		for _, c := range s.cases {
			n.tests++
			switch c.what {
			case "failure":
				n.failures++
			case "error":
				n.errors++
			case "skipped":
				n.skipped++
			}
		}
	}
	return n
}

func (j *suites) properties(x *xmlWriter) {
	x.open("properties")
	for _, p := range [][2]string{
		{"flowrun.run", j.run.ID},
		{"flowrun.file", j.run.Plan.File},
		{"flowrun.status", j.run.Word()},
		{"flowrun.version", j.run.About.Flowrun},
		{"flowrun.again", j.run.About.Again},
	} {
		if p[1] != "" {
			x.empty("property", "name", p[0], "value", p[1])
		}
	}
	x.close("properties")
}

func (j *suites) testcase(x *xmlWriter, in *suite, c testcase) {
	s := c.step
	name := s.Label(j.run)
	if j.names[name]++; j.names[name] > 1 { // of cases with one name some readers take only the first
		name = fmt.Sprintf("%s (%d)", name, j.names[name])
	}
	x.open("testcase", "name", name, "classname", in.class, "time", seconds(s.Took(j.run)))
	last := s.LastAttempt()
	switch c.what {
	case "skipped":
		x.empty("skipped", "message", c.text)
	case "failure", "error":
		x.element(c.what, j.story(s, c.text), "message", headline(c.text), "type", c.typ)
		for i := range s.Attempts {
			if a := &s.Attempts[i]; a != last {
				j.attempt(x, "rerun"+title(c.what), a)
			}
		}
	default:
		for i := range s.Attempts {
			if a := &s.Attempts[i]; a.Err != nil && a != last {
				j.attempt(x, "flakyFailure", a)
			}
		}
	}
	if last != nil && s.Works() {
		j.output(x, last)
	}
	x.close("testcase")
}

// attempt writes one that failed and that another one followed.
func (j *suites) attempt(x *xmlWriter, element string, a *model.Attempt) {
	if a.Err == nil { // nobody told how it ended
		return
	}
	x.open(element, "message", headline(a.Err.Message), "type", a.Err.Type)
	x.element("stackTrace", fmt.Sprintf("%s\nattempt %d, %s", a.Err, a.Number, plain.Duration(a.Until(j.run).Sub(a.Started))))
	j.output(x, a)
	x.close(element)
}

// story is what stands in a failure: why, where, how often, and where its output is.
func (j *suites) story(s *model.Step, text string) string {
	facts := []string{s.Def.Pos.String()}
	if s.Tries > 1 {
		facts = append(facts, fmt.Sprintf("%d attempts", s.Tries))
	}
	text += "\n" + strings.Join(append(facts, plain.Duration(s.Took(j.run))), ", ")
	a := s.LastAttempt()
	if a != nil && a.Log != "" && len(a.Output.Pieces) > 0 {
		text += "\nall of its output: " + a.Log + ".*"
	}
	if a != nil && len(a.Output.Pieces) > 0 { // few readers show more than the failure
		text += "\nthe last of it:\n" + strings.Join(a.Output.Lines("", tailLines), "\n")
	}
	return text
}

// output writes what an attempt printed.
func (j *suites) output(x *xmlWriter, a *model.Attempt) {
	var out, err strings.Builder
	if n := a.Output.Lost; n > 0 {
		fmt.Fprintf(&out, "[%s before this are left out", plain.Size(n))
		if a.Log != "" {
			fmt.Fprintf(&out, ": %s.*", a.Log)
		}
		out.WriteString("]\n")
	}
	for _, p := range a.Output.Pieces {
		to := &out
		if p.Stream == "stderr" {
			to = &err
		}
		if p.Skipped > 0 {
			fmt.Fprintf(to, "\n[%s are left out]\n", plain.Size(p.Skipped))
		}
		to.WriteString(p.Text)
	}
	if out.Len() > 0 {
		x.element("system-out", out.String())
	}
	if err.Len() > 0 {
		x.element("system-err", err.String())
	}
}

// classOf is text as a part of a class name, in which a dot begins the next part.
func classOf(text string) string { return strings.ReplaceAll(text, ".", "_") }

func title(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// headline is the first line of a text, for an attribute.
func headline(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return plan.Clip(line, 500)
}

// seconds are those of d, as JUnit has them: 12.345.
func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", max(0, d.Seconds())) }

// xmlWriter writes XML, indented but for texts.
type xmlWriter struct {
	w     *bufio.Writer // which remembers an error
	depth int
}

func (x *xmlWriter) text(s string) { _, _ = x.w.WriteString(s) }

// tag begins an element; attributes are names and values in turn.
func (x *xmlWriter) tag(name string, attributes []any) {
	x.text(strings.Repeat("  ", x.depth) + "<" + name)
	for i := 0; i < len(attributes); i += 2 {
		x.text(" " + attributes[i].(string) + `="`)
		x.escape(plain.Line(fmt.Sprint(attributes[i+1])))
		x.text(`"`)
	}
}

func (x *xmlWriter) open(name string, attributes ...any) {
	x.tag(name, attributes)
	x.text(">\n")
	x.depth++
}

func (x *xmlWriter) close(name string) {
	x.depth--
	x.text(strings.Repeat("  ", x.depth) + "</" + name + ">\n")
}

func (x *xmlWriter) empty(name string, attributes ...any) {
	x.tag(name, attributes)
	x.text("/>\n")
}

func (x *xmlWriter) element(name, text string, attributes ...any) {
	x.tag(name, attributes)
	x.text(">")
	x.escape(plain.Clean(text))
	x.text("</" + name + ">\n")
}

// escape writes s as text. Characters that XML does not have are replaced; never a CDATA section, which some readers cannot
// put together again.
func (x *xmlWriter) escape(s string) {
	from := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		with := ""
		switch {
		case r == '&':
			with = "&amp;"
		case r == '<':
			with = "&lt;"
		case r == '>':
			with = "&gt;"
		case r == '"':
			with = "&quot;"
		case r == utf8.RuneError && n == 1, r < ' ' && r != '\t' && r != '\n', r == 0xfffe, r == 0xffff:
			with = "\uFFFD"
		}
		if with != "" {
			x.text(s[from:i])
			x.text(with)
			from = i + n
		}
		i += n
	}
	x.text(s[from:])
}
