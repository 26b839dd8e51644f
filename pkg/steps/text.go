package steps

import (
	"fmt"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// text is a value as interpolation writes it: a text as it is, anything else as JSON, floats without exponent.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	b, err := event.Marshal(v)
	if err != nil {
		panic("steps: an argument is no canonical value: " + err.Error())
	}
	return string(b)
}

// noun is what a value is, for messages.
func noun(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case int, float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	default:
		return "a mapping"
	}
}

// durationFields are those of a schema of durations, for one with a description of its own.
const (
	durationSchema = `{` + durationFields + `}`
	durationFields = `"title": "duration", "type": ["string", "integer"], "minimum": 0, "maximum": 0,
	"pattern": "^[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h)(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h))*$|^[+-]?0$"`
)

// duration reads an evaluated argument as a time that is not negative.
func duration(v any) (time.Duration, error) {
	d, err := event.Duration(v)
	if err == nil && d < 0 {
		return 0, fmt.Errorf("%s is negative", event.FormatDuration(d))
	}
	return d, err
}

// checkDuration reports what is wrong with a duration as written in the file, where a bare number has no unit.
func checkDuration(key string, v any, report func(key, code, text string)) {
	switch n := v.(type) {
	case kind.Computed:
		return
	case int, float64:
		if n != 0 && n != 0.0 {
			report(key, "bad-duration", fmt.Sprintf("%s has no unit: write %s", text(v), strconv.Quote(text(v)+"s")))
		}
		return
	}
	if _, err := duration(v); err != nil {
		report(key, "bad-duration", err.Error())
	}
}
