package journal_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/journal"
)

func TestLog(t *testing.T) {
	t.Parallel()
	f := journal.LogsIn(journal.Of("/state", "01ABC"))
	long := strings.Repeat("outer[1].", 30) // 270 bytes, alike up to the end
	for _, c := range []struct{ step, want string }{
		{"build", "build/1"},
		{"test[0].unit", "test[0].unit/1"},
		{"build", "build/2"}, // a second attempt, or that of a block around it
		{"build", "build/3"},
		{"test[0].unit", "test[0].unit/2"},
		{strings.Repeat("a", 200), strings.Repeat("a", 200) + "/1"},
		{long + "a", long[:200] + "~dadabea873845451/1"},
		{long + "b", long[:200] + "~31cf3e9877b88408/1"},
		{long + "a", long[:200] + "~dadabea873845451/2"},
	} {
		got := f.Log(c.step)
		if want := filepath.FromSlash("/state/runs/01ABC/logs/" + c.want); got != want {
			t.Errorf("%s: %s, want %s", c.step, got, want)
		}
		for part := range strings.SplitSeq(got, string(filepath.Separator)) {
			if len(part) > 255 {
				t.Errorf("%s has a part of %d bytes", got, len(part))
			}
		}
	}
}
