package page_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/page"
	"github.com/flowrun/flowrun/pkg/report/played"
)

// play plays testdata/NAME.txtar.
func play(t *testing.T, name string) (*model.Run, []event.Event) {
	t.Helper()
	ar, err := txtar.ParseFile(filepath.Join("testdata", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	for _, f := range ar.Files {
		parts[f.Name] = string(f.Data)
	}
	p, events := played.Events(t, parts)
	r := model.New(p, played.RunID)
	r.About = model.About{Flowrun: "1.2.3", Again: "flowrun run flow.yaml"}
	return r, events
}

func tell(r *model.Run, events []event.Event) *model.Run {
	for _, e := range events {
		r.Observe(e)
	}
	return r
}

func write(t *testing.T, r *model.Run, o *page.Served) string {
	t.Helper()
	var b strings.Builder
	if err := page.Write(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var dataForm = regexp.MustCompile(`<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>`)

// document is what the script of a page reads.
func document(t *testing.T, html string) (doc struct {
	Live  bool
	Now   float64
	Steps []map[string]any
},
) {
	t.Helper()
	m := dataForm.FindStringSubmatch(html)
	if m == nil {
		t.Fatalf("no rows in\n%.2000s", html)
	}
	deflated, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// shown is the text that stands in a page without its scripts and styles.
func shown(html string) string {
	for _, form := range []string{`(?s)<script.*?</script>`, `(?s)<style.*?</style>`, `<[^>]*>`} {
		html = regexp.MustCompile(form).ReplaceAllString(html, "")
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&amp;", "&").Replace(html)
}

// TestText: without its script a page says how the run went, why, and what was printed.
func TestText(t *testing.T) {
	t.Parallel()
	r, events := play(t, "nightly")
	text := shown(write(t, tell(r, events), nil))
	for _, want := range []string{
		"✗ nightly failed in 29.7s", "18 succeeded", "2 tried again", "2 causes", "exit status 1", "flow.yaml:31:12 · 3s · exit code 1",
		"fold_test.go:41: got 12, want 13\nFAIL", "timeout of 8s expired", "next: flowrun run flow.yaml",
		"✓ succeeded flaky run · 3 attempts", "⊘ cancelled left", `sibling "right" failed`, "↓ skipped publish", "not reached",
		"critical path: prepare 1.2s > unit 9s > license 2.5s", `longest wait: license 9s for semaphore "db"`,
		"report-3.xml 13.0 KiB · shards[3]", "get them: flowrun artifacts 01",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
}

// TestUnfinished: a run that crashed is no run that goes on.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	r, events := play(t, "nightly")
	tell(r, events[:len(events)/2])
	if text := shown(write(t, r, nil)); !strings.Contains(text, "▶ nightly is going on for") || strings.Contains(text, "unfinished") {
		t.Error(text)
	}
	r.About.Crashed = true
	text := shown(write(t, r, nil))
	if !strings.Contains(text, "✗ nightly crashed after") || !strings.Contains(text, "next: flowrun resume 01KD") || !strings.Contains(text, "unfinished") || strings.Contains(text, "▶ running") {
		t.Error(text)
	}
}

// TestBegin: a page can be made after every event, also before the first.
func TestBegin(t *testing.T) {
	t.Parallel()
	r, events := play(t, "nightly")
	for i, e := range append([]event.Event{{}}, events...) {
		if i > 0 {
			r.Observe(e)
		}
		if i%7 == 0 || i < 5 {
			write(t, r, nil)
		}
	}
}

// TestHostile: nothing of a run is code, or more than text.
func TestHostile(t *testing.T) {
	t.Parallel()
	r, events := play(t, "hostile")
	html := write(t, tell(r, events), nil)
	if n := strings.Count(strings.ToLower(html), "<script"); n != 2 { // the rows, and the page's own
		t.Errorf("%d scripts", n)
	}
	for _, bad := range []string{"<img", "<b>", "\x00", "\x1b", "\u202e", "\u2066", "\u2028", "<!--"} {
		if at := strings.Index(html, bad); at >= 0 {
			t.Errorf("%q: %q", bad, html[max(0, at-80):min(len(html), at+80)])
		}
	}
	text := shown(html)
	for _, want := range []string{"</script><script>document.title = 'pwned'</script>", "hidden red", "abc  nul", "100%", "FailError", "gnp.exe", "<img src=x onerror=alert(4)>.exe 49.0 KiB · said"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "20%") {
		t.Error("what was drawn over is shown")
	}
	for _, s := range document(t, html).Steps {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{`\u001b[2J`, `\u001b]`, `\u001b[8m`, `\u0000`, "\u202e", "\u2066"} {
			if strings.Contains(string(b), bad) {
				t.Errorf("%q in %s", bad, b)
			}
		}
		if s["p"] == "said" && !strings.Contains(string(b), `\u001b[31mred\u001b[0m`) {
			t.Errorf("colours are lost: %s", b)
		}
	}
}

// TestPolicy: the policy of a page names the scripts and styles that it has, and nothing that is not in it.
func TestPolicy(t *testing.T) {
	t.Parallel()
	r, events := play(t, "nightly")
	html := write(t, tell(r, events), nil)
	for _, bad := range []string{"unsafe", "http://", "https://", "src=", "@import", "url(", " style="} {
		text := strings.ReplaceAll(html, "http://www.w3.org/2000/svg", "")
		if at := strings.Index(text, bad); at >= 0 {
			t.Errorf("%q: %q", bad, text[max(0, at-80):min(len(text), at+80)])
		}
	}
	if !strings.Contains(html, `content="default-src 'none';`) || strings.Contains(html, "connect-src") {
		t.Error("a file asks nobody for anything")
	}
	if !strings.Contains(write(t, r, &page.Served{At: "x/", Home: "../"}), "; connect-src 'self'\"") {
		t.Error("a page that is served asks its server")
	}
}

// TestUpdates: a page that was made in the middle of a run, and got all updates, has the rows of one that is made at its end.
func TestUpdates(t *testing.T) {
	t.Parallel()
	r, events := play(t, "nightly")
	const made = 20 // events
	rows := map[any]map[string]any{}
	tell(r, events[:made])
	for _, s := range document(t, write(t, r, &page.Served{Live: true, Now: events[made].Time})).Steps {
		rows[s["n"]] = s
	}
	d := page.Dirty{Since: events[made-1].Seq}
	for _, e := range events[:made] {
		d.Observe(r, e) // the page knows it
	}
	for i, e := range events[made:] {
		r.Observe(e)
		d.Observe(r, e)
		end := made+i == len(events)-1
		if i%9 > 2 && !end {
			continue // several come at once
		}
		u, changed := d.Update(r, &page.Served{Live: !end, Now: e.Time})
		b, err := json.Marshal(u)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Steps []map[string]any
			End   bool
		}
		if err := json.Unmarshal(b, &got); err != nil || got.End != end || !changed {
			t.Fatal(err, got.End, changed)
		}
		for _, s := range got.Steps {
			rows[s["n"]] = s
		}
	}
	whole := document(t, write(t, r, nil)).Steps
	if len(whole) != len(rows) {
		t.Errorf("%d rows, and %d by updates", len(whole), len(rows))
	}
	for _, want := range whole {
		delete(want, "c") // the critical path is told at the end, when the page is asked for again
		if diff := cmp.Diff(want, rows[want["n"]]); diff != "" {
			t.Errorf("%v (-anew +by updates):\n%s", want["p"], diff)
		}
	}
}

// TestLimits: however much a run has done and printed, its page stays one that can be opened, and has what went wrong.
func TestLimits(t *testing.T) {
	t.Parallel()
	p, _ := played.Events(t, map[string]string{"flow.yaml": "flowrun: 1\nsteps:\n  - {id: all, gather: {for: i, in: range(2), do: {run: x}}}\n"})
	r := model.New(p, played.RunID)
	r.Observe(event.Event{Type: event.StepStart, Attempt: 1, Where: event.Where{Parent: -1}})
	r.Observe(event.Event{Type: event.StepStart, Path: "all", Attempt: 1, Where: event.Where{Step: 1, Node: 1}})
	const steps = 5000
	text := strings.Repeat("0123456789abcde\n", 256) // 4 KiB
	for i := range steps {
		e := event.Event{Path: fmt.Sprintf("all[%d]", i), Attempt: 1, Where: event.Where{Step: int32(2 + i), Parent: 1, Order: int64(i), Node: 2}}
		for _, e.Type = range []event.Type{event.StepStart, event.StepOutput, event.StepEnd} {
			e.Stream, e.Text, e.Outcome = "stdout", text, event.Success("")
			if i%50 == 49 {
				e.Text, e.Outcome = strings.Repeat(text, 4), event.Failure(event.Errorf(event.ExitError, "exit status 1"))
			}
			r.Observe(e)
		}
	}
	html := write(t, r, nil)
	bytes, failed := 0, 0
	for _, s := range document(t, html).Steps {
		for _, a := range s["a"].([]any) {
			n := 0
			pieces, _ := a.(map[string]any)["t"].([]any)
			for _, piece := range pieces {
				n += len(piece.([]any)[1].(string))
			}
			bytes += n
			if s["s"] == "failed" && n > 0 {
				failed++
			}
		}
	}
	if bytes > 8<<20 || bytes < 7<<20 || failed != steps/50 {
		t.Errorf("%d bytes of output, %d of what failed", bytes, failed)
	}
	text = shown(html)
	for want, n := range map[string]int{"✗ failed all[": steps / 50, "succeeded all[": 1000 - steps/50 - 2, "… and 4002 more steps": 1} {
		if got := strings.Count(text, want); got != n {
			t.Errorf("%d times %q, not %d", got, want, n)
		}
	}
}
