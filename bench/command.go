package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// workshop is a temporary folder in which programs are built and run. What they keep of their runs goes there, too.
type workshop struct {
	dir     string
	flowrun string // the command
}

func newWorkshop() (*workshop, error) {
	dir, err := os.MkdirTemp("", "flowrun-bench-")
	if err != nil {
		return nil, err
	}
	w := &workshop{dir: dir}
	if w.flowrun, err = w.build("flowrun", "./cmd/flowrun"); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *workshop) close() { _ = os.RemoveAll(w.dir) }

func (w *workshop) path(name string) string { return filepath.Join(w.dir, name) }

// forget removes files and folders of the workshop.
func (w *workshop) forget(names ...string) {
	for _, name := range names {
		_ = os.RemoveAll(w.path(name))
	}
}

// write makes a file and gives its path.
func (w *workshop) write(name, text string) (string, error) {
	return w.path(name), os.WriteFile(w.path(name), []byte(text), 0o600)
}

// build builds a Go program of that name and gives its path.
func (w *workshop) build(name, what string, flags ...string) (string, error) {
	args := append([]string{"build", "-trimpath", "-o", w.path(name)}, flags...)
	if text, err := exec.Command("go", append(args, what)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", what, err, text)
	}
	return w.path(name), nil
}

// buildAlone builds flowrun with no process above the engine. Without the import alone the engine would count as a program
// that has children of its own, and look through all processes when a step ends.
func (w *workshop) buildAlone(name string) (string, error) {
	main, err := filepath.Abs("cmd/flowrun/main.go")
	if err != nil {
		return "", err
	}
	src, err := os.ReadFile(main)
	if err != nil {
		return "", err
	}
	const supervisor, tree = `_ "github.com/flowrun/flowrun/pkg/steps/process/supervisor"`, `"github.com/flowrun/flowrun/pkg/steps/process/tree"`
	if strings.Count(string(src), supervisor) != 1 {
		return "", errors.New("cmd/flowrun/main.go does not import the supervisor")
	}
	text := strings.Replace(string(src), supervisor, tree, 1) + "\nfunc init() { tree.Own(0) }\n"
	other, err := w.write("alone.go", text)
	if err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{main: other}})
	if err != nil {
		return "", err
	}
	list, err := w.write("overlay.json", string(overlay))
	if err != nil {
		return "", err
	}
	return w.build(name, "./cmd/flowrun", "-overlay", list)
}

// buildC compiles a C program beside this file; "": there is no compiler.
func (w *workshop) buildC(name, source string) (string, error) {
	for _, compiler := range []string{"cc", "gcc"} {
		path, err := exec.LookPath(compiler)
		if err != nil {
			continue
		}
		text, err := exec.Command(path, "-O2", "-o", w.path(name), filepath.Join("bench", "testdata", source)).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s %s: %w\n%s", compiler, source, err, text)
		}
		return w.path(name), nil
	}
	return "", nil
}

// command is one to be run: what it says is dropped, and what this shell sets for flowrun does not count.
func (w *workshop) command(argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "FLOWRUN_") })
	cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+w.path("state"), "TMPDIR="+w.dir, secret+"=abracadabra-1234")
	return cmd
}

// secret is a variable that a workflow may name as a secret. Nothing that runs here prints its value.
const secret = "BENCH_SECRET"

// run runs a command to its end, which must be a success.
func (w *workshop) run(argv ...string) error {
	said, err := os.Create(w.path("said")) // a pipe would have this program work, too
	if err != nil {
		return err
	}
	defer said.Close()
	cmd := w.command(argv...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return fmt.Errorf("%v: %w\n%s", argv, err, text[max(0, len(text)-1000):])
	}
	return nil
}

// work is a command as one that takes its turn.
func (w *workshop) work(argv ...string) func() error { return func() error { return w.run(argv...) } }
