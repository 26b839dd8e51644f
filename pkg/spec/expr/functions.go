package expr

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr/builtin"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// operation is the body of a function. It ends the evaluation with fail.
type operation func(a args) any

// args are the arguments of one call, with the budget.
type args struct {
	*budget
	name string
	v    []any
}

func (a args) wants(what string, i int) {
	fail("%s wants %s, got %s", strings.TrimPrefix(a.name, "__"), what, describe(clean(a.v[i])))
}

func (a args) text(i int) string {
	s, ok := a.v[i].(string)
	if !ok {
		a.wants("text", i)
	}
	return s
}

func (a args) list(i int) []any {
	l, ok := a.v[i].([]any)
	if !ok {
		a.wants("a list", i)
	}
	return l
}

func (a args) mapping(i int) map[string]any {
	m, ok := a.v[i].(map[string]any)
	if !ok {
		a.wants("a map", i)
	}
	return m
}

func (a args) int(i int) int {
	n, ok := index(a.v[i])
	if !ok {
		a.wants("a whole number", i)
	}
	return n
}

func (a args) number(i int) float64 {
	switch v := a.v[i].(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	a.wants("a number", i)
	return 0
}

// made counts a text that was made.
func (a args) made(s string) string {
	a.budget.text(len(s))
	return s
}

// The shapes of functions, for the check.
type (
	t1  = func(string) string
	t2  = func(string, string) string
	tb  = func(string, string) bool
	ti  = func(string, string) int
	n1  = func(any) float64
	l1  = func([]any) []any
	ls  = func([]any, string) []any
	la  = func([]any) any
	aN  = func(any, ...any) any
	m1  = func(map[string]any) []any
	mg  = func(map[any][]any) []any // of groupBy, as the library has it
	i2  = func(int, int) int
	is2 = func(string, string) []any
	is3 = func(string, string, int) []any
)

// definition is a function that users can call: its shapes (several: any of them), and its body.
type definition struct {
	run    operation
	shapes []any
}

// functions are all that the bytecode can call.
var functions = sync.OnceValue(func() map[string]*builtin.Function {
	table := map[string]*builtin.Function{}
	add := func(name string, run operation, shapes []any) {
		f := &builtin.Function{Name: name, Func: func(v ...any) (any, error) {
			last := len(v) - 1
			b := v[last].(*budget)
			b.step(2)
			for _, x := range v[:last] {
				clean(x)
			}
			return run(args{b, name, v[:last:last]}), nil
		}}
		for _, s := range shapes {
			f.Types = append(f.Types, reflect.TypeOf(s))
		}
		table[name] = f
	}
	for name, run := range operators() {
		add(name, run, nil)
	}
	for name, d := range definitions() {
		add(name, d.run, d.shapes)
	}
	table["default"].Validate = func(t []reflect.Type) (reflect.Type, error) {
		if len(t) != 2 {
			return nil, fmt.Errorf("default wants 2 arguments, got %d", len(t))
		}
		if t[0] == t[1] {
			return t[0], nil
		}
		return nil, nil
	}
	return table
})

// isOutside says whether the caller of Eval gives the function.
func isOutside(name string) bool { return name == "success" || name == "failure" || name == "glob" }

// FunctionNames lists the functions of the language, sorted.
func FunctionNames() []string {
	var out []string
	for name := range functions() {
		if !strings.HasPrefix(name, "__") {
			out = append(out, name)
		}
	}
	for name := range disabled() {
		if isLoop(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func shapes(s ...any) []any { return s }

func definitions() map[string]definition {
	all := map[string]definition{}
	for _, group := range []map[string]definition{general(), texts(), lists(), maths()} {
		for name, d := range group {
			all[name] = d
		}
	}
	return all
}

func general() map[string]definition {
	return map[string]definition{
		"success": {nil, shapes((func() bool)(nil))},
		"failure": {nil, shapes((func() bool)(nil))},
		"glob":    {fnGlob, shapes((func(string) []any)(nil))},
		"default": {func(a args) any {
			if a.v[0] == nil {
				return a.v[1]
			}
			return a.v[0]
		}, nil},
		"get":      {fnGet, shapes((func(any, any) any)(nil))},
		"len":      {fnLen, shapes((func(string) int)(nil), (func([]any) int)(nil), (func(map[any][]any) int)(nil), (func(map[string]any) int)(nil))},
		"type":     {fnType, shapes((func(any) string)(nil))},
		"string":   {func(a args) any { return a.show(a.v[0]) }, shapes((func(any) string)(nil))},
		"toJSON":   {func(a args) any { return string(a.write(nil, a.v[0], 0)) }, shapes((func(any) string)(nil))},
		"fromJSON": {func(a args) any { return a.decode(a.text(0)) }, shapes((func(string) any)(nil))},
		"date":     {fnDate, shapes((func(string) time.Time)(nil), (func(string, string) time.Time)(nil))},
		"duration": {func(a args) any {
			d, err := time.ParseDuration(a.text(0))
			if err != nil {
				fail("%q is not a duration such as 500ms or 1h30m", a.text(0))
			}
			return d
		}, shapes((func(string) time.Duration)(nil))},
	}
}

func fnGlob(a args) any {
	find, ok := a.v[1].(func(string) (any, error))
	if !ok {
		fail("glob() cannot be called here")
	}
	v, err := find(a.text(0))
	if err == nil {
		v, err = event.Canonical(v)
	}
	if own, ok := err.(*event.Error); ok {
		panic(own)
	}
	if err != nil {
		fail("glob: %v", err)
	}
	return v
}

func fnGet(a args) any {
	switch c := a.v[0].(type) {
	case map[string]any:
		name, _ := a.v[1].(string)
		return clean(c[name])
	case []any:
		i, ok := index(a.v[1])
		if i < 0 {
			i += len(c)
		}
		if ok && i >= 0 && i < len(c) {
			return clean(c[i])
		}
	}
	return nil
}

func fnLen(a args) any {
	switch v := a.v[0].(type) {
	case string:
		a.read(v)
		return utf8.RuneCountInString(v)
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	a.wants("a text, a list or a map", 0)
	return nil
}

func fnType(a args) any {
	switch a.v[0].(type) {
	case nil:
		return "nil"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "map"
	}
	return strings.TrimPrefix(describe(a.v[0]), "a ")
}

var layouts = []string{
	"2006-01-02", "15:04:05", "2006-01-02 15:04:05", time.RFC3339, time.RFC822, time.RFC850, time.RFC1123,
}

func fnDate(a args) any {
	s, try := a.text(0), layouts
	if len(a.v) == 2 {
		try = []string{a.text(1)}
	}
	a.step(64)
	a.read(s)
	for _, layout := range try {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return t.UTC()
		}
	}
	fail("%s is not a date", describe(s))
	return nil
}

func texts() map[string]definition {
	cut := func(f func(s, what string) string, none string) operation {
		return func(a args) any {
			what := none
			if len(a.v) == 2 {
				what = a.text(1)
				a.read(what)
			}
			a.read(a.text(0))
			return f(a.text(0), what)
		}
	}
	test := func(f func(s, part string) bool) operation {
		return func(a args) any {
			a.read(a.text(1))
			return f(a.text(0), a.text(1))
		}
	}
	find := func(f func(s, part string) int) operation {
		return func(a args) any {
			s := a.text(0)
			a.read(s)
			a.read(a.text(1))
			i := f(s, a.text(1))
			if i < 0 {
				return i
			}
			return utf8.RuneCountInString(s[:i])
		}
	}
	turn := func(f func(string) string) operation {
		return func(a args) any {
			a.budget.text(len(a.text(0)))
			return a.made(f(a.text(0)))
		}
	}
	return map[string]definition{
		"trim":        {fnTrim, shapes(t1(nil), t2(nil))},
		"trimPrefix":  {cut(strings.TrimPrefix, " "), shapes(t2(nil), t1(nil))},
		"trimSuffix":  {cut(strings.TrimSuffix, " "), shapes(t2(nil), t1(nil))},
		"upper":       {turn(strings.ToUpper), shapes(t1(nil))},
		"lower":       {turn(strings.ToLower), shapes(t1(nil))},
		"split":       {splitter(false), shapes(is2(nil), is3(nil))},
		"splitAfter":  {splitter(true), shapes(is2(nil), is3(nil))},
		"replace":     {fnReplace, shapes((func(string, string, string) string)(nil), (func(string, string, string, int) string)(nil))},
		"repeat":      {fnRepeat, shapes((func(string, int) string)(nil))},
		"join":        {fnJoin, shapes((func([]any) string)(nil), (func([]any, string) string)(nil))},
		"indexOf":     {find(strings.Index), shapes(ti(nil))},
		"lastIndexOf": {find(strings.LastIndex), shapes(ti(nil))},
		"hasPrefix":   {test(strings.HasPrefix), shapes(tb(nil))},
		"hasSuffix":   {test(strings.HasSuffix), shapes(tb(nil))},
		"toBase64":    {turn(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }), shapes(t1(nil))},
		"fromBase64": {turn(func(s string) string {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				fail("fromBase64: %s is not base64", describe(s))
			}
			if !utf8.Valid(b) {
				fail("fromBase64 gives bytes that are not text")
			}
			return string(b)
		}), shapes(t1(nil))},
		"lines": {fnLines, shapes((func(string) []any)(nil))},
		"sha256": {func(a args) any {
			s := a.text(0)
			a.step(8 + len(s)/8)
			sum := sha256.Sum256([]byte(s))
			return hex.EncodeToString(sum[:])
		}, shapes(t1(nil))},
	}
}

func fnTrim(a args) any {
	s := a.text(0)
	a.read(s)
	if len(a.v) == 1 {
		return strings.TrimSpace(s)
	}
	set := a.text(1)
	if len(set) > 256 {
		fail("trim takes away at most 256 different characters")
	}
	a.step(len(s) / 16 * (1 + len(set)))
	return strings.Trim(s, set)
}

// anyList makes a list of parts, which share the text they were cut from.
func anyList(parts []string) []any {
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out
}

func splitter(after bool) operation {
	return func(a args) any {
		s, sep, n := a.text(0), a.text(1), -1
		if len(a.v) == 3 {
			n = a.int(2)
		}
		a.read(s)
		count := strings.Count(s, sep) + 1
		if n >= 0 {
			count = min(count, n)
		}
		a.budget.list(2 * count)
		if after {
			return anyList(strings.SplitAfterN(s, sep, n))
		}
		return anyList(strings.SplitN(s, sep, n))
	}
}

func fnReplace(a args) any {
	s, old, with, n := a.text(0), a.text(1), a.text(2), -1
	if len(a.v) == 4 {
		n = a.int(3)
	}
	a.read(s)
	count := strings.Count(s, old)
	if n >= 0 {
		count = min(count, n)
	}
	a.budget.text(len(s) + count*(len(with)-len(old)))
	return strings.Replace(s, old, with, n)
}

func fnRepeat(a args) any {
	s, n := a.text(0), a.int(1)
	if n < 0 {
		fail("repeat wants a number of times, got %d", n)
	}
	if len(s) > 0 && n > maxText/len(s) {
		a.budget.text(maxText + 1)
	}
	a.budget.text(len(s) * n)
	return strings.Repeat(s, n)
}

func fnJoin(a args) any {
	list, sep := a.list(0), ""
	if len(a.v) == 2 {
		sep = a.text(1)
	}
	a.budget.list(len(list))
	parts := make([]string, len(list))
	size := 0
	for i, x := range list {
		s, ok := clean(x).(string)
		if !ok {
			fail("join wants a list of texts, got %s in it", describe(x))
		}
		if size += len(s) + len(sep); size > 2*maxText {
			break // counted below, before anything is made
		}
		parts[i] = s
	}
	a.budget.text(max(0, size-len(sep)))
	return strings.Join(parts, sep)
}

func fnLines(a args) any {
	s := a.text(0)
	a.read(s)
	a.budget.list(2 * (strings.Count(s, "\n") + 1))
	if s == "" {
		return []any{}
	}
	out := anyList(strings.Split(strings.TrimSuffix(s, "\n"), "\n"))
	for i, x := range out {
		if line := x.(string); strings.HasSuffix(line, "\r") {
			out[i] = line[:len(line)-1]
		}
	}
	return out
}

func lists() map[string]definition {
	variadic := shapes((func([]any, ...[]any) []any)(nil))
	return map[string]definition{
		"range":     {fnRange, shapes((func(int) []any)(nil), (func(int, int) []any)(nil), (func(int, int, int) []any)(nil))},
		"product":   {fnProduct, variadic},
		"zip":       {fnZip, variadic},
		"concat":    {fnConcat, variadic},
		"first":     {func(a args) any { return end(a, 0) }, shapes(la(nil))},
		"last":      {func(a args) any { return end(a, -1) }, shapes(la(nil))},
		"take":      {fnTake, shapes((func([]any, int) []any)(nil))},
		"keys":      {func(a args) any { return entries(a, func(k string, _ any) any { return k }) }, shapes(mg(nil), m1(nil))},
		"values":    {func(a args) any { return entries(a, func(_ string, v any) any { return clean(v) }) }, shapes(mg(nil), m1(nil))},
		"toPairs":   {fnToPairs, shapes(mg(nil), m1(nil))},
		"fromPairs": {fnFromPairs, shapes((func([]any) map[string]any)(nil))},
		"reverse": {func(a args) any {
			a.budget.list(len(a.list(0)))
			out := slices.Clone(a.list(0))
			slices.Reverse(out)
			return out
		}, shapes(l1(nil))},
		"uniq":    {fnUniq, shapes(l1(nil))},
		"flatten": {func(a args) any { return flatten(a, []any{}, a.list(0), 0) }, shapes(l1(nil))},
		"sort": {func(a args) any {
			a.budget.list(2 * len(a.list(0)))
			out := slices.Clone(a.list(0))
			sortStable(a, out, 1, func(v any) any { return v })
			return out
		}, shapes(ls(nil), l1(nil))},
	}
}

func fnRange(a args) any {
	switch len(a.v) {
	case 1:
		return numbers(a, 0, a.int(0), 1)
	case 2:
		return numbers(a, a.int(0), a.int(1), 1)
	}
	return numbers(a, a.int(0), a.int(1), a.int(2))
}

// fnProduct varies the last list fastest, as nested loops do.
func fnProduct(a args) any {
	total := 1
	for i := range a.v {
		if total *= len(a.list(i)); total > maxItems {
			fail("product has more than %d combinations", maxItems)
		}
	}
	a.budget.list(total)
	a.budget.list(total * len(a.v))
	out := make([]any, total)
	for i := range out {
		row, rest := make([]any, len(a.v)), i
		for j := len(a.v) - 1; j >= 0; j-- {
			list := a.list(j)
			row[j] = list[rest%len(list)]
			rest /= len(list)
		}
		out[i] = row
	}
	return out
}

func fnZip(a args) any {
	n := len(a.list(0))
	for i := range a.v {
		n = min(n, len(a.list(i)))
	}
	a.budget.list(n)
	a.budget.list(n * len(a.v))
	out := make([]any, n)
	for i := range out {
		row := make([]any, len(a.v))
		for j := range row {
			row[j] = a.list(j)[i]
		}
		out[i] = row
	}
	return out
}

func fnConcat(a args) any {
	n := 0
	for i := range a.v {
		n += len(a.list(i))
	}
	a.budget.list(n)
	out := make([]any, 0, n)
	for i := range a.v {
		out = append(out, a.list(i)...)
	}
	return out
}

// end is the first (0) or last (-1) element, null of an empty list.
func end(a args, i int) any {
	list := a.list(0)
	if len(list) == 0 {
		return nil
	}
	return clean(list[(i+len(list))%len(list)])
}

func fnTake(a args) any {
	list, n := a.list(0), a.int(1)
	if n < 0 {
		fail("take wants a number of elements, got %d", n)
	}
	n = min(n, len(list))
	return list[:n:n]
}

// entries lists what of gives for every member, in the order of the keys.
func entries(a args, of func(k string, v any) any) []any {
	m := a.mapping(0)
	a.budget.list(len(m))
	out := make([]any, 0, len(m))
	for _, k := range a.budget.keys(m) {
		out = append(out, of(k, m[k]))
	}
	return out
}

func fnToPairs(a args) any {
	a.budget.list(2 * len(a.mapping(0)))
	return entries(a, func(k string, v any) any { return []any{k, clean(v)} })
}

func fnFromPairs(a args) any {
	list := a.list(0)
	a.budget.list(2 * len(list))
	out := make(map[string]any, len(list))
	for _, x := range list {
		pair, ok := x.([]any)
		if !ok || len(pair) != 2 {
			fail("fromPairs wants pairs [key, value], got %s", describe(clean(x)))
		}
		k, ok := pair[0].(string)
		if !ok {
			fail("the key of a map is text, got %s", describe(clean(pair[0])))
		}
		out[k] = pair[1]
	}
	return out
}

func fnUniq(a args) any {
	list := a.list(0)
	a.budget.list(4 * len(list))
	seen := make(map[string]bool, len(list))
	out := []any{}
	for _, x := range list {
		k := string(a.write(nil, clean(x), 0))
		if !seen[k] {
			seen[k] = true
			out = append(out, x)
		}
	}
	return out
}

func flatten(a args, out, list []any, depth int) []any {
	depth = a.deeper(depth)
	a.step(1)
	for _, x := range list {
		if inner, ok := clean(x).([]any); ok {
			out = flatten(a, out, inner, depth)
			continue
		}
		a.budget.list(2)
		out = append(out, x)
	}
	return out
}

func maths() map[string]definition {
	round := func(f func(float64) float64) definition {
		return definition{func(a args) any { return f(a.number(0)) }, shapes(n1(nil))}
	}
	bit := func(f func(x, y int) int) definition {
		return definition{func(a args) any { return f(a.int(0), a.int(1)) }, shapes(i2(nil))}
	}
	return map[string]definition{
		"abs":     {fnAbs, shapes((func(int) int)(nil), (func(float64) float64)(nil))},
		"ceil":    round(math.Ceil),
		"floor":   round(math.Floor),
		"round":   round(math.Round),
		"int":     {fnInt, shapes((func(any) int)(nil))},
		"float":   {fnFloat, shapes(n1(nil))},
		"max":     {func(a args) any { return extreme(a, 1) }, shapes(aN(nil))},
		"min":     {func(a args) any { return extreme(a, -1) }, shapes(aN(nil))},
		"mean":    {fnMean, shapes((func(any, ...any) float64)(nil))},
		"median":  {fnMedian, shapes((func(any, ...any) float64)(nil))},
		"bitand":  bit(func(x, y int) int { return x & y }),
		"bitor":   bit(func(x, y int) int { return x | y }),
		"bitxor":  bit(func(x, y int) int { return x ^ y }),
		"bitnand": bit(func(x, y int) int { return x &^ y }),
		"bitshl":  bit(func(x, y int) int { return x << shift(y) }),
		"bitshr":  bit(func(x, y int) int { return x >> shift(y) }),
		"bitushr": bit(func(x, y int) int { return int(uint(x) >> shift(y)) }),
		"bitnot":  {func(a args) any { return ^a.int(0) }, shapes((func(int) int)(nil))},
	}
}

func shift(n int) uint {
	if n < 0 {
		fail("a shift must not be negative, got %d", n)
	}
	return uint(n)
}

func fnAbs(a args) any {
	switch v := a.v[0].(type) {
	case int:
		if v == math.MinInt {
			fail("abs(%d) does not fit into 64 bits", v)
		}
		return max(v, -v)
	case float64:
		return math.Abs(v)
	}
	a.wants("a number", 0)
	return nil
}

func fnInt(a args) any {
	switch v := a.v[0].(type) {
	case int:
		return v
	case float64:
		if math.Abs(v) >= 1<<63 {
			fail("int: %v does not fit into 64 bits", v)
		}
		return int(v)
	case string:
		a.read(v)
		n, err := strconv.Atoi(v)
		if err != nil {
			fail("int: %s is not a whole number of 64 bits", describe(v))
		}
		return n
	case time.Month, time.Weekday:
		return scalar(v)
	}
	a.wants("a number or a text", 0)
	return nil
}

func fnFloat(a args) any {
	if s, ok := a.v[0].(string); ok {
		a.read(s)
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			fail("float: %s is not a number", describe(s))
		}
		return f
	}
	return a.number(0)
}

// collect gives all numbers in the arguments, lists in them included.
func collect(a args) []any {
	all := flatten(a, nil, a.v, 0)
	for _, x := range all {
		switch x.(type) {
		case int, float64:
		default:
			fail("%s wants numbers, got %s", a.name, describe(x))
		}
	}
	return all
}

func extreme(a args, sign int) any {
	var best any
	for _, x := range collect(a) {
		if best == nil || a.compare(x, best) == sign {
			best = x
		}
	}
	return best
}

func floats(a args) []float64 {
	all := collect(a)
	out := make([]float64, len(all))
	for i, x := range all {
		if n, ok := x.(int); ok {
			out[i] = float64(n)
		} else {
			out[i] = x.(float64)
		}
	}
	return out
}

func fnMean(a args) any {
	list := floats(a)
	if len(list) == 0 {
		return 0.0
	}
	total := 0.0
	for _, x := range list {
		total += x
	}
	return finite(total / float64(len(list)))
}

func fnMedian(a args) any {
	list := floats(a)
	n := len(list)
	if n == 0 {
		return 0.0
	}
	a.step(8 * n)
	slices.Sort(list)
	if n%2 == 1 {
		return list[n/2]
	}
	return finite(list[n/2-1]/2 + list[n/2]/2)
}
