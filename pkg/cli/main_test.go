package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor/replayed"
	"github.com/flowrun/flowrun/pkg/testenv"
)

// TestMain makes this test binary the flowrun command, too: scripts run it as a process of its own.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){
		"flowrun":          func() { cli.Exit(cli.Main(os.Args, cli.OS())) },
		"flowrun-temporal": withEngine,
	})
}

// tests have their commands leave nothing in the user's folders.
type tests struct{ *testing.M }

func (m tests) Run() int {
	testenv.Clean()
	dir, err := os.MkdirTemp("", "flowrun-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	os.Setenv("XDG_STATE_HOME", dir)
	return m.M.Run()
}

// TestScripts runs testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NO_COLOR", "")
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, ".state"))
			e.Defer(func() { replayed.All(t, filepath.Join(e.WorkDir, ".state", "flowrun")) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}
