//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/report/tty/vt"
)

// TestDraw: a picture is XML of nothing but text, whatever stands on the terminal, and has each row once.
func TestDraw(t *testing.T) {
	term := vt.New(60, 5)
	var frames []frame
	for i, text := range []string{"$ \x1b[1;31mx\x1b[0m </text><script>alert(1)</script> &amp; 日本\n", "\x1b[2m  two\x1b[0m\n", "three\n"} {
		fmt.Fprint(term, text)
		frames = append(frames, frame{time.Duration(i) * time.Second, term.Screen()})
	}
	got := string(draw(frames, 60, 5))
	dec := xml.NewDecoder(strings.NewReader(got))
	seen := map[string]int{}
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			seen[e.Name.Local]++
		}
	}
	if seen["script"] > 0 || seen["use"] != 1+2+3 || seen["defs"] != 1 {
		t.Errorf("%v in\n%s", seen, got)
	}
	for _, want := range []string{
		`<text x="30.8" y="14" textLength="8.4" class="b c31">x</text>`,
		`<text x="30.8" y="14" textLength="25.2" class="d">two</text>`,
		"&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp;amp; 日本",
		"0%{transform:translateY(-0px)}14.3%{", "28.6%{",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}
