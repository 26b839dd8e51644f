package steps

import (
	"fmt"
	"strings"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/steps/script"
)

// quoteScript is the Quote of run.
func quoteScript(pieces, exprs []string, constant map[string]any) kind.Quoted {
	shell, isName := "sh", true
	if v := constant["shell"]; v != nil {
		shell, isName = v.(string)
	}
	if isName && (shell == "sh" || shell == "bash") {
		return script.Quote(pieces, exprs, script.Shell(shell))
	}
	what := "of one's own `shell`"
	if isName {
		what = "for " + shell
	}
	var q kind.Quoted
	for i := range exprs {
		q.Wrong = append(q.Wrong, kind.Misplaced{
			Expr: i, Text: "an expression cannot stand in a script " + what + ": only those for sh and bash can be read",
			Help: "put the value into env, as env: {NAME: ...}, and read the variable NAME in the script",
		})
	}
	return q
}

// scriptText is the text of a script, whether it reads values or not.
func scriptText(run any) string {
	if m, ok := run.(map[string]any); ok {
		s, _ := m[kind.QuotedText].(string)
		return s
	}
	s, _ := run.(string)
	return s
}

// scriptVariables are the variables that the script reads, as NAME=value.
func scriptVariables(args kind.Args) ([]string, *event.Error) {
	m, _ := args["run"].(map[string]any)
	values, _ := m[kind.QuotedValues].([]any)
	var out []string
	for i, v := range values {
		s := text(v)
		if strings.Contains(s, "\x00") {
			return nil, event.Errorf(event.ValueError, "run: the value of expression %d of the script holds a NUL, which no variable can", i+1)
		}
		out = append(out, fmt.Sprintf("%s=%s", script.Variable(i+1), s))
	}
	return out, nil
}
