package process

import "os"

// Detach starts a program that is no part of this one: nothing here waits for what it starts, and it goes on when this one
// has ended. It reads nothing and writes into out, which may be nil. The signals of this program's terminal do not reach
// it. The process must be waited for or released.
func Detach(path string, args, env []string, dir string, out *os.File) (*os.Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	if out == nil {
		out = null
	}
	return os.StartProcess(path, args, &os.ProcAttr{Dir: dir, Env: env, Files: []*os.File{null, out, out}, Sys: detached()})
}
