package cli

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/steps"
)

// inputs offers the names of the inputs that the workflow file on the line declares, and of an input the values.
func (c *completer) inputs(before string) offer {
	name, value, isValue := strings.Cut(strings.TrimPrefix(c.word, before), "=")
	if strings.HasPrefix(value, "@") {
		return c.files("any", before+name+"=@")
	}
	var o offer
	for _, in := range c.declared() {
		switch {
		case isValue && in.Name.Text == name:
			for _, v := range valuesOf(in) {
				o.words = append(o.words, candidate{word: before + name + "=" + v})
			}
		case !isValue && !c.hasInput(in.Name.Text):
			word := before + in.Name.Text + "="
			if in.Secret {
				word += "@" // whoever lists processes sees what stands on a command line
			}
			o.words = append(o.words, candidate{word, describe(in)})
		}
	}
	return o
}

// hasInput says whether an input is on the line.
func (c *completer) hasInput(name string) bool {
	return slices.ContainsFunc(c.line.flags, func(g given) bool {
		return (g.name == flagInput || g.name == "i") && strings.HasPrefix(g.value, name+"=")
	})
}

// declared is what the file on the line says of its inputs, as far as it can be read.
func (c *completer) declared() []*ast.Input {
	dir, path := c.directory(), ""
	if dir != "" && os.Chdir(dir) != nil {
		return nil
	}
	if c.line.command == nil || len(c.line.arguments) == 0 {
		path, _ = findFile()
	} else {
		path = c.home(c.line.arguments[0])
	}
	if path == "-" || noFile(path) != nil {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, 4<<20)) // no file is longer
	if err != nil {
		return nil
	}
	file, _ := spec.Parse(path, declarations(src), spec.Options{Kinds: steps.Builtin()})
	if file == nil {
		return nil
	}
	return file.Main.Inputs
}

// declarations is a file with the inputs of another one, of which the steps may be many, and half written. Of a file
// that is no block mapping, such as JSON, it is all, if that is little.
func declarations(src []byte) []byte {
	var out []byte
	for line := range strings.Lines(string(src)) {
		switch {
		case strings.HasPrefix(line, "inputs:"):
			out = append(out, "flowrun: 1\n"+line...)
		case out != nil && strings.ContainsAny(line[:1], " \t\r\n#}"):
			out = append(out, line...)
		case out != nil:
			return append(out, "\nsteps: [{sleep: 0s}]\n"...)
		}
	}
	if out == nil && len(src) < 64<<10 {
		return src
	}
	return append(out, "\nsteps: [{sleep: 0s}]\n"...)
}

// describe says what an input is.
func describe(in *ast.Input) string {
	text := in.Type
	if text == "" {
		text = "any"
	}
	switch {
	case in.Secret:
		text += ", secret: name a file"
	case in.Required:
		text += ", required"
	case in.Default != nil:
		text += " = " + inputText(in, in.Default)
	}
	if in.Description != "" {
		text += ": " + in.Description
	}
	return text
}

// valuesOf are the values of an input that are known.
func valuesOf(in *ast.Input) (out []string) {
	list, _ := in.Schema["enum"].([]any)
	switch {
	case in.Secret:
		return nil
	case len(list) == 0 && in.Type == "boolean":
		list = []any{true, false}
	case len(list) == 0 && in.Default != nil:
		list = []any{in.Default}
	}
	for _, v := range list {
		out = append(out, inputText(in, v))
	}
	return out
}

// inputText is a value as --input takes it.
func inputText(in *ast.Input, v any) string {
	if text, ok := v.(string); ok && (in.Type == "string" || in.Type == "" && !json.Valid([]byte(text))) {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
