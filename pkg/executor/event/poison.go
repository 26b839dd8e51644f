package event

import "slices"

// Poison stands in the place of a value that cannot be given: the step that made it did not fail, but an
// expression that reads it does, with Err. An output that was cut at its limit is one.
type Poison struct{ Err *Error }

// MarshalJSON writes the error under its own key, as the result document shows it in place of the value.
func (p Poison) MarshalJSON() ([]byte, error) { return Marshal(map[string]any{"error": p.Err}) }

// Known says whether there is no Poison in v.
func Known(v any) bool {
	switch v := v.(type) {
	case Poison:
		return false
	case []any:
		return !slices.ContainsFunc(v, func(x any) bool { return !Known(x) })
	case map[string]any:
		for _, x := range v { // the order does not matter
			if !Known(x) {
				return false
			}
		}
	}
	return true
}
