package event

import "time"

// Type is the type of an event. The words are those of cli.md "Events".
type Type string

// The types of events.
const (
	RunStart   Type = "run.start"
	StepQueued Type = "step.queued" // Why
	StepStart  Type = "step.start"  // an attempt begins: its slot and its semaphores are held
	StepOutput Type = "step.output" // Stream, Text, Skipped
	StepReady  Type = "step.ready"
	StepRetry  Type = "step.retry"  // In, Outcome.Err
	StepCancel Type = "step.cancel" // Outcome.Cause
	StepEnd    Type = "step.end"    // Outcome, Started, Duration, Queued, Recovered
	RunEnd     Type = "run.end"     // Outcome
)

// Event is one thing that happened. Observers get it by value and cannot answer.
type Event struct {
	Seq     int64
	Time    time.Time
	Type    Type
	Path    string // of the step; "" is the workflow itself
	Attempt int    // of the step, from 1; 0 where there is none
	Where
	Name   string        // StepStart: the step's `name`, evaluated; "" when it has none
	Why    string        // StepQueued: what it waits for
	In     time.Duration // StepRetry: the pause
	Stream string        // StepOutput: stdout, stderr or echo
	Text   string        // StepOutput
	// Skipped is how many bytes of the stream before Text are in no event, since they came faster than anybody reads, or not all
	// of them travelled (StepOutput).
	Skipped int64
	// Bytes is how long Text is in the log that keeps it; it may be longer here, where what is no UTF-8 is replaced. It is not
	// part of the JSON (StepOutput of what has a log).
	Bytes int64
	// Log is where the attempt's output is kept, as kind.Output.Log; "": nowhere. It is not part of the JSON (StepOutput,
	// StepRetry, StepEnd).
	Log string
	Outcome
	// Kept: its work was done in an earlier take of the run. It is not part of the JSON (StepEnd).
	Kept bool
	// Recovered is the error that an except clause handled (StepEnd of a step that succeeded by it).
	Recovered *Error
	// Returned counts the errors that the step handed back as values (StepEnd of a gather or wait).
	Returned int
	Timing
}

// HeldBy stands in Event.Why before the words for those outside of the run that hold what the step waits for.
const HeldBy = ", held by "

// Where places a step among the others, for those who build the tree of a run. It is not part of the JSON.
type Where struct {
	Step   int32 // number of this instance of a step in the run, dense, from 0; the workflow itself is 0
	Parent int32 // instance that it belongs to; -1 for the workflow itself
	Order  int64 // position among the parent's children: Section<<32 | index
	Node   int32 // index in plan.Plan.Steps
}

// The sections of a parent's children, in the order in which reports list them.
const (
	InBody int64 = iota << 32
	InVisit
	InExcept
	InElse
	InFinally
)

// Timing is when a step was at work (StepEnd).
type Timing struct {
	Started  time.Time // when its first attempt began; zero if it never did
	Duration time.Duration
	Queued   time.Duration // waited for needs, slots and semaphores
}
