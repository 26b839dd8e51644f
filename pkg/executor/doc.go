// Package executor is the face of flowrun as a library: it runs a compiled plan and says what came of it.
//
//	p, err := executor.Load("flow.yaml", executor.LoadOptions{Kinds: steps.Builtin()})
//	result, err := executor.Run(ctx, p, executor.Options{})
//
// A run is told as events (package event). Whatever is shown or written is made from them: the Result that Run
// returns as much as what the observers in Options make. On their way they pass one place, where secrets are
// masked and errors get the line of their step:
//
//	kernel ─► driver ─► veil (masks, places) ─┬─► collector ─► Result
//	                                          ├─► keeper ─► the run's folder (package journal)
//	                                          └─► Options.Observe
//
// The package refuses a run whose inputs or secrets are wrong before anything starts. It prints nothing, handles
// no signals and ends no process: that is pkg/cli.
package executor
