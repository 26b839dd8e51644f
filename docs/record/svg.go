//go:build linux

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/report/tty/vt"
)

// The sizes of a picture, in its units.
const (
	cellWidth, cellHeight = 8.4, 18.0
	fontSize              = 14
	margin                = 14
	still                 = 5 * time.Second // how long the end is shown before all begins again
)

// colors are those of the foreground, as the terminal numbers them, on a bright and on a dark ground.
var colors = map[int][2]string{
	31: {"#c62828", "#ff7b72"},
	32: {"#1b7f37", "#56d364"},
	33: {"#8a5a00", "#e3b341"},
	34: {"#1a56c4", "#79b8ff"},
	35: {"#8b3ba8", "#d2a8ff"},
	36: {"#0b6e7d", "#56d4dd"},
}

// draw makes the picture. The frames stand below each other, and a window is moved over them. A row that is seen more than once is
// written once.
func draw(frames []frame, cols, rows int) []byte {
	width, height := float64(cols)*cellWidth+2*margin, float64(rows)*cellHeight+2*margin
	end := frames[len(frames)-1].at
	total := end + still
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s">`+"\n",
		width, height, width, height, "A terminal in which flowrun runs a workflow")
	b.WriteString("<style>\n")
	b.WriteString(`svg{--ground:#fff;--edge:#d0d7de;--text:#1f2328;--dim:#59636e;font:` + fmt.Sprint(fontSize) +
		`px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}` + "\n")
	b.WriteString("text{fill:var(--text);white-space:pre}.b{font-weight:bold}.d{fill:var(--dim)}\n")
	dark := "svg{--ground:#0d1117;--edge:#30363d;--text:#e6edf3;--dim:#9198a1}"
	for n := 31; n <= 36; n++ {
		fmt.Fprintf(&b, ".c%d{fill:%s}", n, colors[n][0])
		dark += fmt.Sprintf(".c%d{fill:%s}", n, colors[n][1])
	}
	fmt.Fprintf(&b, "\n@media (prefers-color-scheme:dark){%s}\n", dark)
	b.WriteString("#all{animation:show " + seconds(total) + " step-end infinite}\n@keyframes show{")
	for i, f := range frames {
		fmt.Fprintf(&b, "%.3g%%{transform:translateY(-%gpx)}", 100*f.at.Seconds()/total.Seconds(), float64(i)*height)
	}
	fmt.Fprintf(&b, "}\n@media (prefers-reduced-motion:reduce){#all{animation:none;transform:translateY(-%gpx)}}\n</style>\n", float64(len(frames)-1)*height)
	fmt.Fprintf(&b, `<rect x=".5" y=".5" width="%g" height="%g" rx="8" fill="var(--ground)" stroke="var(--edge)"/>`+"\n", width-1, height-1)
	known := map[string]int{}
	var defs, uses bytes.Buffer
	for i, f := range frames {
		for y, row := range f.cells {
			text := line(row)
			if text == "" {
				continue
			}
			n, seen := known[text]
			if !seen {
				n = len(known)
				known[text] = n
				fmt.Fprintf(&defs, `<g id="r%d">%s</g>`+"\n", n, text)
			}
			fmt.Fprintf(&uses, `<use href="#r%d" y="%g"/>`, n, float64(i)*height+margin+float64(y)*cellHeight)
		}
		uses.WriteByte('\n')
	}
	fmt.Fprintf(&b, "<defs>\n%s</defs>\n<g id=\"all\">\n%s</g>\n</svg>\n", defs.Bytes(), uses.Bytes())
	return b.Bytes()
}

// line is the text of a row, in pieces of one style. Each has the width that it has on a terminal, whatever the font is.
func line(row []vt.Cell) string {
	var b strings.Builder
	for at := 0; at < len(row); {
		end := at
		var text strings.Builder
		for end < len(row) && (row[end].Text == "" || row[end].Style == row[at].Style) {
			text.WriteString(row[end].Text)
			end++
		}
		if piece := strings.TrimRight(text.String(), " "); strings.TrimSpace(piece) != "" {
			blanks := len(piece) - len(strings.TrimLeft(piece, " "))
			cells := end - at - (text.Len() - len(piece)) - blanks
			fmt.Fprintf(&b, `<text x="%.6g" y="%g" textLength="%.6g"%s>%s</text>`,
				margin+float64(at+blanks)*cellWidth, float64(fontSize), float64(cells)*cellWidth, class(row[at].Style), escape(piece[blanks:]))
		}
		at = end
	}
	return b.String()
}

// class is the attribute for a style.
func class(s vt.Style) string {
	var words []string
	if s.Bold {
		words = append(words, "b")
	}
	if s.Dim {
		words = append(words, "d")
	}
	if colors[s.Color] != [2]string{} {
		words = append(words, fmt.Sprintf("c%d", s.Color))
	}
	if len(words) == 0 {
		return ""
	}
	return ` class="` + strings.Join(words, " ") + `"`
}

func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a buffer takes everything
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3gs", d.Seconds()) }
