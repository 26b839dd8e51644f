package spec_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/spec"
	"github.com/flowrun/flowrun/pkg/steps"
)

// TestSecretDefaultsAreNotShown: neither the text of a file for people nor what is said about it holds the default of a secret
// input, or a value that it may have, however it is written; every other character is in its place.
func TestSecretDefaultsAreNotShown(t *testing.T) {
	for name, input := range map[string]string{
		"plain":             "{secret: true, default: hunter2, nosuch: 1}",
		"behind it":         "{default: hunter2, nosuch: 1, secret: true}",
		"double quotes":     `{secret: true, default: "ü\"hunter2", nosuch: 1}`,
		"single quotes":     "{secret: true, default: 'it''s hunter2', nosuch: 1}",
		"a list":            "{secret: true, default: [hunter2, {hunter2: hunter2}], nosuch: 1}",
		"a block":           "\n    secret: true\n    default: |\n      a\n        hunter2\n      hunter2\n    nosuch: 1",
		"folded":            "\n    secret: true\n    default: a\n      hunter2\n    nosuch: 1",
		"an anchor":         "{secret: true, default: &a hunter2, nosuch: 1}",
		"an alias":          "{description: &a hunter2, secret: true, default: *a, nosuch: 1}",
		"a tag":             "{secret: true, default: !!int hunter2, nosuch: 1}",
		"ambiguous":         "{secret: true, default: 0x_hunter2, nosuch: 1}",
		"does not fit":      "{secret: true, default: hunter2, type: integer}",
		"none of these":     "{secret: true, default: hunter2, enum: [a]}",
		"one of these":      "{secret: true, default: a, enum: [hunter2, 'hunter2 too']}",
		"of these":          "{enum: [hunter2, {hunter2: 1}], secret: true, nosuch: 1}",
		"of these, no YAML": "{secret: true, enum: [hunter2], nosuch: 1",
		"an expression":     "{secret: true, default: \"${{ hunter2\", nosuch: 1}",
		"secret is wrong":   "{secret: yes, default: hunter2}",
		"default misspelt":  "{secret: true, defualt: hunter2}",
		"secret misspelt":   "{secrte: true, default: hunter2}",
		"cut in two":        "{secret: true, default: hunter2 (a, b), c: 1}",
		"no YAML, a block":  "\n    secret: true\n    default: |\n      hunter2\n\n     hunter2 b\n    nosuch: 1",
		"in the help":       "{secret: true, default: hunter2 nosuch: 1}",
		"no YAML":           "{secret: true, default: hunter2, nosuch: 1",
		"no YAML, in lines": "\n    secret: true\n    default: hunter2\n   nosuch: 1",
	} {
		for _, where := range []string{"inputs:\n  x: ", "workflows:\n  w:\n    steps: [{value: 1}]\n    inputs:\n      y: "} {
			input := input
			if strings.HasPrefix(where, "workflows") {
				input = strings.ReplaceAll(input, "\n", "\n    ")
			}
			src := "flowrun: 1\n" + where + input + "\nsteps: [{value: 1}] # of hunter2 a comment may speak\n"
			src, comment, _ := strings.Cut(src, " # ")
			shown := ""
			_, err := spec.Parse("x.yaml", []byte(src+" # "+comment), spec.Options{
				Kinds: steps.Builtin(), Source: func(_ string, text []byte) { shown = string(text) },
			})
			if err == nil {
				t.Errorf("%s: nothing is wrong", name)
				continue
			}
			shown, _, _ = strings.Cut(shown, " # ")
			if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(shown, "hunter2") {
				t.Errorf("%s: %s\n%s", name, text, shown)
			}
			lines := strings.Split(src, "\n")
			for i, l := range strings.Split(shown, "\n") {
				if utf8.RuneCountInString(l) != utf8.RuneCountInString(lines[i]) {
					t.Errorf("%s: line %d is %q", name, i+1, l)
				}
			}
		}
	}
	for _, c := range []struct {
		with   string
		hidden bool
	}{
		{"{pw: hunter2}", true},
		{"{pw: [hunter2]}", true},
		{"{open: hunter2}", false},
		{"{pw: \"${{ inputs.hunter2 }}\"}", false},
	} {
		shown := ""
		src := "flowrun: 1\nworkflows:\n  w: {inputs: {pw: {secret: true}, open: {default: 1}}, steps: [{value: 1}]}\nsteps:\n  - gather: [{call: w, with: " + c.with + "}]\n"
		_, err := spec.Parse("x.yaml", []byte(src), spec.Options{
			Kinds: steps.Builtin(), Source: func(_ string, text []byte) { shown = string(text) },
		})
		if err != nil || strings.Contains(shown, "hunter2") == c.hidden {
			t.Errorf("%v\n%s", err, shown)
		}
	}
	open := ""
	if _, err := spec.Parse("x.yaml", []byte("flowrun: 1\ninputs: {x: {default: a, secret: false}}\nsteps: [{value: 1}]\n"), spec.Options{
		Kinds: steps.Builtin(), Source: func(_ string, text []byte) { open = string(text) },
	}); err != nil || !strings.Contains(open, "default: a,") {
		t.Errorf("what is not secret is shown: %q, %v", open, err)
	}
}
