package expr

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// This file puts what the library says into the words of the language, with what to write instead.

var (
	unexpected   = regexp.MustCompile(`^unexpected token \w+\("(.*)"\)$`)
	unrecognized = regexp.MustCompile(`^unrecognized character: \S+ '(.*)'$`)
	badLiteral   = regexp.MustCompile(`^(invalid \w+ literal: |integer literal is too large|float literal is too large)`)
	lambda       = regexp.MustCompile(`\w\s*[=-]>`)
	assignment   = regexp.MustCompile(`[=!]=$`)
	pipeEnd      = regexp.MustCompile(`\|\s*(\w+)$`)
	condition    = regexp.MustCompile(`^\s*if\b`)
	lastWord     = regexp.MustCompile(`\w+$`)
	dangling     = regexp.MustCompile(`(\b(and|or|not|in|contains|startsWith|endsWith|matches)|[-+*/%<>=&|!?:,]+)$`)
	timeUnit     = regexp.MustCompile(`^[0-9.]+(ms|s|m|h|d)`)
)

// explain puts a syntax error of the library into words for people.
func (r *resolver) explain(src string, err error) *syntaxError {
	var f *file.Error
	if !errors.As(err, &f) {
		return &syntaxError{text: err.Error()}
	}
	out := &syntaxError{at: r.offset(f.From), text: f.Message}
	switch {
	case strings.HasPrefix(f.Message, "unexpected token EOF"), strings.HasPrefix(f.Message, "unexpected end"):
		src = strings.TrimRight(src, " \t\r\n")
		out.at, out.text, out.help = len(src), "the expression ends too early", endHelp(src)
	case strings.Contains(f.Message, "exceeds maximum allowed nodes"):
		out.text = fmt.Sprintf("the expression has more than %d parts", maxNodes)
	case badLiteral.MatchString(f.Message):
		r.explainNumber(src, f.From, out)
	case strings.HasPrefix(f.Message, "bad number syntax"):
		explainDigits(src, out)
	case f.Message == "invalid char escape":
		out.at = max(0, strings.LastIndexByte(src[:min(out.at+1, len(src))], '\\'))
		out.text = `there is no such escape in a text`
		out.help = `for a backslash write \\, or put the text in backquotes`
	case strings.HasPrefix(f.Message, "a map key must be"):
		out.text = "a key of a map is a name, a text in quotes, a number, or an expression in parentheses"
	case f.Message == "expected name":
		out.text = "behind the point there must be a name"
	default:
		if m := unexpected.FindStringSubmatch(f.Message); m != nil {
			out.text = `unexpected "` + m[1] + `"`
			out.help = tokenHelp(src, out.at, m[1])
		} else if m := unrecognized.FindStringSubmatch(f.Message); m != nil {
			out.text = `unexpected "` + m[1] + `"`
			if strings.Contains("“”„‘’«»", m[1]) {
				out.help = `a text stands in " or '`
			}
		}
	}
	return out
}

// isNumberError says whether the library refused a number.
func isNumberError(err error) bool {
	var f *file.Error
	return errors.As(err, &f) && badLiteral.MatchString(f.Message)
}

// explainNumber finds the number that the library refused: it names the place behind it, where it stood in runes.
func (r *resolver) explainNumber(src string, behind int, out *syntaxError) {
	for _, t := range tokens(src) {
		if t.Kind != lexer.Number || t.From > behind {
			continue
		}
		if text := badNumber(t.Value); text != "" {
			out.at, out.text = r.offset(t.From), text
		}
	}
}

// tokens are those of src as far as it can be read.
func tokens(src string) (out []lexer.Token) {
	l := lexer.New()
	l.Reset(file.NewSource(src))
	for {
		t, err := l.Next()
		if err != nil || t.Kind == lexer.EOF {
			return out
		}
		out = append(out, t)
	}
}

// badNumber says what is wrong with a number as it is written, "" if nothing.
func badNumber(written string) string {
	err := error(nil)
	if isWhole(written) {
		_, err = strconv.ParseInt(strings.ReplaceAll(written, "_", ""), base(written), 64)
	} else {
		_, err = strconv.ParseFloat(strings.ReplaceAll(written, "_", ""), 64)
	}
	if len(written) > 40 {
		written = written[:40] + "..."
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return written + " does not fit 64 bits"
	case err != nil:
		return written + " is not a number"
	}
	return ""
}

