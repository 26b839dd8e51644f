package temporal

import (
	"encoding/json"
	"time"

	"github.com/flowrun/flowrun/pkg/executor"
)

// The names by which workflows, activities, signals and queries go. A change that a run under way would not survive makes a new
// version of the workflow's, and workers then know both.
const (
	workflowType = "flowrun/v1"
	leafType     = "flowrun/leaf/v1"
	signalCancel = "cancel" // cancelNote
	signalReady  = "ready"  // readyNote
	queryEvents  = "events" // offset int64 -> page
	queryKilled  = "killed" // leaf int32 -> bool
)

// What Temporal carries: 2 MB in one payload, 4 MB in one message, both refused by the server beyond that, again and again.
const (
	maxValue   = 1 << 20          // of a step: it comes back in the payload of an activity, and goes into those of others
	maxPayload = 1900 * (1 << 10) // of anything
)

// order is what a workflow of type workflowType is started with.
type order struct {
	Spec executor.Spec `json:"spec"`
	// Indexed: the namespace has flowrun's search attributes.
	Indexed bool `json:"indexed,omitempty"`
	// Rest is there when the run goes on from an earlier workflow of it, whose history got long: rest, packed.
	Rest []byte `json:"rest,omitempty"`
}

// Vital implements link.Vital.
func (order) Vital() {}

// rest is how far an earlier workflow of a run has come.
type rest struct {
	Begun    time.Time `json:"begun"`
	Snapshot []byte    `json:"snapshot"` // of the kernel
	Waiting  []job     `json:"waiting"`  // which have not gone to a worker
	Probes   []job     `json:"probes"`   // of services
	Losses   []loss    `json:"losses"`
	Tally    tally     `json:"tally"`
	Log      []byte    `json:"log"`  // the end of it
	Size     int64     `json:"size"` // of all of it
}

// loss counts how often a leaf was lost.
type loss struct {
	Leaf  int32 `json:"leaf"`
	Times int   `json:"times"`
}

// tally counts the steps that have ended.
type tally struct {
	Ended  int64 `json:"ended"`
	Failed int64 `json:"failed"`
}

// job is an attempt at a leaf, as it goes to a worker. Texts in it are sealed.
type job struct {
	Leaf    int32  `json:"leaf"`
	Kind    string `json:"kind"`
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	// Args are a map of values (kernel.WriteValues).
	Args  json.RawMessage `json:"args"`
	Place place           `json:"place"`
	// ReadyLine is a regular expression: kind.Call.ReadyLine. Probe asks whether the service that this job is gets ready.
	ReadyLine string        `json:"ready_line,omitempty"`
	Probe     *job          `json:"probe,omitempty"`
	Limit     time.Duration `json:"limit,omitempty"` // of the work itself; 0: none
	Common    common        `json:"common"`
	Queue     string        `json:"queue,omitempty"`   // whose workers shall have it; "": those of the run
	OnLost    string        `json:"on_lost,omitempty"` // what becomes of it when its worker dies: fail, else it begins anew
}

// common is what all jobs of a run have in common.
type common struct {
	Run     string   `json:"run"`
	Reads   []string `json:"reads,omitempty"`   // what expressions read of steps: executor.Reads
	Secrets []secret `json:"secrets,omitempty"` // in the order of references
	Grace   string   `json:"grace,omitempty"`   // of a process that is told to stop, where its step says nothing
}

// place is what surrounds a job on a worker.
type place struct {
	Dir     string   `json:"dir"`               // below the worker's folder, with slashes
	Env     []string `json:"env,omitempty"`     // NAME=value, over the worker's own
	Without []string `json:"without,omitempty"` // names that are taken out of the worker's own
}

// secret is one that a worker has by name, or in a file.
type secret struct {
	Name string `json:"name"`
	File string `json:"file,omitempty"`
}

// report is how a job ended.
type report struct {
	// Outcome is one input of the kernel (kernel.WriteInputs), sealed; none when Gone.
	Outcome json.RawMessage `json:"outcome,omitempty"`
	Said    []said          `json:"said,omitempty"`
	Log     string          `json:"log,omitempty"`     // all of its output in the run's store: LOG.stdout, LOG.stderr; "": nothing
	Expired bool            `json:"expired,omitempty"` // its Limit stopped it
	Gone    bool            `json:"gone,omitempty"`    // its worker gave it up, and somebody else may begin it anew
	Worker  string          `json:"worker"`
	Ended   time.Time       `json:"ended"` // by the clock of the worker
}

// Vital implements link.Vital.
func (report) Vital() {}

// said is some output, behind so many bytes of the stream that are not in the report.
type said struct {
	Stream  string `json:"stream"`
	Text    string `json:"text"`
	Skipped int64  `json:"skipped,omitempty"`
	Bytes   int64  `json:"bytes,omitempty"` // of Text in the log, if there is one; what is no UTF-8 is replaced on the way
}

// soFar is what an attempt at work has said by now. It goes along with signs of life, packed, behind the name of the worker, for those
// who follow the run: no workflow looks at it.
type soFar struct {
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	Said    []said `json:"said"` // the end of it
}

// cancelNote tells a run to stop.
type cancelNote struct {
	By   string `json:"by"`
	Kill bool   `json:"kill,omitempty"`
}

// readyNote tells that the output of a service matched, or, with an outcome (as of a report), how its probe ended.
type readyNote struct {
	Leaf    int32           `json:"leaf"` // the service's, or the probe's
	Step    string          `json:"step"` // of the service
	Outcome json.RawMessage `json:"outcome,omitempty"`
}

// page is a part of the log of a workflow's events.
type page struct {
	Lines []byte `json:"lines"` // from the offset on; the last line may be cut
	Base  int64  `json:"base"`  // where the log of this workflow begins in that of the run; what is before it others have
	Size  int64  `json:"size"`  // of the log of the run
	Done  bool   `json:"done"`  // nothing will be added
}
