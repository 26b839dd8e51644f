package event

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Duration reads a value as a time: a text in Go's form (1m30s), or a number of seconds.
func Duration(v any) (time.Duration, error) {
	switch v := v.(type) {
	case string:
		d, err := time.ParseDuration(v)
		if err != nil {
			return 0, fmt.Errorf("%q is not a duration such as 500ms, 30s or 1h30m", v)
		}
		return d, nil
	case int:
		return seconds(float64(v))
	case float64:
		return seconds(v)
	}
	return 0, errors.New("only a text such as 500ms, 30s or 1h30m, or a number of seconds, is a duration")
}

func seconds(s float64) (time.Duration, error) {
	if s != s || s > 9e9 || s < -9e9 {
		return 0, fmt.Errorf("%g seconds is out of range", s)
	}
	return time.Duration(s * float64(time.Second)), nil
}

// FormatDuration writes d as people do: 1m, 1h30m, 250ms.
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// RoughDuration writes d for people: 12ms, 1.2s, 58.1s, 1m3s, 2h5m.
func RoughDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return FormatDuration(d.Round(time.Second))
	}
	return FormatDuration(d.Round(time.Minute))
}
