package spec

import (
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// doubt says why the text of a plain scalar should have quotes where any value may stand. The zero doubt is none.
type doubt struct{ code, text string }

// plain is the value of a plain scalar by YAML 1.2's core schema: nil, bool, int, float64 or string.
//
// The doubt is about a text that YAML 1.1 reads otherwise, or a number that would not be printed as written.
// hard says that the text has no value at all: a number outside of what the language has.
//
//	null                ~ null Null NULL and nothing
//	bool                true True TRUE false False FALSE
//	int                 [-+]?[0-9]+   0o[0-7]+   0x[0-9a-fA-F]+
//	float               [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
//	refused everywhere  .inf .nan, numbers that do not fit
func plain(s string) (v any, why doubt, hard bool) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return nil, doubt{}, false
	case "true", "True", "TRUE":
		return true, doubt{}, false
	case "false", "False", "FALSE":
		return false, doubt{}, false
	}
	switch c := s[0]; {
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.':
		return number(s)
	case len(s) <= 3 && yaml11Bool(s):
		return s, doubt{"ambiguous-scalar", "YAML 1.1 reads " + s + " as a boolean"}, false
	}
	return s, doubt{}, false
}

func yaml11Bool(s string) bool {
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off":
		return s == strings.ToLower(s) || s == strings.ToUpper(s) || s[1:] == strings.ToLower(s[1:])
	}
	return false
}

// truthOf is true or false for a text that says so to people or to YAML 1.1, else "".
func truthOf(s string) string {
	switch lower := strings.ToLower(s); {
	case lower == "true", lower == "false":
		return lower
	case !yaml11Bool(s):
		return ""
	case lower[0] == 'y' || lower == "on":
		return "true"
	}
	return "false"
}

// number reads a plain scalar that begins like one.
func number(s string) (v any, why doubt, hard bool) {
	sign, digits := "", s
	if s[0] == '-' || s[0] == '+' {
		sign, digits = s[:1], s[1:]
	}
	switch strings.ToLower(digits) {
	case ".inf":
		return s, doubt{"bad-number", s + " is infinity, which is not a value here"}, true
	case ".nan":
		return s, doubt{"bad-number", s + " is not a number, and not a value here"}, true
	}
	if digits == "" || !strings.ContainsAny(digits[:min(2, len(digits))], "0123456789") {
		return s, doubt{}, false
	}
	switch {
	case allOf(digits, isDigit):
		if len(digits) > 1 && digits[0] == '0' {
			i, err := strconv.ParseInt(s, 10, 64)
			why := doubt{"ambiguous-scalar", "YAML 1.1 reads " + s + " as an octal number"}
			if !allOf(digits, isOctal) {
				why.text = s + " would lose its leading zero"
			}
			if err != nil {
				return s, why, false
			}
			return int(i), why, false
		}
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return s, doubt{"bad-number", s + " does not fit into 64 bits"}, true
		}
		return int(i), doubt{}, false
	case sign == "" && strings.HasPrefix(digits, "0o") && len(digits) > 2 && allOf(digits[2:], isOctal):
		i, err := strconv.ParseInt(digits[2:], 8, 64)
		if err != nil {
			return s, doubt{"bad-number", s + " does not fit into 64 bits"}, true
		}
		return int(i), doubt{"ambiguous-scalar", "YAML 1.1 reads " + s + " as a text"}, false
	case sign == "" && strings.HasPrefix(digits, "0x") && len(digits) > 2 && allOf(digits[2:], isHex):
		i, err := strconv.ParseInt(digits[2:], 16, 64)
		if err != nil {
			return s, doubt{"bad-number", s + " does not fit into 64 bits"}, true
		}
		return int(i), doubt{}, false
	case coreFloat(digits):
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(f, 0) {
			return s, doubt{"bad-number", s + " is too large a number"}, true
		}
		if printed := strconv.FormatFloat(f, 'f', -1, 64); printed != s {
			return f, doubt{"ambiguous-scalar", s + " is a number and would be printed as " + brief(printed)}, false
		}
		return f, doubt{}, false
	}
	return s, yaml11(s, digits), false
}

