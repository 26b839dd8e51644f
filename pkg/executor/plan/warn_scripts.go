package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// script looks at the text of a shell script. It is not parsed: what is told is true of it whatever else is in it.
func (w *warner) script(u *unit, p *place, l *ast.Leaf) {
	arg, shell := ast.Pair{}, ""
	for _, a := range p.args(l) {
		if a.Value == nil {
			continue
		}
		if modeOf(l.Kind, a.Key.Text) == kind.Script {
			arg = a
		}
		if a.Key.Text == "shell" {
			shell = "?"
			if s, ok := a.Value.Const.(string); ok {
				shell = s
			}
		}
	}
	if arg.Value == nil || !slices.Contains([]string{"", "sh", "bash"}, shell) {
		return
	}
	text, whole := arg.Value.Const.(string)
	if arg.Value.Shape == expr.Interpolated {
		text = strings.Join(pieces(arg.Value), " ")
	}
	if text == "" || len(text) > longestScript {
		return
	}
	if whole && vain(text) {
		w.say(diag.Diagnostic{
			Pos: arg.Key.Pos, Code: "script-without-effect", Text: "this script changes its own shell only, which ends with it",
			Help: "write `dir` or `env` on the steps that need it, or put it at the begin of their scripts",
			Why:  "every step has a shell of its own",
		})
	}
	if len(u.file.ast.Secrets) > 0 {
		w.missing(u, p, arg, text)
	}
}

func modeOf(k *kind.Kind, key string) kind.Mode {
	for i := range k.Keys {
		if k.Keys[i].Name == key {
			return k.Keys[i].Mode
		}
	}
	return kind.Typed
}

// longestScript is the longest script that is looked at.
const longestScript = 64 << 10

var (
	// setting is a command that changes nothing but its shell. Without an operand most of them print something.
	setting = regexp.MustCompile(`^((cd|unset)\b.*|set\s+[-+]\S.*|(export|alias)\s+[A-Za-z_].*|umask\s+\d+|ulimit\s.*\s(\d+|unlimited)|[A-Za-z_][A-Za-z0-9_]*=("[^"]*"|'[^']*'|[^\s"']*))$`)
	// acting are the signs of a command that does more, or whose success is asked for.
	acting = regexp.MustCompile("[`|<>]|\\$\\(|;|&")
	// quotedHere is a here-document in which nothing is read.
	quotedHere = regexp.MustCompile(`<<-?\s*['"\\]`)
	// reading is a variable that a script reads, without a word about what if it is not set.
	reading = regexp.MustCompile(`\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)
)

// vain says that a script does nothing but change its shell.
func vain(script string) bool {
	some := false
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !setting.MatchString(line) || acting.MatchString(line) {
			return false
		}
		some = some || !strings.HasPrefix(line, "set ")
	}
	return some
}

// missing tells of secrets that a script reads as variables, and that its step is not given.
func (w *warner) missing(u *unit, p *place, arg ast.Pair, text string) {
	if quotedHere.MatchString(text) {
		return
	}
	told, open := map[string]bool{}, false // a quote that was opened in a line before
	for line := range strings.Lines(text) {
		within := open
		open = open != (strings.Count(line, "'")%2 == 1)
		if within || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		quote := strings.IndexByte(line, '\'')
		if quote < 0 {
			quote = len(line)
		}
		for _, m := range reading.FindAllStringSubmatchIndex(line, -1) {
			name := ""
			for i := 2; i < len(m); i += 2 {
				if m[i] >= 0 {
					name = line[m[i]:m[i+1]]
				}
			}
			quoted := m[0] > quote || strings.HasSuffix(line[:m[0]], `\`)
			if told[name] || quoted || !u.file.secrets[name] || p.env.has(name) {
				continue
			}
			told[name] = true
			if setsItself(text, name) {
				continue
			}
			w.given[usage{u.file, "secrets." + name}] = true
			w.say(diag.Diagnostic{
				Pos: arg.Key.Pos, Code: "secret-not-given", Text: fmt.Sprintf("this script reads $%s, and the step is not given that secret", name),
				Help: fmt.Sprintf("write env: {%s: %q} on the step", name, "${{ secrets."+name+" }}"),
				Why:  "a secret that is declared is taken out of the environment of every step that does not name it",
			})
		}
	}
}

// setsItself says that a script may give a variable its value.
func setsItself(script, name string) bool {
	return regexp.MustCompile(`\b` + name + `=|\bread\b|\bfor\s+` + name + `\b|\bsource\s|(^|[\n;&])\s*\.\s|\beval\b`).MatchString(script)
}

// has says that e, or a layer around it, has a variable.
func (e *Env) has(name string) bool {
	for ; e != nil; e = e.Outer {
		if slices.ContainsFunc(e.Vars, func(v Var) bool { return v.Name == name }) {
			return true
		}
	}
	return false
}
