package expr

import "strings"

// Normal is the expression as written, without comments, and with one blank in the place of white space: what is alike after
// that means the same.
func (e *Expr) Normal() string {
	var b strings.Builder
	src, gap := e.Src, false
	put := func(text string) {
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteString(text)
	}
	for i := 0; i < len(src); {
		end := i + 1
		switch c := src[i]; {
		case c == '"' || c == '\'' || c == '`':
			end = skipString(src, i)
			put(src[i:end])
		case strings.HasPrefix(src[i:], "//"):
			end, gap = len(src), true
			if n := strings.IndexByte(src[i:], '\n'); n >= 0 {
				end = i + n
			}
		case strings.HasPrefix(src[i:], "/*"):
			end, gap = i+2+strings.Index(src[i+2:], "*/")+2, true
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			gap = true
		default:
			put(src[i:end])
		}
		i = end
	}
	return b.String()
}
