package spec

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// shown is the text of the file as it may be shown to people: the defaults of secret inputs are stars. root is nil for what is no
// YAML mapping; then all that looks like a default is hidden, if anything looks secret.
func (r *reader) shown(root *yaml.Node) []byte {
	t := r.text
	var spans [][]int
	if root == nil {
		if secretLooks.MatchString(t.src) {
			for _, m := range defaultLooks.FindAllStringSubmatchIndex(t.src, -1) {
				spans = append(spans, m[2:])
			}
		}
	} else {
		inputs := field(root, "inputs")
		spans = t.secretDefaults(inputs, spans)
		if list := field(root, "workflows"); list != nil && list.Kind == yaml.MappingNode {
			for i := 1; i < len(list.Content); i += 2 {
				if w := deref(list.Content[i]); w.Kind == yaml.MappingNode {
					spans = t.secretDefaults(field(w, "inputs"), spans)
				}
			}
		}
	}
	return []byte(stars(t.src, spans))
}

var (
	secretLooks  = regexp.MustCompile(`\bsecret\b`)
	defaultLooks = regexp.MustCompile(`\bdefault["']?[ \t]*:[ \t]*([^\r\n]*)`)
)

// secretDefaults adds where the defaults of secret inputs stand.
func (t *text) secretDefaults(inputs *yaml.Node, spans [][]int) [][]int {
	if inputs == nil || inputs.Kind != yaml.MappingNode {
		return spans
	}
	for i := 1; i < len(inputs.Content); i += 2 {
		if n := deref(inputs.Content[i]); isSecret(n) {
			if v := field(n, "default"); v != nil {
				spans = t.scalars(v, spans)
			}
		}
	}
	return spans
}

// isSecret says that the declaration of an input is that of a secret one, or was to be one.
func isSecret(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	v := field(n, "secret")
	return v != nil && v.Value != "false"
}

// scalars adds where the scalars in n stand.
func (t *text) scalars(n *yaml.Node, spans [][]int) [][]int {
	n = deref(n)
	if n.Kind == yaml.ScalarNode {
		begin := t.content(n)
		return append(spans, []int{begin, max(begin, t.end(n, begin))})
	}
	for _, c := range n.Content {
		spans = t.scalars(c, spans)
	}
	return spans
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

// stars puts a star for each character in some places of a text; line breaks and the blanks behind them stay.
func stars(text string, spans [][]int) string {
	if len(spans) == 0 {
		return text
	}
	slices.SortFunc(spans, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	var b strings.Builder
	at := 0
	for _, s := range spans {
		if s[0] < at {
			continue // an alias of what is hidden already
		}
		b.WriteString(text[at:s[0]])
		margin := false
		for _, c := range text[s[0]:s[1]] {
			switch {
			case c == '\n' || c == '\r':
				margin = true
			case c != ' ' || !margin:
				c, margin = '*', false
			}
			b.WriteRune(c)
		}
		at = s[1]
	}
	return b.String() + text[at:]
}
