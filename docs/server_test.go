package docs_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// editorDir is the folder with the language server.
var editorDir = sync.OnceValues(func() (string, error) { return fromNPM("editor") })

// fromNPM is a folder with what .ci/NAME asks for, installed by npm below the user's cache, once for each lock file. An error
// says why there is none.
func fromNPM(name string) (string, error) {
	source := filepath.Join("..", ".ci", name)
	lock, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "flowrun-ci")
	dir := filepath.Join(cache, fmt.Sprintf("%s-%x", name, sha256.Sum256(lock))[:len(name)+17])
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	for _, program := range []string{"npm", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(cache, "new.")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	if err := os.CopyFS(fresh, os.DirFS(source)); err != nil {
		return "", err
	}
	// Without a network npm would try for minutes.
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline",
		"--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=20000")
	npm.Dir = fresh
	npm.WaitDelay = time.Second
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	// Another test may have been faster: what it has installed is as good.
	if err := os.Rename(fresh, dir); err != nil {
		_, err = os.Stat(dir)
		return dir, err
	}
	return dir, nil
}

// inEditor is editorDir. A test that cannot have it is skipped, and says what it would have done.
func inEditor(t *testing.T, what string) string {
	t.Helper()
	if testing.Short() {
		t.Skipf("skipped: %s: not with -short", what)
	}
	dir, err := editorDir()
	if err != nil {
		t.Skipf("skipped: %s want npm, and a registry for the first time: %v", what, err)
	}
	return dir
}

// server is yaml-language-server at work, as an editor has it: a process that speaks the language server protocol on its
// standard streams. Its documents are files of one folder, which need not be there.
type server struct {
	t        *testing.T
	in       io.WriteCloser
	messages chan message
	dir      string
	settings map[string]any // of the editor, for YAML
	id       int            // of the last request
	version  map[string]int
	found    map[string][]squiggle // the last diagnostics of a document
}

// squiggle is a problem that an editor shows.
type squiggle struct {
	Message string
	Range   struct{ Start struct{ Line, Character int } }
}

// startServer starts the server with the schema of workflow files for all YAML of its folder, as a setting of the editor
// has it. A schema of "" is none.
func startServer(t *testing.T, what, schema string) *server {
	t.Helper()
	program := filepath.Join(inEditor(t, what), "node_modules", "yaml-language-server", "bin", "yaml-language-server")
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	cmd := exec.CommandContext(ctx, "node", program, "--stdio")
	s := &server{t: t, messages: make(chan message, 10_000), dir: t.TempDir(), version: map[string]int{}, found: map[string][]squiggle{}}
	var err, bad error
	s.in, err = cmd.StdinPipe()
	out, bad := cmd.StdoutPipe()
	cmd.Dir, cmd.Stderr = s.dir, os.Stderr
	if err = errors.Join(err, bad); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop() // it has nothing to save
		for range s.messages {
			continue
		}
		_ = cmd.Wait()
	})
	go listen(out, s.messages)
	s.settings = map[string]any{
		"validate": true, "hover": true, "completion": true,
		"schemaStore": map[string]any{"enable": false}, "kubernetesCRDStore": map[string]any{"enable": false},
	}
	if schema != "" {
		s.settings["schemas"] = map[string]any{"file://" + filepath.ToSlash(schema): "*.yaml"}
	}
	s.request("initialize", map[string]any{
		"processId": os.Getpid(), "rootUri": s.uri(""),
		"capabilities": map[string]any{
			"workspace":    map[string]any{"configuration": true, "didChangeConfiguration": map[string]any{"dynamicRegistration": true}},
			"textDocument": map[string]any{"completion": map[string]any{"completionItem": map[string]any{"snippetSupport": true}}},
		},
	}, nil)
	s.send(map[string]any{"method": "initialized", "params": map[string]any{}})
	s.until(func(m message) bool { return m.Method == "workspace/configuration" })
	return s
}

func (s *server) uri(name string) string {
	return "file://" + filepath.ToSlash(filepath.Join(s.dir, name))
}

// message is what the server says.
type message struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  any
}

func (s *server) send(m map[string]any) {
	s.t.Helper()
	m["jsonrpc"] = "2.0"
	b, err := json.Marshal(m)
	if err == nil {
		_, err = fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(b), b)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// listen passes on what the server says until it has gone. It reads all the time: a server that cannot be rid of what it
// says would not listen, either.
func listen(out io.Reader, messages chan<- message) {
	defer close(messages)
	r := bufio.NewReader(out)
	for {
		size := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if line = strings.TrimSpace(line); line == "" {
				break
			}
			if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				size, _ = strconv.Atoi(value)
			}
		}
		b := make([]byte, size)
		var m message
		if _, err := io.ReadFull(r, b); err != nil || json.Unmarshal(b, &m) != nil {
			return
		}
		messages <- m
	}
}

