package docs_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
	"github.com/flowrun/flowrun/pkg/report/page"
	"github.com/flowrun/flowrun/pkg/report/played"
)

// TestPageInBrowser looks at pages of runs as people do: in a browser, in one start of it.
func TestPageInBrowser(t *testing.T) {
	b := startBrowser(t, "the page of a run in a browser")
	axe := ""
	if dir, err := axeDir(); err != nil {
		t.Logf("axe-core is left out: it wants npm, and a registry for the first time: %v", err)
	} else {
		axe = read(t, filepath.Join(dir, "node_modules/axe-core/axe.min.js"))
	}
	nightly, hostile, large := pageFile(t, playRun(t, "nightly")), pageFile(t, playRun(t, "hostile")), pageFile(t, manySteps(t))
	part := func(name string, do func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			was := b.t
			b.t = t
			defer func() { b.t = was }()
			do(t)
		})
	}
	part("file", func(*testing.T) {
		b.open(nightly)
		b.wait("document.documentElement.dataset.ready > 0")
		b.is("document.title", "✗ nightly failed in 29.7s")
		b.is("getComputedStyle(document.querySelector('.plain')).display", "none")
		b.is("document.querySelectorAll('#table [role=row]').length > 10", true)
		b.is("document.querySelector('#lanes canvas').height > 100", true)
		b.quiet(nightly)
		b.keep("page-light")
	})
	part("links", func(*testing.T) {
		b.open(nightly + "#step=flaky&try=2")
		b.wait("document.documentElement.dataset.ready > 0")
		b.is("document.querySelector('#detail h3 .mono').textContent", "flaky")
		b.is("document.querySelector('#detail [aria-pressed=true]').dataset.try", "2")
		b.is("document.querySelector('#detail pre').innerText.includes('server not ready')", true)
		b.eval("document.querySelector('#causes a').click()")
		b.wait("document.querySelector('#detail h3 .mono').textContent === 'shards[3]'")
		b.is("document.querySelector('#detail dl').innerText.includes('report-3.xml (13.0 KiB)')", true)
		b.is("document.querySelectorAll('#artifacts li').length", 3.0)
		b.eval("document.querySelector('#artifacts a').click()")
		b.wait("document.querySelector('#detail h3 .mono').textContent === 'prepare'")
		b.quiet(nightly)
	})
	part("keyboard", func(*testing.T) {
		row := "document.getElementById(document.getElementById('table').getAttribute('aria-activedescendant'))?.children[0].textContent"
		b.open(nightly)
		b.wait("document.documentElement.dataset.ready > 0")
		b.key("/")
		b.is("document.activeElement.id", "filter")
		b.key("r", "i", "g", "h", "t")
		b.wait("document.querySelectorAll('#table [role=row]').length < 8")
		b.key("Escape")
		b.is("document.activeElement.id", "table")
		b.is("document.querySelectorAll('#table [role=row]').length > 10", true)
		b.key("Home", "ArrowDown")
		b.is(row, "prepare")
		b.key("ArrowDown", "ArrowLeft")
		b.is(row, "▸checks")
		b.key("ArrowDown")
		b.is(row, "▾warm")
		b.key("ArrowUp", "ArrowRight", "ArrowRight")
		b.is(row, "unit")
		b.key("Enter")
		b.is("document.activeElement.tagName + ' ' + document.activeElement.innerText.slice(0, 13)", "PRE ok  pkg/store")
		b.key("Escape")
		b.is("document.getElementById('detail').hidden", true)
		b.key("End")
		b.is(row, "publish")
		b.quiet(nightly)
	})
	part("without JavaScript", func(t *testing.T) {
		b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
		b.open(nightly)
		for _, want := range []string{"2 causes", "fold_test.go:41: got 12, want 13", "timeout of 8s expired", "✗ failed shards[7]", "flowrun run flow.yaml"} {
			if text := b.eval("document.body.innerText").(string); !strings.Contains(text, want) {
				t.Errorf("there is no %q in\n%s", want, text)
			}
		}
		b.quiet(nightly)
		b.keep("page-plain")
		b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": false})
	})
	part("print", func(*testing.T) {
		b.open(nightly)
		b.wait("document.documentElement.dataset.ready > 0")
		b.media("light", "print")
		b.is("getComputedStyle(document.querySelector('.plain')).display", "block")
		b.is("getComputedStyle(document.querySelector('#timeline')).display", "none")
		b.media("light", "")
	})
	part("hostile", func(*testing.T) {
		b.open(hostile + "#step=said")
		b.wait("document.documentElement.dataset.ready > 0")
		b.is("document.querySelectorAll('script').length", 2.0)
		b.is("document.querySelectorAll('#detail pre .a1').length", 1.0)
		b.is("document.querySelector('#detail pre').innerText.includes(\"document.title = 'pwned'\")", true)
		b.quiet(hostile)
		b.keep("page-hostile")
	})
	for _, look := range []struct {
		theme string
		width int
	}{{"light", 1300}, {"light", 420}, {"dark", 1300}} {
		part(fmt.Sprintf("%s, %d wide", look.theme, look.width), func(*testing.T) {
			b.media(look.theme, "")
			b.size(look.width, 1200)
			b.open(nightly + "#step=flaky&try=2")
			b.wait("document.documentElement.dataset.ready > 0")
			b.is("document.documentElement.scrollWidth <= innerWidth", true)
			b.keep(fmt.Sprintf("page-%s-%d", look.theme, look.width))
			if axe != "" {
				b.barriers(axe)
			}
		})
	}
	b.media("light", "")
	b.size(1300, 900)
	part("10,000 steps", func(t *testing.T) {
		info, err := os.Stat(strings.TrimPrefix(large, "file://"))
		if err != nil || info.Size() > 1e6 {
			t.Errorf("%d bytes, %v", info.Size(), err)
		}
		// What the page itself computes, and not what others leave it of a machine that is shared.
		b.call("Performance.enable", map[string]any{"timeDomain": "threadTicks"})
		b.open(large)
		b.wait("document.documentElement.dataset.ready > 0")
		worked := b.metric("TaskDuration")
		t.Logf("%d bytes, ready after %v ms, of which it worked %v", info.Size(), b.eval("+document.documentElement.dataset.ready"), worked)
		if worked > 5*time.Second { // it takes some tenths, but what looks at all rows again and again, minutes
			t.Errorf("it worked %v until it was ready", worked)
		}
		b.is("document.querySelectorAll('#table [role=row]').length < 100", true)
		b.keep("page-10000")
		b.key("/")
		b.key("[", "7", "7", "7", "]")
		b.wait("document.querySelector('#count').textContent === '3 rows'")
		b.quiet(large)
	})
	part("ui", func(t *testing.T) { lookOn(t, b, axe) })
	if *update {
		b.size(1200, 1130)
		b.open(nightly + "#step=shards%5B3%5D")
		b.wait("document.documentElement.dataset.ready > 0")
		if err := os.WriteFile("page.png", b.shot(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// lookOn follows a run with flowrun ui. It is killed, goes on, and is cancelled there.
func lookOn(t *testing.T, b *browser, axe string) {
	folder, state := t.TempDir(), t.TempDir()
	const flow = "flowrun: 1\nname: live\nsteps:\n  - {id: long, run: \"echo begun; until test -e go; do sleep 0.02; done; echo going on; sleep 60\"}\n"
	if err := os.WriteFile(filepath.Join(folder, "flow.yaml"), []byte(flow), 0o644); err != nil {
		t.Fatal(err)
	}
	start := func(args ...string) (out *bufio.Scanner, p *os.Process, end func() error) {
		cmd := exec.CommandContext(t.Context(), "flowrun", append(args, "--state-dir", state)...)
		cmd.Dir = folder
		pipe, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		out = bufio.NewScanner(pipe)
		return out, cmd.Process, func() error {
			for out.Scan() {
				continue
			}
			return cmd.Wait()
		}
	}
	_, runner, ran := start("run", "flow.yaml")
	address, server, served := start("ui")
	if !address.Scan() {
		t.Fatal("there is no address", served())
	}
	url := address.Text()
	b.open(url)
	if axe != "" {
		b.barriers(axe)
	}
	b.wait("document.querySelector('#runs .s-running') !== null")
	b.eval("document.querySelector('#runs a').click()")
	b.wait("document.documentElement.dataset.ready > 0 && location.pathname.includes('/runs/')")
	b.eval("location.hash = 'step=long'")
	b.wait("document.querySelector('#detail pre')?.innerText === 'begun\\n'")
	if err := os.WriteFile(filepath.Join(folder, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b.wait("document.querySelector('#detail pre')?.innerText === 'begun\\ngoing on\\n'")
	b.is("document.getElementById('resume').hidden", true)
	b.keep("ui-live")
	if err := runner.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = ran()
	b.wait("document.title.startsWith('✗ live crashed') && document.documentElement.dataset.ready > 0")
	b.is("document.getElementById('cancel').hidden", true)
	b.eval("document.getElementById('resume').click(); document.getElementById('yes').click()")
	b.wait("document.title.startsWith('▶ live') && document.documentElement.dataset.ready > 0")
	b.wait("document.querySelector('#detail [aria-pressed=true]')?.dataset.try === '2'")
	b.eval("document.getElementById('cancel').click()")
	b.is("document.getElementById('ask').open", true)
	b.eval("document.getElementById('no').click()")
	b.is("document.getElementById('ask').open", false)
	b.eval("document.getElementById('cancel').click(); document.getElementById('yes').click()")
	b.wait("document.title.startsWith('⊘ live cancelled by SIGTERM') && document.documentElement.dataset.ready > 0")
	b.is("document.getElementById('cancel').hidden", true)
	b.is("document.getElementById('resume').hidden", false)
	b.is("document.querySelector('#detail pre').innerText", "begun\ngoing on\n")
	b.quiet(url)
	b.open("about:blank") // so that nobody follows it
	if err := errors.Join(server.Signal(syscall.SIGTERM), served()); err != nil {
		t.Error(err)
	}
}

// playRun plays a run of package page's tests.
func playRun(t *testing.T, name string) *model.Run {
	t.Helper()
	ar, err := txtar.ParseFile("../pkg/report/page/testdata/" + name + ".txtar")
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
	for _, e := range events {
		r.Observe(e)
	}
	return r
}

// manySteps is a run of 10,000 steps, of which one in ten has printed twenty lines and one in a hundred failed.
func manySteps(t *testing.T) *model.Run {
	t.Helper()
	p, _ := played.Events(t, map[string]string{"flow.yaml": "flowrun: 1\nname: large\nsteps:\n  - {id: all, gather: {for: i, in: range(2), do: {run: test}}, limit: 16}\n"})
	r := model.New(p, played.RunID)
	seq := int64(0)
	tell := func(at time.Duration, e event.Event) {
		seq++
		e.Seq, e.Time = seq, played.Start.Add(at)
		r.Observe(e)
	}
	tell(0, event.Event{Type: event.RunStart})
	tell(0, event.Event{Type: event.StepStart, Attempt: 1, Where: event.Where{Parent: -1}})
	tell(0, event.Event{Type: event.StepStart, Path: "all", Attempt: 1, Where: event.Where{Step: 1, Node: 1}})
	const steps = 10_000
	for i := range steps {
		e := event.Event{Path: fmt.Sprintf("all[%d]", i), Attempt: 1, Where: event.Where{Step: int32(2 + i), Parent: 1, Order: int64(i), Node: 2}}
		began := time.Duration(i/16) * 40 * time.Millisecond
		took := time.Duration(20+i*7919%23) * time.Millisecond
		with := func(typ event.Type) event.Event { e.Type = typ; return e }
		queued := with(event.StepQueued)
		queued.Why = `a slot of "all"`
		tell(0, queued)
		tell(began, with(event.StepStart))
		for n := 0; i%10 == 0 && n < 20; n++ {
			out := with(event.StepOutput)
			out.Stream, out.Text = "stdout", fmt.Sprintf("ok  pkg/part%d 0.%03ds\n", n, i*n%997)
			tell(began, out)
		}
		end := with(event.StepEnd)
		end.Outcome = event.Success("")
		if i%100 == 99 {
			end.Outcome = event.Failure(&event.Error{Type: event.ExitError, Message: "exit status 1", Step: e.Path})
		}
		end.Timing = event.Timing{Started: played.Start.Add(began), Duration: took, Queued: began}
		tell(began+took, end)
	}
	total := steps / 16 * 40 * time.Millisecond
	failed := event.Failure(&event.Error{Type: event.ExitError, Message: "exit status 1", Step: "all[99]"})
	for n, path := range []string{"all", ""} {
		tell(total, event.Event{
			Type: event.StepEnd, Path: path, Attempt: 1, Where: event.Where{Step: int32(1 - n), Parent: int32(-n), Node: int32(1 - n)},
			Outcome: failed, Timing: event.Timing{Started: played.Start, Duration: total},
		})
	}
	tell(total, event.Event{Type: event.RunEnd, Where: event.Where{Parent: -1}, Outcome: failed})
	return r
}

// pageFile is the address of the page of a run, in a file.
func pageFile(t *testing.T, r *model.Run) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := page.Write(f, r, nil); err != nil {
		t.Fatal(err)
	}
	return "file://" + path
}
