package expr

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm/runtime"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// What one evaluation may use. A step is about one operation, or 16 bytes of text that are looked at; the worst that the
// steps allow is under a second. Memory is what was asked for in all, whether or not it was given back.
const (
	maxSteps    = 10_000_000
	maxMemory   = 64 << 20
	maxText     = 16 << 20 // one text
	maxElements = 4_000_000
	maxItems    = 1_000_000 // of range, product
	maxDepth    = 1000      // of a value
)

// The sizes of what is counted against maxMemory.
const (
	elementSize = 24
	loopSize    = 200 // the library keeps the state of every loop that was begun until the end
)

// budget counts the work of one evaluation. Its methods leave by panic with an *event.Error; the library's
// machine, which does the same for its own errors, or catch, stops it.
type budget struct{ steps, memory int }

func newBudget() *budget { return &budget{maxSteps, maxMemory} }

func failure(format string, args ...any) *event.Error {
	return event.Errorf(event.ExpressionError, format, args...)
}

// fail ends the evaluation.
func fail(format string, args ...any) { panic(failure(format, args...)) }

// catch turns a panic of a budget into err.
func catch(err **event.Error) {
	switch p := recover().(type) {
	case nil:
	case *event.Error:
		*err = p
	default:
		panic(p)
	}
}

func (b *budget) step(n int) {
	if b.steps -= n; b.steps < 0 || n < 0 {
		fail("the expression takes too long: more than %d steps", maxSteps)
	}
}

// read counts looking at a text.
func (b *budget) read(s string) { b.step(1 + len(s)/16) }

// text counts the making of a text of n bytes.
func (b *budget) text(n int) {
	if n > maxText || n < 0 {
		fail("the expression makes a text of more than %d MiB", maxText>>20)
	}
	b.grow(n)
	b.step(n / 16)
}

// list counts the making of a list or a map of n elements.
func (b *budget) list(n int) {
	if n > maxElements || n < 0 {
		fail("the expression makes a list of more than %d elements", maxElements)
	}
	b.grow(n * elementSize)
	b.step(n)
}

func (b *budget) grow(bytes int) {
	if b.memory -= bytes; b.memory < 0 {
		fail("the expression needs too much memory: more than %d MiB", maxMemory>>20)
	}
}

func (b *budget) deeper(depth int) int {
	if depth > maxDepth {
		fail("a value is nested more than %d deep", maxDepth)
	}
	return depth + 1
}

// clean refuses a Poison.
func clean(v any) any {
	if p, ok := v.(Poison); ok {
		panic(p.Err)
	}
	return v
}

// member is v.name.
func (b *budget) member(v any, name string) any {
	switch m := v.(type) {
	case map[string]any:
		return clean(m[name])
	case nil:
		fail("cannot read %q of null", name)
	}
	fail("cannot read %q of %s", name, describe(clean(v)))
	return nil
}

// variable is env.name: unlike the members of other maps it must be there.
func variable(env any, name string) any {
	m, _ := env.(map[string]any)
	v, ok := m[name]
	if !ok {
		fail("env.%s is not set", name)
	}
	return clean(v)
}

// result makes v canonical. Values may share structure, so that a small one in memory can be a huge one when written.
func (b *budget) result(v any) (out any, err *event.Error) {
	defer catch(&err)
	c := canon{budget: b, elements: maxElements, bytes: maxMemory}
	return c.value(v, 0), nil
}

type canon struct {
	*budget
	elements, bytes int
}

// value copies only what has to be changed.
func (c *canon) value(v any, depth int) any {
	if c.elements--; c.elements < 0 {
		fail("the result has more than %d elements", maxElements)
	}
	switch v := v.(type) {
	case nil, bool, int:
		return v
	case string:
		if c.bytes -= len(v); c.bytes < 0 {
			fail("the result has more than %d MiB of text", maxMemory>>20)
		}
		if !utf8.ValidString(v) {
			return strings.ToValidUTF8(v, "\uFFFD")
		}
		return v
	case []any:
		depth = c.deeper(depth)
		return c.listOf(v, depth)
	case map[string]any:
		depth = c.deeper(depth)
		return c.mapOf(v, depth)
	}
	return scalar(v)
}

func (c *canon) listOf(v []any, depth int) any {
	out := v
	for i, x := range v {
		y := c.value(x, depth)
		if isSame(x, y) {
			continue
		}
		if &out[0] == &v[0] {
			c.list(len(v))
			out = slices.Clone(v)
		}
		out[i] = y
	}
	if out == nil {
		return []any{}
	}
	return out
}

