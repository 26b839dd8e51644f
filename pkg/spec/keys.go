package spec

import (
	"fmt"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// This file says what was meant by a key that means nothing where it stands.

// stray is such a key.
type stray struct {
	of    *yaml.Node // the mapping
	at    int        // the place of the key in it
	noun  string     // what has no such key
	owner string     // the key whose mapping it is, "file", or "" in a step
	known []string   // the keys that may stand there, sorted
	// fits says whether one of known could have the value v.
	fits func(known string, v *yaml.Node) bool
	// elsewhere says where else a key may stand, "" if nowhere.
	elsewhere func(key string) string
}

func (s *stray) key() *yaml.Node   { return deref(s.of.Content[s.at]) }
func (s *stray) value() *yaml.Node { return deref(s.of.Content[s.at+1]) }

// mayBe says whether known could be written in the place of the key.
func (s *stray) mayBe(known string) bool {
	return slices.Contains(s.known, known) && field(s.of, known) == nil
}

// unknownKey says what is wrong with a key, and what was meant. If that is certain the mapping has the right key as
// soon as the finding is reported, so that what stands below it is read too.
func (r *reader) unknownKey(s stray) finding {
	k, v := s.key(), s.value()
	f := r.find(k, v, "unknown-key", "%s has no key %q", s.noun, brief(k.Value))
	if w := foreignFor(k.Value, s.owner); w != nil {
		r.translate(&f, &s, w)
		return f
	}
	if f.Help = s.elsewhere(k.Value); f.Help != "" {
		return f
	}
	near := diag.Nearest(k.Value, s.known)
	if near == "" {
		if other := diag.Nearest(k.Value, r.lang.names()); len(k.Value) > 3 && other != "" && s.elsewhere(other) != "" {
			f.Help = diag.DidYouMean(other) + " " + s.elsewhere(other)
			return f
		}
		f.Help = diag.Suggest(k.Value, s.known)
		return f
	}
	f.Help = diag.DidYouMean(near)
	if diag.Certain(k.Value, s.known) != "" && s.mayBe(near) && (v.Kind == yaml.ScalarNode || s.fits(near, v)) {
		r.rename(&f, &s, near, "", v)
	}
	return f
}

// translate is for the key of another tool.
func (r *reader) translate(f *finding, s *stray, w *foreignWord) {
	v := s.value()
	text, ok := "", w.to != ""
	if ok && w.as != nil {
		text, ok = w.as(r.seenBy(v))
	}
	switch {
	case w.to == "":
		f.Help = w.help
	case !slices.Contains(s.known, w.to):
		f.Help = w.help
		if where := s.elsewhere(w.to); where != "" && (ok || f.Help == "") {
			f.Help = where
		}
	case field(s.of, w.to) != nil:
		f.Help = "that is " + w.to + ", which stands here already"
	case !ok && w.help != "":
		f.Help = w.help
	case !ok:
		f.Help = "write " + w.to + " in its place"
	default:
		r.called(f, s, w, text)
	}
}

// called says which key has the meaning of a foreign one, and how its value is written: text, or as it is.
func (r *reader) called(f *finding, s *stray, w *foreignWord, text string) {
	v, k := s.value(), s.key()
	shown := text
	if shown == "" {
		shown = r.text.valueOf(s.of, k, v)
	}
	f.Help = "write " + w.to + " in its place"
	if shown != "" {
		f.Help = "write " + w.to + ": " + shown
	}
	meant := v
	if text != "" {
		meant = r.written(text, v)
	}
	if s.fits(w.to, meant) {
		r.rename(f, s, w.to, text, meant)
	} else if w.help != "" {
		f.Help = w.help
	}
}

// rename makes f certain: another key is to stand there, and the value meant, of which the text is given if it is not
// that which is there.
func (r *reader) rename(f *finding, s *stray, key, text string, meant *yaml.Node) {
	k, v := s.key(), s.value()
	from, to, ok := r.text.token(k)
	if !ok || s.of.Content[s.at] != k {
		return // an alias: the text of the key may be meant for others, too
	}
	replacement := key
	if text != "" {
		_, end, ok := r.text.token(v)
		if !ok || s.of.Content[s.at+1] != v || v.Line != k.Line {
			return // behind an alias, an anchor or a comment
		}
		replacement, to = key+": "+text, end
	}
	f.Fix = r.text.fix(from, to, replacement)
	right := *k
	right.Value = key
	f.about = k
	f.meant = func() {
		s.of.Content[s.at] = &right
		if text != "" {
			s.of.Content[s.at+1] = meant
		}
	}
}

// written reads the text of a value as if it stood in the place of v.
func (r *reader) written(text string, v *yaml.Node) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) != 1 {
		panic(fmt.Sprintf("spec: the replacement %q is not YAML", text))
	}
	n := doc.Content[0]
	var move func(*yaml.Node)
	move = func(n *yaml.Node) {
		n.Line, n.Column = v.Line, v.Column
		for _, c := range n.Content {
			move(c)
		}
	}
	move(n)
	return n
}

// seenBy is v as the dictionary's functions see it: a scalar's value, another node itself.
func (r *reader) seenBy(v *yaml.Node) any {
	if v.Kind != yaml.ScalarNode {
		return v
	}
	x, _, _ := scalar(v)
	return x
}

// names are all words of the language: what a step, a workflow or the file may have, in order, and what stands inside
// of that.
func (l *language) names() []string {
	var out []string
	for i := range words {
		if !slices.Contains(out, words[i].name) {
			out = append(out, words[i].name)
		}
	}
	for _, name := range l.actions {
		if k := l.kinds[name]; k != nil {
			for _, key := range k.Keys {
				if !slices.Contains(out, key.Name) {
					out = append(out, key.Name)
				}
			}
		}
	}
	l.members("")
	return append(out, slices.Sorted(maps.Keys(l.inside))...)
}
