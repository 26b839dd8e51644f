// Package script gets values into shell scripts as data. The script is never put together with a value: each
// expression in it becomes a reference to an environment variable, quoted as its place needs it.
//
//	echo ${{ a }} "in ${{ b }}"   becomes   echo "${FLOWRUN_VALUE_1}" "in ${FLOWRUN_VALUE_2}"
//
// So whatever a value is, the shell reads the same script: it is one word, or a part of one. That holds only where the
// shell does not read the result of an expansion once more. Places where it does (arithmetic, eval, names of variables
// in bash), places that expand nothing (single quotes) and those that this package does not know are refused: a place must
// be known to be good, and what is inserted is the same few characters wherever it stands. The only importer of mvdan.cc/sh.
//
//	context.go    where an expression stands in the tree of a script
//	commands.go   which programs read their arguments or their input as code
package script

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// Shell is a shell whose scripts can be read.
type Shell string

// The shells. What `sh` is differs from system to system; a script for it must be safe in all.
const (
	Sh   Shell = "sh"
	Bash Shell = "bash"
)

// Variable is the name of the variable that holds the value n of a script, counted from 1.
func Variable(n int) string { return "FLOWRUN_VALUE_" + strconv.Itoa(n) }

// maxLength bounds the scripts with expressions: the parser's stack grows with the nesting in them.
const maxLength = 128 << 10

// Quote makes a script that reads variables where the expressions stood, which is between the pieces.
func Quote(pieces, exprs []string, shell Shell) kind.Quoted {
	holes := make([]hole, len(exprs))
	var b strings.Builder
	for i, text := range pieces {
		if i > 0 {
			holes[i-1].from = b.Len()
			// A word of letters, which is a plain part of any word and begins and ends nothing.
			b.WriteString("FLOWRUN_VALUE_x")
			holes[i-1].to = b.Len()
		}
		b.WriteString(text)
	}
	src := b.String()
	if len(src) > maxLength {
		return unreadable(0, 0, fmt.Sprintf("a script with expressions has at most %d KiB", maxLength>>10), "")
	}
	if err := decide(src, holes, shell); err != nil {
		piece, offset := inPieces(int(err.offset), holes, src)
		return unreadable(piece, offset, "the script cannot be read as one for "+string(shell)+": "+err.text,
			"flowrun must understand a script to put values into it: correct it, or put the values into env and write \"$NAME\" in the script")
	}
	q := assemble(src, holes, exprs)
	if len(q.Wrong) == 0 {
		if _, err := parse(q.Text, variants(shell)[0]); err != nil {
			return unreadable(0, 0, "the script cannot be read once its values are quoted: "+err.text, "")
		}
	}
	return q
}

// hole is the place of an expression.
type hole struct {
	from, to int
	use      use
	wrong    reason
}

// use is how a value is put where its expression stood.
type use uint8

const (
	undecided use = iota
	bare          // outside quotes: it gets some
	quoted        // inside double quotes, or in a here-document
	comment
	refused
)

// reason is why an expression cannot stand somewhere, and what to do; no help: by env.
type reason struct{ text, help string }

// variants are the dialects that a script for the shell must be safe in. The first must be able to read it.
func variants(shell Shell) []syntax.LangVariant {
	if shell == Bash {
		return []syntax.LangVariant{syntax.LangBash}
	}
	// On many systems sh is bash, which knows [[ and (( by any name.
	return []syntax.LangVariant{syntax.LangPOSIX, syntax.LangBash}
}

// decide finds the use of each hole, which is the same in all dialects that can read the script.
func decide(src string, holes []hole, shell Shell) *syntaxError {
	for i, lang := range variants(shell) {
		file, err := parse(src, lang)
		if err != nil {
			if i > 0 {
				return nil // a shell of that dialect cannot run it either
			}
			return err
		}
		r := &reader{src: src, holes: slices.Clone(holes)}
		for j := range r.holes {
			r.holes[j].use, r.holes[j].wrong = undecided, reason{}
		}
		r.file(file)
		for j, h := range r.holes {
			switch {
			case i == 0 || h.use == refused && holes[j].use != refused:
				holes[j] = h
			case h.use != holes[j].use && holes[j].use != refused:
				holes[j].use, holes[j].wrong = refused, reason{"an expression cannot stand here: some shells that are called sh read this place otherwise", ""}
			}
		}
	}
	return nil
}

// assemble writes the script with its references.
func assemble(src string, holes []hole, exprs []string) (q kind.Quoted) {
	variables := map[string]string{} // by the expression
	var b strings.Builder
	at := 0
	for i, h := range holes {
		b.WriteString(src[at:h.from])
		at = h.to
		switch h.use {
		case comment:
			b.WriteString("...")
		case refused:
			q.Wrong = append(q.Wrong, kind.Misplaced{Expr: i, Text: h.wrong.text, Help: h.wrong.help})
		default:
			name, known := variables[exprs[i]]
			if !known {
				q.Reads = append(q.Reads, i)
				name = Variable(len(q.Reads))
				variables[exprs[i]] = name
			}
			ref := "${" + name + "}"
			if h.use == bare {
				ref = `"` + ref + `"`
			}
			b.WriteString(ref)
		}
	}
	b.WriteString(src[at:])
	q.Text = b.String()
	return q
}

func unreadable(piece, offset int, text, help string) kind.Quoted {
	return kind.Quoted{Wrong: []kind.Misplaced{{Expr: -1, Piece: piece, Offset: offset, Text: text, Help: help}}}
}

// inPieces is the place of an offset in the text with holes. One in a hole is where the piece before it ends.
func inPieces(offset int, holes []hole, src string) (piece, at int) {
	offset = min(offset, len(src))
	begin := 0
	for i, h := range holes {
		if offset < h.to {
			return i, min(offset, h.from) - begin
		}
		begin = h.to
	}
	return len(holes), offset - begin
}

// syntaxError is why a script cannot be read.
type syntaxError struct {
	offset uint
	text   string
}

func parse(src string, lang syntax.LangVariant) (*syntax.File, *syntaxError) {
	file, err := syntax.NewParser(syntax.Variant(lang), syntax.KeepComments(true)).Parse(strings.NewReader(src), "")
	var wrong syntax.ParseError
	var other syntax.LangError
	switch {
	case err == nil && deep(file):
		return nil, &syntaxError{0, "it is nested too deep"}
	case err == nil:
		return file, nil
	case errors.As(err, &wrong):
		return nil, &syntaxError{wrong.Pos.Offset(), wrong.Text}
	case errors.As(err, &other):
		return nil, &syntaxError{other.Pos.Offset(), other.Feature + " " + verb(other.Feature) + " not in the language of sh; write shell: bash"}
	default:
		return nil, &syntaxError{0, err.Error()}
	}
}

// maxDepth bounds how deep the tree of a script is. People stay below 100.
const maxDepth = 1000

func deep(f *syntax.File) bool {
	depth, deepest := 0, 0
	syntax.Walk(f, func(n syntax.Node) bool {
		if n == nil {
			depth--
			return true
		}
		depth++
		deepest = max(deepest, depth)
		return true
	})
	return deepest > maxDepth
}

func verb(feature string) string {
	if strings.HasSuffix(feature, "s") {
		return "are"
	}
	return "is"
}
