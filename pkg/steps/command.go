package steps

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

// command is what a run starts.
type command struct {
	path   string // the program's file
	argv   []string
	script bool   // argv is an interpreter with a script
	file   string // the script's file; "" when it is an argument
}

// maxScript is the longest script that goes into an argument; Linux takes 128 KiB in one.
const maxScript = 100 << 10

// readCommand reads the keys run and shell.
func readCommand(args kind.Args, folder string, env []string) (*command, *event.Error) {
	c := &command{}
	switch v := args["run"].(type) {
	case []any:
		for _, x := range v {
			c.argv = append(c.argv, text(x))
		}
	case string, map[string]any:
		c.script = true
		if err := c.interpret(scriptText(v), args["shell"], folder, env); err != nil {
			return nil, err
		}
	default:
		return nil, event.Errorf(event.ValueError, "run: %s is no command: give a text or a list of texts", noun(v))
	}
	if len(c.argv) == 0 || c.argv[0] == "" {
		return nil, event.Errorf(event.ValueError, "run: the command is empty")
	}
	if i := slices.IndexFunc(c.argv, func(a string) bool { return strings.Contains(a, "\x00") }); i >= 0 {
		c.close()
		return nil, event.Errorf(event.ValueError, "run: item %d holds a NUL, which no argument can", i)
	}
	if c.path == "" {
		var err *event.Error
		if c.path, err = lookPath(c.argv[0], folder, env); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// interpret makes argv of a script and its shell.
func (c *command) interpret(script string, shell any, folder string, env []string) *event.Error {
	if argv, ok := shell.([]any); ok {
		if !namesFile(argv) {
			return event.Errorf(event.ValueError, "shell: no item holds {0}, the place of the script's file")
		}
		if err := c.write(script, ""); err != nil {
			return err
		}
		for _, x := range argv {
			c.argv = append(c.argv, strings.ReplaceAll(text(x), "{0}", c.file))
		}
		return nil
	}
	name := "sh"
	if shell != nil {
		name = text(shell)
	}
	// Each takes a script as an argument, and as a file when it is too long for one.
	flag, end := "-c", ".sh"
	switch name {
	case "sh":
		c.argv = []string{"sh", "-e"}
	case "bash":
		c.argv = []string{"bash", "--noprofile", "--norc", "-eo", "pipefail"}
	case "python":
		end = ".py"
		c.argv = []string{"python"}
		if c.path = inPath("python", folder, env); c.path == "" { // Debian's is called python3 only
			c.argv[0] = "python3"
		}
	case "pwsh":
		flag, end = "-Command", ".ps1"
		c.argv = []string{"pwsh", "-NoLogo", "-NoProfile", "-NonInteractive"}
		// Stop at the first error, as the others do, and end with the exit code of the last program.
		script = "$ErrorActionPreference = 'Stop'\n" + script +
			"\nif (Test-Path -LiteralPath variable:\\LASTEXITCODE) { exit $LASTEXITCODE }"
	default:
		return event.Errorf(event.ValueError, "shell: %q is none of sh, bash, pwsh, python: for another one write a list with {0}", name)
	}
	if len(script) <= maxScript {
		c.argv = append(c.argv, flag, script)
		return nil
	}
	if err := c.write(script, end); err != nil {
		return err
	}
	if name == "pwsh" {
		c.argv = append(c.argv, "-File")
	}
	c.argv = append(c.argv, c.file)
	return nil
}

func namesFile(argv []any) bool {
	return slices.ContainsFunc(argv, func(x any) bool { return strings.Contains(text(x), "{0}") })
}

// write puts the script into a file that close removes. It may be started itself: no child that is being
// forked meanwhile may inherit it open, or the system would call it busy.
func (c *command) write(script, end string) *event.Error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	f, err := os.CreateTemp("", "flowrun-*"+end)
	if err == nil {
		c.file = f.Name()
		_, err = f.WriteString(script)
		err = errors.Join(err, f.Chmod(0o700), f.Close())
	}
	if err != nil {
		c.close()
		return event.Errorf(event.StartError, "the script cannot be written to a file: %v", err)
	}
	return nil
}

func (c *command) close() { removeScript(c.file) }

func removeScript(file string) {
	if file != "" {
		_ = os.Remove(file)
	}
}

// startError says what it means that a file that is there and executable does not start.
func startError(c *command, err error) *event.Error {
	name := c.argv[0]
	var isolation *process.IsolationError
	switch {
	case errors.Is(err, process.ErrNoTerminal):
		return event.Errorf(event.StartError, "%s cannot be run: the step is interactive and flowrun has no terminal; "+
			"run flowrun in one (with docker run -t, ssh -t, script -c), or take out `interactive`", name)
	case errors.As(err, &isolation):
		return event.Errorf(event.StartError, "%s cannot be run with `isolate: pid`: %v; run flowrun as root, or where a user may make "+
			"namespaces (in a container: --cap-add SYS_ADMIN and a seccomp profile that allows it), or take out `isolate`", name, isolation)
	case errors.Is(err, fs.ErrNotExist):
		return event.Errorf(event.StartError, "%s cannot be run: the interpreter in its first line (#!) was not found", name)
	case errors.Is(err, syscall.ENOEXEC):
		return event.Errorf(event.StartError, "%s cannot be run: it is no program of this system and its first line names no interpreter (#!)", name)
	case errors.Is(err, fs.ErrPermission):
		return event.Errorf(event.StartError, "%s cannot be run: permission denied", name)
	case errors.Is(err, syscall.E2BIG):
		return event.Errorf(event.StartError, "%s cannot be run: its arguments and environment are too long; give large data by stdin", name)
	case process.NoRoom(err):
		return event.Errorf(event.StartError, "%s cannot be run: the system has no room for another process (%v, asked for %s): "+
			"run fewer at once, with --jobs or limit%s", name, err, patience, moreRoom(err))
	default:
		return event.Errorf(event.StartError, "%s cannot be run: %v", name, err)
	}
}

// moreRoom names the limit of the user that an error is about.
func moreRoom(err error) string {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return ", or raise ulimit -n"
	case errors.Is(err, syscall.EAGAIN):
		return ", or raise ulimit -u"
	default:
		return ""
	}
}
