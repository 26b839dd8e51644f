package portable

import (
	"fmt"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// Where a plan is worked out on an engine there are references in the places of secrets. They can be handed on, joined to a text,
// and asked whether they are ""; only the worker that carries out a step has the values. Nothing that a file says may be one.

const workersHave = "write it under `secrets`: workers have it by its name, from their environment or a file"

// inputs looks at the secret inputs of w.
func (c *checker) inputs(w *plan.Workflow) {
	for _, in := range w.Inputs {
		switch {
		case !in.Secret:
		case w == c.plan.Main:
			c.refuse(in.Name.Pos, "remote-secret-input", workersHave, "the value of the secret input %q does not travel", in.Name.Text)
		case !nothing(in.Default):
			c.refuse(in.Name.Pos, "remote-secret-input", workersHave, "the default of the secret input %q does not travel", in.Name.Text)
		}
	}
}

// given looks at what a call gives to secret inputs.
func (c *checker) given(call *plan.Call) {
	for _, a := range call.With {
		for _, in := range call.Workflow.Inputs {
			if in.Secret && in.Name.Text == a.Key && a.Value.Src.Shape == expr.Constant && !nothing(a.Value.Src.Const) {
				c.refuse(a.Value.Pos, "remote-secret-input", workersHave, "what is given to the secret input %q does not travel", a.Key)
			}
		}
	}
}

func nothing(v any) bool { return v == nil || v == "" }

// computed looks at what e, an expression of v, does with secrets.
func (c *checker) computed(v *plan.Value, e *expr.Expr) {
	for _, use := range e.Computes(func(u expr.Use) bool { return c.isSecret(v, u) }) {
		name := use.Root
		if use.Member != "" {
			name += "." + use.Member
		}
		c.say(diag.Diagnostic{
			Pos: use.Pos, Code: "remote-secret", Len: width(use), Text: fmt.Sprintf("this computes with %s, and where that is done nobody has its value", name),
			Help: fmt.Sprintf("give the step the secret itself, as env: {NAME: \"${{ %s }}\"}, and compute there", name),
			Why:  "expressions are worked out before a step is given to a worker, and only the worker has secrets",
		})
	}
}

// width is how many characters the name has with its member; 0 if they do not stand in one line.
func width(use expr.Use) int {
	if use.Member == "" || use.Pos.Line != use.MemberPos.Line || use.MemberPos.Col < use.Pos.Col {
		return 0
	}
	return use.MemberPos.Col - use.Pos.Col + utf8.RuneCountInString(use.Member)
}

// isSecret says whether u, a name that v reads, is a secret or holds one.
func (c *checker) isSecret(v *plan.Value, u expr.Use) bool {
	switch u.Root {
	case "secrets":
		return true
	case "inputs":
		for _, in := range c.workflow.Inputs {
			if in.Secret && (u.Member == "" || u.Member == in.Name.Text) {
				return true
			}
		}
	case "env":
		for _, r := range v.Refs {
			if r.Kind == plan.RefEnv && r.Member == u.Member && c.inEnv(r.Env, u.Member) {
				return true
			}
		}
	}
	return false
}

// inEnv says whether the variable is made of a secret; any variable when name is "".
func (c *checker) inEnv(env *plan.Env, name string) bool {
	for ; env != nil; env = env.Outer {
		for _, v := range env.Vars {
			if v.Value == nil || name != "" && v.Name != name {
				continue
			}
			if c.holds(v.Value) {
				return true
			}
			if name != "" {
				return false
			}
		}
	}
	return false
}

// holds says whether a secret is in v. It is asked of the variables of a layer by those of the layers inside it only.
func (c *checker) holds(v *plan.Value) bool {
	known, ok := c.secret[v]
	if ok {
		return known
	}
	held := false
	for _, e := range v.Src.Exprs() {
		for _, u := range e.Uses() {
			held = held || c.isSecret(v, u)
		}
	}
	c.secret[v] = held
	return held
}
