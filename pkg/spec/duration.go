package spec

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// durationOf reads a constant duration as written: Go's text, or 0.
func durationOf(v any) (time.Duration, bool) {
	switch v := v.(type) {
	case int:
		return 0, v == 0
	case string:
		d, err := time.ParseDuration(strings.TrimSpace(v))
		return d, err == nil
	}
	return 0, false
}

var loose = regexp.MustCompile(`^\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*$`)

// durationHelp is the duration that s was probably meant to be, for people who write seconds or words.
func durationHelp(s string) string {
	m := loose.FindStringSubmatch(s)
	if m == nil {
		return "write it as 10s, 5m or 1h30m"
	}
	unit := map[string]string{
		"": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
		"hr": "h", "hrs": "h", "hour": "h", "hours": "h", "millis": "ms", "milliseconds": "ms", "S": "s", "M": "m", "H": "h",
	}[m[2]]
	if days, err := strconv.Atoi(m[1]); err == nil && (m[2] == "d" || m[2] == "day" || m[2] == "days") && days < 100_000 {
		return "write " + strconv.Itoa(24*days) + "h"
	}
	if unit == "" {
		return "write it as 10s, 5m or 1h30m"
	}
	return "write " + m[1] + unit
}
