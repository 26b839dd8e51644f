package spec

import (
	"strings"

	"gopkg.in/yaml.v3"
)

// guard looks at a whole tree before anybody reads it: that it ends, how large it is, that its keys are unique
// texts and its tags YAML's own. Entries that must not be read are taken out of their mappings.
type guard struct {
	r       *reader
	values  int
	fatal   bool
	opening map[*yaml.Node]bool
	closed  map[*yaml.Node]extent
}

// extent is the size of an anchored node, for its aliases.
type extent struct{ values, height int }

// maxLevels bounds the levels of YAML: a step takes two of them, and its values MaxDepth in all.
const maxLevels = 4 * MaxDepth

// guarded checks the tree; false: it must not be read at all.
func (r *reader) guarded(root *yaml.Node) bool {
	g := &guard{r: r, opening: map[*yaml.Node]bool{}, closed: map[*yaml.Node]extent{}}
	g.visit(root, 0)
	return !g.fatal
}

// visit looks at n and returns the number of levels in it.
func (g *guard) visit(n *yaml.Node, level int) int {
	if g.fatal {
		return 0
	}
	if g.values++; g.values > MaxNodes {
		g.stop(n, "too-many-nodes", "the file has more than %d values", MaxNodes)
		return 0
	}
	if level > maxLevels {
		g.stop(n, "too-deep", "lists and mappings are nested more than %d deep", MaxDepth)
		return 0
	}
	if n.Kind == yaml.AliasNode {
		return g.alias(n, level)
	}
	before := g.values
	if n.Anchor != "" {
		g.opening[n] = true
	}
	g.tag(n)
	height := 0
	switch n.Kind {
	case yaml.SequenceNode:
		for i, c := range n.Content {
			if i+1 < len(n.Content) && n.Style&yaml.FlowStyle != 0 {
				g.comma(c, n.Content[i+1])
			}
			height = max(height, 1+g.visit(c, level+1))
		}
	case yaml.MappingNode:
		g.keys(n, level)
		for i := 1; i < len(n.Content); i += 2 {
			height = max(height, 1+g.visit(n.Content[i], level+1))
		}
	}
	if n.Anchor != "" {
		delete(g.opening, n)
		g.closed[n] = extent{g.values - before, height}
	}
	return height
}

func (g *guard) stop(n *yaml.Node, code, format string, args ...any) {
	g.r.problem(n, code, format, args...)
	g.fatal = true
}

// alias counts what n stands for again, without walking it again.
func (g *guard) alias(n *yaml.Node, level int) int {
	if g.opening[n.Alias] {
		g.stop(n, "self-alias", "the alias *%s stands inside of what it stands for", brief(n.Value))
		return 0
	}
	e := g.closed[n.Alias]
	if g.values += e.values; g.values > MaxNodes {
		g.stop(n, "too-many-nodes", "with its aliases the file has more than %d values", MaxNodes)
	} else if level+e.height > maxLevels {
		g.stop(n, "too-deep", "with its aliases the file is nested more than %d deep", MaxDepth)
	}
	return e.height
}

// tag refuses tags that are not of YAML's core schema.
func (g *guard) tag(n *yaml.Node) {
	t := g.r.text
	at := t.offset(n.Line, n.Column)
	bare := at < len(t.src) && t.src[at] == '!'
	if n.Style&yaml.TaggedStyle == 0 && !bare {
		return
	}
	switch n.Tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!seq", "!!map":
		if !bare || strings.HasPrefix(t.src[at:], "!!") {
			return
		}
	}
	tag, _, _ := strings.Cut(t.line(n.Line)[max(0, at-t.lines[n.Line-1]):], " ")
	g.r.problem(n, "bad-tag", "YAML reads %s as a tag, not as a part of the value", brief(tag))
	g.r.help(g.r.requoted(n.Line, at))
}