// mapOf goes in the order of the keys, so that of several errors always the same comes out.
func (c *canon) mapOf(v map[string]any, depth int) any {
	var changed map[string]any
	for _, k := range slices.Sorted(maps.Keys(v)) {
		c.bytes -= len(k)
		y := c.value(v[k], depth)
		if isSame(v[k], y) {
			continue
		}
		if changed == nil {
			c.list(len(v))
			changed = maps.Clone(v)
		}
		changed[k] = y
	}
	if changed != nil {
		return changed
	}
	return v
}

// isSame says whether value gave x back as it was.
func isSame(x, y any) bool {
	switch x := x.(type) {
	case []any:
		z, ok := y.([]any)
		return ok && len(x) == len(z) && x != nil && (len(x) == 0 || &x[0] == &z[0])
	case map[string]any:
		z, ok := y.(map[string]any)
		return ok && reflect.ValueOf(x).Pointer() == reflect.ValueOf(z).Pointer()
	case string:
		z, ok := y.(string)
		return ok && x == z
	case nil, bool, int, float64:
		return true
	}
	return false
}

// scalar makes a value that is neither text nor a collection canonical.
func scalar(v any) any {
	switch v := v.(type) {
	case float64:
		return finite(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case time.Duration:
		return v.Seconds()
	}
	clean(v)
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return int(r.Int())
	case r.CanUint():
		return int(r.Uint())
	}
	fail("the expression gives a %T, which is not a value", v)
	return nil
}

func finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		fail("the expression computes %v, which is not a number", f)
	}
	return f
}

// equal compares by value; 1 and 1.0 are equal.
func (b *budget) equal(x, y any, depth int) bool {
	b.step(1)
	switch x := clean(x).(type) {
	case string:
		s, ok := clean(y).(string)
		if ok && len(s) == len(x) {
			b.read(s)
		}
		return ok && s == x
	case []any:
		l, ok := clean(y).([]any)
		if !ok || len(l) != len(x) {
			return false
		}
		depth = b.deeper(depth)
		for i := range x {
			if !b.equal(x[i], l[i], depth) {
				return false
			}
		}
		return true
	case map[string]any:
		m, ok := clean(y).(map[string]any)
		if !ok || len(m) != len(x) {
			return false
		}
		depth = b.deeper(depth)
		for _, k := range b.keys(x) {
			z, ok := m[k]
			if !ok || !b.equal(x[k], z, depth) {
				return false
			}
		}
		return true
	}
	return runtime.Equal(x, clean(y))
}

func (b *budget) keys(m map[string]any) []string {
	b.list(2 * len(m))
	return slices.Sorted(maps.Keys(m))
}

// compare orders two numbers, texts, dates or durations.
func (b *budget) compare(x, y any) int {
	if s, ok := x.(string); ok {
		b.read(s)
	}
	b.step(1)
	switch {
	case runtime.Less(x, y):
		return -1
	case runtime.Less(y, x):
		return 1
	}
	return 0
}

// write appends v as JSON: no white space, keys sorted, no HTML escapes, no exponents.
func (b *budget) write(out []byte, v any, depth int) []byte {
	before := len(out)
	b.step(1)
	switch v := v.(type) {
	case nil:
		out = append(out, "null"...)
	case bool:
		out = strconv.AppendBool(out, v)
	case int:
		out = strconv.AppendInt(out, int64(v), 10)
	case float64:
		out = strconv.AppendFloat(out, finite(v), 'f', -1, 64)
		if math.Abs(v) >= 1<<63 {
			out = append(out, ".0"...) // without a point it would be read as an integer, which has 64 bits
		}
	case string:
		out = appendString(out, v)
	case []any:
		depth = b.deeper(depth)
		out = append(out, '[')
		for i, x := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = b.write(out, x, depth)
		}
		b.text(2 + len(v))
		return b.fits(append(out, ']'))
	case map[string]any:
		depth = b.deeper(depth)
		out = append(out, '{')
		for i, k := range b.keys(v) {
			if i > 0 {
				out = append(out, ',')
			}
			before := len(out)
			out = append(appendString(out, k), ':')
			b.text(len(out) - before)
			out = b.write(out, v[k], depth)
		}
		b.text(2 + len(v))
		return b.fits(append(out, '}'))
	default:
		return b.write(out, scalar(v), depth)
	}
	b.text(len(out) - before)
	return b.fits(out)
}

func (b *budget) fits(out []byte) []byte {
	if len(out) > maxText {
		b.text(len(out))
	}
	return out
}

