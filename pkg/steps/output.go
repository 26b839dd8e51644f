package steps

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/mask"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// sink takes one output of a process: it keeps it for the value, writes it to the log, and says it to those who watch.
type sink struct {
	name   string
	limit  int
	out    says
	kept   []byte
	cut    bool // there was more than the limit; nothing is kept then
	masked *mask.Stream
	log    logFile
	speech *speech // nil: nothing was said
	watch  *watch  // sees all of it; nil: nobody does
}

// says is what a sink needs of kind.Output.
type says struct {
	say   func(stream, text string)
	skip  func(stream string, bytes int64)
	whole bool
}

func newSink(name string, limit int, out *kind.Output) *sink {
	s := &sink{name: name, limit: limit, out: says{out.Say, out.Skip, out.Whole}, log: logFile{prefix: out.Log, stream: name, safe: out.Safe}}
	if out.Mask != nil {
		s.masked = out.Mask.Stream(s.record)
	}
	return s
}

// Write implements io.Writer.
func (s *sink) Write(b []byte) (int, error) {
	if !s.cut {
		if len(s.kept)+len(b) > s.limit {
			s.cut, s.kept = true, nil
		} else {
			s.kept = append(s.kept, b...)
		}
	}
	if s.masked != nil {
		s.masked.Write(b)
	} else {
		s.record(b)
	}
	s.watch.see(b) // last: what makes a service ready is shown before what that sets off
	return len(b), nil
}

// record takes what may be seen.
func (s *sink) record(b []byte) {
	s.log.write(b)
	if s.speech == nil {
		s.speech = &speech{name: s.name, says: s.out, budget: burst}
	}
	s.speech.write(b)
}

// File implements process.filer: without masks the process may write to the log itself. It does not wait: nobody else
// can be started meanwhile.
func (s *sink) File() *os.File {
	if s.masked != nil || s.watch != nil || s.log.prefix == "" || s.log.open(openNow) != nil {
		return nil
	}
	f := s.log.file
	s.log.file = nil
	return f
}

// Filled takes what a process has written to the log.
func (s *sink) Filled() {
	f, err := openPatiently(s.log.path(), os.O_RDONLY)
	if err != nil {
		s.log.err = err
		return
	}
	defer f.Close()
	log := s.log
	s.log.prefix = "" // it is written already
	if n, err := io.Copy(s, f); err != nil {
		log.err = err
	} else if n == 0 {
		log.remove()
	}
	s.log = log
}

// Pause says that nothing more has come for now.
func (s *sink) Pause() { s.log.close() }

// end passes on what is left.
func (s *sink) end() {
	if s.masked != nil {
		s.masked.Close()
	}
	s.log.end()
	if s.speech != nil {
		s.speech.end()
	}
}

// value is the whole output, or what stands for it when it was cut or is no text.
func (s *sink) value() any {
	if s.cut {
		return event.Poison{Err: event.Errorf(event.OutputError,
			"%s was longer than capture_limit (%s) and was not kept: raise capture_limit, or write to a file", s.name, event.FormatSize(s.limit))}
	}
	if !utf8.Valid(s.kept) {
		return event.Poison{Err: event.Errorf(event.OutputError,
			"%s is not UTF-8: use capture: none and read the log, or encode it, as with base64", s.name)}
	}
	return string(s.kept)
}

// captured is the value of a step that wrote stdout.
func captured(how string, stdout *sink) (any, *event.Error) {
	switch {
	case how == "none":
		return nil, nil
	case how == "json" && !stdout.cut && !utf8.Valid(stdout.kept):
		return nil, event.Errorf(event.OutputError, "stdout is not JSON: it is not UTF-8")
	}
	v := stdout.value()
	all, ok := v.(string)
	if !ok {
		return v, nil
	}
	switch how {
	case "text":
		return chomp(all), nil
	case "lines":
		list := []any{}
		for line := range strings.Lines(all) {
			list = append(list, chomp(line))
		}
		return list, nil
	case "json":
		v, err := decode([]byte(all))
		if err != nil {
			return nil, jsonError("stdout", all, err)
		}
		return v, nil
	default:
		panic("steps: capture is " + how)
	}
}

// decode reads one JSON text, and nothing after it.
func decode(b []byte) (any, error) {
	var whole json.RawMessage
	if err := json.Unmarshal(b, &whole); err != nil { // says where it is wrong
		return nil, err
	}
	return event.Decode(whole)
}

// chomp is s without its last newline.
func chomp(s string) string {
	if t, ok := strings.CutSuffix(s, "\r\n"); ok {
		return t
	}
	return strings.TrimSuffix(s, "\n")
}

// jsonError says where all, which is what, is not JSON.
func jsonError(what, all string, err error) *event.Error {
	if strings.TrimSpace(all) == "" {
		return event.Errorf(event.OutputError, "%s is empty and not JSON, which capture: json needs", what)
	}
	var syntax *json.SyntaxError
	where := ""
	if errors.As(err, &syntax) && syntax.Offset > 0 {
		before := all[:min(int(syntax.Offset)-1, len(all))]
		line := strings.Count(before, "\n") + 1
		col := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
		where = fmt.Sprintf(" at line %d, column %d", line, col)
	}
	if strings.Contains(err.Error(), "unexpected end") {
		err, where = errors.New("it ends in the middle of a value"), ""
	}
	return event.Errorf(event.OutputError, "%s is not JSON: %v%s: it begins with %s", what, err, where, head(all))
}

// head is the begin of a text, quoted.
func head(s string) string {
	const most = 40
	for i := range s {
		if i >= most {
			return strconv.Quote(s[:i]) + "..."
		}
	}
	return strconv.Quote(s)
}

const sizeSchema = `{"title": "size", "type": ["string", "integer"], "pattern": "^[0-9]+(B|KiB|MiB|GiB)$", "minimum": 0,
	"patternErrorMessage": "no size: write one as 64KiB, 10MiB or 1GiB"}`
