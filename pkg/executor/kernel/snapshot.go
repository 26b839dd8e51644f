package kernel

import (
	"encoding/json"
	"fmt"
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

// snapshotVersion changes with every change of the activations' fields, or of what they mean: a snapshot is read by
// the version that wrote it, and by no other.
const snapshotVersion = 2

// snapshot is everything of a run between two instants, when the queues are empty.
//
// It is written as JSON: a struct is the list of its exported fields in order; an activation is [its type, its
// fields]; a node of the plan is its number in the walk of the plan; a float is written with a point or an exponent,
// so that 1 and 1.0 stay two things; a missing value is null.
type snapshot struct {
	Version int
	Now     time.Duration
	Instant int64
	Seq     int64
	Acts    []activation
	Free    []id
	Timers  timers
	Sems    []semaphore
	FreeSem []int32
	Frames  frames
	Steps   int32
	Errors  int64
	Leaves  int32
	Done    bool
	Out     event.Outcome
	Locked  *event.Error
}

// Snapshot writes down the run. It is called between two Steps; nil when an instant is not over yet.
func (k *Kernel) Snapshot() []byte {
	if k.busy {
		return nil
	}
	s := snapshot{
		snapshotVersion, k.now, k.instant, k.seq, k.acts, k.free, k.timers, k.sems, k.freeSems, k.frames,
		k.steps, k.errors, k.leaves, k.done, k.out, k.locked,
	}
	c := codec{}
	c.number(k.plan)
	c.write(reflect.ValueOf(&s).Elem())
	return c.out
}

// Restore makes the run that Snapshot wrote, over the same plan and options.
func Restore(p *plan.Plan, opt Options, h Host, data []byte) (k *Kernel, err error) {
	defer func() {
		if r := recover(); r != nil {
			k, err = nil, fmt.Errorf("kernel: this is not a snapshot of this plan: %v", r)
		}
	}()
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("kernel: not a snapshot: %w", err)
	}
	if v := tree.([]any)[0].(json.Number).String(); v != strconv.Itoa(snapshotVersion) {
		return nil, fmt.Errorf("kernel: a snapshot of version %s, want %d", v, snapshotVersion)
	}
	c := codec{}
	c.number(p)
	var s snapshot
	c.read(tree, reflect.ValueOf(&s).Elem())
	k = New(p, opt, h)
	k.now, k.instant, k.seq, k.acts, k.free = s.Now, s.Instant, s.Seq, s.Acts, s.Free
	k.timers, k.sems, k.freeSems, k.frames = s.Timers, s.Sems, s.FreeSem, s.Frames
	k.steps, k.errors, k.leaves, k.done, k.out, k.locked = s.Steps, s.Errors, s.Leaves, s.Done, s.Out, s.Locked
	for i := range k.timers.Heap {
		t := &k.timers.Heap[i]
		t.base = k.acts[t.Act].head()
	}
	return k, nil
}

// codec writes and reads plain data by reflection.
type codec struct {
	out   []byte
	nodes []any // *plan.Step and plan.Node, by number
	ids   map[any]int
}

var (
	activationType = reflect.TypeFor[activation]()
	nodeType       = reflect.TypeFor[plan.Node]()
	stepType       = reflect.TypeFor[*plan.Step]()
)

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
		f := strconv.FormatFloat(v.Float(), 'g', -1, 64)
		if !strings.ContainsAny(f, ".e") {
			f += ".0"
		}
		c.put(f)
	case reflect.String:
		b, err := event.Marshal(v.String())
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
		c.write(v.Elem())
	default:
		panic("kernel: a snapshot cannot hold a " + v.Type().String())
	}
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
		v.SetFloat(value(tree).(float64))
	case reflect.String:
		v.SetString(tree.(string))
	case reflect.Slice:
		list := tree.([]any)
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i, x := range list {
			c.read(x, v.Index(i))
		}
	case reflect.Map:
		c.readMap(tree, v)
	case reflect.Struct:
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
		v.Set(reflect.ValueOf(value(tree)))
	default:
		panic("a " + v.Type().String())
	}
}

func (c *codec) readMap(tree any, v reflect.Value) {
	if obj, ok := tree.(map[string]any); ok {
		v.Set(reflect.ValueOf(value(obj)))
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
func value(tree any) any {
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
			out[i] = value(x[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k := range x {
			out[k] = value(x[k])
		}
		return out
	}
	return tree
}
