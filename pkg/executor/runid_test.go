package executor

import (
	"regexp"
	"testing"
	"time"
)

func TestRunID(t *testing.T) {
	form := regexp.MustCompile(`^[0-7][0-9A-HJKMNP-TV-Z]{25}$`)
	last := ""
	for ms := range 2000 {
		id := NewRunID(time.UnixMilli(1_700_000_000_000 + int64(ms)))
		if !form.MatchString(id) {
			t.Fatalf("%s is no ULID", id)
		}
		if id <= last {
			t.Fatalf("%s does not come after %s", id, last)
		}
		last = id
	}
	if id := NewRunID(time.UnixMilli(1469918176385)); id[:10] != "01ARYZ6S41" {
		t.Errorf("the time is %s, want 01ARYZ6S41", id[:10])
	}
}
