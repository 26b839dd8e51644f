package spec_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// TestTree reads files with every word of the language and compares the trees.
func TestTree(t *testing.T) {
	cases(t, filepath.Join("testdata", "tree.txtar"), func(name string, src []byte) string {
		f, err := spec.Parse(name, src, builtin())
		if err != nil {
			return err.Error()
		}
		return strings.TrimSuffix(dump(f), "\n")
	})
}

// dumper writes a tree, an element a line: what is not written in the file makes no line.
type dumper struct {
	strings.Builder
	indent string
}

func dump(f *ast.File) string {
	d := &dumper{}
	for _, s := range f.Secrets {
		d.line("secret %s %s", s.Name.Text, s.File)
	}
	for _, s := range f.Semaphores {
		d.line("semaphore %s %d", s.Name.Text, s.Permits)
	}
	d.workflow(f.Main)
	for _, w := range f.Workflows {
		d.workflow(w)
	}
	return d.String()
}

func (d *dumper) line(format string, args ...any) {
	d.WriteString(strings.TrimRight(d.indent+fmt.Sprintf(format, args...), " ") + "\n")
}

func (d *dumper) within(f func()) {
	d.indent += "  "
	f()
	d.indent = d.indent[2:]
}

func (d *dumper) workflow(w *ast.Workflow) {
	d.line("workflow %q %q", w.Name.Text, w.Description)
	d.within(func() {
		for _, in := range w.Inputs {
			d.line("input %s type=%s required=%v secret=%v default=%s schema=%s", in.Name.Text, in.Type, in.Required, in.Secret, text(in.Default), text(in.Schema))
		}
		d.pairs("env", w.Env)
		d.step("body", w.Body)
	})
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func at(line, col int) string { return fmt.Sprintf("@%d:%d", line, col) }

func (d *dumper) step(label string, s *ast.Step) {
	d.line("%s %s %s", label, at(s.Pos.Line, s.Pos.Col), s.ID.Text)
	d.within(func() {
		d.action(s.Action)
		d.value("name", s.Name)
		d.value("if", s.Gate.If)
		d.names("needs", s.Gate.Needs)
		d.pairs("env", s.Env)
		if s.Defaults != nil {
			d.line("defaults")
			d.within(func() {
				d.value("timeout", s.Defaults.Timeout)
				d.retry(s.Defaults.Retry)
				d.pairs("env", s.Defaults.Env)
				d.pairs("arg", s.Defaults.Args)
			})
		}
		d.value("timeout", s.Bounds.Timeout)
		d.value("total_timeout", s.Bounds.Total)
		d.value("cleanup_timeout", s.Bounds.Cleanup)
		d.retry(s.Retry)
		d.names("semaphore", s.Semaphores)
		if s.Mode.Shield || s.Mode.Background {
			d.line("shield=%v background=%v", s.Mode.Shield, s.Mode.Background)
		}
		if s.Mode.Ready != nil {
			d.pairs("ready", s.Mode.Ready.Args)
		}
		for _, c := range s.Handlers.Except {
			d.step("except", c.Step)
			d.within(func() { d.matches(c.Match) })
		}
		d.block("else", s.Handlers.Else)
		d.block("finally", s.Handlers.Finally)
		d.value("result", s.Result)
	})
}

func (d *dumper) action(a ast.Action) {
	switch a := a.(type) {
	case *ast.Leaf:
		d.pairs(a.Kind.Name, a.Args)
	case *ast.Block:
		d.block(a.Kind.String(), a)
	case *ast.Call:
		d.line("call %s", a.Target.Text)
		d.within(func() { d.pairs("with", a.With) })
	case *ast.Await:
		d.names(fmt.Sprintf("await list=%v", a.List), a.Tasks)
	case *ast.Cancel:
		d.names("cancel", a.Tasks)
	default:
		panic(fmt.Sprintf("%T", a))
	}
}

func (d *dumper) block(label string, b *ast.Block) {
	if b == nil {
		return
	}
	d.line("%s %s", label, at(b.Pos.Line, b.Pos.Col))
	d.within(func() {
		if g := b.For; g != nil {
			d.names("for", g.Vars)
			d.value("in", g.In)
			for _, l := range g.Lists {
				d.value("list", l)
			}
			d.value("exclude", g.Exclude)
			d.step("do", g.Do)
		}
		for _, s := range b.Children {
			d.step("-", s)
		}
		d.value("limit", b.Limit)
		if b.Return.Pos.Line != 0 || b.Return.After != nil {
			d.line("return mode=%d keep=%v", b.Return.Mode, b.Return.Keep)
			d.value("count", b.Return.Count)
			d.value("return_after", b.Return.After)
		}
		if b.ReturnExceptions || b.GroupErrors {
			d.line("return_exceptions=%v group=%v", b.ReturnExceptions, b.GroupErrors)
		}
		if b.AsCompleted != nil {
			d.step("as_completed", b.AsCompleted)
		}
	})
}

func (d *dumper) retry(r *ast.Retry) {
	if r == nil {
		return
	}
	d.line("retry")
	d.within(func() {
		d.value("attempts", r.Attempts)
		d.value("delay", r.Delay)
		d.value("factor", r.Factor)
		d.value("max_delay", r.MaxDelay)
		d.value("jitter", r.Jitter)
		d.matches(r.Match)
		d.value("until", r.Until)
	})
}

func (d *dumper) matches(ms []*ast.Match) {
	for _, m := range ms {
		d.names("match", m.Types)
		if len(m.ExitCode) > 0 || m.Message != "" {
			d.line("exit_code=%v message=%q", m.ExitCode, m.Message)
		}
		d.value("when", m.When)
	}
}

func (d *dumper) names(label string, names []ast.Name) {
	if len(names) == 0 {
		return
	}
	parts := []string{label}
	for _, n := range names {
		parts = append(parts, n.Text+at(n.Pos.Line, n.Pos.Col))
	}
	d.line("%s", strings.Join(parts, " "))
}

func (d *dumper) pairs(label string, pairs []ast.Pair) {
	for _, p := range pairs {
		if p.Value == nil {
			d.line("%s %s removed", label, p.Key.Text)
			continue
		}
		d.value(label+" "+p.Key.Text, p.Value)
	}
}

func (d *dumper) value(label string, t *expr.Template) {
	if t != nil {
		d.line("%s %s %s", label, at(t.Pos.Line, t.Pos.Col), template(t))
	}
}

// template writes constants as JSON and expressions in guillemets with their places.
func template(t *expr.Template) string {
	switch t.Shape {
	case expr.Constant:
		return text(t.Const)
	case expr.Single:
		return expression(t.Expr)
	case expr.Interpolated:
		var b strings.Builder
		for _, p := range t.Parts {
			if p.Expr != nil {
				b.WriteString(expression(p.Expr))
			} else {
				b.WriteString(text(p.Text))
			}
		}
		return b.String()
	case expr.Sequence:
		parts := make([]string, len(t.List))
		for i, x := range t.List {
			parts[i] = template(x)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case expr.Mapping:
		parts := make([]string, len(t.Vals))
		for i, x := range t.Vals {
			parts[i] = t.Keys[i] + ": " + template(x)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	panic("a template without a shape")
}

func expression(e *expr.Expr) string {
	return "«" + strings.TrimSpace(e.Src) + "»" + at(e.Pos().Line, e.Pos().Col)
}
