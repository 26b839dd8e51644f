package spec

import (
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/flowrun/flowrun/pkg/spec/ast"
)

// inputCheck is the compiled schema of an input.
type inputCheck struct {
	schema *jsonschema.Schema
	object object
	secret bool // what may be given is not told
}

// compileInput compiles what an input declares. A panic of the library is an error here: it reads a user's schema.
func compileInput(in *ast.Input) (check *inputCheck, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	if ref := reference(in.Schema); ref {
		return nil, errors.New("$ref is not supported")
	}
	s, err := compileSchema(in.Schema)
	var wrong *jsonschema.SchemaError
	if errors.As(err, &wrong) && wrong.Err != nil {
		err = wrong.Err
		var deep *jsonschema.ValidationError
		if errors.As(err, &deep) {
			for len(deep.Causes) > 0 {
				deep = deep.Causes[0]
			}
			err = fmt.Errorf("JSON Schema has no such value for %s", strings.TrimPrefix(deep.InstanceLocation, "/"))
		}
	}
	return &inputCheck{schema: s, object: in.Schema, secret: in.Secret}, err
}

// reference says whether a schema refers to another.
func reference(v any) bool {
	switch v := v.(type) {
	case object:
		for key, sub := range v {
			if key == "$ref" || key == "$id" || reference(sub) {
				return true
			}
		}
	case []any:
		for _, sub := range v {
			if reference(sub) {
				return true
			}
		}
	}
	return false
}

func (c *inputCheck) problem(v any) string {
	err := c.schema.Validate(v)
	if err == nil {
		return ""
	}
	return c.explain(v)
}

// explain is the outermost thing that is wrong with v, in words.
func (c *inputCheck) explain(v any) string {
	types := typesOf(c.object)
	if len(types) > 0 {
		fits := false
		for _, t := range types {
			got := jsonType(v)
			f, isFloat := v.(float64)
			fits = fits || got == t || got == "integer" && t == "number" || isFloat && t == "integer" && f == float64(int(f))
		}
		if !fits {
			return fmt.Sprintf("it must be %s, and this is %s", wanted(c.object, types), noun(v))
		}
	}
	for _, rule := range []struct {
		key  string
		text string
	}{
		{"enum", "it must be one of %s"},
		{"pattern", "it must match %s"},
		{"minimum", "it must be at least %s"},
		{"maximum", "it may be at most %s"},
		{"exclusiveMinimum", "it must be more than %s"},
		{"exclusiveMaximum", "it must be less than %s"},
		{"multipleOf", "it must be a multiple of %s"},
		{"minLength", "it must have at least %s characters"},
		{"maxLength", "it may have at most %s characters"},
		{"minItems", "it must have at least %s items"},
		{"maxItems", "it may have at most %s items"},
		{"uniqueItems", "its items must differ from each other"},
	} {
		limit, written := c.object[rule.key]
		if !written {
			continue
		}
		one, err := compileSchema(object{rule.key: limit})
		if err == nil && one.Validate(v) != nil {
			if list, ok := limit.([]any); ok {
				limit = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(list)), ", "), "[]")
			}
			if !strings.Contains(rule.text, "%s") {
				return rule.text
			}
			if rule.key == "enum" && c.secret {
				return "it is none of the values that it may have"
			}
			return fmt.Sprintf(rule.text, fmt.Sprint(limit))
		}
	}
	return "something inside it does not have the declared form"
}
