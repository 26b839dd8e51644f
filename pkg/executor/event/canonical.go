package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
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

// Decode reads one JSON text as a canonical value: whole numbers that fit 64 bits are int, others float64.
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
	if i, err := n.Int64(); err == nil {
		return int(i), nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("%s is out of range", n)
	}
	return f, nil
}
