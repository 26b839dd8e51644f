package process

import "golang.org/x/sys/unix"

// Conceal keeps the memory and the environment of this process from all others but root's, so also from the processes of
// steps: nobody of the same user can read them, or trace it. It leaves no core when it crashes.
func Conceal() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// revealed ends that until the function that it returns is called: the kernel lets nobody but root say who is who in the
// user namespace of a process that cannot be looked at, as one is that was just forked from this.
func revealed() (conceal func()) {
	if on, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || on != 0 {
		return func() {}
	}
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	return Conceal
}