// keys checks the keys of a mapping and takes out what cannot be read.
func (g *guard) keys(n *yaml.Node, level int) {
	if len(n.Content)/2 > MaxEntries {
		g.stop(n, "too-many-keys", "a mapping may have at most %d keys, and this one has %d", MaxEntries, len(n.Content)/2)
		return
	}
	if g.r.dashes(n) {
		return
	}
	first := map[string]*yaml.Node(nil)
	if len(n.Content) > 32 {
		first = make(map[string]*yaml.Node, len(n.Content)/2)
	}
	kept := n.Content[:0:len(n.Content)]
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if !g.key(n, k) {
			g.cut(n, k, v, level)
			continue
		}
		if n.Style&yaml.FlowStyle != 0 && i+2 < len(n.Content) && g.comma(v, n.Content[i+2]) {
			kept = append(kept, k, v)
			i += 2 // what comes after the comma belongs to this value
			continue
		}
		name := deref(k).Value
		other := first[name]
		if first == nil {
			other = keyOf(&yaml.Node{Content: kept}, name)
		}
		if other != nil {
			g.r.problem(k, "duplicate-key", "the key %q stands here twice", brief(name))
			g.r.second(other, "first here")
			g.r.why("of two equal keys one program takes the first and another the last")
			g.cut(n, k, v, level)
			continue
		}
		if first != nil {
			first[name] = k
		}
		kept = append(kept, k, v)
	}
	n.Content = kept
}

// cut notes that an entry is taken out of n. It is looked at all the same: what is anchored in it may be read elsewhere.
func (g *guard) cut(n, k, v *yaml.Node, level int) {
	if g.r.cut == nil {
		g.r.cut = map[*yaml.Node]bool{}
	}
	g.r.cut[n] = true
	g.r.mark(k)
	g.r.mark(v)
	if k.Kind != yaml.ScalarNode {
		g.visit(k, level+1)
	}
	g.visit(v, level+1)
}

// key says whether k can be a key of n.
func (g *guard) key(n, k *yaml.Node) bool {
	r := g.r
	if k.Kind == yaml.AliasNode {
		if g.opening[k.Alias] {
			g.stop(k, "self-alias", "the alias *%s stands inside of what it stands for", brief(k.Value))
			return false
		}
		k = k.Alias
	}
	if k.Kind != yaml.ScalarNode {
		if r.mustache(n) {
			return false
		}
		r.problem(k, "bad-key", "a key must be a text, and this is %s", nounOf(k))
		r.help("to begin a value with { or [ put it into quotes")
		return false
	}
	g.tag(k)
	if k.Style&(quoted|yaml.TaggedStyle) == 0 {
		switch v, _, _ := plain(k.Value); {
		case k.Value == "<<":
			r.problem(k, "merge-key", "merge keys are not a part of YAML 1.2 and not of this language")
			r.help("write the keys out, or use defaults")
			return false
		case strings.Contains(k.Value, open):
			r.problem(k, "cut-expression", "YAML reads the colon in this expression as the end of a key")
			r.help(r.requoted(k.Line, r.text.offset(k.Line, k.Column)))
			r.mark(n)
			return false
		case v == nil:
			r.problem(k, "bad-key", "a key must be a text, and this one is null")
			r.help("write the key in quotes")
			return false
		default:
			if _, isText := v.(string); !isText {
				r.problem(k, "bad-key", "a key must be a text, and %s is none", brief(k.Value))
				r.help(`write "` + brief(k.Value) + `"`)
				return false
			}
		}
	}
	if strings.Contains(k.Value, open) {
		r.problem(k, "no-expression", "keys are literal: an expression may not stand in one")
		return false
	}
	return true
}

