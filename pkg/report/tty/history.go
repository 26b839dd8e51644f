package tty

import "time"

// History knows how long things took in earlier runs. Steps go by their number in the run (event.Where.Step). It is asked while
// events come.
type History interface {
	// Usual is about how long an attempt at a step takes.
	Usual(step int32) (usual time.Duration, known bool)
	// Slow says that a step at work takes longer than usual.
	Slow(step int32, now time.Time) bool
	// Left is about how long the run still takes.
	Left(now time.Time) (left time.Duration, known bool)
}
