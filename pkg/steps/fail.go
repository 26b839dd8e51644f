package steps

import (
	"fmt"
	"regexp"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

const typePattern = `^[A-Za-z_][A-Za-z0-9_.]*$`

func failKind() *kind.Kind {
	name := regexp.MustCompile(typePattern)
	return &kind.Kind{
		Name:        "fail",
		Title:       "Fail with an error",
		Description: "The step fails: with a text (type FailError), with a type of its own, or with an error that another step failed with.",
		Keys: []kind.Key{{
			Name:        "fail",
			Description: "A text, a mapping with type, message and data, or an expression that gives an error.",
			Schema: `{"type": ["string", "object"], "additionalProperties": false, "minProperties": 1, "properties": {
	"type": {"type": "string", "pattern": "` + typePattern + `", "description": "The type of the error: any name.", "examples": ["QuotaError"]},
	"message": {"type": "string", "description": "What is wrong.", "examples": ["too many requests"]},
	"data": {"description": "Any value, for handlers: error.data.", "examples": [10, {"limit": 10}]}
}}`,
			Mode: kind.Free,
			Examples: []string{
				`fail: "no space left on ${{ inputs.host }}"`,
				`fail: {type: QuotaError, message: "too many requests", data: {limit: 10}}`,
				`fail: ${{ steps.build.error }}`,
			},
		}},
		Check: func(constant map[string]any, report func(key, code, text string)) {
			m, _ := constant["fail"].(map[string]any)
			if typ, ok := m["type"].(string); ok {
				if wrong := typeWrong(name, typ); wrong != "" {
					report("fail", "bad-error-type", wrong)
				} else if typ == event.ExceptionGroup {
					report("fail", "bad-error-type", "an ExceptionGroup is made by blocks: write fail with an error that is one, as ${{ steps.x.error }}")
				}
			}
		},
		Instant: func(args kind.Args) kind.Instant { return kind.Instant{Err: raised(name, args["fail"])} },
	}
}

// raised is the error that `fail` makes of its argument; what is no error becomes a ValueError that says so.
func raised(name *regexp.Regexp, v any) *event.Error {
	switch v := v.(type) {
	case string:
		return &event.Error{Type: event.FailError, Message: v}
	case map[string]any:
		if wrong := errorWrong(name, v); wrong != "" {
			return event.Errorf(event.ValueError, "fail: %s", wrong)
		}
		e := event.FromValue(v)
		if m, ok := v["message"]; ok {
			e.Message = text(m)
		}
		return e
	default:
		return event.Errorf(event.ValueError, "fail: %s is no error: give a text, or a mapping with type and message", noun(v))
	}
}

// errorWrong says why m cannot be raised; "" when it can.
func errorWrong(name *regexp.Regexp, m map[string]any) string {
	v, written := m["type"]
	typ, isText := v.(string)
	switch {
	case !written:
		return ""
	case !isText:
		return fmt.Sprintf("the type must be a text, not %s", noun(v))
	case typ != event.ExceptionGroup:
		return typeWrong(name, typ)
	}
	members, _ := m["errors"].([]any)
	if len(members) == 0 {
		return "an ExceptionGroup needs errors, the list of its members"
	}
	for i, x := range members {
		member, ok := x.(map[string]any)
		if !ok {
			return fmt.Sprintf("errors[%d] is %s and no error", i, noun(x))
		}
		if wrong := errorWrong(name, member); wrong != "" {
			return fmt.Sprintf("errors[%d]: %s", i, wrong)
		}
	}
	return ""
}

func typeWrong(name *regexp.Regexp, typ string) string {
	switch {
	case typ == event.CancelledError:
		return "a CancelledError cannot be raised: it is how a step ends that was told to stop"
	case !name.MatchString(typ):
		return fmt.Sprintf("%q is no name for a type of error: letters, digits, _ and . without a digit in front", typ)
	default:
		return ""
	}
}
