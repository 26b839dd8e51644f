package graph

import "unicode"

// Whose font a picture is shown in is not known: widths are those of a wide one among the usual (Verdana and DejaVu are, Helvetica and
// Segoe are narrower), so that a text may leave room and never runs over its box.

// width is about how wide s is at a font size of 1: proportional, or with mono in a font in which all letters are equal.
func width(s string, mono bool) float64 {
	w := 0.0
	for _, r := range s {
		w += runeWidth(r, mono)
	}
	return w
}

func runeWidth(r rune, mono bool) float64 {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case wide(r):
		return 1.25 // pictures of emoji are wider than their square
	case mono:
		return 0.61
	}
	switch {
	case r >= 0x250:
		return 0.75
	case r >= 0x80:
		return 0.64
	case r == 'm' || r == 'W' || r == '@' || r == '%' || r == 'M':
		return 0.98
	case r == 'w', r >= 'A' && r <= 'Z' && r != 'I' && r != 'J':
		return 0.76
	case r == 'i' || r == 'j' || r == 'l' || r == '\'' || r == '.' || r == ',' || r == ':' || r == ';' || r == '|' || r == 'I' || r == ' ':
		return 0.36
	case r == 'f' || r == 't' || r == 'r' || r == '(' || r == ')' || r == '[' || r == ']' || r == '/' || r == '-':
		return 0.43
	}
	return 0.64
}

// wide says whether r stands in a square: the scripts of East Asia and emoji.
func wide(r rune) bool {
	return r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xa960 && r <= 0xa97f || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0xffe0 && r <= 0xffe6 ||
		r >= 0x2600 && r <= 0x27bf || r >= 0x1f000 && r <= 0x1faff || r >= 0x20000 && r <= 0x3fffd)
}

// fit is s cut to a width.
func fit(s string, room float64, mono bool) string {
	if width(s, mono) <= room+0.01 { // it may have been made to fit
		return s
	}
	room -= runeWidth('…', mono)
	for i, r := range s {
		if room -= runeWidth(r, mono); room < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
