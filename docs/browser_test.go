package docs_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// axeDir is the folder with axe-core, which looks for barriers in pages.
var axeDir = sync.OnceValues(func() (string, error) { return fromNPM("axe") })

// browser is Chromium without a window, driven by the DevTools protocol: JSON, with a NUL behind each message, on two pipes.
// It is for one goroutine.
type browser struct {
	t        *testing.T
	out      io.Writer
	messages chan map[string]any
	id       int
	session  string   // of its only tab
	asked    []string // addresses, since the last load
	trouble  []string // errors of scripts, what a policy has refused, dialogs
	loaded   bool
}

// startBrowser starts it. A test that cannot have it is skipped, and says what it would have done.
func startBrowser(t *testing.T, what string) *browser {
	t.Helper()
	if testing.Short() {
		t.Skipf("skipped: %s: not with -short", what)
	}
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skipf("skipped: %s: Chromium is not installed", what)
	}
	profile, err := os.MkdirTemp("", "flowrun-browser-")
	if err != nil {
		t.Fatal(err)
	}
	// Its processes may still write there when it has been killed.
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	args := []string{
		"--headless=new", "--remote-debugging-pipe", "--user-data-dir=" + profile, "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
		"--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-breakpad", "--mute-audio", "--force-color-profile=srgb",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox")
	}
	cmd := exec.Command(program, append(args, "about:blank")...)
	cmd.Env = append(os.Environ(), "HOME="+profile, "DBUS_SESSION_BUS_ADDRESS=unix:path=/dev/null")
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, answers, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirs, answers} // 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	answers.Close()
	b := &browser{t: t, out: ours, messages: make(chan map[string]any, 1000)}
	go func() {
		defer close(b.messages)
		for r := bufio.NewReader(in); ; {
			text, err := r.ReadBytes(0)
			if err != nil {
				return
			}
			var m map[string]any
			if json.Unmarshal(bytes.TrimRight(text, "\x00"), &m) == nil {
				b.messages <- m
			}
		}
	}()
	t.Cleanup(func() {
		ours.Close() // it ends when nobody drives it
		gone := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		for range b.messages {
			continue
		}
		_ = cmd.Wait()
		gone.Stop()
		in.Close()
	})
	tab := b.call("Target.createTarget", map[string]any{"url": "about:blank"})
	b.session = b.call("Target.attachToTarget", map[string]any{"targetId": tab["targetId"], "flatten": true})["sessionId"].(string)
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		b.call(domain+".enable", nil)
	}
	b.size(1300, 900)
	return b
}

// call calls a method and gives its result.
func (b *browser) call(method string, params map[string]any) map[string]any {
	b.t.Helper()
	result, err := b.ask(method, params)
	if err != nil {
		b.t.Fatal(method, err)
	}
	return result
}

// ask is call, and gives what the browser has against it.
func (b *browser) ask(method string, params map[string]any) (map[string]any, error) {
	b.t.Helper()
	b.id++
	m := map[string]any{"id": b.id, "method": method, "params": params}
	if params == nil {
		m["params"] = map[string]any{}
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.out.Write(append(text, 0)); err != nil {
		return nil, err
	}
	id := float64(b.id)
	for {
		m := b.take(method)
		if m["id"] != id {
			continue
		}
		if problem, ok := m["error"]; ok {
			return nil, fmt.Errorf("%v", problem)
		}
		result, _ := m["result"].(map[string]any)
		return result, nil
	}
}

// take takes the next message, and notes what it says.
func (b *browser) take(what string) map[string]any {
	b.t.Helper()
	var m map[string]any
	select {
	case next, ok := <-b.messages:
		if !ok {
			b.t.Fatalf("%s: the browser has ended", what)
		}
		m = next
	case <-time.After(time.Minute):
		b.t.Fatalf("%s: the browser does not answer", what)
	}
	at := func(keys ...string) any {
		var v any = m["params"]
		for _, k := range keys {
			v, _ = v.(map[string]any)[k]
		}
		return v
	}
	switch m["method"] {
	case "Page.loadEventFired":
		b.loaded = true
	case "Network.requestWillBeSent":
		b.asked = append(b.asked, fmt.Sprint(at("request", "url")))
	case "Runtime.exceptionThrown":
		b.trouble = append(b.trouble, fmt.Sprint(at("exceptionDetails", "exception", "description")))
	case "Log.entryAdded":
		if level := at("entry", "level"); level == "error" || level == "warning" {
			b.trouble = append(b.trouble, fmt.Sprint(at("entry", "text")))
		}
	case "Page.javascriptDialogOpening":
		b.trouble = append(b.trouble, "a dialog: "+fmt.Sprint(at("message")))
	}
	return m
}

// open loads a page, anew also when only what is behind the # is another.
func (b *browser) open(url string) {
	b.t.Helper()
	for _, to := range []string{"about:blank", url} {
		b.asked, b.trouble, b.loaded = nil, nil, false
		b.call("Page.navigate", map[string]any{"url": to})
		for !b.loaded {
			b.take(to)
		}
	}
}

// eval is the value of an expression of JavaScript, or of what it promises.
func (b *browser) eval(text string) any {
	b.t.Helper()
	v, err := b.value(text)
	if err != nil {
		b.t.Fatalf("%.500s: %v", text, err)
	}
	return v
}

func (b *browser) value(text string) (any, error) {
	b.t.Helper()
	r, err := b.ask("Runtime.evaluate", map[string]any{"expression": text, "awaitPromise": true, "returnByValue": true})
	if err != nil {
		return nil, err
	}
	if problem, ok := r["exceptionDetails"]; ok {
		return nil, fmt.Errorf("%v", problem)
	}
	return r["result"].(map[string]any)["value"], nil
}

// wait waits until an expression is true. Meanwhile another page may be loaded.
func (b *browser) wait(text string) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		v, err := b.value(text)
		if v == true {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("it does not come true: %s: %v, %v\n%v", text, v, err, b.eval("document.body.innerText"))
		}
	}
}

