package executor

import (
	"bufio"
	"io"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// Result is what came of a run. Its JSON is the result document: schema/result.schema.json.
type Result struct {
	Run      string // the run's id
	Workflow string // the workflow's name; may be empty
	File     string // as given
	Exit     int    // see ExitCode
	Root     *Step  // the workflow itself as a step: its outcome is that of the run
	Started  time.Time
	Duration time.Duration
	Returned int // how many errors were handed back as values
}

// Step is one step of a run, or one iteration of a generator.
type Step struct {
	Path string
	Def  *plan.Step // as compiled: id, kind, place in the file
	// Outcome has no Extra and no Last: what a step printed is told by events, not kept.
	event.Outcome
	event.Timing
	Attempts  int
	Recovered *event.Error // what an except clause handled
	Artifacts []event.Artifact
	Children  []*Step // in argument order; then visits and handlers
	order     int64   // event.Where.Order
	number    int32   // event.Where.Step
	returned  int32
}

// The exit codes of a run, as the shell sees them. Exit codes of a program that did not come to run a workflow
// are pkg/cli's.
const (
	ExitSucceeded = 0
	ExitFailed    = 1
	ExitFault     = 3   // what the run does could not be kept
	ExitTimeout   = 124 // the run's own timeout
	ExitHangup    = 129
	ExitInterrupt = 130
	ExitQuit      = 131
	ExitTerminate = 143
)

// ExitCode is the exit code of a run that ended as o with that many errors handed back as values.
// With strict those make a run that succeeded an unsuccessful one.
func ExitCode(o event.Outcome, returned int, strict bool) int {
	switch o.Status {
	case event.Succeeded, event.Skipped:
		if strict && returned > 0 {
			return ExitFailed
		}
		return ExitSucceeded
	case event.Failed:
		if o.Err != nil && o.Err.Type == event.TimeoutError && o.Err.Step == "" {
			return ExitTimeout
		}
		return ExitFailed
	case event.Cancelled:
		if o.Cause != nil && o.Cause.Why == event.WhySignal {
			switch o.Cause.By {
			case "SIGHUP":
				return ExitHangup
			case "SIGINT":
				return ExitInterrupt
			case "SIGQUIT":
				return ExitQuit
			case "SIGTERM":
				return ExitTerminate
			}
		}
		return ExitFailed
	default:
		panic("executor: a run that has not ended has no exit code")
	}
}

// ResultVersion is the `flowrun` of a result document; schema/result.schema.json is that of this version.
const ResultVersion = 1

// MarshalJSON writes the result document.
func (r *Result) MarshalJSON() ([]byte, error) {
	return r.appendJSON(nil, func(b []byte) []byte { return b })
}

// Write writes the result document and a newline. The memory it takes does not grow with the number of steps.
func (r *Result) Write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	b, err := r.appendJSON(nil, func(b []byte) []byte {
		out.Write(b) // an error comes back from Flush
		return b[:0]
	})
	if err != nil {
		return err
	}
	out.Write(append(b, '\n'))
	return out.Flush()
}

// appendJSON appends the document to b. spill is called between steps; it may take the bytes that are there.
func (r *Result) appendJSON(b []byte, spill func([]byte) []byte) ([]byte, error) {
	var problem error
	o := event.NewObject(b)
	o.Int("flowrun", ResultVersion)
	o.Text("run", r.Run)
	o.Text("workflow", r.Workflow)
	o.Text("file", r.File)
	o.Text("status", r.Root.Status.String())
	o.Int("exit", int64(r.Exit))
	r.Root.outcome(&o)
	o.Time("started_at", r.Started)
	o.Seconds("duration", r.Duration)
	o.Int("returned_errors", int64(r.Returned))
	o.Key("root")
	o.Raw(func(b []byte) []byte {
		b, problem = r.Root.appendJSON(b, spill)
		return b
	})
	b, err := o.End()
	if err == nil {
		err = problem
	}
	return b, err
}

// MarshalJSON writes the step as it stands in the result document.
func (s *Step) MarshalJSON() ([]byte, error) {
	return s.appendJSON(nil, func(b []byte) []byte { return b })
}

func (s *Step) appendJSON(b []byte, spill func([]byte) []byte) ([]byte, error) {
	var problem error
	o := event.NewObject(spill(b))
	o.Text("path", s.Path)
	if s.Def.ID == "" {
		o.Value("id", nil)
	} else {
		o.Text("id", s.Def.ID)
	}
	o.Text("kind", s.Def.Kind)
	o.Int("line", int64(s.Def.Pos.Line))
	o.Int("column", int64(s.Def.Pos.Col))
	o.Text("status", s.Status.String())
	s.outcome(&o)
	o.Int("attempts", int64(s.Attempts))
	o.Time("started_at", s.Started)
	o.Seconds("duration", s.Duration)
	o.Seconds("queued", s.Queued)
	o.Value("recovered", s.Recovered)
	o.WriteArtifacts(s.Artifacts)
	o.Key("children")
	o.Raw(func(b []byte) []byte {
		b = append(b, '[')
		for i, c := range s.Children {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = c.appendJSON(b, spill); err != nil {
				problem = err
			}
		}
		return append(b, ']')
	})
	b, err := o.End()
	if err == nil {
		err = problem
	}
	return b, err
}

// outcome writes value and error, which every step has, and what belongs to one status only.
func (s *Step) outcome(o *event.Object) {
	o.Value("value", s.Value)
	o.Value("error", s.Err)
	switch s.Status {
	case event.Cancelled:
		o.Text("cause", s.Cause.String())
	case event.Skipped:
		o.Text("reason", s.Reason)
	}
}
