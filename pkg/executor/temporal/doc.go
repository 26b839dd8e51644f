// Package temporal runs workflows on Temporal: the kernel in a Temporal workflow, each attempt of a leaf as an activity on a
// worker. It is a module of its own, since its dependencies are many times those of flowrun.
package temporal
