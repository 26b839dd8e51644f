// Package columns knows how many columns a terminal gives to a text.
package columns

import (
	"sort"
	"unicode"
	"unicode/utf8"
)

// Width is the number of columns that a terminal gives to s, which has no tabs and no control characters.
func Width(s string) int {
	var m meter
	for _, r := range s {
		m.add(r)
	}
	return m.columns
}

// Cut is s if it has room in n columns, else as much of its begin as has room beside more, which then stands behind it.
func Cut(s string, n int, more string) string {
	if len(s) <= n {
		return s
	}
	var m meter
	room, end := n-Width(more), 0
	for i, r := range s {
		if m.add(r); m.columns <= room {
			end = i + size(s[i:])
		}
		if m.columns > n {
			if room < 0 {
				return ""
			}
			return s[:end] + more
		}
	}
	return s
}

// size is how many bytes the first character of s has.
func size(s string) int {
	_, n := utf8.DecodeRuneInString(s)
	return n
}

// meter adds up characters.
type meter struct {
	columns int
	last    int // width of the last that has one
	joined  bool
}

func (m *meter) add(r rune) {
	if r < 0x300 {
		m.columns++
		m.last, m.joined = 1, false
		return
	}
	w := Rune(r)
	switch {
	case r == '\ufe0f' && m.last == 1: // the sign before it is to be a picture
		m.columns++
		m.last = 2
		return
	case r == '\u200d': // the next picture is a part of this one
		m.joined = m.last == 2
		return
	case m.joined && w == 2, m.last == 2 && r >= 0x1f3fb && r <= 0x1f3ff: // or is the colour of its skin
		w = 0
	}
	m.joined = false
	m.columns += w
	if w > 0 {
		m.last = w
	}
}

// Rune is the width of a character by itself.
func Rune(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r >= 0x1160 && r <= 0x11ff, unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf): // vowels of Hangul stand in their syllable
		return 0
	}
	i := sort.Search(len(wide), func(i int) bool { return wide[i][1] >= r })
	if i < len(wide) && wide[i][0] <= r {
		return 2
	}
	return 1
}

// wide are the characters of two columns: East_Asian_Width W and F of Unicode, with what lies between them unassigned.
var wide = [...][2]rune{
	{0x1100, 0x115f},
	{0x231a, 0x231b},
	{0x2329, 0x232a},
	{0x23e9, 0x23ec},
	{0x23f0, 0x23f0},
	{0x23f3, 0x23f3},
	{0x25fd, 0x25fe},
	{0x2614, 0x2615},
	{0x2648, 0x2653},
	{0x267f, 0x267f},
	{0x2693, 0x2693},
	{0x26a1, 0x26a1},
	{0x26aa, 0x26ab},
	{0x26bd, 0x26be},
	{0x26c4, 0x26c5},
	{0x26ce, 0x26ce},
	{0x26d4, 0x26d4},
	{0x26ea, 0x26ea},
	{0x26f2, 0x26f3},
	{0x26f5, 0x26f5},
	{0x26fa, 0x26fa},
	{0x26fd, 0x26fd},
	{0x2705, 0x2705},
	{0x270a, 0x270b},
	{0x2728, 0x2728},
	{0x274c, 0x274c},
	{0x274e, 0x274e},
	{0x2753, 0x2755},
	{0x2757, 0x2757},
	{0x2795, 0x2797},
	{0x27b0, 0x27b0},
	{0x27bf, 0x27bf},
	{0x2b1b, 0x2b1c},
	{0x2b50, 0x2b50},
	{0x2b55, 0x2b55},
	{0x2e80, 0x303e},
	{0x3041, 0x4dbf},
	{0x4e00, 0xa4cf},
	{0xa960, 0xa97f},
	{0xac00, 0xd7a3},
	{0xf900, 0xfaff},
	{0xfe10, 0xfe19},
	{0xfe30, 0xfe6f},
	{0xff00, 0xff60},
	{0xffe0, 0xffe6},
	{0x16fe0, 0x16ff1},
	{0x17000, 0x18cff},
	{0x1aff0, 0x1b2ff},
	{0x1f004, 0x1f004},
	{0x1f0cf, 0x1f0cf},
	{0x1f18e, 0x1f18e},
	{0x1f191, 0x1f19a},
	{0x1f200, 0x1f320},
	{0x1f32d, 0x1f335},
	{0x1f337, 0x1f37c},
	{0x1f37e, 0x1f393},
	{0x1f3a0, 0x1f3ca},
	{0x1f3cf, 0x1f3d3},
	{0x1f3e0, 0x1f3f0},
	{0x1f3f4, 0x1f3f4},
	{0x1f3f8, 0x1f43e},
	{0x1f440, 0x1f440},
	{0x1f442, 0x1f4fc},
	{0x1f4ff, 0x1f53d},
	{0x1f54b, 0x1f54e},
	{0x1f550, 0x1f567},
	{0x1f57a, 0x1f57a},
	{0x1f595, 0x1f596},
	{0x1f5a4, 0x1f5a4},
	{0x1f5fb, 0x1f64f},
	{0x1f680, 0x1f6c5},
	{0x1f6cc, 0x1f6cc},
	{0x1f6d0, 0x1f6d2},
	{0x1f6d5, 0x1f6d7},
	{0x1f6dc, 0x1f6df},
	{0x1f6eb, 0x1f6ec},
	{0x1f6f4, 0x1f6fc},
	{0x1f7e0, 0x1f7eb},
	{0x1f7f0, 0x1f7f0},
	{0x1f90c, 0x1f93a},
	{0x1f93c, 0x1f945},
	{0x1f947, 0x1f9ff},
	{0x1fa70, 0x1faff},
	{0x20000, 0x2fffd},
	{0x30000, 0x3fffd},
}
