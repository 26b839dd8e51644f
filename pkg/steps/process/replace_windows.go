package process

import (
	"os"
	"os/signal"
)

// Replace has another flowrun take the place of this process, with its number, streams and supervisor. Where a system cannot do
// that, the other one runs beside, and its exit code is that of this process then. It must be called before anything was started.
func Replace(path string, args, env []string) (code int, err error) {
	signal.Ignore(os.Interrupt) // the console tells both
	p, err := os.StartProcess(path, args, &os.ProcAttr{Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return 0, err
	}
	state, err := p.Wait()
	if err != nil {
		return 0, err
	}
	return state.ExitCode(), nil
}
