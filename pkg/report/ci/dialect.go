// Package ci shows a run in the log of a CI: what a step printed is one block, never mixed with that of another; blocks of
// what went well are folded, what failed is left open, and each cause is marked at its place in the file, where the CI can do that.
//
//	            a block                        its end             a cause
//	GitHub      ::group::T                     ::endgroup::        ::error file=,line=,col=,title=::text
//	GitLab      section_start:TIME:ID  T       section_end:TIME:ID
//	Buildkite   --- T       +++ T is open
//	TeamCity    ##teamcity[blockOpened ...]    blockClosed         buildProblem
//	Azure       ##[group]T                     ##[endgroup]        ##vso[task.logissue type=error;sourcepath=;...]text
//
// Package plain writes all lines, the dialects here set them apart. What steps print is never a command (package plain says how),
// but for steps with `ci_commands: pass`; what those have begun and not ended is ended here.
//
// Known limits: groups of GitHub and Azure do not nest, and whether one is folded is said at its begin, in GitLab, too: so a
// block is written when its step has ended. GitHub shows 10 errors of a step. TeamCity looks for its messages on standard output
// only, and cuts the description of a problem at 4000 characters.
package ci

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/flowrun/flowrun/pkg/report/plain"
)

// Names are the dialects, as --progress has them.
func Names() []string { return []string{"github", "gitlab", "buildkite", "teamcity", "azure"} }

// Dialect is that of the CI in whose environment flowrun runs; "": none of them. A run inside a step of another one speaks to that
// one, and not to the CI.
func Dialect(lookup func(name string) string) string {
	if lookup("FLOWRUN_RUN_ID") != "" {
		return ""
	}
	for _, c := range [...]struct{ dialect, variable string }{
		{"github", "GITHUB_ACTIONS"}, {"gitlab", "GITLAB_CI"}, {"buildkite", "BUILDKITE"}, {"teamcity", "TEAMCITY_VERSION"}, {"azure", "TF_BUILD"},
	} {
		switch strings.ToLower(lookup(c.variable)) {
		case "", "0", "false":
		default:
			return c.dialect
		}
	}
	return ""
}

// Frame is how that dialect sets things apart; nil: there is no such dialect. Some places in files are told from the folder
// that the CI has checked out.
func Frame(dialect string, lookup func(name string) string) plain.Frame {
	switch dialect {
	case "github":
		return &github{root: lookup("GITHUB_WORKSPACE")}
	case "gitlab":
		return &gitlab{}
	case "buildkite":
		return &buildkite{}
	case "teamcity":
		return &teamcity{}
	case "azure":
		return &azure{root: lookup("BUILD_SOURCESDIRECTORY")}
	}
	return nil
}

// lines is what most dialects have in common: a line is a line, and there is nothing to settle.
type lines struct{}

func (lines) Line(text string) string                                  { return text }
func (lines) Verdict(text string) string                               { return text }
func (lines) Cause(file string, line, col int, title, _ string) string { return "" }
func (lines) Settle(string) string                                     { return "" }

// below is the path of file from root, if it is in it.
func below(root, file string) string {
	path, err := filepath.Abs(file)
	if err == nil && root != "" {
		if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
			file = rel
		}
	}
	return filepath.ToSlash(file)
}

type github struct {
	lines
	root string
}

func (*github) Block(title string, failed bool, _, _ time.Time) (before, after string) {
	if failed {
		return title, ""
	}
	return "::group::" + githubData.Replace(title), "::endgroup::"
}

func (g *github) Cause(file string, line, col int, title, text string) string {
	at := ""
	if file != "" {
		at = fmt.Sprintf("file=%s,line=%d,col=%d,", githubProperty.Replace(below(g.root, file)), line, col)
	}
	return fmt.Sprintf("::error %stitle=%s::%s", at, githubProperty.Replace(title), githubData.Replace(text))
}

var (
	githubData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Settle also lets the CI listen again where the step has told it not to.
func (*github) Settle(output string) string {
	var end []string
	group, stopped := false, ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		switch {
		case stopped != "":
			if line == "::"+stopped+"::" {
				stopped = ""
			}
		case strings.HasPrefix(line, "::stop-commands::"):
			stopped = strings.TrimPrefix(line, "::stop-commands::")
		case strings.HasPrefix(line, "::group::"), strings.HasPrefix(line, "##[group]"):
			group = true
		case strings.HasPrefix(line, "::endgroup::"), strings.HasPrefix(line, "##[endgroup]"):
			group = false
		}
	}
	if stopped != "" {
		end = append(end, "::"+stopped+"::")
	}
	if group {
		end = append(end, "::endgroup::")
	}
	return strings.Join(end, "\n")
}

