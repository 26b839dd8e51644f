package script

import (
	"sort"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Why an expression cannot stand somewhere.
var (
	whyUnknown   = reason{"an expression cannot stand here: its value might be read as code", ""}
	whySingle    = reason{"an expression cannot stand in single quotes: nothing in them is replaced", `write double quotes, or end the single quotes before the expression`}
	whyEscapes   = reason{"an expression cannot stand in $'...': nothing in it is replaced", `write double quotes around the expression`}
	whyTranslate = reason{`an expression cannot stand in $"...", a text that is translated`, "write double quotes alone"}
	whyHeredoc   = reason{"an expression cannot stand in a quoted here-document: nothing in it is replaced", "write the word after << without quotes, or give the text by stdin"}
	whyDelimiter = reason{"an expression cannot be the end of a here-document", ""}
	whyBackslash = reason{"an expression cannot stand after a backslash", "write two backslashes, or none"}
	whyBackquote = reason{"an expression cannot stand in backquotes, which have quotes of their own", "write $(...)"}
	whyArith     = reason{"an expression cannot stand in arithmetic: a shell runs commands that are in such a value", "calculate in the expression itself, as ${{ a + b }}"}
	whySubscript = reason{"an expression cannot stand in a subscript: a shell runs commands that are in such a value", ""}
	whyPattern   = reason{"an expression cannot stand in the pattern of a parameter", `put it into a variable, as P=${{ ... }}, and write "$P" in the pattern`}
	whyParameter = reason{"an expression cannot be the name of a parameter", ""}
	whyVariable  = reason{"an expression cannot be the name of a variable: a shell runs commands that are in such a value", ""}
	whyNumber    = reason{"an expression cannot be given to this variable: the shell reads its value as code", ""}
	whyName      = reason{"an expression cannot name something that the script declares", ""}
	whyCommand   = reason{"an expression cannot be the name of a command: eval would make code of what follows", `write run as a list, as run: ["${{ ... }}", "an argument"], or a path, as ./bin/${{ ... }}`}
)

// reader finds where in a script its holes are.
type reader struct {
	src   string
	holes []hole
	// numbers are the variables whose values bash reads as arithmetic or as names.
	numbers map[string]bool
}

func (r *reader) file(f *syntax.File) {
	r.numbers = map[string]bool{}
	for _, name := range readAsCode {
		r.numbers[name] = true
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Comment:
			r.each(n, func(h *hole) { h.use = comment })
		case *syntax.DeclClause:
			r.declared(n)
		case *syntax.CallExpr:
			r.declaredBy(words(r, n.Args))
		}
		return true
	})
	r.stmts(f.Stmts)
	for i := range r.holes {
		if r.holes[i].use == undecided {
			r.holes[i].use, r.holes[i].wrong = refused, whyUnknown
		}
	}
}

// each calls f with the undecided holes that n touches.
func (r *reader) each(n syntax.Node, f func(h *hole)) {
	list := r.touched(n)
	for i := range list {
		if list[i].use == undecided {
			f(&list[i])
		}
	}
}

// touched are the holes that n touches.
func (r *reader) touched(n syntax.Node) []hole {
	from, to := int(n.Pos().Offset()), int(n.End().Offset())
	first := sort.Search(len(r.holes), func(i int) bool { return r.holes[i].to > from })
	rest := r.holes[first:]
	return rest[:sort.Search(len(rest), func(i int) bool { return rest[i].from >= to })]
}

// refuse refuses the holes of n itself; what hangs on it elsewhere, as a here-document, is not touched.
func (r *reader) refuse(n syntax.Node, why reason) {
	r.each(n, func(h *hole) { h.use, h.wrong = refused, why })
}

// refuseAll refuses the holes of n, its here-documents included.
func (r *reader) refuseAll(n syntax.Node, why reason) {
	syntax.Walk(n, func(x syntax.Node) bool {
		if x != nil {
			r.refuse(x, why)
		}
		return true
	})
}

func (r *reader) stmts(list []*syntax.Stmt) {
	for _, s := range list {
		r.stmt(s)
	}
}