func isWhole(written string) bool {
	return base(written) == 0 || !strings.ContainsAny(written, ".eE")
}

// base is that of a whole number for strconv: 0 for one that tells it itself. A 0 in front alone tells none.
func base(written string) int {
	if len(written) > 1 && written[0] == '0' && strings.IndexByte("xXoObB", written[1]) >= 0 {
		return 0
	}
	return 10
}

// takeLeast gives src with a 1 for every 9223372036854775808 behind a minus and keeps their places: only with the
// minus is it an integer, and the library reads the digits alone. All else keeps its place.
func (r *resolver) takeLeast(src string) string {
	out := []byte(src)
	before := lexer.Token{}
	for _, t := range tokens(src) {
		if t.Kind == lexer.Number && before.Is(lexer.Operator, "-") && isWhole(t.Value) {
			if n, err := strconv.ParseUint(strings.ReplaceAll(t.Value, "_", ""), base(t.Value), 64); err == nil && n == 1<<63 {
				at := r.offset(t.From)
				copy(out[at:], "1"+strings.Repeat(" ", len(t.Value)-1))
				if r.least == nil {
					r.least = map[int]bool{}
				}
				r.least[at] = true
			}
		}
		before = t
	}
	return string(out)
}

// explainDigits is about digits with letters behind, as 10s.
func explainDigits(src string, out *syntaxError) {
	from := min(out.at, len(src))
	isPart := func(c byte) bool { return c == '.' || c == '_' || c >= utf8.RuneSelf || isLetterOrDigit(c) }
	for from > 0 && isPart(src[from-1]) {
		from--
	}
	to := from
	for to < len(src) && isPart(src[to]) {
		to++
	}
	word := src[from:to]
	out.at, out.text = from, fmt.Sprintf("%q is not a number", word)
	if timeUnit.FindString(word) == word {
		out.help = fmt.Sprintf("a duration is written duration(%q)", word)
	}
}

