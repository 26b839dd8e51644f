//go:build unix

package process

import (
	"os"
	"strconv"
	"syscall"

	"github.com/flowrun/flowrun/pkg/steps/process/tree"
)

// Replace has another flowrun take the place of this process, with its number, streams and supervisor. Where a system cannot do
// that, the other one runs beside, and its exit code is that of this process then. It must be called before anything was started.
func Replace(path string, args, env []string) (code int, err error) {
	if s := Supervisor(); s != 0 {
		env = append(env[:len(env):len(env)], tree.SupervisorVariable+"="+strconv.Itoa(s))
	}
	return 0, &os.PathError{Op: "exec", Path: path, Err: syscall.Exec(path, args, env)}
}