// comma finds a value of flow style that was cut at a comma of its own, as in {in: range(1, 6)}.
func (g *guard) comma(v, next *yaml.Node) bool {
	if v.Kind != yaml.ScalarNode || next.Kind != yaml.ScalarNode || (v.Style|next.Style)&(quoted|yaml.TaggedStyle) != 0 {
		return false
	}
	if strings.Count(v.Value, "(") <= strings.Count(v.Value, ")") || strings.Count(next.Value, "(") >= strings.Count(next.Value, ")") {
		return false
	}
	if g.r.bad[v] {
		return true
	}
	at := g.r.text.offset(v.Line, v.Column)
	end := g.r.text.offset(next.Line, next.Column) + len(next.Value)
	g.r.problem(v, "cut-expression", "YAML ends the value %q at the comma: this is flow style", brief(v.Value))
	if line := g.r.text.line(v.Line); len(line) <= maxShown && end <= g.r.text.lines[v.Line-1]+len(line) {
		g.r.help("write: " + g.r.quotedLine(v.Line, at, end))
	}
	return true
}

// requoted is the advice to put the value that begins at an offset of a line into quotes, with the line.
func (r *reader) requoted(line, at int) string {
	begin := r.text.lines[line-1]
	end := begin + len(strings.TrimRight(r.text.line(line), " \t"))
	if at >= end || end-begin > maxShown {
		return "put the value into quotes"
	}
	if depth := flowDepth(r.text.src[begin:at]); depth > 0 {
		if i := strings.Index(r.text.src[at:end], closing); i >= 0 && strings.Contains(r.text.src[at:at+i], open) {
			end = at + i + len(closing)
		} else {
			return "put the value into quotes"
		}
	}
	return "write: " + r.quotedLine(line, at, end)
}

// requote helps with requoted, and mends if the value is certainly a text, and all that stands behind a key or a dash.
func (r *reader) requote(line, at int) {
	r.help(r.requoted(line, at))
	begin := r.text.lines[line-1]
	value := strings.TrimRight(r.text.src[at:begin+len(r.text.line(line))], " \t")
	collection := strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[") && !strings.HasPrefix(value, "[ ")
	if value == "" || collection || strings.Contains(value, " #") || strings.TrimSpace(r.text.src[begin:at]) == "" || r.inFlow(line) {
		return
	}
	r.mend(at, at+len(value), quotes(value))
}

// flowDepth is how many brackets are open at the end of s, quotes aside.
func flowDepth(s string) int {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		}
	}
	return depth
}

// quotedLine is a line with the part from..to of the text in quotes.
func (r *reader) quotedLine(line, from, to int) string {
	begin := r.text.lines[line-1]
	whole := r.text.line(line)
	to = min(to, begin+len(whole))
	return strings.TrimSpace(whole[:from-begin] + quotes(r.text.src[from:to]) + whole[to-begin:])
}

// quotes is a text of one line in quotes.
func quotes(value string) string {
	if strings.ContainsAny(value, `"\`) {
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	return `"` + value + `"`
}

// maxShown is the length of a line that is still shown in advice.
const maxShown = 200

// cutExpression reports an expression without quotes that YAML has cut at ` #`.
func (r *reader) cutExpression(n *yaml.Node) bool {
	if n.Style&(quoted|yaml.TaggedStyle) != 0 {
		return false
	}
	if i := strings.LastIndex(n.Value, open); i < 0 || strings.Contains(n.Value[i:], closing) {
		return false
	}
	return r.cutByComment(n)
}

// cutByComment reports that the plain scalar n goes on behind a ` #`.
func (r *reader) cutByComment(n *yaml.Node) bool {
	at := r.text.offset(n.Line, n.Column)
	begin := r.text.lines[n.Line-1]
	rest := r.text.line(n.Line)[min(at-begin, len(r.text.line(n.Line))):]
	hash := strings.Index(rest, " #")
	if hash < 0 || n.Style&quoted != 0 {
		return false
	}
	pos := r.text.at(at + hash + 1)
	r.problemAt(pos, n, "cut-expression", "YAML begins a comment at this #, in the middle of the value")
	r.help(r.requoted(n.Line, at))
	return true
}
