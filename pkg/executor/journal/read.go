package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// Reader reads a journal from its begin. It may be written meanwhile: at its end Next gives io.EOF, and what has come
// since when it is called again.
type Reader struct {
	Header Header
	folder string // of the run
	path   string
	file   *os.File
	in     *bufio.Reader
	part   []byte // of a line of which the end has not come
	line   int    // the number of the last one
	at     int64  // the offset behind it
	good   int64  // at, of the last one that is right
	sum    uint32 // its crc
	torn   bool   // nothing more will come
	whole  bool   // where the journal was lost is its end
	seq    int64
	soon   []soon
	lost   string
}

// Open opens the journal of the run in a folder and reads its header. The error is a *Problem: of the operating system, a
// *Damage, a NewerError, or ErrEmpty.
func Open(folder string) (*Reader, error) {
	return openJournal(folder, filepath.Join(folder, journalName))
}

// openJournal opens a journal of the run in a folder.
func openJournal(folder, path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, unread(path, err)
	}
	r := &Reader{folder: folder, path: path, file: f, in: bufio.NewReaderSize(f, 64<<10)}
	if err = r.header(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return r, nil
}

// ErrEmpty is a journal without a header: the run never began.
var ErrEmpty = errors.New("it is empty")

// Close closes the file.
func (r *Reader) Close() { _ = r.file.Close() }

func (r *Reader) header() error {
	line, err := r.next()
	if err == io.EOF {
		return r.wrong(ErrEmpty)
	}
	if err != nil {
		return err
	}
	r.Header, err = headerOf(line)
	if err != nil {
		return r.wrong(err)
	}
	return nil
}

// headerOf reads a header whose crc is right.
func headerOf(line []byte) (h Header, err error) {
	var first struct {
		Version int `json:"journal"`
	}
	if err := json.Unmarshal(line, &first); err != nil || first.Version < 1 {
		return h, &Damage{Line: 1, Text: "it is no header of a journal"}
	}
	if first.Version > Version {
		return h, NewerError{first.Version}
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, &Damage{Line: 1, Text: err.Error()}
	}
	return h, nil
}

// wrong names the file.
func (r *Reader) wrong(err error) error { return unread(r.path, err) }

// damaged is damage of the last line.
func (r *Reader) damaged(length int, text string) error {
	return r.wrong(&Damage{Line: r.line, Offset: r.at - int64(length) - 1, Text: text})
}

// kept is a line, of an event or of a note.
type kept struct {
	event.JSON
	Journal struct {
		At      int64  `json:"at"`
		Step    int32  `json:"step"`
		Parent  int32  `json:"parent"`
		Order   int64  `json:"order"`
		Node    int32  `json:"node"`
		Log     string `json:"log"`
		Bytes   int64  `json:"bytes"`
		Started *int64 `json:"started"`
		Took    int64  `json:"took"`
		Queued  int64  `json:"queued"`
		Lost    string `json:"lost"`
		Kept    int    `json:"kept"`
	} `json:"journal"`
	Note string `json:"note"`
}

// Entry is a line: an event, or a note of what is no event.
type Entry struct {
	Event event.Event     // Type "": it is a note
	Note  string          // NoteGiven, ...; "": none that this package knows
	Value json.RawMessage // of the note
	At    time.Duration   // since the run began
}

// soon is a begin that was entered before its time.
type soon struct {
	Path    string `json:"path"`
	Attempt int    `json:"attempt"`
	Parent  int32  `json:"parent"` // as in the event to come
	Order   int64  `json:"order"`
}

// Soon are the steps that may have begun though no event read so far says so, in the order in which they were entered: after a
// loss of power. Of each there are the Path, the Attempt, and of Where the Parent and the Order.
func (r *Reader) Soon() (list []event.Event) {
	for _, s := range r.soon {
		place := event.Where{Step: -1, Parent: s.Parent, Order: s.Order}
		list = append(list, event.Event{Type: event.StepStart, Path: s.Path, Attempt: s.Attempt, Where: place})
	}
	return list
}

// Lost is why the journal could not go on, once that was read: from there on it has only some of the events, its end if possible. "": it has all.
func (r *Reader) Lost() string { return r.lost }

// begun: what was entered before its time has begun, or ended without.
func (r *Reader) begun(e event.Event) {
	if len(r.soon) > 0 && (e.Type == event.StepStart || e.Type == event.StepEnd) {
		r.soon = slices.DeleteFunc(r.soon, func(s soon) bool {
			return s.Parent == e.Parent && s.Order == e.Order && s.Attempt <= max(e.Attempt, 1)
		})
	}
}

