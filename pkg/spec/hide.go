package spec

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// shown is the text of the file as it may be shown to people: the defaults of secret inputs are stars, and so are the values that
// they may have and what calls within the file give them. root is nil for what is no YAML mapping; then all that looks like these is
// hidden, if anything looks secret.
// What is YAML stays YAML, with everything in its place (Options.Shown).
func (r *reader) shown(root *yaml.Node) []byte {
	t := r.text
	var spans []span
	if root == nil {
		if secretLooks.MatchString(t.src) {
			spans = looks(t.src)
			for i, d := range r.problems { // a help may show a line, with quotes that the text does not have
				r.problems[i].Help = stars(d.Help, looks(d.Help))
			}
		}
	} else {
		for _, n := range secretValues(root) {
			spans = t.scalars(n, spans)
		}
		r.quiet(spans) // a value that is cut in two is told as it is
	}
	return []byte(stars(t.src, spans))
}

// quiet takes secrets out of what was said so far.
func (r *reader) quiet(spans []span) {
	const short = 4 // is in too many words
	var pairs []string
	for _, s := range spans {
		if secret := r.text.src[s.begin:s.end]; len(secret) >= short {
			pairs = append(pairs, secret, stars(secret, []span{{end: len(secret), plain: s.plain}}))
		}
	}
	hidden := strings.NewReplacer(pairs...)
	for i := range r.problems {
		d := &r.problems[i]
		d.Text, d.Help = hidden.Replace(d.Text), hidden.Replace(d.Help)
	}
}

var (
	secretLooks = regexp.MustCompile(`\bsecret\b`)
	// A block goes on to the next line that begins with a key.
	defaultLooks = regexp.MustCompile(`\b(?:default|enum)["']?[ \t]*:[ \t]*([|>][^\r\n]*(?:\r?\n[ \t]*(?:[^\s:]+(?:[ \t][^\r\n]*)?)?)*|[^\r\n]*)`)
)

// looks are the places of what looks like a default.
func looks(text string) (spans []span) {
	for _, m := range defaultLooks.FindAllStringSubmatchIndex(text, -1) {
		spans = append(spans, span{begin: m[2], end: m[3]})
	}
	return spans
}

// span is a place in a text.
type span struct {
	begin, end int
	plain      bool // a scalar without quotes and in no block
}

// secretValues are the values in a file that are not for everybody's eyes.
func secretValues(root *yaml.Node) []*yaml.Node {
	if root == nil {
		return nil
	}
	_, values := secretDefaults(field(root, "inputs"), nil)
	secrets := map[string][]string{} // inputs, by workflow
	if list := field(root, "workflows"); list != nil && list.Kind == yaml.MappingNode {
		for i := 0; i < len(list.Content); i += 2 {
			var names []string
			if w := deref(list.Content[i+1]); w.Kind == yaml.MappingNode {
				names, values = secretDefaults(field(w, "inputs"), values)
			}
			if len(names) > 0 {
				secrets[deref(list.Content[i]).Value] = names
			}
		}
	}
	if len(secrets) > 0 {
		values = given(root, secrets, values)
	}
	return values
}

// blank takes what is hidden out of a file that Options.Shown tells of.
func blank(root *yaml.Node) {
	for i, n := range secretValues(root) {
		if !tellsNothing(deref(n)) {
			value := "*** " + strconv.Itoa(i) // none twice, as the values of an enum
			*n = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: value, Anchor: n.Anchor, Line: n.Line, Column: n.Column}
		}
	}
}

// secretDefaults are the names of the secret ones of some inputs, and adds their defaults, and the values that they may have.
func secretDefaults(inputs *yaml.Node, values []*yaml.Node) (names []string, _ []*yaml.Node) {
	if inputs == nil || inputs.Kind != yaml.MappingNode {
		return nil, values
	}
	for i := 0; i < len(inputs.Content); i += 2 {
		if n := deref(inputs.Content[i+1]); isSecret(n) {
			names = append(names, deref(inputs.Content[i]).Value)
			for j := 0; j < len(n.Content); j += 2 {
				switch v := n.Content[j+1]; {
				case isWord(n.Content[j], "default"):
					values = append(values, v)
				case isWord(n.Content[j], "enum"):
					values = append(values, deref(v).Content...)
				}
			}
		}
	}
	return names, values
}

// given adds what the steps in n give as constants to secret inputs.
func given(n *yaml.Node, secrets map[string][]string, values []*yaml.Node) []*yaml.Node {
	if n.Kind == yaml.MappingNode {
		target, with := field(n, "call"), field(n, "with")
		if target != nil && with != nil && with.Kind == yaml.MappingNode {
			for i := 0; i < len(with.Content); i += 2 {
				if slices.Contains(secrets[target.Value], deref(with.Content[i]).Value) {
					values = append(values, with.Content[i+1])
				}
			}
		}
	}
	for _, c := range n.Content {
		values = given(c, secrets, values)
	}
	return values
}

// isSecret says that the declaration of an input is that of a secret one, or was to be one.
func isSecret(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i < len(n.Content); i += 2 {
		if isWord(n.Content[i], "secret") {
			return deref(n.Content[i+1]).Value != "false"
		}
	}
	return false
}

// isWord says that the key k is a word, or was to be it.
func isWord(k *yaml.Node, word string) bool {
	name := deref(k).Value
	return name == word || diag.Nearest(name, []string{word}) != ""
}

// scalars adds where the scalars in n stand, but for expressions, which tell nothing.
func (t *text) scalars(n *yaml.Node, spans []span) []span {
	n = deref(n)
	if tellsNothing(n) {
		return spans
	}
	if n.Kind == yaml.ScalarNode {
		begin := t.content(n)
		plain := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
		return append(spans, span{begin, max(begin, t.end(n, begin)), plain})
	}
	for _, c := range n.Content {
		spans = t.scalars(c, spans)
	}
	return spans
}

// tellsNothing says that a value is an expression.
func tellsNothing(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && strings.HasPrefix(n.Value, open) && strings.HasSuffix(n.Value, closing)
}

// end is the offset behind the last character of a scalar whose first one is at begin.
func (t *text) end(n *yaml.Node, begin int) int {
	at := begin
	switch {
	case n.Style&yaml.DoubleQuotedStyle != 0:
		for ; at < len(t.src) && t.src[at] != '"'; at++ {
			if t.src[at] == '\\' {
				at++
			}
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		for at < len(t.src) && (t.src[at] != '\'' || strings.HasPrefix(t.src[at:], "''")) {
			if t.src[at] == '\'' {
				at++
			}
			at++
		}
	default:
		at = t.walk(begin, strings.TrimRight(n.Value, "\n"), false)
	}
	return min(at, len(t.src))
}

// stars puts a star for each character in some places of a text; line breaks and the blanks behind them stay. A scalar without
// quotes begins with _, for the star of an alias would be no YAML.
func stars(text string, spans []span) string {
	if len(spans) == 0 {
		return text
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.begin, b.begin) })
	var b strings.Builder
	at := 0
	for _, s := range spans {
		if s.begin < at {
			continue // an alias of what is hidden already
		}
		b.WriteString(text[at:s.begin])
		margin := false
		for i, c := range text[s.begin:s.end] {
			switch {
			case c == '\n' || c == '\r':
				margin = true
			case i == 0 && s.plain:
				c = '_'
			case c != ' ' || !margin:
				c, margin = '*', false
			}
			b.WriteRune(c)
		}
		at = s.end
	}
	return b.String() + text[at:]
}
