package machine

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/journal"
)

// Holder is who has a permit, as the file of the permit says.
type Holder struct {
	Run     string          `json:"run"`
	Since   time.Time       `json:"since"`
	Process journal.Process `json:"process"`
}

// maxRecord is more than a record has. The rest of a file is not looked at.
const maxRecord = 1024

// runID is what the id of a run looks like. Nothing else of what others write is shown.
var runID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// write says in the file of a permit who has it. A file that cannot be written is locked all the same.
func (h Holder) write(f *os.File, now time.Time) {
	h.Since = now.UTC().Round(time.Millisecond)
	line, err := json.Marshal(h)
	if err != nil {
		panic(err)
	}
	_ = f.Truncate(0)
	_, _ = f.WriteAt(append(line, '\n'), 0)
}

// read says who has a permit; not ok: the file does not say it, or not yet.
func read(f *os.File) (h Holder, ok bool) {
	b := make([]byte, maxRecord)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF || json.Unmarshal(b[:n], &h) != nil {
		return Holder{}, false
	}
	return h, runID.MatchString(h.Run) && h.Process.PID > 0
}

// text names the holder for people at that time.
func (h Holder) text(now time.Time) string {
	since, layout := h.Since.Local(), "15:04:05"
	if y, m, d := since.Date(); now.Year() != y || now.Month() != m || now.Day() != d {
		layout = "2006-01-02 15:04:05"
	}
	return fmt.Sprintf("run %s (pid %d) since %s", h.Run, h.Process.PID, since.Format(layout))
}

// named is how many holders are named.
const named = 2

// words names the holders.
func words(holders []Holder, now time.Time) string {
	if len(holders) == 0 {
		return "another run"
	}
	var list []string
	for i, h := range holders {
		if i == named {
			return strings.Join(list, ", ") + fmt.Sprintf(" and %d more", len(holders)-named)
		}
		list = append(list, h.text(now))
	}
	return strings.Join(list, " and ")
}
