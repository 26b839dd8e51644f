package event_test

import (
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

// TestSize reads sizes, and writes them again.
func TestSize(t *testing.T) {
	for _, c := range []struct {
		v    any
		want int
		text string
	}{
		{"0B", 0, "0B"},
		{"100B", 100, "100B"},
		{"64KiB", 64 << 10, "64KiB"},
		{"10MiB", 10 << 20, "10MiB"},
		{"2GiB", 2 << 30, "2GiB"},
		{1536, 1536, "1536B"},
		{0, 0, "0B"},
		{2048, 2048, "2KiB"},
	} {
		n, err := event.Size(c.v)
		if n != c.want || err != nil || event.FormatSize(n) != c.text {
			t.Errorf("%v: %d %s, %v", c.v, n, event.FormatSize(n), err)
		}
	}
	for _, v := range []any{"1", "1MB", "1 MiB", "-1B", "1.5MiB", "", -1, 1.5, nil, []any{}, "9999999999GiB", "99999999999999999999B"} {
		if n, err := event.Size(v); err == nil {
			t.Errorf("%v: %d", v, n)
		}
	}
}
