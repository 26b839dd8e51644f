package expr

import (
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/vm/runtime"
)

// operators are the functions that rewriter puts in; users cannot name them.
func operators() map[string]operation {
	return map[string]operation{
		"__tick": func(a args) any {
			a.step(a.v[1].(int))
			return a.v[0]
		},
		"__read": func(a args) any {
			v := clean(a.v[0])
			if s, ok := v.(string); ok {
				a.read(s)
			}
			return v
		},
		"__list":     opList,
		"__member":   func(a args) any { return at(a, a.v[0], a.v[1]) },
		"__env":      opEnv,
		"__slice":    opSlice,
		"__equal":    func(a args) any { return a.equal(a.v[0], a.v[1], 0) },
		"__unequal":  func(a args) any { return !a.equal(a.v[0], a.v[1], 0) },
		"__in":       opIn,
		"__matches":  opMatches,
		"__upto":     opUpto,
		"__add":      func(a args) any { return add(a, a.v[0], a.v[1]) },
		"__negate":   opNegate,
		"__subtract": opSubtract,
		"__multiply": opMultiply,
		"__divide":   opDivide,
		"__modulo":   opModulo,
		"__power":    func(a args) any { return finite(math.Pow(a.number(0), a.number(1))) },
		"__count":    opCount,
		"__sum":      func(a args) any { return sum(a, a.list(0)) },
		"__groupBy":  opGroupBy,
		"__sortBy":   opSortBy,
	}
}

// opList is the list that a loop goes through. Every loop that begins costs memory.
func opList(a args) any {
	list, ok := clean(a.v[0]).([]any)
	if !ok {
		fail("%s wants a list, got %s", a.v[1], describe(a.v[0]))
	}
	a.grow(loopSize)
	a.step(1 + len(list)/16)
	for _, x := range list {
		clean(x)
	}
	return list
}

func opEnv(a args) any {
	name, ok := a.v[1].(string)
	if !ok {
		fail("the name of a variable is text, got %s", describe(a.v[1]))
	}
	return variable(a.v[0], name)
}

// at is v[key].
func at(a args, v, key any) any {
	switch v := clean(v).(type) {
	case map[string]any:
		if name, ok := clean(key).(string); ok {
			return clean(v[name])
		}
		fail("the key of a map is text, got %s", describe(key))
	case []any:
		i, ok := index(key)
		if !ok {
			fail("the place in a list is a whole number, got %s", describe(clean(key)))
		}
		if i < 0 {
			i += len(v)
		}
		if i < 0 || i >= len(v) {
			fail("the list has no element %v: it has %d", key, len(v))
		}
		return clean(v[i])
	}
	if name, ok := key.(string); ok {
		return a.member(v, name)
	}
	fail("cannot take element %s of %s", a.show(key), describe(v))
	return nil
}

// index is a whole number as an int.
func index(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return v, true
	case float64:
		return int(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	}
	return 0, false
}

func opSlice(a args) any {
	bounds := func(n int) (int, int) {
		place := func(i, none int) int {
			if a.v[i] == nil {
				return none
			}
			p, ok := index(clean(a.v[i]))
			if !ok {
				fail("the bounds of a slice are whole numbers, got %s", describe(a.v[i]))
			}
			if p < 0 {
				p += n
			}
			return min(max(p, 0), n)
		}
		from, to := place(1, 0), place(2, n)
		return min(from, to), to
	}
	switch v := clean(a.v[0]).(type) {
	case []any:
		from, to := bounds(len(v))
		return v[from:to:to]
	case string:
		a.read(v)
		from, to := bounds(utf8.RuneCountInString(v))
		start := byteOffset(v, from)
		return v[start : start+byteOffset(v[start:], to-from)]
	default:
		fail("only a list or a text has a slice, not %s", describe(v))
	}
	return nil
}

// byteOffset is where the n-th character of s begins.
func byteOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func opIn(a args) any {
	x := clean(a.v[0])
	switch c := clean(a.v[1]).(type) {
	case nil:
		return false
	case []any:
		return slices.ContainsFunc(c, func(y any) bool { return a.equal(x, y, 0) })
	case map[string]any:
		name, ok := x.(string)
		if ok {
			a.read(name)
			_, ok = c[name]
		}
		return ok
	default:
		fail("`in` wants a list or a map, got %s; for a part of a text write contains", describe(c))
	}
	return nil
}

// maxPattern bounds regular expressions that are computed.
const maxPattern = 4 << 10

// pattern is a compiled regular expression. A match takes at most the length of the text times size.
type pattern struct {
	re   *regexp.Regexp
	size int // of its program
}

func compilePattern(text string) (*pattern, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	return &pattern{re, len(prog.Inst)}, nil
}

// opMatches has a pattern that is written out compiled already, see rewriteBinary.
func opMatches(a args) any {
	if a.v[0] == nil || a.v[1] == nil {
		return false
	}
	s := a.text(0)
	p, ok := a.v[1].(*pattern)
	if !ok {
		text := a.text(1)
		if len(text) > maxPattern {
			fail("a regular expression that is computed has at most %d KiB", maxPattern>>10)
		}
		a.step(400 + 40*len(text))
		var err error
		if p, err = compilePattern(text); err != nil {
			fail("%v", err)
		}
		a.step(10 * p.size)
	}
	a.step(len(s) * (1 + p.size) / 16)
	return p.re.MatchString(s)
}

