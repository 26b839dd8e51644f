package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Canonical returns v as a value of the language: nil, bool, int, float64, string, []any, map[string]any.
// Anything else that encoding/json can write takes the way through JSON; NaN and infinity are refused.
func Canonical(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int, string, Poison:
		return v, nil
	case int64:
		return int(v), nil
	case int32:
		return int(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v is not a value: JSON has no such number", v)
		}
		return v, nil
	case json.Number:
		return number(v)
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			var err error
			if out[i], err = Canonical(x); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			y, err := Canonical(x)
			if err != nil {
				return nil, err
			}
			out[k] = y
		}
		return out, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return Decode(b)
}

// Decode reads one JSON text as a canonical value: numbers without a point and an exponent are int, others float64. One
// that does not fit 64 bits is an error: to round it would give another number without a word.
func Decode(b []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("more follows the JSON value")
	}
	return Canonical(v)
}

func number(n json.Number) (any, error) {
	var v any
	var err error
	if strings.ContainsAny(string(n), ".eE") {
		v, err = n.Float64()
	} else {
		v, err = strconv.Atoi(string(n))
	}
	switch {
	case errors.Is(err, strconv.ErrRange):
		return nil, fmt.Errorf("%s does not fit 64 bits", brief(string(n)))
	case err != nil:
		return nil, fmt.Errorf("%q is not a number", brief(string(n)))
	}
	return v, nil
}

// brief is the beginning of a long number.
func brief(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
