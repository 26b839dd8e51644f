// Package reuse says what of an earlier take of a run need not be done again in the next one.
//
//	the journal of a take, gone through again ─► Past ─┐
//	                                                  Next ─► answers for the driver, leaf by leaf
//	the events of the next take, as they come ─────────┘
//
// A run that failed, or whose file was changed, goes on in a new take, in which the kernel begins at the beginning. Steps of values
// alone are computed again. A step that works outside, a leaf here, is kept, and not begun, if
//
//   - it succeeded,
//   - it is to do the same again: its Print is the same, over its kind, its arguments with the values of their expressions, the
//     variables that the file gives it, and its folder, and
//   - nothing that comes before it runs again: an item before it in a list, a step that it needs, the body that it is a handler
//     of, a service that it may talk to. It may have read more than its arguments say, as files.
//
// What is in a step that succeeded as a whole keeps its fate, also when that was to fail, or to be told to stop: who lost a race
// does not run it again, and a service is not begun for a list that has nothing to do. A step with handlers that did not succeed
// and whose handlers have worked runs again as a whole: they may have undone what its body had done. Those of the
// workflow itself are held to tell of its end, and to undo nothing.
package reuse
