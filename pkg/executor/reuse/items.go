package reuse

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// A child of a generator is the same one as in the past when its item is: its number may be another one. Of equal items the first
// is the first one again. An item that is new, in the place of one that is gone, is that one with a change.

// item tells items apart.
type item [16]byte

// generators are the items of blocks, by what stands before the numbers in the paths of their children.
type generators map[string][]item

func (g generators) take(path string, items []any) {
	list := make([]item, len(items))
	for i, x := range items {
		text, err := event.Marshal(x)
		if err != nil {
			panic("reuse: an item is no JSON: " + err.Error())
		}
		sum := sha256.Sum256(text)
		list[i] = item(sum[:len(item{})])
	}
	g[path] = list
}

// Items takes what the generator of a block goes over (kernel.Options.Items).
func (p *Past) Items(path string, items []any) { p.items.take(path, items) }

// Items takes what the generator of a block goes over (kernel.Options.Items).
func (x *Next) Items(path string, items []any) {
	x.items.take(path, items)
	delete(x.places, path)
}

// before is the path that a step had in the past; "" for one that was not there.
func (x *Next) before(path string) string {
	var was strings.Builder
	seen := 0 // of path
	for i := range len(path) {
		items, ok := x.items[path[:i]]
		if path[i] != '[' || !ok {
			continue
		}
		was.WriteString(path[seen:i])
		size := strings.IndexByte(path[i:], ']')
		n, err := strconv.Atoi(path[i+1 : i+size])
		if err != nil || n >= len(items) {
			panic("reuse: " + path + " has a number that its generator does not have")
		}
		places, known := x.places[path[:i]]
		if !known {
			places = matched(items, x.past.items[was.String()])
			x.places[path[:i]] = places
		}
		if places != nil {
			n = places[n]
		}
		if n < 0 {
			return ""
		}
		was.WriteString("[" + strconv.Itoa(n) + "]")
		seen = i + size + 1
	}
	return was.String() + path[seen:]
}

// matched are the numbers that items had in the past, -1 for those that were not there; nil: all have the same.
func matched(now, past []item) []int {
	if slices.Equal(now, past) {
		return nil
	}
	at := map[item][]int{}
	for i, x := range past {
		at[x] = append(at[x], i)
	}
	places := make([]int, len(now))
	for i, x := range now {
		places[i] = -1
		if list := at[x]; len(list) > 0 {
			places[i], at[x] = list[0], list[1:]
		}
	}
	for i := range now {
		if places[i] < 0 && i < len(past) && slices.Contains(at[past[i]], i) {
			places[i] = i
		}
	}
	return places
}