// Next gives the next event, with everything that it had but for the text that is in a log (Texts), the Last of outcomes and
// their Extra, of which there are the artifacts. The error is io.EOF at the end, a torn tail included, or a *Problem.
func (r *Reader) Next() (event.Event, error) {
	for {
		if e, err := r.Entry(); err != nil || e.Event.Type != "" {
			return e.Event, err
		}
	}
}

// Entry gives the next line, as Next does.
func (r *Reader) Entry() (Entry, error) {
	sum, good := r.sum, r.good
	line, err := r.next()
	if err != nil {
		return Entry{}, err
	}
	var k kept
	if err := json.Unmarshal(line, &k); err != nil {
		return Entry{}, r.damaged(len(line), err.Error())
	}
	n := Entry{At: time.Duration(k.Journal.At)}
	if k.Type == "" {
		n.Note, n.Value = k.Note, k.Value
		switch n.Note {
		case NoteSoon:
			var list []soon
			err = json.Unmarshal(n.Value, &list)
			r.soon = append(r.soon, list...)
		case NoteLost:
			if r.whole {
				r.sum, r.good, r.torn = sum, good, true
				return Entry{}, io.EOF
			}
			err = json.Unmarshal(n.Value, &r.lost)
		}
		if err != nil {
			return n, r.damaged(len(line), err.Error())
		}
		return n, nil
	}
	n.Event, err = r.event(&k, len(line))
	return n, err
}

// event is the event of a line of that length.
func (r *Reader) event(k *kept, length int) (event.Event, error) {
	e, err := k.Event()
	if err != nil {
		return e, r.damaged(length, err.Error())
	}
	j := &k.Journal
	if e.Seq != r.seq+1 && (r.lost == "" || e.Seq <= r.seq) || j.Step < 0 || j.Node < 0 || j.Parent >= max(j.Step, 1) || j.Bytes < 0 || !local(j.Log) {
		return e, r.damaged(length, "it does not follow the line before")
	}
	r.seq = e.Seq
	e.Where = event.Where{Step: j.Step, Parent: j.Parent, Order: j.Order, Node: j.Node}
	e.Time, e.Bytes = r.instant(j.At), j.Bytes
	if j.Log != "" {
		e.Log = filepath.Join(r.folder, logsName, filepath.FromSlash(j.Log))
	}
	r.begun(e)
	if e.Type == event.StepEnd {
		e.Timing = event.Timing{Duration: time.Duration(j.Took), Queued: time.Duration(j.Queued)}
		e.Kept = j.Kept != 0
		if j.Started != nil {
			e.Started = r.instant(*j.Started)
		}
	}
	return e, nil
}

func (r *Reader) instant(at int64) time.Time { return r.Header.Start.Add(time.Duration(at)) }

// local says that a log is in the folder of the run.
func local(log string) bool {
	return log == "" || filepath.IsLocal(filepath.FromSlash(log)) && strings.Count(log, "/") == 1
}

// next is the next line whose crc is right, without its newline. It is good until the next call.
func (r *Reader) next() ([]byte, error) {
	if r.torn {
		return nil, io.EOF
	}
	line, err := r.read()
	if err != nil {
		return nil, err
	}
	r.line++
	r.at += int64(len(line)) + 1
	sum, ok := said(line)
	if want := counted(line, r.sum); !ok || sum != want {
		return nil, r.judge(line, sum, want)
	}
	r.sum, r.good = sum, r.at
	return line, nil
}

// read is the next line that has an end; io.EOF while there is none.
func (r *Reader) read() ([]byte, error) {
	for {
		piece, err := r.in.ReadSlice('\n')
		switch {
		case err == nil && len(r.part) == 0:
			return piece[:len(piece)-1], nil
		case err == nil:
			line := append(r.part, piece...)
			r.part = r.part[:0]
			return line[:len(line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull), err == io.EOF:
			if r.part = append(r.part, piece...); err == io.EOF {
				return nil, io.EOF
			}
		default:
			return nil, r.wrong(reason(err))
		}
	}
}

// judge says what a wrong line is, which says one crc and should have another: io.EOF when a block of a torn tail can
// look so, else damage. A line further on that fits the one before shows that this one was not the last.
func (r *Reader) judge(line []byte, says, should uint32) error {
	damage := r.damaged(len(line), "its checksum is wrong")
	torn := bytes.IndexByte(line, 0) >= 0
	for n := 1; torn; n++ {
		next, err := r.read()
		if err == io.EOF {
			r.torn = true
			return io.EOF
		}
		if err != nil {
			return err
		}
		sum, ok := said(next)
		if ok && (sum == counted(next, says) || n == 1 && sum == counted(next, should)) {
			torn = false
		}
		says = sum
	}
	return damage
}
