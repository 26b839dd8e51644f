package spec

import (
	"iter"

	"gopkg.in/yaml.v3"
)

// deref is n, or what n is an alias of. The guards have seen to it that this ends.
func deref(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// keyOf is the key of that name in the mapping n, or nil.
func keyOf(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(n.Content); i += 2 {
		if k := deref(n.Content[i]); k.Value == name {
			return k
		}
	}
	return nil
}

// field is the value of that name in the mapping n, or nil.
func field(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(n.Content); i += 2 {
		if deref(n.Content[i]).Value == name {
			return deref(n.Content[i+1])
		}
	}
	return nil
}

// entries are the keys and values of n, which must be a mapping. Where a value cannot be read its key is lost too.
func (r *reader) entries(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(k, v *yaml.Node) bool) {
		if n = deref(n); n.Kind != yaml.MappingNode {
			r.mismatch(n)
			return
		}
		for i := 0; i < len(n.Content); i += 2 {
			k, v := deref(n.Content[i]), deref(n.Content[i+1])
			if r.bad[v] {
				r.mark(k)
			} else if !yield(k, v) {
				return
			}
		}
	}
}

// nounOf is what n is, for messages.
func nounOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	v, _, _ := scalar(n)
	return noun(v)
}

// noun is what v is, for messages.
func noun(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case bool:
		return "true or false"
	case int:
		return "a whole number"
	case float64:
		return "a number"
	case string:
		return "text"
	case []any:
		return "a list"
	}
	return "a mapping"
}
