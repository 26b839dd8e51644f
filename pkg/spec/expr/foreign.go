package expr

import (
	"cmp"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// This file is the dictionary of the names that expressions of other tools and languages have.

// foreignName is a name with what to write: A, B and C stand for the members behind it, as far as they are there.
type foreignName struct{ name, help string }

// foreignNames are in the order in which they are looked for: the more members a name has, the earlier it stands.
var foreignNames = []foreignName{
	{"True", "write true"},
	{"TRUE", "write true"},
	{"False", "write false"},
	{"FALSE", "write false"},
	{"None", "write null"},
	{"NULL", "write null"},
	{"Null", "write null"},
	{"undefined", "write null"},

	{"matrix.A", "the variables of a for have their own names: matrix.A is A"},
	{"matrix", "the variables of a for have their own names: matrix.os is os"},
	{"item", "the variable of a for has the name that stands there: for: item"},
	{"each.value", "the variable of a for has the name that stands there: for: each"},
	{"strategy", "loop.index is the position in a generator"},
	{"needs.A.result", "write steps.A.status"},
	{"needs.A.outputs", "write steps.A.outputs"},
	{"needs.A", "write steps.A"},
	{"needs", "write steps.ID"},
	{"jobs.A", "write steps.A"},
	{"jobs", "write steps.ID"},
	{"tasks.A", "write steps.A"},
	{"job.status", "write steps.ID.status"},
	{"dependencies.A", "write steps.A"},
	{"outputs.A", "write steps.ID.outputs.A"},

	{"github.event.inputs.A", "write inputs.A"},
	{"github.event.inputs", "write inputs.NAME"},
	{"github.event", "what happened is told in the file env.GITHUB_EVENT_PATH"},
	{"github.token", "declare it at the top of the file: secrets: [GITHUB_TOKEN]"},
	{"github.A", "GitHub's CI has it as a variable: write env.GITHUB_A"},
	{"github", "what GitHub's CI tells is in variables: write env.GITHUB_REF"},
	{"runner.A", "GitHub's CI has it as a variable: write env.RUNNER_A"},
	{"vars.A", "write env.A"},
	{"variables.A", "write env.A"},
	{"params.A", "write inputs.A"},
	{"parameters.A", "write inputs.A"},
	{"workflow.parameters.A", "write inputs.A"},
	{"workflow.name", "write run.name"},
	{"input.A", "write inputs.A"},
	{"var.A", "write inputs.A"},
	{"secret.A", "write secrets.A"},
	{"step.A", "write steps.A"},
	{"ENV.A", "write env.A"},
	{"os.environ", "write env.NAME"},
	{"process.env", "write env.NAME"},
}

// foreignHelp is what to write for a path that begins with a name of another tool; "" for others.
func foreignHelp(path []string) string {
	for _, f := range foreignNames {
		parts := strings.Split(f.name, ".")
		if len(parts) > len(path) {
			continue
		}
		help, ok := f.help, true
		for i, part := range parts {
			switch {
			case part != "A":
				ok = ok && part == path[i]
			case f.name == "github.A" || f.name == "runner.A":
				help = strings.ReplaceAll(help, "_A", "_"+strings.ToUpper(path[i]))
			default:
				help = swapWord(help, "A", path[i])
			}
		}
		if ok {
			return help
		}
	}
	return ""
}

// swapWord puts word in the place of the words of s that are old.
func swapWord(s, old, word string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := 0
		for n < len(s) && (isLetterOrDigit(s[n]) || s[n] == '_') {
			n++
		}
		if s[:n] == old {
			b.WriteString(word)
		} else {
			b.WriteString(s[:n])
		}
		if n < len(s) {
			b.WriteByte(s[n])
			n++
		}
		s = s[n:]
	}
	return b.String()
}

// Meant is what to write for the name of the use i of Uses, which is none of known; "" if there is no telling.
func (e *Expr) Meant(i int, known []string) string {
	r := e.reads[i]
	return cmp.Or(e.nameHelp(r, known), diag.Suggest(r.path[0], known))
}

// nameHelp is about names of other languages, functions without their parentheses, and texts without quotes.
func (e *Expr) nameHelp(r read, known []string) string {
	name := r.path[0]
	if help := foreignHelp(r.path); help != "" {
		return help
	}
	if functions()[name] != nil || isLoop(name) {
		return "it is a function: write " + name + "(...)"
	}
	if v, ok := strings.CutPrefix(name, "$"); ok && v != "" && slices.Contains(known, "env") {
		return "write env." + v
	}
	if before := strings.TrimRight(e.Src[:r.at[0]], " "); len(r.path) == 1 && assignment.MatchString(before) {
		if near := diag.Nearest(name, known); near != "" {
			return diag.DidYouMean(near)
		}
		return "a text stands in quotes: '" + name + "'"
	}
	if len(r.path) == 1 && diag.Nearest(name, known) == "" {
		return functionHelp(name)
	}
	return ""
}
