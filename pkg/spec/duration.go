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

var (
	bareNumber = regexp.MustCompile(`^\s*[0-9]+(\.[0-9]+)?\s*$`)
	spelled    = regexp.MustCompile(`^\s*(?:[0-9]+(?:\.[0-9]+)?\s*[A-Za-z]+(?:\s+|\s*,\s*|\s+and\s+|$)?)+$`)
	spelledOne = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)`)
)

// spelledDuration is the duration that s is to people, as "10 minutes" or 3h 30m; "" if there is no telling.
func spelledDuration(s string) string {
	if !spelled.MatchString(s) {
		return ""
	}
	out, days := "", 0
	for _, m := range spelledOne.FindAllStringSubmatch(strings.ReplaceAll(s, " and ", " "), -1) {
		unit := map[string]string{
			"ms": "ms", "milli": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms", "msec": "ms",
			"s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
			"m": "m", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
			"h": "h", "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
		}[strings.ToLower(m[2])]
		switch strings.ToLower(m[2]) {
		case "d", "day", "days":
			n, err := strconv.Atoi(m[1])
			if err != nil || n > 100_000 {
				return ""
			}
			days, unit = days+n, " "
		case "w", "week", "weeks":
			n, err := strconv.Atoi(m[1])
			if err != nil || n > 10_000 {
				return ""
			}
			days, unit = days+7*n, " "
		}
		switch unit {
		case "":
			return ""
		case " ":
		default:
			out += m[1] + unit
		}
	}
	if days > 0 {
		out = strconv.Itoa(24*days) + "h" + out
	}
	if _, ok := durationOf(out); !ok {
		return ""
	}
	return out
}

// durationHelp is the duration that s was probably meant to be, for people who write seconds or words.
func durationHelp(s string) string {
	if bareNumber.MatchString(s) {
		return "write " + strings.TrimSpace(s) + "s"
	}
	if d := spelledDuration(s); d != "" {
		return "write " + d
	}
	return "write it as 10s, 5m or 1h30m"
}
