package event

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var sizePattern = regexp.MustCompile(`^([0-9]+)(B|KiB|MiB|GiB)$`)

// units are those of sizes, the largest first.
var units = [...]struct {
	name  string
	bytes int
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// Size reads a value as a size: a text as 10MiB, or a number of bytes.
func Size(v any) (int, error) {
	switch v := v.(type) {
	case int:
		if v < 0 {
			return 0, fmt.Errorf("%d is negative", v)
		}
		return v, nil
	case string:
		if m := sizePattern.FindStringSubmatch(strings.TrimSpace(v)); m != nil {
			n, err := strconv.Atoi(m[1])
			for _, u := range units {
				if u.name == m[2] && err == nil && n <= math.MaxInt/u.bytes {
					return n * u.bytes, nil
				}
			}
			return 0, fmt.Errorf("%s is too large", v)
		}
		return 0, fmt.Errorf("%q is no size: write one as 64KiB, 10MiB or 1GiB", v)
	}
	return 0, errors.New("only a text such as 64KiB, 10MiB or 1GiB, or a number of bytes, is a size")
}

// FormatSize writes a size as people do: 64KiB, 10MiB.
func FormatSize(n int) string {
	for _, u := range units {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.name
		}
	}
	return strconv.Itoa(n) + "B"
}
