//go:build unix

package spec_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/spec"
)

type hardFile struct {
	name string
	text func() string
}

// hard are files of 4 MiB that are made to cost much. Each is refused or read within the limits of the package.
func hard() []hardFile {
	fill := func(head, unit string) func() string {
		return func() string { return head + strings.Repeat(unit, (spec.MaxBytes-len(head))/len(unit)) }
	}
	counted := func(head, tail string, line func(i int) string) func() string {
		return func() string {
			var b strings.Builder
			b.WriteString(head)
			for i := 0; b.Len() < spec.MaxBytes-200; i++ {
				b.WriteString(line(i))
			}
			return b.String() + tail
		}
	}
	const flow = "flowrun: 1\n"
	const head = "flowrun: 1\nsteps: []\n"
	return []hardFile{
		{"flow sequences", fill(head+"x: ", "[")},
		{"flow mappings", fill(head+"x: ", "{a: ")},
		{"flow pairs", fill(head+"x: ", "[{")},
		{"dashes in a line", fill(head+"x:\n", "- ")},
		{"dashes in lines", fill(head+"x:\n", "-\n")},
		{"keys in lines", fill(head+"x:\n", " a:\n")},
		{"question marks", fill(head+"x:\n", "? ")},
		{"other keys", counted(head, "", func(i int) string { return fmt.Sprintf("k%d: 1\n", i) })},
		{"other keys in flow", counted(head+"x: {", "", func(i int) string { return fmt.Sprintf("k%d, ", i) })},
		{"items in flow", fill(head+"x: [", "a,")},
		{"commas", fill(head+"x: [", ",")},
		{"anchors", counted(head+"x:\n", "", func(i int) string { return fmt.Sprintf("- &a%d 1\n", i) })},
		{"aliases", counted(head+"x:\n- &a [1, 2, 3]\n", "", func(int) string { return "- *a\n" })},
		{"deep aliases", counted(head+"x:\n- &a0 [1]\n", "", func(i int) string {
			return fmt.Sprintf("- &a%d [*a%d]\n", i+1, i)
		})},
		{"doubling aliases", counted(head+"x:\n- &a0 [1]\n", "", func(i int) string {
			return fmt.Sprintf("- &a%d [*a%d, *a%d]\n", i+1, i, i)
		})},
		{"plain scalar", fill(head+"name: ", "abcdefgh")},
		{"plain words", fill(head+"name: ", "a b ")},
		{"plain lines", fill(head+"name: a\n", " a b c\n")},
		{"plain dashes", fill(head+"name: a\n", " - b\n")},
		{"quoted scalar", fill(head+"name: \"", "a b\\n")},
		{"quoted lines", fill(head+"name: \"", "a\n ")},
		{"single quoted", fill(head+"name: '", "''")},
		{"literal", fill(head+"name: |\n", " - b\n")},
		{"folded", fill(head+"name: >\n", " b\n")},
		{"folded blanks", fill(head+"name: >\n b\n", "\n")},
		{"comments", fill(head, "#\n")},
		{"long comment", fill(head+"#", "abc ")},
		{"comments after keys", counted(head, "", func(i int) string { return fmt.Sprintf("k%d: # c\n#\n\n", i) })},
		{"comments after items", fill(head+"x:\n", "- # c\n#\n\n")},
		{"comments in flow", fill(head+"x: [", "#\n")},
		{"comments and items", fill(head+"x: [a, b,\n", "# a\na,\n")},
		{"comments in literal", fill(head+"x: | # a\n", "# a\n")},
		{"blank lines", fill(head, "\n")},
		{"spaces", fill(head, " ")},
		{"tabs", fill(head, "\t")},
		{"carriage returns", fill(head, "\r")},
		{"documents", fill(head, "---\n")},
		{"ends", fill(head, "...\n")},
		{"directives", fill("", "%a\n")},
		{"tags", fill(head+"x:\n", "- !a b\n")},
		{"bangs", fill(head+"x: ", "!")},
		{"expressions", fill(head+"name: ", "${{ 1 }}")},
		{"opened expressions", fill(head+"name: ", "${{")},
		{"closed expressions", fill(head+"name: ${{ ", "}}")},
		{"one expression", fill(head+"name: ${{ 1", " + 1")},
		{"brackets", fill(head+"name: ${{ ", "(")},
		{"traps", fill(head+"x: [", "${{ 1 }}, ")},
		{"open traps", fill(head+"x: [", "${{,")},
		{"steps", fill(flow+"steps:\n", "- sleep: 0\n")},
		{"wrong steps", fill(flow+"steps:\n", "- slep: 0\n")},
		{"steps with ids", counted(flow+"steps:\n", "", func(i int) string { return fmt.Sprintf("- {id: a%d, sleep: 0}\n", i) })},
		{"needs", counted(flow+"steps:\n- {sleep: 0, needs: [", "]}", func(i int) string { return fmt.Sprintf("a%d, ", i) })},
		{"dates", counted(flow+"steps:\n- value: [", "]", func(int) string { return "    2020-01-01      , " })},
		{"wrong values", counted(flow+"steps:\n- value: [", "]", func(int) string { return "0o                , 01             , " })},
		{"bytes", fill(head, "\xff")},
		{"controls", fill(head, "\x01")},
		{"direction", fill(head+"# ", "\u202e")},
		{"wide", fill(head+"name: ", "漢字 ")},
		{"wide in flow", fill(head+"x: [", "漢, ")},
		{"nested steps", fill(flow+"steps: ", "[{steps: ")},
		{"steps in one line", counted(flow+"name: 漢\nsteps: [", "]", func(i int) string { return fmt.Sprintf("{name: 漢字, echo: \"${{ %d }}\"}, ", i) })},
		{"values in one line", counted(flow+"steps: [{value: [", "]}]", func(i int) string { return fmt.Sprintf("\"${{ %d }} ${{ x }}\", ", i) })},
		{"tags in one line", counted(flow+"steps: [{value: [", "]}]", func(i int) string { return "!a b, " })},
		{"cut in one line", counted(flow+"steps: [{value: [", "]}]", func(i int) string { return "f(a, b), " })},
		{"names in one expression", counted(flow+"steps:\n- value: ${{ x", " }}", func(int) string { return " +" + strings.Repeat(" ", 64) + "x" })},
		{"colons", fill(head+"x: ", ": ")},
		{"pipes", fill(head+"x:\n", "- |\n")},
		{"unclosed last", counted(head, "x: [", func(i int) string { return fmt.Sprintf("k%d: {a: b}\n", i) })},
		{"expressions in a step", fill(flow+"steps:\n- echo: ", "${{ 1 }}")},
		{"wrong expressions", fill(flow+"steps:\n- echo: ", "${{ 1 1 }}")},
	}
}

// TestHardFilesEndSoon holds the package to 3 s of the processor, or twice that of a slow one, and 512 MiB for any file, with the
// memory limit that the program sets while it loads.
func TestHardFilesEndSoon(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(spec.MemoryLimit))
	const limit = 6 * time.Second
	for _, h := range hard() {
		src := []byte(h.text())
		begin := worked(t)
		_, err := spec.Parse("hard.yaml", src, builtin())
		if took := worked(t) - begin; took >= limit {
			t.Errorf("%s: took %v of the processor", h.name, took)
		}
		if err != nil && len(err.Error()) > 16*spec.MaxBytes {
			t.Errorf("%s: the problems take %d bytes", h.name, len(err.Error()))
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.Sys > 512<<20 {
		t.Errorf("the process grew to %d MiB", m.Sys>>20)
	}
	t.Logf("the process grew to %d MiB", m.Sys>>20)
}

// worked is the processor time of this process: a busy machine changes it little.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
