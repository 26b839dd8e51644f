package cli

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor/journal"
	"github.com/flowrun/flowrun/pkg/steps"
	"github.com/flowrun/flowrun/pkg/steps/process"
)

// defaultQueue is that of runs and workers of which nobody says another.
const defaultQueue = "flowrun"

// The program that has the engine besides, and how it is got.
const (
	engineProgram = "flowrun-" + engineTemporal
	engineInstall = "go install github.com/flowrun/flowrun/pkg/executor/temporal/cmd/" + engineProgram + "@latest installs it"
)

// Variables of the engine begin with enginePrefix. Those that say which server it is are kept with a run; others may be secrets.
const enginePrefix = "TEMPORAL_"

func engineVariables() []string {
	return []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"}
}

// passedOn says that another program has done the work of a command, and with which code it has ended.
type passedOn struct{ code int }

// Error implements error.
func (passedOn) Error() string { return "another program has done it" }

// handOver has the program with the engine do what this one was told. It comes back only with an error.
func (s *session) handOver() error {
	path, ok := s.program(engineProgram)
	if !ok {
		return usage(engineInstall, "%s is needed for --%s %s, and is not in the PATH", engineProgram, flagEngine, engineTemporal)
	}
	env := s.Env
	if s.from != "" { // the other one changes the folder itself
		if err := os.Chdir(s.from); err != nil {
			return fault{err}
		}
		env = append(env[:len(env):len(env)], "PWD="+s.from)
	}
	code, err := process.Replace(path, append([]string{engineProgram}, s.args...), env)
	if err != nil {
		return fault{fmt.Errorf("%s cannot be started: %w", path, reason(err))}
	}
	return passedOn{code}
}

// present sees to it that this is the program with the engine.
func (s *session) present() error {
	if s.Engine == nil {
		return s.handOver()
	}
	return nil
}

// engineOf is the engine of a command line, as a run keeps it.
func (s *session) engineOf(c *cli.Context) (*journal.Engine, error) {
	e := &journal.Engine{Name: engineTemporal, Queue: cmp.Or(c.String(flagQueue), defaultQueue)}
	if !steps.IsQueue(e.Queue) {
		return nil, usage("one has letters, digits, dots, - and _, as gpu-1", "--%s: %s is no name of a queue", flagQueue, shown(e.Queue))
	}
	for _, name := range engineVariables() {
		if v := s.lookup(name); v != "" {
			e.Env = append(e.Env, name+"="+v)
		}
	}
	return e, relink(c, e)
}

// relink has e reached as a command line says, which may be another machine than that on which the run was begun.
func relink(c *cli.Context, e *journal.Engine) error {
	e.Store = cmp.Or(c.String(flagStore), e.Store)
	if path := c.String(flagKeyFile); path != "" {
		path, err := filepath.Abs(path)
		if err != nil {
			return fault{err}
		}
		e.KeyFile = path
	}
	return nil
}

// linkOf is how an engine is reached: the server is that of e, whatever the environment says; who may use it stands there.
func (s *session) linkOf(e *journal.Engine) Link {
	l := Link{Queue: e.Queue, KeyFile: e.KeyFile, Store: e.Store}
	l.Keys = sync.OnceValues(func() ([]byte, error) { return os.ReadFile(l.KeyFile) })
	for _, v := range s.Env {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, enginePrefix) && !slices.Contains(engineVariables(), name) {
			l.Env = append(l.Env, v)
		}
	}
	l.Env = append(l.Env, e.Env...)
	return l
}

// typed says that a flag stands on the command line, and not only in the environment.
func (s *session) typed(c *cli.Context, flag string) bool {
	given := fmt.Sprint(c.Value(flag))
	if list := c.StringSlice(flag); list != nil {
		given = strings.Join(list, "\n")
	}
	return c.IsSet(flag) && given != s.lookup(variable(flag))
}

// enginePresent sees to it that this program has the engine that is asked for, and refuses flags that mean nothing without.
func (s *session) enginePresent(c *cli.Context) error {
	if isRemote(c) {
		return s.present()
	}
	for _, flag := range []string{flagQueue, flagKeyFile, flagStore, flagDetach} {
		if s.typed(c, flag) {
			return usage(fmt.Sprintf("--%s %s", flagEngine, engineTemporal), "--%s is for runs beyond this machine", flag)
		}
	}
	return nil
}