// yaml11 is the doubt about a text that is a number or an instant only to YAML 1.1.
func yaml11(s, digits string) doubt {
	switch {
	case strings.HasPrefix(digits, "0b") && len(digits) > 2 && allOf(digits[2:], func(c byte) bool { return c == '0' || c == '1' || c == '_' }),
		strings.HasPrefix(digits, "0x") && len(digits) > 2 && allOf(digits[2:], func(c byte) bool { return isHex(c) || c == '_' }),
		strings.Contains(digits, "_") && allOf(digits, func(c byte) bool { return isDigit(c) || c == '_' || c == '.' }):
		return doubt{"ambiguous-scalar", "YAML 1.1 reads " + s + " as a number"}
	case sexagesimal(digits):
		return doubt{"ambiguous-scalar", "YAML 1.1 reads " + s + " as a number to the base 60"}
	case date(s):
		return doubt{"ambiguous-scalar", "YAML 1.1 reads " + s + " as an instant"}
	}
	return doubt{}
}

// sexagesimal is [0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
func sexagesimal(s string) bool {
	whole, fraction, _ := strings.Cut(s, ".")
	if !allOf(fraction, func(c byte) bool { return isDigit(c) || c == '_' }) {
		return false
	}
	parts := strings.Split(whole, ":")
	for i, p := range parts {
		switch {
		case p == "", !isDigit(p[0]):
			return false
		case i == 0 && !allOf(p, func(c byte) bool { return isDigit(c) || c == '_' }):
			return false
		case i > 0 && (!allOf(p, isDigit) || len(p) > 2 || len(p) == 2 && p[0] > '5'):
			return false
		}
	}
	return len(parts) > 1
}

// date is 2001-12-14, alone or with a time behind it.
func date(s string) bool {
	parts := strings.SplitN(s, "-", 3)
	if len(parts) != 3 || len(parts[0]) != 4 || !allOf(parts[0], isDigit) || len(parts[1]) > 2 || !allOf(parts[1], isDigit) || parts[1] == "" {
		return false
	}
	n := 0
	for n < len(parts[2]) && n < 2 && isDigit(parts[2][n]) {
		n++
	}
	return n > 0 && (n == len(parts[2]) || strings.ContainsRune("Tt \t", rune(parts[2][n])))
}

func coreFloat(s string) bool {
	mantissa, exponent := s, "0"
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		mantissa, exponent = s[:i], s[i+1:]
		if exponent != "" && (exponent[0] == '-' || exponent[0] == '+') {
			exponent = exponent[1:]
		}
	}
	whole, fraction, dot := strings.Cut(mantissa, ".")
	if whole == "" && (!dot || fraction == "") {
		return false
	}
	return exponent != "" && allOf(whole, isDigit) && allOf(fraction, isDigit) && allOf(exponent, isDigit)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isOctal(c byte) bool { return c >= '0' && c <= '7' }
func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func allOf(s string, is func(byte) bool) bool {
	for i := 0; i < len(s); i++ {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

// brief is s, cut when it is long.
func brief(s string) string {
	runes := []rune(s)
	if len(runes) <= 60 {
		return s
	}
	return string(runes[:57]) + "..."
}

const quoted = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// scalar is the value of a scalar that is read by its type. A tag of YAML decides before the text does.
func scalar(n *yaml.Node) (v any, why doubt, hard bool) {
	if n.Style&yaml.TaggedStyle != 0 {
		if n.Tag == "!!str" {
			return n.Value, doubt{}, false
		}
		v, _, hard = plain(n.Value)
		if want := n.Tag; !hard && tagOf(v) != want {
			if i, ok := v.(int); ok && want == "!!float" {
				return float64(i), doubt{}, false
			}
			return v, doubt{"bad-tag", strconv.Quote(brief(n.Value)) + " is not a " + want}, true
		}
		return v, doubt{}, hard
	}
	if n.Style&quoted != 0 {
		return n.Value, doubt{}, false
	}
	return plain(n.Value)
}

func tagOf(v any) string {
	switch v.(type) {
	case nil:
		return "!!null"
	case bool:
		return "!!bool"
	case int:
		return "!!int"
	case float64:
		return "!!float"
	}
	return "!!str"
}
