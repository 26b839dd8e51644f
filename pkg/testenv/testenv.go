// Package testenv gives tests the same environment everywhere, whatever a CI, a shell or a person has set, and a store in memory. It is no
// part of flowrun.
package testenv

import (
	"os"
	"slices"
	"strings"
)

// Clean is for TestMain, before the first test. It removes the variables that change what the command does, sees to it that children
// take signals that nohup, or a shell's &, has this process ignore, and that files may be read by all.
func Clean() {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); changes(name) {
			_ = os.Unsetenv(name)
		}
	}
	calm()
}

// changes says whether a variable changes what the command does or shows.
func changes(name string) bool {
	switch {
	case strings.HasPrefix(name, "FLOWRUN_"):
		return !slices.Contains([]string{
			"FLOWRUN_PROCESS",                                                                                     // of a run that this is a step of
			"FLOWRUN_LONG", "FLOWRUN_PICTURES", "FLOWRUN_TEMPORAL", "FLOWRUN_ORACLE_SEED", "FLOWRUN_ORACLE_TREES", // of tests
		}, name)
	case strings.HasPrefix(name, "TEMPORAL_"), strings.HasPrefix(name, "GITHUB_"):
		return true
	}
	return slices.Contains([]string{
		"CI", "GITLAB_CI", "BUILDKITE", "TEAMCITY_VERSION", "TF_BUILD", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "XDG_STATE_HOME",
		"TRACEPARENT", "CDPATH", "ENV", "BASH_ENV", "POSIXLY_CORRECT",
	}, name)
}
