// Package tree finds and ends processes by descent. It makes no process and runs no goroutine.
//
//	        engine (a subreaper: orphans of its descendants become its children)
//	       /              \
//	leaders                strays: orphans of leaders. The kernel gives them to the first thread, and
//	(children of the       leaders are forked by another, so /proc/self/task/PID/children lists the
//	 forking thread)       strays alone, however many leaders live
//	    |                     |
//	descendants            descendants
//
// Whose a stray is says its mark. The kernel copies a resource limit that it does not use itself (RLIMIT_LOCKS) to
// every descendant, whatever session, group or environment that makes for itself; the value is the number of the
// step's process. Where the limit is of no use, the variable Variable in its environment says it.
//
// No signal can reach a process that is not meant, although numbers are used again:
//
//   - a child is signalled by its number only while this process, which alone collects it, has not done so;
//   - any other is signalled by a pidfd, opened before it was checked whose it is.
//
// The package imports only what the system calls need: see package supervisor.
package tree

// SupervisorVariable tells an engine its supervisor's number. Its steps do not get it.
const SupervisorVariable = "FLOWRUN_SUPERVISOR"
