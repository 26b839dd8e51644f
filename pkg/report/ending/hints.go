package ending

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/report/model"
)

// Hints are what a person may want to know, or do, about a cause, in sentences. What an exit code or a signal means is in the
// message of the error (package steps).
func (c *Cause) Hints() []string {
	var out []string
	var last []string
	if c.Step != nil {
		if a := c.Step.LastAttempt(); a != nil {
			last = a.Output.Lines("", 60)
		}
	}
	code, _ := c.Err.Fields["exit_code"].(int)
	switch code {
	case 126:
		if name := found(last, notExecutable); name != "" {
			out = append(out, "chmod +x "+name)
		}
	case 127:
		switch name := found(last, notFound); {
		case strings.ContainsRune(name, '/'):
			out = append(out, fmt.Sprintf("there is no %s where this step runs, or not the program that its first line names", name))
		case name != "":
			out = append(out, fmt.Sprintf("there is no %s in the PATH of this step: install it, or set PATH in env", name))
		}
	}
	if c.Err.Type == event.ExitError && (code == 137 || c.Err.Fields["signal"] == "KILL") {
		out = append(out, "when memory is short the system kills what has much of it: dmesg, or the memory limit of the container, tells")
	}
	if fullDisk(c.Err.Message) || found(last, noSpace) != "" {
		out = append(out, "a disk, or a quota, was full: df -h and df -i say which")
	}
	if c.Err.Type == event.TimeoutError && c.Step != nil {
		if w := waited(c.Step); w.For > 0 && 2*w.For >= c.Step.Duration+c.Step.Queued {
			out = append(out, fmt.Sprintf("most of that time, %s, it waited for %s: total_timeout counts that, timeout does not", rounded(w.For), w.Why))
		}
	}
	return out
}

var (
	// As sh, dash, bash, zsh, busybox and env say it.
	notFound      = regexp.MustCompile(`(?:^|: )(?:command not found: )?['"‘]?([^\s:'"’]+)['"’]?: (?:command not found|not found|No such file or directory)$|command not found: (\S+)$`)
	notExecutable = regexp.MustCompile(`(?:^|: )['"‘]?([^\s:'"’]+)['"’]?: Permission denied$`)
	noSpace       = regexp.MustCompile(`(?i)(no space left on device|disk quota exceeded|ENOSPC|not enough space on the disk)`)
)

func fullDisk(text string) bool { return noSpace.MatchString(text) }

// found is the first group that form has in the last of the lines that it fits; "": it fits none.
func found(lines []string, form *regexp.Regexp) string {
	for i := len(lines) - 1; i >= 0; i-- {
		if m := form.FindStringSubmatch(strings.TrimSpace(lines[i])); m != nil {
			return strings.Join(m[1:], "")
		}
	}
	return ""
}

// waited is what s waited for the longest, the waits for one thing together.
func waited(s *model.Step) (longest Waited) {
	sum := map[string]time.Duration{}
	for _, w := range s.Waits {
		if w.IsPause() || w.To.IsZero() {
			continue
		}
		sum[w.Why] += w.To.Sub(w.From)
		if d := sum[w.Why]; d > longest.For {
			longest = Waited{s, w.Why, d}
		}
	}
	return longest
}

func rounded(d time.Duration) string { return event.FormatDuration(d.Round(100 * time.Millisecond)) }