func isLetterOrDigit(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// endHelp says what may be missing at the end of src.
func endHelp(src string) string {
	if strings.HasSuffix(src, "++") || strings.HasSuffix(src, "--") {
		return fmt.Sprintf("there is no %s: nothing can be changed, write x %s 1", src[len(src)-2:], src[len(src)-1:])
	}
	if m := pipeEnd.FindStringSubmatch(src); m != nil {
		return fmt.Sprintf("write | %s()", m[1])
	}
	var open []byte
	question := false
	for _, t := range tokens(src) {
		switch {
		case t.Is(lexer.Operator, "?"):
			question = true
		case t.Is(lexer.Operator, ":"):
			question = false
		case t.Kind != lexer.Bracket:
		case strings.Contains("([{", t.Value):
			open = append(open, t.Value[0])
		case len(open) > 0:
			open = open[:len(open)-1]
		}
	}
	switch {
	case len(open) > 0:
		closing := map[byte]string{'(': ")", '[': "]", '{': "}"}[open[len(open)-1]]
		return fmt.Sprintf("is a %q missing?", closing)
	case question:
		return "a condition has two values: write x ? a : b"
	}
	if m := dangling.FindString(src); m != "" {
		return fmt.Sprintf("something must follow %q", m)
	}
	return ""
}

// tokenHelp says what to write instead of a token that does not belong where it stands.
func tokenHelp(src string, at int, token string) string {
	before := strings.TrimRight(src[:min(at, len(src))], " ")
	after := strings.TrimLeft(strings.TrimPrefix(src[min(at, len(src)):], token), " ")
	switch token {
	case "=", ">":
		switch {
		case lambda.MatchString(src[:min(at+2, len(src))]):
			return "as in map(list, it + 1), it is the element"
		case token == ">" && strings.HasSuffix(before, "<"):
			return "write !="
		case token == ">":
			return ""
		case strings.HasPrefix(after, "~"):
			return "write matches"
		case assignment.MatchString(before):
			return "write " + before[len(before)-2:]
		}
		return "to compare, write =="
	case "&":
		return "write && or and"
	case "contains", "startsWith", "endsWith", "matches":
		if strings.HasPrefix(after, "(") {
			return fmt.Sprintf("%s stands between two texts: write a %s b", token, token)
		}
	case "then", ",", ":":
		if condition.MatchString(src) {
			return "write x ? a : b"
		}
		if token == ":" {
			return "as the body of map, filter and the like a map is written ({a: 1})"
		}
	case "is":
		return "to compare, write =="
	case "for":
		return "write map(list, it + 1) or filter(list, it > 1)"
	case "{":
		if strings.HasSuffix(before, "$") {
			return "a variable of the environment is read with env.NAME"
		}
	case "#":
		return "# is the element inside map, filter and the like"
	}
	if isIndex(token) && before != "" && !isDigit(before[len(before)-1]) {
		return "an element is read with its place in brackets: [" + token[1:] + "]"
	}
	if m := lastWord.FindString(before); functions()[m] != nil || isLoop(m) {
		return "write " + m + "(" + token + ")"
	}
	return ""
}

// isIndex is about the .0 in list.0.
func isIndex(token string) bool {
	return len(token) > 1 && token[0] == '.' && strings.Trim(token[1:], "0123456789") == ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// functionHelp is about functions of other languages that are not here under a similar name.
func functionHelp(name string) string {
	switch name {
	case "now", "timezone", "today", "time":
		return "expressions know no clock; run.started_at is when the run began"
	case "random", "rand", "uuid":
		return "expressions know no randomness; run.id differs from run to run"
	case "format", "printf", "sprintf", "concat":
		return `put texts together with +, or write the value as "a ${{ x }} b"`
	case "always":
		return "what runs always stands in finally"
	case "cancelled":
		return "a cancellation is handled in except, with match: CancelledError"
	case "hashFiles":
		return "glob(pattern) lists files, sha256(text) hashes a text"
	case "length", "size", "strlen":
		return "write len(x)"
	case "str", "String", "toString":
		return "write string(x)"
	case "number", "Number", "parseInt", "toInt":
		return "write int(x) or float(x)"
	case "includes", "has":
		return "write x in list, or text contains x"
	case "substring", "substr", "slice":
		return "write text[from:to]"
	case "exists", "defined":
		return "write x != null"
	case "env", "getenv":
		return "write env.NAME"
	case "$":
		return "an expression runs no command; write a step with run, its output is steps.ID.stdout"
	}
	return ""
}

// resultHelp is about fields that a step has under another name. of is steps.ID.
func resultHelp(name, of string, fields map[string]Type) string {
	field, rest := "", ""
	switch name {
	case "outputs", "output":
		field = "value"
	case "ok", "success", "succeeded", "failed", "skipped", "result", "outcome", "conclusion", "state":
		field, rest = "status", ` == "succeeded"`
	case "code", "returncode", "rc":
		field = "exit_code"
	case "artifacts":
		if _, isStep := fields["exit_code"]; isStep {
			return "only a run has them that names files to keep: artifacts: [dist]"
		}
	}
	if _, ok := fields[field]; !ok {
		return ""
	}
	return "write " + of + "." + field + rest
}

func isLength(name string) bool {
	return name == "length" || name == "len" || name == "size" || name == "count"
}

// typeWord is a type of the library in the words of the language.
func typeWord(t string) string {
	switch strings.TrimSpace(t) {
	case "bool":
		return Bool.String()
	case "int", "int64":
		return Int.String()
	case "float64":
		return Float.String()
	case "string":
		return String.String()
	case "nil", "<nil>":
		return "null"
	case "unknown", "interface {}":
		return Any.String()
	case "time.Time":
		return "a date"
	case "time.Duration":
		return "a duration"
	}
	switch {
	case strings.HasPrefix(t, "[]"), t == "array":
		return List.String()
	case strings.HasPrefix(t, "map["):
		return Map.String()
	}
	return t
}

// phrases are the sentences of the checker, with the types in them, and ours. %1 is a type, $1 is taken as it is.
var phrases = []struct {
	theirs *regexp.Regexp
	ours   string
}{
	{regexp.MustCompile(`^invalid operation: (\S+) \(mismatched types (.+) and (.+)\)$`), "$1 does not go with %2 and %3"},
	{regexp.MustCompile(`^cannot use (.+) as argument \(type (.+)\) to call (\S+) ?$`), "$3 wants %2, got %1"},
	{regexp.MustCompile(`^builtin (\S+) takes only array \(got (.+)\)$`), "$1 wants a list, got %2"},
	{regexp.MustCompile(`^predicate should return boolean \(got (.+)\)$`), "true or false is wanted for every element, but this is %1"},
	{regexp.MustCompile(`^non-bool expression \(type (.+)\) used as condition$`), "the condition must be true or false, but this is %1"},
	{regexp.MustCompile(`^cannot use (.+) as type (.+) in array$`), "an element of the list is %2, never %1"},
	{regexp.MustCompile(`^cannot use (.+) as type (.+) in map key$`), "a key of the map is %2, never %1"},
	{regexp.MustCompile(`^type (.+)\[(.+)\] is undefined$`), "%1 has no elements"},
	{regexp.MustCompile(`^type (.+) has no (field|method) (.+)$`), "%1 has no field $3"},
	{regexp.MustCompile(`^cannot slice (.+)$`), "%1 cannot be sliced"},
	{regexp.MustCompile(`^non-integer slice index (.+)$`), "a place in a list is a whole number, got %1"},
	{regexp.MustCompile(`^array elements can only be selected using an integer \(got (.+)\)$`), "a place in a list is a whole number, got %1"},
	{regexp.MustCompile(`^cannot use (.+) to get an element from (.+)$`), "an element of %2 cannot be read with %1"},
	{regexp.MustCompile(`^sortBy order argument must be a string \(got (.+)\)$`), `the order of sortBy is "asc" or "desc", got %1`},
	{regexp.MustCompile(`^cannot redeclare (?:function|builtin) (.+)$`), "$1 is a function: the variable needs another name"},
	{regexp.MustCompile(`^cannot redeclare variable (.+)$`), "$1 is the name of a variable already"},
}

var noField = regexp.MustCompile(`^unknown field (.+)$`)

// explainType puts what the checker says into words for people.
func (e *Expr) explainType(tree *parser.Tree, err error) *diag.Diagnostic {
	var f *file.Error
	if !errors.As(err, &f) {
		return e.typeError(e.begin(), err.Error())
	}
	look := finder{at: f.Location}
	ast.Walk(&tree.Node, &look)
	if m := noField.FindStringSubmatch(f.Message); m != nil {
		d := unknownField(m[1], "this", look.fields)
		d.Pos = e.pos(offsets(e.Src)(f.From))
		return &d
	}
	d := e.typeError(offsets(e.Src)(f.From), f.Message)
	for _, p := range phrases {
		if m := p.theirs.FindStringSubmatch(f.Message); m != nil {
			d.Text = p.ours
			for i, s := range m[1:] {
				n := strconv.Itoa(i + 1)
				d.Text = strings.ReplaceAll(strings.ReplaceAll(d.Text, "$"+n, s), "%"+n, typeWord(s))
			}
			break
		}
	}
	switch {
	case look.binary != nil:
		explainOperator(look.binary, d)
	case look.unary != nil && look.unary.Operator == "-":
		d.Text = "- wants a number, got " + word(look.unary.Node)
	case look.unary != nil:
		d.Text = look.unary.Operator + " wants true or false, got " + word(look.unary.Node)
		d.Help = truthHelp(look.unary.Node)
	case look.condition != nil:
		d.Help = truthHelp(look.condition)
	case look.wants != "" && strings.HasPrefix(f.Message, "cannot use "):
		before, got, _ := strings.Cut(d.Text, ", got ")
		name, _, _ := strings.Cut(before, " ")
		d.Text = name + " wants " + look.wants + ", got " + got
	}
	return d
}

// word is the type of a node in the words of the language.
func word(n ast.Node) string {
	if n.Nature().Nil {
		return "null"
	}
	return typeWord(n.Nature().String())
}

// explainOperator is about an operator between two values that it is not for.
func explainOperator(n *ast.BinaryNode, d *diag.Diagnostic) {
	if !strings.Contains(d.Text, " does not go with ") {
		return
	}
	d.Text = fmt.Sprintf("%s does not go with %s and %s", n.Operator, word(n.Left), word(n.Right))
	left, right := kindOf(n.Left.Nature()), kindOf(n.Right.Nature())
	text, other, kind := n.Left, n.Right, right
	if right == String {
		text, other, kind = n.Right, n.Left, left
	}
	isMixed := (left == String) != (right == String) && (kind == Int || kind == Float)
	switch n.Operator {
	case "and", "or", "&&", "||":
		wrong := n.Left
		if left == Bool || left == Any && right != Any {
			wrong = n.Right
		}
		d.Text = fmt.Sprintf("%s wants true or false on both sides, got %s", n.Operator, word(wrong))
		d.Help = truthHelp(wrong)
	case "in":
		if left == String && right == String {
			d.Help = fmt.Sprintf("for a part of a text write %s contains %s", source(n.Right), source(n.Left))
		}
	case "contains":
		if left == List {
			d.Help = fmt.Sprintf("for an element of a list write %s in %s", source(n.Right), source(n.Left))
		} else if isMixed {
			d.Help = "write string(" + source(other) + ")"
		}
	case "+":
		if left == List && right == List {
			d.Help = fmt.Sprintf("write concat(%s, %s)", source(n.Left), source(n.Right))
		} else if isMixed || kind == Bool {
			d.Help = "for a text write string(" + source(other) + ")"
		}
	case "==", "!=", "<", "<=", ">", ">=", "-", "*", "/", "%", "**", "^", "..":
		if s, ok := text.(*ast.StringNode); ok && isMixed && badNumber(s.Value) == "" {
			d.Help = "without its quotes " + s.Value + " is a number"
		} else if isMixed {
			d.Help = "for a number write int(" + source(text) + ")"
		}
	}
}

// truthHelp tells how a value that is not true or false becomes a condition.
func truthHelp(n ast.Node) string {
	switch kindOf(n.Nature()) {
	case Int, Float:
		return "compare it: " + source(n) + " != 0"
	case String:
		if m, ok := n.(*ast.MemberNode); ok {
			if p, ok := m.Property.(*ast.StringNode); ok && p.Value == "status" {
				return "compare it: " + source(n) + ` == "succeeded"`
			}
		}
		return "compare it: " + source(n) + ` != ""`
	case List, Map:
		return "compare it: len(" + source(n) + ") > 0"
	}
	return ""
}

// source is a short node as it is written, x for a long one.
func source(n ast.Node) string {
	const most = 40
	if s := n.String(); len(s) <= most {
		return s
	}
	return "x"
}

// finder looks at the place of an error for the node that it is about.
type finder struct {
	at        file.Location
	fields    []string // of the value whose member is read there
	wants     string   // what a function with several shapes takes there
	binary    *ast.BinaryNode
	unary     *ast.UnaryNode
	condition ast.Node
}

// Visit implements ast.Visitor.
func (f *finder) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.MemberNode:
		if n.Property.Location() == f.at && n.Node.Nature().TypeData != nil {
			f.fields = slices.Sorted(maps.Keys(n.Node.Nature().Fields))
		}
	case *ast.BinaryNode:
		if n.Location() == f.at {
			f.binary = n
		}
	case *ast.UnaryNode:
		if n.Location() == f.at {
			f.unary = n
		}
	case *ast.ConditionalNode:
		if n.Cond.Location() == f.at {
			f.condition = n.Cond
		}
	case *ast.CallNode:
		f.call(n)
	}
}

func (f *finder) call(n *ast.CallNode) {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || functions()[id.Value] == nil {
		return
	}
	i := slices.IndexFunc(n.Arguments, func(a ast.Node) bool { return a.Location() == f.at })
	if i < 0 {
		return
	}
	var words []string
	for _, t := range functions()[id.Value].Types {
		if i >= t.NumIn() || t.IsVariadic() {
			continue
		}
		if w := typeWord(t.In(i).String()); !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	if last := len(words) - 1; last > 0 {
		f.wants = strings.Join(words[:last], ", ") + " or " + words[last]
	}
}