func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, err := event.Marshal(s)
			if err != nil {
				panic("expr: a text cannot be written: " + err.Error())
			}
			return append(out, quoted...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}

// show is v as text: a text as it is, anything else as JSON.
func (b *budget) show(v any) string {
	switch v := clean(v).(type) {
	case string:
		return v
	case float64:
		s := strconv.FormatFloat(finite(v), 'f', -1, 64)
		b.text(len(s))
		return s
	case time.Time:
		return v.Format(time.RFC3339Nano)
	default:
		return string(b.write(nil, v, 0))
	}
}

// decode reads one JSON text, counting as it goes.
func (b *budget) decode(s string) any {
	b.read(s)
	dec := json.NewDecoder(strings.NewReader(s))
	dec.UseNumber()
	v, err := b.decodeValue(dec, 0)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.New("there is more after the value")
		}
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = errors.New("the text ends too early")
	}
	if err != nil {
		fail("fromJSON: %v", err)
	}
	return v
}

func (b *budget) decodeValue(dec *json.Decoder, depth int) (any, error) {
	b.step(4)
	b.grow(2 * elementSize)
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Number:
		return event.Canonical(t)
	case string:
		b.text(len(t))
		return t, nil
	case json.Delim:
		depth = b.deeper(depth)
		if t == '[' {
			return b.decodeList(dec, depth)
		}
		return b.decodeMap(dec, depth)
	}
	return t, nil
}

func (b *budget) decodeList(dec *json.Decoder, depth int) (any, error) {
	out := []any{}
	for dec.More() {
		v, err := b.decodeValue(dec, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := dec.Token()
	return out, err
}

func (b *budget) decodeMap(dec *json.Decoder, depth int) (any, error) {
	out := map[string]any{}
	for dec.More() {
		k, err := dec.Token()
		if err != nil {
			return nil, err
		}
		v, err := b.decodeValue(dec, depth)
		if err != nil {
			return nil, err
		}
		b.grow(4 * elementSize)
		out[k.(string)] = v
	}
	_, err := dec.Token()
	return out, err
}

// describe names a value in a message: its kind, and itself when it is short.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int:
		return fmt.Sprintf("the number %d", v)
	case float64:
		return fmt.Sprintf("the number %v", v)
	case string:
		if r := []rune(v[:min(len(v), 160)]); len(r) > 40 || len(v) > 160 {
			return fmt.Sprintf("the text %q...", string(r[:min(len(r), 40)]))
		}
		return fmt.Sprintf("the text %q", v)
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	case time.Time:
		return "a date"
	case time.Duration:
		return "a duration"
	}
	return fmt.Sprintf("a %T", v)
}

// convert gives v the kind that a place wants.
func convert(v any, want TypeKind) (any, *event.Error) {
	ok := true
	switch want {
	case Any:
	case Bool:
		_, ok = v.(bool)
	case Int:
		if f, isFloat := v.(float64); isFloat && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int(f), nil
		}
		_, ok = v.(int)
	case Float:
		if i, isInt := v.(int); isInt {
			return float64(i), nil
		}
		_, ok = v.(float64)
	case String:
		_, ok = v.(string)
	case List:
		_, ok = v.([]any)
	case Map:
		_, ok = v.(map[string]any)
	}
	if !ok {
		return nil, failure("%s is wanted here, got %s", want, describe(v))
	}
	return v, nil
}

var runMismatch = regexp.MustCompile(`^invalid operation: (\S+(?: \{\})?) ([-+*/%<>=]+|in|\.\.) (\S+(?: \{\})?)$`)

// runError makes an error of the machine one of the language.
func runError(err error) *event.Error {
	var own *event.Error
	if errors.As(err, &own) {
		return own
	}
	text := err.Error()
	var f *file.Error
	if errors.As(err, &f) {
		text = f.Message
	}
	if rest, ok := strings.CutPrefix(text, "interface conversion: interface {} is "); ok {
		if got, want, ok := strings.Cut(rest, ", not "); ok {
			return failure("%s is wanted, got %s", typeWord(want), typeWord(got))
		}
	}
	switch {
	case strings.Contains(text, "memory budget exceeded"):
		return failure("the expression makes lists of more than %d elements", maxElements)
	case strings.Contains(text, "integer divide by zero"):
		return failure("division by zero")
	}
	if m := runMismatch.FindStringSubmatch(text); m != nil {
		return failure("%s does not go with %s and %s", m[2], typeWord(m[1]), typeWord(m[3]))
	}
	return failure("%s", strings.TrimPrefix(text, "invalid operation: "))
}
