// Package journal keeps what a run leaves on disk, its folder, and reads it again:
//
//	STATE/runs/RUN/                       mode 0700, files 0600
//	    workflow.yaml                     the file of the workflow, as it was read
//	    files/N-NAME                      the Nth other file that took part, as it was read
//	    inputs.json                       the values of the inputs; of secrets the names
//	    journal.ndjson                    all that happened
//	    logs/STEP/N.stdout, N.stderr      all that the Nth attempt of a step wrote
//	    artifacts/SHA256                  what is in a file that a step has kept (package artifact)
//	    result.json                       the result document, when the run has ended
//	    process.json                      the process that has resumed the run last
//	    earlier/N/...                     all of that but logs, of the Nth take, when there is a later one (Retake)
//
// Secrets are masked in all of it. The folder is made when a run begins, and nothing of it is removed by itself.
//
// # The journal
//
// Each line is a JSON object of which the last key is crc. Line 1 is the Header; each other one is an event, as event
// knows it, and more of it under the key journal:
//
//	{"journal":1,"run":...,"crc":"8c1f06a3"}
//	{"v":1,"seq":1,"time":...,"type":"run.start","journal":{"at":0,"step":0,"parent":-1,"order":0,"node":0},"crc":"..."}
//
//	at                   nanoseconds since the run began: time is rounded
//	step parent          numbers of the step and of the one that it belongs to; -1: none
//	order node           its place among the children, and the step of the plan (event.Where)
//	log                  step.output step.retry step.end: the files of the attempt below logs/, without .stdout or .stderr
//	bytes                step.output: so many bytes of the stream; what has a log has its text there, and an empty text here
//	kept                 step.end: 1 when its work was done in an earlier take
//	started took queued  step.end: when it began, since the run began, and how long it worked and waited, in nanoseconds
//	lost                 run.end: why the journal is not whole (the note of that name)
//
// A line without the key type is a note, of what is no event. Notes and events together say how the run can go on after a
// crash: who gives the kernel the same inputs at the same times gets the same events again.
//
//	{"journal":{"at":1000},"note":"inputs","value":[...],"crc":"..."}
//
//	given    line 2: what the run was given: its inputs, and the variables of the environment that its expressions read
//	inputs   the kernel was stepped, at that time, with what had happened outside; its events follow
//	glob     what a pattern has found, the first time that it was asked for; behind the inputs of that step
//	resumed  the run goes on, in another process
//	soon     steps that wait for nothing but a permit. With --durability power their begin is on the disk before their turn comes, and
//	         need not be brought there again when it does. When the power was lost, one of them may have begun though the journal has
//	         no step.start of it (Reader.Soon); when flowrun alone has died, the journal has all
//	lost     why the journal could not go on, as for want of space. What comes behind it are only some events, for which space was set
//	         aside (on Linux, where the file system can do so); the end of the run, if there is one, is the last. A run that is
//	         resumed goes on from here
//
// Values in notes are exact (kernel.WriteInputs), with references in the place of secrets (mask.Set.Seal). A note that a reader
// does not know is passed over.
//
// crc is the CRC-32C, in eight hexadecimal digits, of the bytes of the line before `,"crc"`, begun with the crc of the
// line before: so a line that was changed, lost, added or moved is found. The bytes of a stream are in its log in the order
// of the events; skipped ones are there, too.
//
// A process that dies in the middle of a write leaves a torn tail: a last line without an end, or blocks of zeros. It is
// an event that did not happen. Anything else that does not fit is damage, an error that says where. Who reads never
// repairs.
//
// The process whose run it is holds a lock on the file as long as it lives, by which others know that the run is alive.
package journal

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// Version is that of the format. A reader takes what it knows and passes over keys that it does not know; a change that it
// could misread makes a new version, which it refuses. The header's first key and the crc of lines stay for ever, so
// that a newer version can be told from damage.
const Version = 1

// Header is the first line.
type Header struct {
	Version  int       `json:"journal"`
	Run      string    `json:"run"`
	Workflow string    `json:"workflow"` // its name; may be empty
	File     string    `json:"file"`     // as given; - is standard input
	Start    time.Time `json:"started_at"`
	Process  Process   `json:"process"`
	Command  Command   `json:"command"`
	Files    []File    `json:"files"` // the first is the workflow's own
	// Plan is a checksum of the plan's steps: events speak of them by number.
	Plan string `json:"plan"`
	// Take is the number of a take that is not the first one, and Begun when that one began.
	Take  int        `json:"take,omitempty"`
	Begun *time.Time `json:"begun_at,omitempty"`
}