// is compares an expression with what it should be.
func (b *browser) is(text string, want any) {
	b.t.Helper()
	if got := b.eval(text); got != want {
		b.t.Errorf("%s is %v, not %v", text, got, want)
	}
}

// key presses keys, one after the other.
func (b *browser) key(names ...string) {
	b.t.Helper()
	codes := map[string]int{"Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}
	for _, name := range names {
		p := map[string]any{"type": "keyDown", "key": name}
		if code := codes[name]; code > 0 {
			p["windowsVirtualKeyCode"], p["code"] = code, name
		} else {
			p["text"] = name
		}
		b.call("Input.dispatchKeyEvent", p)
		b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": name})
	}
}

func (b *browser) size(w, h int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": w, "height": h, "deviceScaleFactor": 1, "mobile": false})
}

// media sets the theme, dark or light, and screen or print.
func (b *browser) media(theme, kind string) {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": kind, "features": []any{
		map[string]any{"name": "prefers-color-scheme", "value": theme}, map[string]any{"name": "prefers-reduced-motion", "value": "reduce"},
	}})
}

// shot is a picture of what is seen, as PNG.
func (b *browser) shot() []byte {
	b.t.Helper()
	png, err := base64.StdEncoding.DecodeString(b.call("Page.captureScreenshot", nil)["data"].(string))
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}

// metric is a figure of the page that is a time.
func (b *browser) metric(name string) time.Duration {
	b.t.Helper()
	for _, m := range b.call("Performance.getMetrics", nil)["metrics"].([]any) {
		if m := m.(map[string]any); m["name"] == name {
			return time.Duration(m["value"].(float64) * float64(time.Second))
		}
	}
	b.t.Fatalf("there is no figure %s", name)
	return 0
}

// keep writes a picture into the folder $FLOWRUN_PICTURES, for who wants to look.
func (b *browser) keep(name string) {
	b.t.Helper()
	if dir := os.Getenv("FLOWRUN_PICTURES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), b.shot(), 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// barriers are what axe-core has against the page as it is.
func (b *browser) barriers(axe string) {
	b.t.Helper()
	const ask = `axe.run(document, {resultTypes: ["violations"]}).then((r) => r.violations.map((v) =>
		v.id + " (" + v.impact + "): " + v.help + "\n" + v.nodes.slice(0, 5).map((n) => n.html.slice(0, 200) + "\n" + n.failureSummary).join("\n")).join("\n\n"))`
	if found := b.eval(axe + ";\n" + ask); found != "" {
		b.t.Errorf("%v", found)
	}
}

// quiet says that since the last load the page asked only for addresses that begin so, and that nothing went wrong.
func (b *browser) quiet(allowed ...string) {
	b.t.Helper()
	for _, url := range b.asked {
		ok := strings.HasPrefix(url, "data:")
		for _, a := range allowed {
			ok = ok || strings.HasPrefix(url, a)
		}
		if !ok {
			b.t.Errorf("it asks for %s", url)
		}
	}
	for _, text := range b.trouble {
		b.t.Error(text)
	}
}
