package docs_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// block is one block of a page that is no prose.
type block struct {
	page string
	line int    // of its first line of text
	info string // what stands behind the fence: a language, and words after it
	note string // the HTML comment before it
	file string // the file that the line before (a comment aside) says it is, as `flowrun.yaml`:
	text string
}

func (b block) language() string {
	language, _, _ := strings.Cut(b.info, " ")
	return language
}

// pages are all documents for people, with their paths from here.
func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	return append(files, "../README.md", "../CONTRIBUTING.md", "../CHANGELOG.md")
}

// blocks are the fenced blocks of a page, and each line of a block that is only indented.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	return blocksOf(t, page, read(t, page))
}

func blocksOf(t *testing.T, page, text string) []block {
	t.Helper()
	var out []block
	var open *block
	note := ""
	before := ""               // the last line that is not empty
	list, blank := false, true // inside of a list; after an empty line
	for i, line := range strings.Split(text, "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case open != nil && isFence:
			out = append(out, *open)
			open, before, note = nil, "", ""
		case open != nil:
			open.text += line + "\n"
		case isFence:
			open = &block{page: page, line: i + 2, info: fence, note: note}
			if name, ok := strings.CutSuffix(before, "`:"); ok {
				open.file = name[strings.LastIndex(name, "`")+1:]
			}
		default:
			if strings.HasPrefix(line, "    ") && blank && !list {
				out = append(out, block{page: page, line: i + 1, info: "no language, for it has no fence", text: line})
			}
			blank = strings.TrimSpace(line) == ""
			if comment, ok := strings.CutPrefix(line, "<!-- "); ok {
				note = strings.TrimSuffix(comment, " -->")
			} else if !blank {
				before, note = strings.TrimSpace(line), ""
				list = strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "- ") || list && strings.HasPrefix(line, "  ")
			}
		}
	}
	if open != nil {
		t.Errorf("%s:%d: a fence that is never closed", page, open.line-1)
	}
	return out
}

// TestEveryBlockIsHeldToSomething: there is a test for every language that a fence may name.
func TestEveryBlockIsHeldToSomething(t *testing.T) {
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			switch b.language() {
			case "yaml", "console", "json", "go", "sh", "txtar", "text":
			default:
				t.Errorf("%s:%d: nothing checks a block of %s", page, b.line, b.info)
			}
		}
	}
}

// each runs a test for every block of a language.
func each(t *testing.T, language string, check func(t *testing.T, b block)) {
	n := 0
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if b.language() == language {
				n++
				t.Run(where(b), func(t *testing.T) { check(t, b) })
			}
		}
	}
	if n == 0 {
		t.Errorf("no page has a block of %s", language)
	}
}
