package event_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

func TestDecode(t *testing.T) {
	tests := []struct {
		text string
		want any
		err  string
	}{
		{`{"a": [1, 2.5, null, true, "t"]}`, map[string]any{"a": []any{1, 2.5, nil, true, "t"}}, ""},
		{"9223372036854775807", 9223372036854775807, ""},
		{"-9223372036854775808", -9223372036854775808, ""},
		{"-0", 0, ""},
		{"1.0", 1.0, ""},
		{"1e2", 100.0, ""},
		{"12345678901234567890.0", 12345678901234567890.0, ""},
		{"1E19", 1e19, ""},
		{"9223372036854775808", nil, "9223372036854775808 does not fit 64 bits"},
		{"-9223372036854775809", nil, "-9223372036854775809 does not fit 64 bits"},
		{`{"a": [12345678901234567890]}`, nil, "12345678901234567890 does not fit 64 bits"},
		{"1e400", nil, "1e400 does not fit 64 bits"},
		{strings.Repeat("1", 100), nil, strings.Repeat("1", 40) + "... does not fit 64 bits"},
		{"1 2", nil, "more follows the JSON value"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := event.Decode([]byte(test.text))
			said := ""
			if err != nil {
				said = err.Error()
			}
			if d := cmp.Diff(test.want, got); d != "" || said != test.err {
				t.Errorf("%s\ngot error  %q\nwant error %q", d, said, test.err)
			}
		})
	}
}
