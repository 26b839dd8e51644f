package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// inputs are what the command line says of the inputs of a plan.
type inputs struct {
	plan     *plan.Plan
	values   map[string]any
	places   map[string]diag.Pos
	wrong    map[string]bool // inputs that were given, but not as values
	unread   bool            // the inputs file: nobody knows what else was given
	problems diag.List
}

// readInputs reads --inputs-file and then every --input, which wins.
func readInputs(c *cli.Context, p *plan.Plan) *inputs {
	in := &inputs{plan: p, values: map[string]any{}, places: map[string]diag.Pos{}, wrong: map[string]bool{}}
	if path := c.String(flagInputs); path != "" {
		in.file(path)
	}
	for _, text := range c.StringSlice(flagInput) {
		in.flag(text)
	}
	return in
}

// check looks at everything that is known before a run: the error has all that is wrong, and nothing that follows from
// it. The secrets are looked at as well if something else is wrong; if not, the run does that. The values are those
// that the inputs have then, defaults included.
func (in *inputs) check(secrets bool, opt executor.Options) (values map[string]any, err error) {
	values, err = executor.CheckInputs(in.plan, opt)
	problems := slices.Concat(in.problems, slices.DeleteFunc(listOf(err), in.follows))
	if secrets && len(problems) > 0 {
		problems = append(problems, listOf(executor.CheckSecrets(in.plan, opt))...)
	}
	return values, problems.Err()
}

// follows says that an input only seems to be missing.
func (in *inputs) follows(d diag.Diagnostic) bool {
	return d.Code == "missing-input" && (in.unread || slices.ContainsFunc(in.plan.Main.Inputs, func(i *ast.Input) bool {
		return in.wrong[i.Name.Text] && i.Name.Pos == d.Pos
	}))
}

// listOf is a List that came as an error.
func listOf(err error) diag.List {
	var list diag.List
	if err != nil && !errors.As(err, &list) {
		panic("cli: inputs are wrong in an unknown way: " + err.Error())
	}
	return list
}

func (in *inputs) file(path string) {
	place := diag.Pos{File: "--" + flagInputs + " " + quote(path)}
	src, err := os.ReadFile(path)
	if err != nil {
		in.unread = true
		in.problems.Add(place, "bad-input", "the file cannot be read: %s", reason(err))
		return
	}
	values, err := spec.Values(path, src)
	in.problems = append(in.problems, listOf(err)...)
	in.unread = values == nil
	for name, v := range values {
		in.places[name] = v.Pos
		if v.Wrong {
			in.wrong[name] = true
		} else {
			in.values[name] = v.V
		}
	}
}

// flag reads NAME=VALUE or NAME=@FILE.
func (in *inputs) flag(text string) {
	name, value, ok := strings.Cut(text, "=")
	place := diag.Pos{File: "--" + flagInput + " " + quote(name)}
	var problem, help string
	if !ok || name == "" {
		problem, help = "this is no input", "write --input NAME=VALUE"
	} else {
		what := "the value"
		if path, isFile := strings.CutPrefix(value, "@"); isFile {
			what = path
			b, err := os.ReadFile(path)
			if err != nil {
				problem = fmt.Sprintf("%s cannot be read: %s", path, reason(err))
			}
			value = string(b)
		}
		switch {
		case problem != "":
		case !utf8.ValidString(value):
			problem, help = what+" is not UTF-8, and so no text", "encode it, as with base64"
		case strings.Contains(value, "\x00"):
			problem, help = what+" holds a NUL, which no variable and no argument can", "encode it, as with base64"
		}
	}
	var v any
	if problem == "" {
		v, problem = typed(declared(in.plan, name), value)
	}
	in.places[name] = place
	delete(in.values, name)
	delete(in.wrong, name)
	if problem != "" {
		in.wrong[name] = true
		in.problems = append(in.problems, diag.Diagnostic{Pos: place, Code: "bad-input", Text: problem, Help: help})
		return
	}
	in.values[name] = v
}

// declared is the declaration of an input; nil if there is none.
func declared(p *plan.Plan, name string) *ast.Input {
	for _, in := range p.Main.Inputs {
		if in.Name.Text == name {
			return in
		}
	}
	return nil
}

// typed is a text from the command line as a value for an input: text stays text, whatever it looks like; the value of
// any other type is written in JSON; for an input without a type, what is no JSON is text.
func typed(in *ast.Input, text string) (v any, problem string) {
	if in == nil || in.Type == "string" {
		return text, ""
	}
	v, err := event.Decode([]byte(text))
	switch {
	case err == nil:
		return v, ""
	case in.Type == "" && !json.Valid([]byte(text)):
		return text, ""
	case in.Secret:
		return nil, "the value cannot be read, and as it is secret it is not shown"
	case json.Valid([]byte(text)):
		return nil, err.Error() // a number that is too large
	}
	return nil, fmt.Sprintf("%s is no %s", shown(text), in.Type)
}

// reason is what the operating system says, without the path.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// shown is a text in a message.
func shown(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "..."
	}
	return quote(text)
}
