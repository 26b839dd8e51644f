// Package mask finds the secrets of a run in texts and in streams, and puts *** in their place.
//
//	values ─► forms (as it is, its lines, JSON, URL, shell, hex, base64) ─► words of 4 to 32 bytes ─► Set
//
// A form that is longer than a word is looked for in words that together cover it. Where all of it comes by, they are
// all found and become one ***; a part of it is found as far as whole words of it go. So the memory that a Set takes
// is a small multiple of its forms, and a Stream holds back less than one word, however long a secret is.
//
// What is masked does not depend on how a stream was cut: it is every byte that belongs to a word, and all that touch
// become one ***.
//
// It is a net and no wall: a program that turns a secret round, or prints it letter by letter, gets through.
package mask

import (
	"math/bits"
	"slices"
	"strings"
)

// Mark is what stands in the place of a secret.
const Mark = "***"

const (
	minWord = 4  // what is shorter is never masked: half of every text would be
	maxWord = 32 // a form that is longer is cut
)

// Set is what is to be masked. It never changes; any number of goroutines may use it. A nil Set masks nothing.
//
// A text is looked at in steps, four bytes at a time. A word of n bytes has n-3 places where four of its bytes begin,
// and one step is as many places as the shortest word has: whatever its place in the text, one look falls on one
// of them. Only where these four bytes are in the filter a word is looked up.
type Set struct {
	values []string
	words  []string // sorted, none twice
	// places says for each word what it is a part of.
	places []place
	// outer is, for each word, the longest other word that it begins with; -1: none.
	outer  []int32
	heads  map[uint32]span // the words by their first four bytes
	filter []uint64        // a bit for each hash of four bytes
	shift  uint            // from a hash to its bit
	step   int
	sealed bool // there are references in the place of secrets: Sealed
}

// span is a part of Set.words.
type span struct{ from, to int32 }

// New makes a Set of values. Those that are shorter than four bytes are left out; nil: nothing is left.
func New(values []string) *Set {
	words, places := wordsOf(values)
	if words == nil {
		return nil
	}
	s := &Set{values: values, words: words, places: places, outer: make([]int32, len(words)), heads: map[uint32]span{}, step: maxWord}
	for _, w := range words {
		s.step = min(s.step, len(w)-minWord+1)
	}
	// Sixteen bits for each four bytes: one look in sixteen at what is no secret is in vain, or less.
	width := max(15, min(24, bits.Len(uint(16*len(words)*s.step))))
	s.filter, s.shift = make([]uint64, 1<<width/64), uint(32-width)
	for i, w := range words {
		s.outer[i] = s.longest(int32(i)-1, w)
		words := s.heads[four(w, 0)]
		if words.to == 0 {
			words.from = int32(i)
		}
		words.to = int32(i) + 1
		s.heads[four(w, 0)] = words
		for at := range s.step {
			h := s.hash(four(w, at))
			s.filter[h/64] |= 1 << (h % 64)
		}
	}
	return s
}

// place is where a word stands: in a form of a value, from that byte on.
type place struct{ value, form, from int32 }

// wordsOf are the words of all forms of values, sorted and each once, with the first place of each.
func wordsOf(values []string) ([]string, []place) {
	type word struct {
		text string
		place
	}
	var all []word
	for v, value := range values {
		for f, form := range forms(value) {
			for at := 0; len(form)-at >= minWord; {
				end := min(len(form), at+maxWord)
				all = append(all, word{form[at:end], place{int32(v), int32(f), int32(at)}})
				if end == len(form) {
					break
				}
				at = min(end, len(form)-maxWord) // the last word overlaps the one before it
			}
		}
	}
	slices.SortStableFunc(all, func(a, b word) int { return strings.Compare(a.text, b.text) })
	all = slices.CompactFunc(all, func(a, b word) bool { return a.text == b.text })
	var words []string
	var places []place
	for _, w := range all {
		words, places = append(words, w.text), append(places, w.place)
	}
	return words, places
}

// text is what secrets are looked for in.
type text interface{ string | []byte }

// four is four bytes of b, from that place on, as a number.
func four[T text](b T, at int) uint32 {
	_ = b[at+3]
	return uint32(b[at]) | uint32(b[at+1])<<8 | uint32(b[at+2])<<16 | uint32(b[at+3])<<24
}

func (s *Set) hash(x uint32) uint32 { return x * 0x9E3779B1 >> (s.shift & 31) }

// next is the first place, from that on and before end, in which a word may begin, with the last place for which
// that is known. The places between are to be looked at, too. It is end when there is none.
func next[T text](s *Set, b T, from, end int) (first, last int) {
	filter, shift, step := s.filter, s.shift, s.step
	for at := from + step - 1; at+minWord <= len(b) && at-step+1 < end; at += step {
		h := four(b, at) * 0x9E3779B1 >> (shift & 31)
		if filter[h/64]&(1<<(h%64)) != 0 {
			return at - step + 1, min(at, end-1)
		}
	}
	return end, end
}

// match is the length of the longest word at the begin of b; 0: none.
func match[T text](s *Set, b T) int {
	i := find(s, b)
	if i < 0 {
		return 0
	}
	return len(s.words[i])
}

// find is the number of the longest word at the begin of b; -1: none.
func find[T text](s *Set, b T) int32 {
	if len(b) < minWord {
		return -1
	}
	words, ok := s.heads[four(b, 0)]
	if !ok {
		return -1
	}
	// Of the words up to b, the last is one of those that b begins with, or begins with all of them.
	begin := string(b[:min(len(b), maxWord)])
	return s.longest(s.after(words, begin)-1, begin)
}

// longest is the word i, or the longest before it, that text begins with; -1: none. Word i is the last that is not
// above text.
func (s *Set) longest(i int32, text string) int32 {
	for i >= 0 && !strings.HasPrefix(text, s.words[i]) {
		i = s.outer[i]
	}
	return i
}

// after is the first of words that is above text.
func (s *Set) after(words span, text string) int32 {
	from, to := words.from, words.to
	for from < to {
		if mid := (from + to) / 2; s.words[mid] <= text {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return from
}

// begins says whether b, which is shorter than a word may be, is the begin of a word, and not all of it.
func (s *Set) begins(b []byte) bool {
	words := span{to: int32(len(s.words))}
	if len(b) >= minWord {
		h := s.hash(four(b, 0))
		if s.filter[h/64]&(1<<(h%64)) == 0 {
			return false
		}
		words = s.heads[four(b, 0)]
	}
	i := s.after(words, string(b))
	return i < words.to && strings.HasPrefix(s.words[i], string(b))
}

// Text is text with its secrets masked.
func (s *Set) Text(text string) string {
	if s == nil {
		return text
	}
	if s.sealed {
		return hidden(text)
	}
	var out strings.Builder
	seen := 0 // what is before it is in out, or masked
	for at := 0; at < len(text); {
		first, last := next(s, text, at, len(text))
		for at = first; at <= last && at < len(text); at++ {
			n := match(s, text[at:])
			if n == 0 {
				continue
			}
			if at > seen || out.Len() == 0 {
				out.WriteString(text[seen:at])
				out.WriteString(Mark)
			}
			seen = max(seen, at+n)
		}
	}
	if out.Len() == 0 {
		return text
	}
	out.WriteString(text[seen:])
	return out.String()
}