// opUpto is a..b, both ends included.
func opUpto(a args) any {
	from, to := a.int(0), a.int(1)
	if to < from {
		return []any{}
	}
	if to == math.MaxInt {
		fail("a range ends below %d", math.MaxInt)
	}
	return numbers(a, from, to+1, 1)
}

func overflow(op string, x, y int) {
	fail("%d %s %d does not fit into 64 bits", x, op, y)
}

func add(a args, x, y any) any {
	switch x := clean(x).(type) {
	case int:
		if y, ok := y.(int); ok {
			z := x + y
			if (z > x) != (y > 0) {
				overflow("+", x, y)
			}
			return z
		}
	case string:
		if y, ok := y.(string); ok {
			a.budget.text(len(x) + len(y))
			return x + y
		}
	}
	return number(runtime.Add(x, clean(y)))
}

// number refuses a result that is NaN or infinite.
func number(v any) any {
	if f, ok := v.(float64); ok {
		return finite(f)
	}
	return v
}

func opNegate(a args) any {
	switch x := clean(a.v[0]).(type) {
	case int:
		if x == math.MinInt {
			fail("-(%d) does not fit into 64 bits", x)
		}
		return -x
	case float64:
		return -x
	default:
		fail("- wants a number, got %s", describe(x))
		return nil
	}
}

func opSubtract(a args) any {
	x, xok := a.v[0].(int)
	y, yok := a.v[1].(int)
	if !xok || !yok {
		return number(runtime.Subtract(clean(a.v[0]), clean(a.v[1])))
	}
	z := x - y
	if (z < x) != (y > 0) {
		overflow("-", x, y)
	}
	return z
}

func opMultiply(a args) any {
	x, xok := a.v[0].(int)
	y, yok := a.v[1].(int)
	if !xok || !yok {
		return number(runtime.Multiply(clean(a.v[0]), clean(a.v[1])))
	}
	hi, lo := bits.Mul64(magnitude(x), magnitude(y))
	negative := (x < 0) != (y < 0)
	if hi != 0 || lo > math.MaxInt && !(negative && lo == 1<<63) {
		overflow("*", x, y)
	}
	return x * y
}

func magnitude(x int) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func opDivide(a args) any {
	x, y := a.number(0), a.number(1)
	if y == 0 {
		fail("division by zero")
	}
	return finite(x / y)
}

func opModulo(a args) any {
	x, y := a.int(0), a.int(1)
	if y == 0 {
		fail("division by zero")
	}
	return x % y
}

func opCount(a args) any {
	n := 0
	for _, x := range a.list(0) {
		b, ok := x.(bool)
		if !ok {
			fail("count without a condition wants a list of true and false, got %s", describe(x))
		}
		if b {
			n++
		}
	}
	a.step(n)
	return n
}

func sum(a args, list []any) any {
	a.step(len(list))
	var total any = 0
	for _, x := range list {
		switch clean(x).(type) {
		case int, float64:
			total = add(a, total, x)
		default:
			total = number(runtime.Add(total, x))
		}
	}
	return total
}

// key is the text under which groupBy and uniq file a value.
func key(a args, v any) string {
	if s, ok := v.(string); ok {
		a.read(s)
		return s
	}
	return string(a.write(nil, v, 0))
}

func opGroupBy(a args) any {
	groups := map[string]any{}
	for _, p := range a.list(0) {
		pair := p.([]any)
		switch pair[1].(type) {
		case []any, map[string]any:
			fail("groupBy wants a text, a number or true or false to group by, got %s", describe(pair[1]))
		}
		k := key(a, clean(pair[1]))
		group, _ := groups[k].([]any)
		a.budget.list(1)
		groups[k] = append(group, pair[0])
	}
	a.budget.list(2 * len(groups))
	return groups
}

func opSortBy(a args) any {
	list := slices.Clone(a.list(0))
	a.budget.list(2 * len(list))
	sortStable(a, list, 1, func(v any) any { return v.([]any)[1] })
	for i, p := range list {
		list[i] = p.([]any)[0]
	}
	return list
}

// sortStable sorts by what by gives; argument order, if there is one, is asc or desc.
func sortStable(a args, list []any, order int, by func(any) any) {
	sign := 1
	if len(a.v) > order {
		switch o := a.text(order); o {
		case "asc":
		case "desc":
			sign = -1
		default:
			fail("the order is asc or desc, got %q", o)
		}
	}
	for _, x := range list {
		if v := clean(by(x)); v == nil {
			fail("%s cannot order null", strings.TrimPrefix(a.name, "__"))
		}
	}
	slices.SortStableFunc(list, func(x, y any) int { return sign * a.compare(by(x), by(y)) })
}

// numbers is the list from, from+step, ... before to.
func numbers(a args, from, to, step int) []any {
	var n uint64
	switch {
	case step == 0:
		fail("the step of a range must not be 0")
	case step > 0 && from < to:
		n = (uint64(to) - uint64(from) + uint64(step) - 1) / uint64(step)
	case step < 0 && from > to:
		n = (uint64(from) - uint64(to) + magnitude(step) - 1) / magnitude(step)
	}
	if n > maxItems {
		fail("a range has at most %d numbers, this one has %s", maxItems, fmt.Sprint(n))
	}
	a.budget.list(int(n))
	out := make([]any, n)
	for i := range out {
		out[i] = from + i*step
	}
	return out
}
