// Package supervisor makes a flowrun command two processes, when its command line starts steps:
//
//	shell, CI ──► supervisor: a subreaper; waits, passes signals on
//	               └─► engine: a subreaper; the command itself, in a group of its own
//	                    └─► steps
//
// When the engine is killed, its leaders die with it, all others come to the supervisor, which kills them and what they
// have made until the kernel says that it has no child. When the supervisor is killed, the engine is told TERM and
// cancels its run. What is left when both are killed at once ends the next supervisor that starts.
//
// It is also the first process in the namespace of a step with `isolate: pid`: the same program again, which passes
// signals on to the step's program, collects orphans, and ends all by ending.
//
// The package is imported for its init, by the main package of a command and by no library: its init takes over a
// process before most other packages are initialised, which would cost the supervisor as much time as the engine.
// That is why it imports only what the system calls need. Everywhere but on Linux it does nothing.
package supervisor
