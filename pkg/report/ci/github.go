package ci

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// What GitHub takes: of a summary that is larger in all it shows nothing, and so it is with the outputs of a job.
const (
	maxSummary = 1 << 20
	maxOutput  = 1 << 20
)

// AppendSummary appends Markdown to the file of $GITHUB_STEP_SUMMARY, to which others write, too. When that would be more than
// GitHub shows, it is left as it is.
func AppendSummary(path, markdown string) error {
	size := int64(0)
	switch info, err := os.Stat(path); {
	case err == nil:
		size = info.Size()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if size+int64(len(markdown)) > maxSummary {
		return fmt.Errorf("%s has %d bytes: with the summary of this run it would be more than the 1 MiB that GitHub shows", path, size)
	}
	// What was written before may lack the end of its line, and stand before a heading.
	if size > 0 {
		markdown = "\n\n" + markdown
	}
	return appendTo(path, markdown)
}

// AppendOutput appends a value under a name to the file of $GITHUB_OUTPUT, where following steps of the job read it: a text as it is,
// other values as JSON. No value can end its own block or begin another one.
func AppendOutput(path, name string, value any) error {
	text, ok := value.(string)
	if !ok {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(value); err != nil {
			return err
		}
		text = strings.TrimSuffix(b.String(), "\n")
	}
	if len(text) > maxOutput {
		return fmt.Errorf("%s has %d bytes, more than the 1 MiB that GitHub takes", name, len(text))
	}
	end := "flowrun-" + rand.Text()
	for strings.Contains(text, end) {
		end = "flowrun-" + rand.Text()
	}
	return appendTo(path, name+"<<"+end+"\n"+text+"\n"+end+"\n")
}

// appendTo appends text in one piece, for others may write at the same time.
func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
