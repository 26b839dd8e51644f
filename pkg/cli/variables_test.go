package cli

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestVariablesOfOtherCommands: a variable that is right for another command is no mistake of this one; a flag would be.
func TestVariablesOfOtherCommands(t *testing.T) {
	app := &cli.App{Commands: []*cli.Command{
		{Name: "count", Flags: []cli.Flag{&cli.IntFlag{Name: "form"}}},
		{Name: "wait", Flags: []cli.Flag{&cli.DurationFlag{Name: "form"}}},
	}}
	for _, c := range []struct{ line, value, want string }{
		{"count", "3", "count --form=3 --"},
		{"wait", "3s", "wait --form=3s --"},
		{"count", "3s", "count --"},
		{"wait", "3", "wait --"},
		{"count", "neither", `FLOWRUN_FORM: "neither" is not a number from 1 on`},
		{"count --form=3s", "3", `--form: "3s" is not a number from 1 on`},
	} {
		argv, err := normalize(app, append([]string{"flowrun"}, strings.Fields(c.line)...), []string{"FLOWRUN_FORM=" + c.value})
		got := strings.Join(argv[min(1, len(argv)):], " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("FLOWRUN_FORM=%s flowrun %s\ngot  %s\nwant %s", c.value, c.line, got, c.want)
		}
	}
}
