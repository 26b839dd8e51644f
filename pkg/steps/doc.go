// Package steps holds the leaf kinds that come with flowrun: what a step can do besides being a block.
//
// A kind is a value of type kind.Kind in a file of its own, and one line in Builtin. There are two sorts:
//
//	instant   value, echo, fail, sleep   a function of the arguments; it runs inside the kernel
//	run       run, http                  a function with a context, in a goroutine of its own
//
// A program that embeds flowrun adds kinds in the same way, by appending to what Builtin returns.
//
// The package refuses to know what is around a step: timeouts, retries, semaphores and conditions are the
// kernel's. A kind sees evaluated arguments and gives one outcome.
package steps
