package durations

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// What a good run has shown of its steps is a file of lines, whose parts have a blank between them:
//
//	flowrun-durations 1 RUN TOOK          the version of the format, the id of the run, how long it took
//	KEY BEGUN OF ATTEMPTS WHOLE READY     a step, in the order of the keys
//	crc 8c1f06a3                          CRC-32C of all before
//
//	KEY       64 bits of a hash (FNV-1a) of the path of the step and the digest of its definition
//	BEGUN OF  how often it began, and how often the step around it did
//	ATTEMPTS  how long attempts took that succeeded, or of a block all; durations are in microseconds, with a comma between them
//	WHOLE     how long steps took with all attempts before and their pauses; - when there were none
//	READY     after how long services were ready
//
// A step of which there is nothing to tell has no line: it began whenever that around it did, and takes no time by itself.
const version = "1"

const (
	magic    = "flowrun-durations"
	maxFile  = 1 << 20 // beyond that, what took longest is kept
	keyWidth = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// good is a file.
type good struct {
	Good
	file  []byte
	keys  []uint64 // in order
	lines [][]byte // behind the keys
}

// times are durations, sorted; of very many some.
type times struct {
	attempts []time.Duration // of those that succeeded, of a block all
	whole    []time.Duration // with all attempts before and their pauses; nil: there were none
	ready    []time.Duration // until a service was ready
}

// keyOf is the key of a step.
func keyOf(path string, d plan.Digest) uint64 {
	h := fnv.New64a()
	h.Write(d[:])
	h.Write([]byte(path))
	return h.Sum64()
}

// entry is a line that is written.
type entry struct {
	key    uint64
	weight time.Duration // how much is lost without it
	text   []byte        // behind the key
}

// encode is the file of a run.
func encode(t *tree, root *spot, run Good) []byte {
	var list []entry
	t.tell(root, &list)
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(b.weight, a.weight) })
	size := 0
	for i, e := range list {
		if size += keyWidth + len(e.text); size > maxFile {
			list = list[:i]
			break
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	b := fmt.Appendf(nil, "%s %s %s %d\n", magic, version, run.ID, run.Took.Microseconds())
	for _, e := range list {
		b = fmt.Appendf(b, "%016x", e.key)
		b = append(b, e.text...)
	}
	return fmt.Appendf(b, "crc %08x\n", crc32.Checksum(b, castagnoli))
}

// tell lists what was seen of the steps inside s.
func (t *tree) tell(s *spot, list *[]entry) {
	if s.seen == nil || s.seen.begun == 0 {
		return
	}
	for _, c := range t.below(s) {
		x := seen{}
		if c.seen != nil {
			x = *c.seen
		}
		f := t.form(c.def)
		if x.begun != s.seen.begun || f.works() || f.joins() || f.when || c.def.Order >= event.InExcept {
			e := entry{key: keyOf(c.path, t.digests[c.def.Index].Own)}
			for _, d := range x.attempts {
				e.weight += d
			}
			e.text = fmt.Appendf(nil, " %d %d", x.begun, s.seen.begun)
			e.text = appendTimes(e.text, x.attempts)
			if !x.again {
				x.whole = nil
			}
			e.text = appendTimes(e.text, x.whole)
			e.text = append(appendTimes(e.text, x.ready), '\n')
			*list = append(*list, e)
		}
		t.tell(c, list)
	}
}

// most is how many durations of a step are kept of one run.
const most = 16

func appendTimes(b []byte, list []time.Duration) []byte {
	if b = append(b, ' '); len(list) == 0 {
		return append(b, '-')
	}
	for i, d := range thinned(slices.Sorted(slices.Values(list)), most) {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, max(0, d.Round(time.Microsecond).Microseconds()), 10)
	}
	return b
}

// errDamaged is a file that is not as it was written, or of another version.
var errDamaged = errors.New("it is damaged")

// decode reads a file. Its lines are parts of b.
func decode(b []byte) (*good, error) {
	crc := bytes.LastIndexByte(b[:max(0, len(b)-1)], '\n') + 1
	if string(b[crc:]) != fmt.Sprintf("crc %08x\n", crc32.Checksum(b[:crc], castagnoli)) {
		return nil, errDamaged
	}
	head, rest, _ := bytes.Cut(b[:crc], []byte("\n"))
	g := &good{file: b}
	var took int64
	var v string
	if n, err := fmt.Sscanf(string(head), magic+" %s %s %d", &v, &g.ID, &took); n != 3 || err != nil || v != version || took < 0 {
		return nil, errDamaged
	}
	g.Took = time.Duration(took) * time.Microsecond
	lines := bytes.Count(rest, []byte("\n"))
	g.keys, g.lines = make([]uint64, 0, lines), make([][]byte, 0, lines)
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n')
		if end <= keyWidth {
			return nil, errDamaged
		}
		var key [8]byte
		if _, err := hex.Decode(key[:], rest[:keyWidth]); err != nil {
			return nil, errDamaged
		}
		g.keys = append(g.keys, binary.BigEndian.Uint64(key[:]))
		g.lines = append(g.lines, rest[keyWidth+1:end])
		rest = rest[end+1:]
	}
	if !slices.IsSorted(g.keys) {
		return nil, errDamaged
	}
	return g, nil
}

// find is the line of a step behind its key; nil: there is none.
func (g *good) find(key uint64) []byte {
	i, ok := slices.BinarySearch(g.keys, key)
	if !ok {
		return nil
	}
	return g.lines[i]
}

// number reads one, and the blank or the comma behind it. What is none is 0.
func number(line []byte) (n int64, rest []byte) {
	for i, c := range line {
		if c < '0' || c > '9' {
			return n, line[i+1:]
		}
		n = min(10*n+int64(c-'0'), longest)
	}
	return n, nil
}

// appendTo appends the times that stand before the next blank.
func appendTo(list []time.Duration, line []byte) (longer []time.Duration, rest []byte) {
	end := bytes.IndexByte(line, ' ')
	if end < 0 {
		end = len(line)
	} else {
		rest = line[end+1:]
	}
	if line = line[:end]; string(line) == "-" {
		return list, rest
	}
	for len(line) > 0 {
		var n int64
		n, line = number(line)
		list = append(list, time.Duration(n)*time.Microsecond)
	}
	return list, rest
}

// longest is the longest time that is believed, in microseconds: a year.
const longest = 365 * 24 * 3600 * 1_000_000