// gitlab has sections, which need names: the number of the section.
type gitlab struct {
	lines
	sections int
}

func (g *gitlab) Block(title string, failed bool, from, to time.Time) (before, after string) {
	g.sections++
	folded := "[collapsed=true]"
	if failed {
		folded = ""
	}
	const clear = "\x1b[0K"
	// Two runs of one job shall not have sections of one name: the time tells them apart.
	id := fmt.Sprintf("flowrun_%d_%d", from.UnixMilli(), g.sections)
	return fmt.Sprintf("%ssection_start:%d:%s%s\r%s%s", clear, from.Unix(), id, folded, clear, title),
		fmt.Sprintf("%ssection_end:%d:%s\r%s", clear, to.Unix(), id, clear)
}

var gitlabSection = regexp.MustCompile(`section_(start|end):([0-9]+):([a-zA-Z0-9_.-]+)`)

func (*gitlab) Settle(output string) string {
	var end strings.Builder
	for _, m := range unended(gitlabSection, "start", output) {
		fmt.Fprintf(&end, "\x1b[0Ksection_end:%s:%s\r\x1b[0K", m[2], m[3])
	}
	return end.String()
}

// unended finds what was begun and not ended, the last first. The first part of a match says whether it is a begin, and the last
// part is the name.
func unended(form *regexp.Regexp, begin, output string) [][]string {
	var open [][]string
	for _, m := range form.FindAllStringSubmatch(output, -1) {
		name := len(m) - 1
		if m[1] == begin {
			open = append(open, m)
			continue
		}
		for i, o := range slices.Backward(open) {
			if o[name] == m[name] {
				open = slices.Delete(open, i, i+1)
				break
			}
		}
	}
	slices.Reverse(open)
	return open
}

// buildkite has only begins: all that stands behind one is in its group. So each line that stands alone begins one.
type buildkite struct{ lines }

func (buildkite) Block(title string, failed bool, _, _ time.Time) (before, after string) {
	if failed {
		return "+++ " + title, ""
	}
	return "--- " + title, ""
}

func (buildkite) Line(text string) string    { return "--- " + text }
func (buildkite) Verdict(text string) string { return "+++ " + text }

type teamcity struct{ lines }

func (teamcity) Block(title string, failed bool, _, _ time.Time) (before, after string) {
	if failed {
		return title, ""
	}
	name := teamcityValue(title)
	return "##teamcity[blockOpened name='" + name + "']", "##teamcity[blockClosed name='" + name + "']"
}

func (teamcity) Cause(file string, line, col int, title, text string) string {
	const most = 1000 // characters, of which each may take six
	at := ""
	if file != "" {
		at = fmt.Sprintf(" (%s:%d:%d)", file, line, col)
	}
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return "##teamcity[buildProblem description='" + teamcityValue(title+": "+text+at) + "']"
}

var teamcityBlock = regexp.MustCompile(`##teamcity\[block(Opened|Closed)\s[^\]]*?name='((?:[^|']|\|.)*)'`)

func (teamcity) Settle(output string) string {
	var end []string
	for _, m := range unended(teamcityBlock, "Opened", output) {
		end = append(end, "##teamcity[blockClosed name='"+m[2]+"']")
	}
	return strings.Join(end, "\n")
}

// teamcityValue escapes a value. Characters that are not of ASCII are escaped, too: nobody knows in which encoding an agent reads.
func teamcityValue(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case strings.ContainsRune("|'[]", r):
			b.WriteByte('|')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString("|n")
		case r == '\r':
			b.WriteString("|r")
		case r < 0x80:
			b.WriteRune(r)
		default:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, "|0x%04X", u)
			}
		}
	}
	return b.String()
}

type azure struct {
	lines
	root string
}

func (*azure) Block(title string, failed bool, _, _ time.Time) (before, after string) {
	if failed {
		return title, ""
	}
	return "##[group]" + title, "##[endgroup]"
}

func (a *azure) Cause(file string, line, col int, title, text string) string {
	at := ""
	if file != "" {
		at = fmt.Sprintf("sourcepath=%s;linenumber=%d;columnnumber=%d;", azureProperty.Replace(below(a.root, file)), line, col)
	}
	return fmt.Sprintf("##vso[task.logissue type=error;%s]%s", at, azureData.Replace(title+": "+text))
}

var (
	azureData     = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A")
	azureProperty = strings.NewReplacer("%", "%AZP25", "\r", "%0D", "\n", "%0A", ";", "%3B", "]", "%5D")
)

func (*azure) Settle(output string) string {
	if strings.LastIndex(output, "##[group]") > strings.LastIndex(output, "##[endgroup]") {
		return "##[endgroup]"
	}
	return ""
}
