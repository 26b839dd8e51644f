package spec

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// shown is the text of the file as it may be shown to people: the defaults of secret inputs are stars, and so is what calls within
// the file give them. root is nil for what is no YAML mapping; then all that looks like a default is hidden, if anything looks secret.
func (r *reader) shown(root *yaml.Node) []byte {
	t := r.text
	var spans [][]int
	if root == nil {
		if secretLooks.MatchString(t.src) {
			spans = looks(t.src)
			for i, d := range r.problems { // a help may show a line, with quotes that the text does not have
				r.problems[i].Help = stars(d.Help, looks(d.Help))
			}
		}
	} else {
		_, spans = t.secretDefaults(field(root, "inputs"), spans)
		secrets := map[string][]string{} // inputs, by workflow
		if list := field(root, "workflows"); list != nil && list.Kind == yaml.MappingNode {
			for i := 0; i < len(list.Content); i += 2 {
				var names []string
				if w := deref(list.Content[i+1]); w.Kind == yaml.MappingNode {
					names, spans = t.secretDefaults(field(w, "inputs"), spans)
				}
				if len(names) > 0 {
					secrets[deref(list.Content[i]).Value] = names
				}
			}
		}
		if len(secrets) > 0 {
			spans = t.given(root, secrets, spans)
		}
		r.quiet(spans) // a value that is cut in two is told as it is
	}
	return []byte(stars(t.src, spans))
}

// quiet takes secrets out of what was said so far.
func (r *reader) quiet(spans [][]int) {
	const short = 4 // is in too many words
	var pairs []string
	for _, s := range spans {
		if secret := r.text.src[s[0]:s[1]]; len(secret) >= short {
			pairs = append(pairs, secret, stars(secret, [][]int{{0, len(secret)}}))
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
	defaultLooks = regexp.MustCompile(`\bdefault["']?[ \t]*:[ \t]*([|>][^\r\n]*(?:\r?\n[ \t]*(?:[^\s:]+(?:[ \t][^\r\n]*)?)?)*|[^\r\n]*)`)
)

// looks are the places of what looks like a default.
func looks(text string) (spans [][]int) {
	for _, m := range defaultLooks.FindAllStringSubmatchIndex(text, -1) {
		spans = append(spans, m[2:])
	}
	return spans
}

// secretDefaults are the names of the secret ones of some inputs, and adds where their defaults stand.
func (t *text) secretDefaults(inputs *yaml.Node, spans [][]int) (names []string, _ [][]int) {
	if inputs == nil || inputs.Kind != yaml.MappingNode {
		return nil, spans
	}
	for i := 0; i < len(inputs.Content); i += 2 {
		if n := deref(inputs.Content[i+1]); isSecret(n) {
			names = append(names, deref(inputs.Content[i]).Value)
			for j := 0; j < len(n.Content); j += 2 {
				if isWord(n.Content[j], "default") {
					spans = t.scalars(n.Content[j+1], spans)
				}
			}
		}
	}
	return names, spans
}

// given adds where the steps in n give constants to secret inputs.
func (t *text) given(n *yaml.Node, secrets map[string][]string, spans [][]int) [][]int {
	if n.Kind == yaml.MappingNode {
		target, with := field(n, "call"), field(n, "with")
		if target != nil && with != nil && with.Kind == yaml.MappingNode {
			for i := 0; i < len(with.Content); i += 2 {
				if slices.Contains(secrets[target.Value], deref(with.Content[i]).Value) {
					spans = t.scalars(with.Content[i+1], spans)
				}
			}
		}
	}
	for _, c := range n.Content {
		spans = t.given(c, secrets, spans)
	}
	return spans
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
func (t *text) scalars(n *yaml.Node, spans [][]int) [][]int {
	n = deref(n)
	if n.Kind == yaml.ScalarNode {
		if strings.HasPrefix(n.Value, open) && strings.HasSuffix(n.Value, closing) {
			return spans
		}
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
