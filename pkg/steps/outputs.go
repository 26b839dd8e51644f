package steps

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// maxOutputs is how long the file of $FLOWRUN_OUTPUT may be.
const maxOutputs = 1 << 20

// runWithOutputs is run with $FLOWRUN_OUTPUT, a file that the process may write its outputs to:
//
//	key=value       a text, up to the end of the line
//	key<<END        a text of any number of lines, up to a line that is END
//	{"key": ...}    or the whole file is one JSON object
//
// The last of several values for a key counts. Only an attempt that succeeded publishes its outputs.
func (r *runner) runWithOutputs(ctx context.Context, call kind.Call) event.Outcome {
	folder, err := call.Temp()
	if err != nil {
		return event.Failure(event.Errorf(event.StartError, "no folder can be made for $FLOWRUN_OUTPUT: %v", err))
	}
	path := filepath.Join(folder, event.Digest(8, "output", call.Step, strconv.Itoa(call.Attempt)))
	o := r.run(ctx, &call, "FLOWRUN_OUTPUT="+path)
	outputs, there, failed := readOutputs(path)
	if there { // a folder too, if a program made one of it
		_ = os.RemoveAll(path)
	}
	switch {
	case o.Status != event.Succeeded:
	case failed != nil:
		extra := o.Extra
		o = event.Failure(failed)
		o.Extra = extra
	default:
		o.Extra["outputs"] = outputs
	}
	return o
}

// readOutputs reads what a process has written to $FLOWRUN_OUTPUT, if it did.
func readOutputs(path string) (outputs map[string]any, there bool, failed *event.Error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return map[string]any{}, false, nil
	case err != nil:
		return nil, true, event.Errorf(event.OutputError, "$FLOWRUN_OUTPUT cannot be read: %v", err)
	case !info.Mode().IsRegular(): // a pipe would keep a reader waiting, and a link leads to what is not the step's
		return nil, true, event.Errorf(event.OutputError, "$FLOWRUN_OUTPUT is no file any more: write to it, and do not replace it")
	case info.Size() > maxOutputs:
		return nil, true, event.Errorf(event.OutputError, "$FLOWRUN_OUTPUT has %d bytes, and at most %s are read: write large data to a file and give its path", info.Size(), event.FormatSize(maxOutputs))
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, true, event.Errorf(event.OutputError, "$FLOWRUN_OUTPUT cannot be read: %v", err)
	}
	outputs, failed = parseOutputs(src)
	return outputs, true, failed
}

var outputKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

func parseOutputs(src []byte) (map[string]any, *event.Error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff")) // as PowerShell begins a file
	if trimmed := bytes.TrimLeft(src, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return outputObject(src)
	}
	lines := strings.Split(string(src), "\n")
	out := map[string]any{}
	for i := 0; i < len(lines); i++ {
		wrong := func(format string, args ...any) (map[string]any, *event.Error) {
			return nil, event.Errorf(event.OutputError, "$FLOWRUN_OUTPUT, line "+strconv.Itoa(i+1)+": "+format, args...)
		}
		line := strings.TrimSuffix(lines[i], "\r")
		if !utf8.ValidString(line) {
			return wrong("it is not UTF-8")
		}
		if line == "" {
			continue
		}
		at := strings.IndexByte(line, '=')
		long := strings.Index(line, "<<")
		if at < 0 && long < 0 {
			return wrong("%s has no =: write key=value, or key<<END for several lines", head(line))
		}
		if long >= 0 && (at < 0 || long < at) {
			key, end := line[:long], line[long+len("<<"):]
			if !outputKey.MatchString(key) {
				return wrong("%s", badKey(key))
			}
			if end == "" {
				return wrong("a word is missing after <<: the line that ends the value")
			}
			var text []string
			last := i + 1
			for ; last < len(lines) && strings.TrimSuffix(lines[last], "\r") != end; last++ {
				text = append(text, lines[last])
			}
			if last == len(lines) {
				return wrong("no line %s ends the value of %s", head(end), key)
			}
			value := strings.Join(text, "\n")
			if !utf8.ValidString(value) {
				return wrong("the value of %s is not UTF-8", key)
			}
			out[key] = value
			i = last
			continue
		}
		key := line[:at]
		if !outputKey.MatchString(key) {
			return wrong("%s", badKey(key))
		}
		out[key] = line[at+1:]
	}
	return out, nil
}

// outputObject reads a file that is one JSON object.
func outputObject(src []byte) (map[string]any, *event.Error) {
	if !utf8.Valid(src) {
		return nil, event.Errorf(event.OutputError, "$FLOWRUN_OUTPUT is not UTF-8")
	}
	v, err := decode(src)
	if err != nil {
		return nil, jsonError("$FLOWRUN_OUTPUT begins with { and", string(src), err)
	}
	out := v.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(out)) {
		if !outputKey.MatchString(key) {
			return nil, event.Errorf(event.OutputError, "$FLOWRUN_OUTPUT: %s", badKey(key))
		}
	}
	return out, nil
}

func badKey(key string) string {
	return head(key) + " is no name of an output: it has letters, digits, _ and -, and begins with a letter or _"
}