func (r *reader) stmt(s *syntax.Stmt) {
	why, reads := reason{}, false
	if len(s.Redirs) > 0 && s.Cmd != nil {
		why, reads = r.readsCode(s.Cmd)
	}
	for _, d := range s.Redirs {
		if d.Hdoc != nil && reads {
			r.refuseAll(d.Hdoc, why)
		}
		if (d.Op == syntax.WordHdoc || d.Op == syntax.RdrIn) && reads {
			r.refuseAll(d.Word, why)
		}
		if why, reads := r.writesCode(d.Word); reads {
			r.refuseAll(s, why)
		}
		r.redirect(d)
	}
	r.command(s.Cmd)
}

func (r *reader) redirect(d *syntax.Redirect) {
	if d.N != nil {
		r.refuse(d.N, whyVariable)
	}
	switch d.Op {
	case syntax.Hdoc, syntax.DashHdoc:
	case syntax.DplIn, syntax.DplOut:
		r.refuseAll(d.Word, reason{"an expression cannot stand behind " + d.Op.String() + ": bash expands it twice", "write a number, or > and a file"})
		return
	default:
		r.word(d.Word, bare)
		return
	}
	r.refuseAll(d.Word, whyDelimiter)
	switch {
	case d.Hdoc == nil:
	case strings.ContainsAny(r.text(d.Word), `'"\`):
		r.refuseAll(d.Hdoc, whyHeredoc)
	default:
		r.word(d.Hdoc, quoted)
	}
}

// text is n as written.
func (r *reader) text(n syntax.Node) string { return r.src[n.Pos().Offset():n.End().Offset()] }

func (r *reader) command(c syntax.Command) {
	switch c := c.(type) {
	case nil:
	case *syntax.CallExpr:
		for _, a := range c.Assigns {
			r.assign(a)
		}
		r.call(words(r, c.Args))
		for _, w := range c.Args {
			r.word(w, bare)
		}
	case *syntax.Subshell:
		r.stmts(c.Stmts)
	case *syntax.Block:
		r.stmts(c.Stmts)
	case *syntax.IfClause:
		for ; c != nil; c = c.Else {
			r.stmts(c.Cond)
			r.stmts(c.Then)
		}
	case *syntax.WhileClause:
		r.stmts(c.Cond)
		r.stmts(c.Do)
	case *syntax.ForClause:
		r.loop(c)
	case *syntax.CaseClause:
		r.word(c.Word, bare)
		for _, item := range c.Items {
			for _, p := range item.Patterns {
				r.word(p, bare)
			}
			r.stmts(item.Stmts)
		}
	case *syntax.BinaryCmd:
		if c.Op == syntax.Pipe || c.Op == syntax.PipeAll {
			if why, reads := r.readsCode(c.Y); reads {
				r.refuseAll(c.X, why)
			}
		}
		r.stmt(c.X)
		r.stmt(c.Y)
	case *syntax.TestClause:
		r.test(c.X)
	case *syntax.DeclClause:
		r.declare(c)
	case *syntax.LetClause, *syntax.ArithmCmd:
		r.refuseAll(c, whyArith)
	case *syntax.TimeClause:
		if c.Stmt != nil {
			r.stmt(c.Stmt)
		}
	case *syntax.CoprocClause:
		if c.Name != nil {
			r.refuseAll(c.Name, whyName)
		}
		r.stmt(c.Stmt)
	case *syntax.FuncDecl:
		if c.Name != nil {
			r.refuse(c.Name, whyName)
		}
		r.stmt(c.Body)
	default:
		r.refuseAll(c, whyUnknown)
	}
}

func (r *reader) loop(c *syntax.ForClause) {
	switch l := c.Loop.(type) {
	case *syntax.WordIter:
		r.refuse(l.Name, whyVariable)
		if r.numbers[l.Name.Value] {
			r.refuseAll(l, whyNumber)
		}
		for _, w := range l.Items {
			r.word(w, bare)
		}
	case *syntax.CStyleLoop:
		r.refuseAll(l, whyArith)
	default:
		r.refuseAll(l, whyUnknown)
	}
	r.stmts(c.Do)
}

func (r *reader) assign(a *syntax.Assign) {
	if a.Name != nil {
		r.refuse(a.Name, whyVariable)
		if r.numbers[a.Name.Value] {
			r.refuseAll(a, whyNumber)
		}
	}
	if a.Index != nil {
		r.refuseAll(a.Index, whySubscript)
	}
	if a.Value != nil {
		r.word(a.Value, bare)
	}
	if a.Array == nil {
		return
	}
	for _, e := range a.Array.Elems {
		if e.Index != nil {
			r.refuseAll(e.Index, whySubscript)
		}
		if e.Value != nil {
			r.word(e.Value, bare)
		}
	}
}

// declare reads declare, local, export, readonly, typeset. With -a or -A they read a text as the code of an array.
func (r *reader) declare(c *syntax.DeclClause) {
	for _, a := range c.Args {
		switch {
		case a.Name == nil:
			r.refuseAll(a, whyVariable)
		case a.Array == nil && optioned(r, c, "aA"):
			r.refuseAll(a, whyNumber)
		}
		r.assign(a)
	}
}

// optioned says whether a declaration has an option of the letters, or one that is not known.
func optioned(r *reader, c *syntax.DeclClause, letters string) bool {
	for _, a := range c.Args {
		if a.Name == nil && a.Value != nil {
			if w := read(r, a.Value); !w.static || w.has(letters) {
				return true
			}
		}
	}
	return false
}

// declared notes the variables that c makes numbers or names of others.
func (r *reader) declared(c *syntax.DeclClause) {
	if !optioned(r, c, "in") {
		return
	}
	for _, a := range c.Args {
		if a.Name != nil {
			r.numbers[a.Name.Value] = true
		}
	}
}

func (r *reader) test(x syntax.TestExpr) {
	switch x := x.(type) {
	case *syntax.Word:
		r.word(x, bare)
	case *syntax.ParenTest:
		r.test(x.X)
	case *syntax.UnaryTest:
		if x.Op == syntax.TsVarSet || x.Op == syntax.TsRefVar {
			r.refuseAll(x, whyVariable)
		}
		r.test(x.X)
	case *syntax.BinaryTest:
		switch x.Op {
		case syntax.TsEql, syntax.TsNeq, syntax.TsLeq, syntax.TsGeq, syntax.TsLss, syntax.TsGtr:
			r.refuseAll(x, reason{whyArith.text, "calculate in the expression itself, or write [ ... ] in place of [[ ... ]]"})
		}
		r.test(x.X)
		r.test(x.Y)
	default:
		r.refuseAll(x, whyUnknown)
	}
}

func (r *reader) word(w *syntax.Word, how use) {
	for _, p := range w.Parts {
		r.part(p, how)
	}
}

func (r *reader) part(p syntax.WordPart, how use) {
	switch p := p.(type) {
	case *syntax.Lit:
		r.each(p, func(h *hole) {
			h.use = how
			if before := r.src[:h.from]; (len(before)-len(strings.TrimRight(before, `\`)))%2 == 1 {
				h.use, h.wrong = refused, whyBackslash
			}
		})
	case *syntax.SglQuoted:
		if p.Dollar {
			r.refuse(p, whyEscapes)
		}
		r.refuse(p, whySingle)
	case *syntax.DblQuoted:
		if p.Dollar {
			r.refuseAll(p, whyTranslate)
		}
		for _, x := range p.Parts {
			r.part(x, quoted)
		}
	case *syntax.ParamExp:
		r.parameter(p, how)
	case *syntax.CmdSubst:
		if p.Backquotes {
			r.refuseAll(p, whyBackquote)
		}
		if p.TempFile || p.ReplyVar {
			r.refuseAll(p, whyUnknown)
		}
		r.stmts(p.Stmts)
	case *syntax.ProcSubst:
		r.stmts(p.Stmts)
	case *syntax.ArithmExp:
		r.refuseAll(p, whyArith)
	case *syntax.ExtGlob:
		r.refuseAll(p, reason{"an expression cannot stand in a pattern of several", ""})
	default:
		r.refuseAll(p, whyUnknown)
	}
}

func (r *reader) parameter(p *syntax.ParamExp, how use) {
	if p.Param != nil {
		r.refuse(p.Param, whyParameter)
	}
	if p.Index != nil {
		r.refuseAll(p.Index, whySubscript)
	}
	switch {
	case p.Slice != nil:
		r.refuseAll(p, whyArith)
	case p.Repl != nil:
		r.refuseAll(p, whyPattern)
	case p.Exp != nil && p.Exp.Word != nil:
		switch p.Exp.Op {
		case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AlternateUnset, syntax.AlternateUnsetOrNull,
			syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
			r.word(p.Exp.Word, how)
		case syntax.AssignUnset, syntax.AssignUnsetOrNull:
			r.refuseAll(p, reason{"an expression cannot stand in ${NAME=...}", "write an assignment, as NAME=${{ ... }}"})
		default:
			r.refuseAll(p, whyPattern)
		}
	}
}
