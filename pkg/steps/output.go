package steps

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// sink takes one output of a process: it passes it on in whole lines and keeps it up to a limit.
type sink struct {
	name  string
	limit int
	tell  func(stream, text string)
	line  []byte // the begin of a line whose end is not there yet; at most maxLine
	kept  []byte
	cut   bool // there was more than the limit; nothing is kept then
}

// maxLine is the longest piece that waits for its newline.
const maxLine = 32 << 10

// Write implements io.Writer.
func (s *sink) Write(b []byte) (int, error) {
	if !s.cut {
		if len(s.kept)+len(b) > s.limit {
			s.cut, s.kept = true, nil
		} else {
			s.kept = append(s.kept, b...)
		}
	}
	rest := b
	if end := bytes.LastIndexByte(b, '\n') + 1; end > 0 {
		s.pass(append(s.line, b[:end]...))
		s.line, rest = s.line[:0], b[end:]
	}
	s.line = append(s.line, rest...)
	if len(s.line) >= maxLine {
		end := wholeRunes(s.line)
		s.pass(s.line[:end])
		s.line = s.line[:copy(s.line, s.line[end:])]
	}
	return len(b), nil
}

// flush passes on a last line without a newline.
func (s *sink) flush() {
	s.pass(s.line)
	s.line = nil
}

func (s *sink) pass(b []byte) {
	if len(b) > 0 {
		s.tell(s.name, clean(b))
	}
}

// wholeRunes is the length of b without a rune at its end that is not complete.
func wholeRunes(b []byte) int {
	for back := 1; back <= min(utf8.UTFMax-1, len(b)); back++ {
		if i := len(b) - back; utf8.RuneStart(b[i]) {
			if utf8.FullRune(b[i:]) {
				break
			}
			return i
		}
	}
	return len(b)
}

// clean is b to be shown: events are JSON, so what is no UTF-8 is replaced.
func clean(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }

// value is the whole output, or what stands for it when it was cut or is no text.
func (s *sink) value() any {
	if s.cut {
		return event.Poison{Err: event.Errorf(event.OutputError,
			"%s was longer than capture_limit (%s) and was not kept: raise capture_limit, or write to a file", s.name, sizeText(s.limit))}
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
			return nil, jsonError(all, err)
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

func jsonError(all string, err error) *event.Error {
	if strings.TrimSpace(all) == "" {
		return event.Errorf(event.OutputError, "stdout is empty and not JSON, which capture: json needs")
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
	return event.Errorf(event.OutputError, "stdout is not JSON: %v%s: it begins with %s", err, where, head(all))
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

var sizePattern = regexp.MustCompile(`^([0-9]+)(B|KiB|MiB|GiB)$`)

// units are those of sizes, the largest first.
var units = [...]struct {
	name  string
	bytes int
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// size reads a size: a text as 10MiB, or a number of bytes.
func size(v any) (int, error) {
	switch v := v.(type) {
	case int:
		if v < 0 {
			return 0, fmt.Errorf("%d is negative", v)
		}
		return v, nil
	case string:
		if m := sizePattern.FindStringSubmatch(strings.TrimSpace(v)); m != nil {
			n, err := strconv.Atoi(m[1])
			for _, u := range units {
				if u.name == m[2] && err == nil && n <= math.MaxInt/u.bytes {
					return n * u.bytes, nil
				}
			}
			return 0, fmt.Errorf("%s is too large", v)
		}
		return 0, fmt.Errorf("%q is no size: write one as 64KiB, 10MiB or 1GiB", v)
	default:
		return 0, fmt.Errorf("%s is no size: write one as 64KiB, 10MiB or 1GiB", noun(v))
	}
}

func sizeText(n int) string {
	for _, u := range units {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.name
		}
	}
	return strconv.Itoa(n) + "B"
}
