package kernel

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// codec writes and reads plain data exactly, by reflection.
//
// It is JSON: a struct is the list of its exported fields in order; an activation is [its type, its fields]; a node of the
// plan is its number in the walk of the plan; a float is written with a point or an exponent, so that 1 and 1.0 stay two
// things; a missing value is null. A Poison among values is an object with the key poisonKey, a number that seal has changed
// one with the key numberKey.
type codec struct {
	// seal and unseal stand around every text, and seal around every number among values; nil: nothing does.
	seal   func(string) string
	unseal func(string) (string, error)

	out   []byte
	nodes []any // *plan.Step and plan.Node, by number
	ids   map[any]int
}

var (
	activationType = reflect.TypeFor[activation]()
	nodeType       = reflect.TypeFor[plan.Node]()
	stepType       = reflect.TypeFor[*plan.Step]()
	timeType       = reflect.TypeFor[time.Time]()
)

// No key of a value is one of these: a \x1a in a text is written twice.
const (
	poisonKey = "\x1a!"
	numberKey = "\x1a#"
)

// text is s as it is written.
func (c *codec) text(s string) string {
	if c.seal != nil {
		return c.seal(s)
	}
	return strings.ReplaceAll(s, "\x1a", "\x1a\x1a")
}

// was is the text that was written as s.
func (c *codec) was(s string) string {
	if c.unseal == nil {
		return strings.ReplaceAll(s, "\x1a\x1a", "\x1a")
	}
	text, err := c.unseal(s)
	if err != nil {
		panic(err)
	}
	return text
}

// number numbers the nodes of the plan.
func (c *codec) number(p *plan.Plan) {
	c.ids = map[any]int{}
	for _, s := range p.Steps {
		c.add(s)
		plan.Walk(s.Body, func(n plan.Node) { c.add(n) })
	}
}

func (c *codec) add(n any) {
	if _, ok := c.ids[n]; !ok {
		c.ids[n] = len(c.nodes)
		c.nodes = append(c.nodes, n)
	}
}

// kinds are the types of activations; the position is what a snapshot has.
func kinds() []reflect.Type {
	return []reflect.Type{
		reflect.TypeFor[stepAct](), reflect.TypeFor[leafAct](), reflect.TypeFor[sequenceAct](), reflect.TypeFor[loopAct](),
		reflect.TypeFor[joinAct](), reflect.TypeFor[needsAct](), reflect.TypeFor[whenAct](), reflect.TypeFor[limitAct](),
		reflect.TypeFor[retryAct](), reflect.TypeFor[holdAct](), reflect.TypeFor[handleAct](), reflect.TypeFor[shieldAct](),
		reflect.TypeFor[resultAct](), reflect.TypeFor[callAct](), reflect.TypeFor[awaitAct](), reflect.TypeFor[cancelAct](),
		reflect.TypeFor[probeAct](),
	}
}

func (c *codec) put(s string) { c.out = append(c.out, s...) }

func (c *codec) write(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		c.out = strconv.AppendBool(c.out, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		c.out = strconv.AppendInt(c.out, v.Int(), 10)
	case reflect.Uint8:
		c.out = strconv.AppendUint(c.out, v.Uint(), 10)
	case reflect.Float64:
		c.put(float(v.Float()))
	case reflect.String:
		b, err := event.Marshal(c.text(v.String()))
		if err != nil {
			panic(err)
		}
		c.out = append(c.out, b...)
	case reflect.Slice:
		if v.IsNil() {
			c.put("null")
			return
		}
		c.list(v.Len(), func(i int) { c.write(v.Index(i)) })
	case reflect.Map:
		c.writeMap(v)
	case reflect.Struct:
		if v.Type() == timeType {
			c.out = strconv.AppendInt(c.out, nanoseconds(v.Interface().(time.Time)), 10)
			return
		}
		c.list(v.NumField(), func(i int) {
			if v.Type().Field(i).IsExported() || v.Type().Field(i).Anonymous {
				c.write(v.Field(i))
			} else {
				c.put("null")
			}
		})
	case reflect.Pointer:
		switch {
		case v.IsNil():
			c.put("null")
		case v.Type() == stepType || v.Type().Implements(nodeType):
			c.out = strconv.AppendInt(c.out, int64(c.ids[v.Interface()]), 10)
		default:
			c.write(v.Elem())
		}
	case reflect.Interface:
		if v.IsNil() {
			c.put("null")
			return
		}
		if v.Type() == activationType {
			x := v.Elem().Elem()
			c.put("[")
			c.out = strconv.AppendInt(c.out, int64(slices.Index(kinds(), x.Type())), 10)
			c.put(",")
			c.write(x)
			c.put("]")
			return
		}
		c.writeValue(v.Elem())
	default:
		panic("kernel: a snapshot cannot hold a " + v.Type().String())
	}
}

// nanoseconds are those since 1970, as a time is written; of the zero time the least number.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return math.MinInt64
	}
	return t.UnixNano()
}