// Command is what the journal has to know of the command line that began the run.
type Command struct {
	Flowrun  string   `json:"flowrun"` // the version of the program
	Folder   string   `json:"folder"`  // where it was given, absolute
	Again    string   `json:"again"`   // that does the same, without secrets; "": there is none
	Jobs     int      `json:"jobs,omitempty"`
	Room     int      `json:"room,omitempty"`
	Timeout  string   `json:"timeout,omitempty"`
	Grace    string   `json:"grace,omitempty"`
	Strict   bool     `json:"strict,omitempty"`
	EnvFiles []string `json:"env_files,omitempty"`
	// Semaphores is the folder of the semaphores of the machine, absolute; "": that of all users.
	Semaphores string `json:"semaphores,omitempty"`
	Durability string `json:"durability,omitempty"` // power, none; "": process
	// Traceparent is the W3C trace context in which flowrun was started.
	Traceparent string `json:"traceparent,omitempty"`
	// Engine is where the run takes place, if that is not this machine. The journal then has only what the engine has told: its
	// events, and no notes to resume from.
	Engine *Engine `json:"engine,omitempty"`
}

// Engine is one beyond this machine, and how it is reached. Nothing of it is secret.
type Engine struct {
	Name    string   `json:"name"`
	Env     []string `json:"env,omitempty"` // the engine's own variables, NAME=value
	Queue   string   `json:"queue,omitempty"`
	KeyFile string   `json:"key_file,omitempty"` // absolute
	Store   string   `json:"store,omitempty"`
}

// File is a workflow file that took part.
type File struct {
	Name string `json:"name"`   // in messages
	Path string `json:"path"`   // absolute
	Kept string `json:"kept"`   // in the run's folder
	Sum  string `json:"sha256"` // of its text
}

// Source is a workflow file with its text.
type Source struct {
	Name, Path string // as in File
	Text       []byte
}

// Problem is why a file of the folder cannot be written, or be read.
type Problem struct {
	File string
	Err  error
	read bool
}

// Error implements error.
func (p *Problem) Error() string {
	if p.read {
		return p.File + ": " + p.Err.Error()
	}
	return p.File + " cannot be written: " + p.Err.Error()
}

// Unwrap gives the reason.
func (p *Problem) Unwrap() error { return p.Err }

// Damage is a line of a journal that is not as it was written.
type Damage struct {
	Line   int   // from 1
	Offset int64 // of its first byte
	Text   string
}

// Error implements error.
func (d *Damage) Error() string {
	return fmt.Sprintf("line %d (at byte %d) is damaged: %s", d.Line, d.Offset, d.Text)
}

// NewerError is a journal of a version that this package does not know.
type NewerError struct{ Version int }

// Error implements error.
func (e NewerError) Error() string {
	return fmt.Sprintf("it was written by a newer flowrun (version %d of the journal; this one reads version %d)", e.Version, Version)
}

// The notes.
const (
	NoteGiven   = "given"
	NoteInputs  = "inputs"
	NoteGlob    = "glob"
	NoteResumed = "resumed"
	NoteSoon    = "soon"
	NoteLost    = "lost"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The end of a line: `,"crc":"`, eight digits, `"}`.
const (
	crcKey  = `,"crc":"`
	crcEnd  = `"}`
	crcSize = len(crcKey) + 8 + len(crcEnd)
)

// seal ends the JSON object that begins at from in b: with its crc in the place of its brace, and a newline.
func seal(b []byte, from int, before uint32) ([]byte, uint32) {
	b = b[:len(b)-1]
	sum := crc32.Update(before, castagnoli, b[from:])
	b = append(b, crcKey...)
	b = append(b, digits(sum)...)
	return append(b, crcEnd+"\n"...), sum
}

// digits is a crc as it is written.
func digits(sum uint32) string {
	const zeros = "00000000"
	s := strconv.FormatUint(uint64(sum), 16)
	return zeros[len(s):] + s
}

// said is the crc that stands in a line without its newline; false when none does.
func said(line []byte) (sum uint32, ok bool) {
	if len(line) < crcSize {
		return 0, false
	}
	end := string(line[len(line)-crcSize:])
	text := end[len(crcKey) : len(crcKey)+8]
	n, err := strconv.ParseUint(text, 16, 32)
	return uint32(n), err == nil && end == crcKey+digits(uint32(n))+crcEnd
}

// counted is the crc that a line without its newline should have behind one with the crc before.
func counted(line []byte, before uint32) uint32 {
	return crc32.Update(before, castagnoli, line[:max(0, len(line)-crcSize)])
}