// until reads what the server says up to a message, and answers its questions on the way.
func (s *server) until(last func(message) bool) message {
	s.t.Helper()
	for {
		m, ok := <-s.messages
		if !ok {
			s.t.Fatal("the language server has gone")
		}
		switch {
		case m.Method == "textDocument/publishDiagnostics":
			var p struct {
				URI         string
				Diagnostics []squiggle
			}
			if err := json.Unmarshal(m.Params, &p); err != nil {
				s.t.Fatal(err)
			}
			s.found[p.URI] = p.Diagnostics
		case m.Method != "" && m.ID != nil:
			s.send(map[string]any{"id": m.ID, "result": s.answer(m)})
		}
		if last(m) {
			return m
		}
	}
}

// answer is the editor's: its settings for YAML, and nothing for all else.
func (s *server) answer(m message) any {
	var p struct{ Items []struct{ Section string } }
	if m.Method != "workspace/configuration" || json.Unmarshal(m.Params, &p) != nil {
		return nil
	}
	out := make([]any, len(p.Items))
	for i, item := range p.Items {
		if item.Section == "yaml" {
			out[i] = s.settings
		}
	}
	return out
}

func (s *server) request(method string, params map[string]any, result any) {
	s.t.Helper()
	s.id++
	id := []byte(strconv.Itoa(s.id))
	s.send(map[string]any{"id": s.id, "method": method, "params": params})
	m := s.until(func(m message) bool { return m.Method == "" && bytes.Equal(m.ID, id) })
	if m.Error != nil {
		s.t.Fatalf("%s: %v", method, m.Error)
	}
	if result != nil && len(m.Result) > 0 {
		if err := json.Unmarshal(m.Result, result); err != nil {
			s.t.Fatal(err)
		}
	}
}

// open shows documents to the server.
func (s *server) open(name, text string) {
	s.t.Helper()
	uri := s.uri(name)
	s.version[uri]++
	delete(s.found, uri)
	if s.version[uri] == 1 {
		s.send(map[string]any{"method": "textDocument/didOpen", "params": map[string]any{
			"textDocument": map[string]any{"uri": uri, "languageId": "yaml", "version": 1, "text": text},
		}})
		return
	}
	s.send(map[string]any{"method": "textDocument/didChange", "params": map[string]any{
		"textDocument": map[string]any{"uri": uri, "version": s.version[uri]}, "contentChanges": []any{map[string]any{"text": text}},
	}})
}

// problems are what is shown in documents that were opened, in the order of their names.
func (s *server) problems(names ...string) [][]squiggle {
	s.t.Helper()
	missing := func() bool {
		return slices.ContainsFunc(names, func(n string) bool { _, ok := s.found[s.uri(n)]; return !ok })
	}
	if missing() {
		s.until(func(message) bool { return !missing() })
	}
	out := make([][]squiggle, len(names))
	for i, n := range names {
		out[i] = s.found[s.uri(n)]
	}
	return out
}

// item is what an editor offers.
type item struct {
	Label, Detail, InsertText string
	Documentation             any
	TextEdit                  struct{ NewText string }
}

// complete is what is offered at the mark | of a text.
func (s *server) complete(text string) []item {
	s.t.Helper()
	line, column, text := marked(text)
	s.open("complete.yaml", text)
	var list struct{ Items []item }
	s.request("textDocument/completion", at(s.uri("complete.yaml"), line, column), &list)
	return list.Items
}

// hover is what is shown for a place of a document that is open.
func (s *server) hover(name string, line, column int) string {
	s.t.Helper()
	var h struct{ Contents struct{ Value string } }
	s.request("textDocument/hover", at(s.uri(name), line, column), &h)
	return h.Contents.Value
}

func at(uri string, line, column int) map[string]any {
	return map[string]any{"textDocument": map[string]any{"uri": uri}, "position": map[string]any{"line": line, "character": column}}
}

// marked takes the mark | out of a text.
func marked(text string) (line, column int, plain string) {
	before, after, ok := strings.Cut(text, "|")
	if !ok {
		panic("the text has no mark |: " + text)
	}
	return strings.Count(before, "\n"), len(before) - strings.LastIndex(before, "\n") - 1, before + after
}