// timeOf is the time that was written as n, in UTC.
func timeOf(n int64) time.Time {
	if n == math.MinInt64 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// float is written so that it cannot be taken for a whole number.
func float(x float64) string {
	f := strconv.FormatFloat(x, 'g', -1, 64)
	if !strings.ContainsAny(f, ".e") {
		f += ".0"
	}
	return f
}

// digits is an int or a float64 as a text.
func digits(x any) string {
	if n, ok := x.(int); ok {
		return strconv.Itoa(n)
	}
	return strconv.FormatFloat(x.(float64), 'f', -1, 64)
}

// writeValue writes what is in an any.
func (c *codec) writeValue(v reflect.Value) {
	switch x := v.Interface().(type) {
	case event.Poison:
		c.put(`{"\u001a!":`)
		c.write(reflect.ValueOf(x.Err))
		c.put("}")
		return
	case int, float64:
		if c.seal == nil {
			break
		}
		text := digits(x) // as people read it, in which a secret is seen
		if c.seal(text) == text {
			break
		}
		if _, isFloat := x.(float64); isFloat {
			text += " " // which no whole number has
		}
		c.put(`{"\u001a#":`)
		c.write(reflect.ValueOf(text))
		c.put("}")
		return
	}
	c.write(v)
}

func (c *codec) list(n int, write func(int)) {
	c.put("[")
	for i := range n {
		if i > 0 {
			c.put(",")
		}
		write(i)
	}
	c.put("]")
}

// writeMap writes a map of text keys as an object, one of numbers as a list of pairs, both sorted.
func (c *codec) writeMap(v reflect.Value) {
	if v.IsNil() {
		c.put("null")
		return
	}
	if m, ok := v.Interface().(map[string]any); ok {
		c.put("{")
		for i, key := range slices.Sorted(maps.Keys(m)) {
			if i > 0 {
				c.put(",")
			}
			c.write(reflect.ValueOf(key))
			c.put(":")
			c.write(v.MapIndex(reflect.ValueOf(key)))
		}
		c.put("}")
		return
	}
	m := v.Interface().(map[int32][]id)
	keys := slices.Sorted(maps.Keys(m))
	c.list(len(keys), func(i int) {
		c.list(2, func(j int) {
			if j == 0 {
				c.write(reflect.ValueOf(keys[i]))
			} else {
				c.write(reflect.ValueOf(m[keys[i]]))
			}
		})
	})
}

func (c *codec) read(tree any, v reflect.Value) {
	if tree == nil {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(tree.(bool))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(integer(tree))
	case reflect.Uint8:
		v.SetUint(uint64(integer(tree)))
	case reflect.Float64:
		v.SetFloat(c.value(tree).(float64))
	case reflect.String:
		v.SetString(c.was(tree.(string)))
	case reflect.Slice:
		list := tree.([]any)
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i, x := range list {
			c.read(x, v.Index(i))
		}
	case reflect.Map:
		c.readMap(tree, v)
	case reflect.Struct:
		if v.Type() == timeType {
			v.Set(reflect.ValueOf(timeOf(integer(tree))))
			return
		}
		list := tree.([]any)
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				c.read(list[i], v.Field(i))
			}
		}
	case reflect.Pointer:
		if v.Type() == stepType || v.Type().Implements(nodeType) {
			v.Set(reflect.ValueOf(c.nodes[integer(tree)]))
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		c.read(tree, v.Elem())
	case reflect.Interface:
		if v.Type() == activationType {
			pair := tree.([]any)
			x := reflect.New(kinds()[integer(pair[0])])
			c.read(pair[1], x.Elem())
			v.Set(x)
			return
		}
		v.Set(reflect.ValueOf(c.value(tree)))
	default:
		panic("a " + v.Type().String())
	}
}

func (c *codec) readMap(tree any, v reflect.Value) {
	if obj, ok := tree.(map[string]any); ok {
		v.Set(reflect.ValueOf(c.value(obj)))
		return
	}
	m := map[int32][]id{}
	for _, x := range tree.([]any) {
		pair := x.([]any)
		var list []id
		c.read(pair[1], reflect.ValueOf(&list).Elem())
		m[int32(integer(pair[0]))] = list
	}
	v.Set(reflect.ValueOf(m))
}

func integer(tree any) int64 {
	n, err := tree.(json.Number).Int64()
	if err != nil {
		panic(err)
	}
	return n
}

// value is a value of the language as it was written.
func (c *codec) value(tree any) any {
	switch x := tree.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil && !strings.ContainsAny(x.String(), ".e") {
			return int(n)
		}
		f, err := x.Float64()
		if err != nil && !math.IsInf(f, 0) {
			panic(err)
		}
		return f
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = c.value(x[i])
		}
		return out
	case map[string]any:
		if e, ok := x[poisonKey]; ok {
			var p event.Poison
			c.read(e, reflect.ValueOf(&p.Err).Elem())
			return p
		}
		if n, ok := x[numberKey]; ok {
			return number(c.was(n.(string)))
		}
		out := make(map[string]any, len(x))
		for k := range x {
			out[c.was(k)] = c.value(x[k])
		}
		return out
	case string:
		return c.was(x)
	}
	return tree
}

// number is what digits made a text of, a float with a blank behind.
func number(text string) any {
	digits, isFloat := strings.CutSuffix(text, " ")
	if n, err := strconv.Atoi(digits); err == nil && !isFloat {
		return n
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		panic(err)
	}
	return f
}
