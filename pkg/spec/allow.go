package spec

import (
	"regexp"
	"slices"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// allowing is the begin of a comment that silences warnings.
var allowing = regexp.MustCompile(`#[ \t]*flowrun:[ \t]*allow\b`)

// allows reads the comments that silence warnings:
//
//	timeout: 2h         # flowrun: allow CODE, CODE     those of this line
//	# flowrun: allow CODE (the reason)                  those of the next line that is no comment
//
// and, before the first key of the file, those of all of it. YAML's library knows no places of comments, so they are found
// in the text, but not in the values: what stands in a script is the script's.
func (r *reader) allows(root *yaml.Node) []*ast.Allow {
	t := r.text
	found := allowing.FindAllStringIndex(t.src, -1)
	if len(found) == 0 {
		return nil
	}
	inside := map[int]bool{}
	t.quotes(root, found, inside)
	first := len(t.lines)
	if len(root.Content) > 0 {
		first = root.Content[0].Line
	}
	var out []*ast.Allow
	below := map[int]int{} // what a comment on a line of its own is about
	for _, at := range slices.Backward(found) {
		begin, end := at[0], at[1]
		if inside[begin] || begin > 0 && !strings.ContainsRune(" \t\r\n", rune(t.src[begin-1])) {
			continue
		}
		a := &ast.Allow{Pos: t.at(begin)}
		line := t.line(a.Pos.Line)
		a.Line = a.Pos.Line
		switch alone := strings.HasPrefix(strings.TrimSpace(line), "#"); {
		case alone && a.Line < first:
			a.Line = 0
		case alone:
			for a.Line++; below[a.Line] == 0 && strings.HasPrefix(strings.TrimSpace(t.line(a.Line)), "#"); a.Line++ {
			}
			a.Line = max(a.Line, below[a.Line])
			below[a.Pos.Line] = a.Line
		}
		a.Codes = t.codes(end, t.lines[a.Pos.Line-1]+len(line))
		out = append(out, a)
	}
	slices.Reverse(out)
	return out
}

// codes are the names between two offsets: separated by commas, of each the first word. What stands behind that is a reason,
// for people.
func (t *text) codes(from, to int) []ast.Name {
	var out []ast.Name
	for item := range strings.SplitAfterSeq(t.src[from:to], ",") {
		words := strings.Fields(strings.TrimSuffix(item, ","))
		if len(words) > 0 {
			out = append(out, ast.Name{Pos: t.at(from + strings.Index(item, words[0])), Text: words[0]})
		}
		from += len(item)
	}
	return out
}

// quotes notes which of the places that were found in the text stand in the values at and below n.
func (t *text) quotes(n *yaml.Node, found [][]int, inside map[int]bool) {
	for _, c := range n.Content {
		t.quotes(c, found, inside)
	}
	if n.Kind != yaml.ScalarNode || !strings.Contains(n.Value, "flowrun:") {
		return
	}
	begin, left := t.content(n), len(allowing.FindAllStringIndex(n.Value, -1))
	next := sort.Search(len(found), func(i int) bool { return found[i][0] >= begin })
	for _, at := range found[next:min(next+left, len(found))] {
		inside[at[0]] = true
	}
}
