package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/report/plain"
)

// completeWord is what the scripts of `flowrun completion` call when somebody presses TAB:
//
//	flowrun __complete SHELL WORD...      the words behind `flowrun`; the last one as far as it is written
//	flowrun __complete bash LINE WORD     the line as far as it is written, and what of it readline would replace
//
// The answer is a line for the names of files, which the shell itself can list best, and a line for each word:
//
//	yaml --file=                          none, any, yaml or folders; what of the word stands before the name.
//	                                      For bash and PowerShell names are words, too: theirs are split or bare.
//	--format<TAB>text; json: one object   a word, and what it means
//
// Nothing is run and nothing written for it, and there is no error: what cannot be told is no answer, and a shell then
// offers files. urfave/cli's own completion can run the command that is being written; it is never switched on.
const completeWord = "__complete"

// offer is what may stand at the end of a line.
type offer struct {
	files  string
	prefix string
	words  []candidate
}

type candidate struct{ word, about string }

// complete answers a shell.
func (s *session) complete(app *cli.App, args []string) {
	defer func() { _ = recover() }() // a person is typing: there is nobody to tell
	if len(args) < 2 {
		return
	}
	shell, words := args[0], args[1:]
	switch shell {
	case "bash":
		if len(args) != 3 {
			return
		}
		line := splitLine(args[1])
		if len(line.words) < 2 {
			return
		}
		line.answer(s.Stdout, s.offer(app, line.words[1:], true), args[2])
		return
	case "powershell": // drops empty arguments
		words[len(words)-1] = strings.TrimPrefix(words[len(words)-1], "=")
	}
	o := s.offer(app, words, shell == "powershell")
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", o.files, o.prefix)
	for _, c := range o.words {
		word, between := c.word, "\t"
		switch {
		case shell == "zsh":
			word, between = strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(word), ":"
		case shell == "powershell" && strings.ContainsAny(word, " '\"`$(){}@,;&|<>#"):
			word = "'" + strings.ReplaceAll(word, "'", "''") + "'"
		}
		if c.about != "" {
			word += between + c.about
		}
		b.WriteString(word + "\n")
	}
	io.WriteString(s.Stdout, b.String())
}

// offer is what the last of words may become; lists says that names of files are wanted as words.
func (s *session) offer(app *cli.App, words []string, lists bool) offer {
	last := len(words) - 1
	c := completer{session: s, app: app, line: scan(app, words[:last]), word: words[last], lists: lists}
	o := c.offer()
	if o.files == "" {
		o.files = "none"
	}
	o.words = slices.DeleteFunc(o.words, func(w candidate) bool {
		return !strings.HasPrefix(w.word, c.word) || strings.ContainsFunc(w.word, unicode.IsControl)
	})
	for i, w := range o.words {
		o.words[i].about = onLine(w.about)
	}
	return o
}

// onLine is a text that may come from a file, on one line.
func onLine(text string) string {
	const most = 100
	runes := []rune(strings.Join(strings.Fields(plain.Inert(text)), " "))
	if len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return string(runes)
}
