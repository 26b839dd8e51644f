// Command flowrun-temporal is flowrun with the engine Temporal: it starts and follows runs there, and is their worker.
package main

import (
	"os"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor/temporal"
	_ "github.com/flowrun/flowrun/pkg/steps/process/supervisor" // two processes, so that a run leaves none
)

func main() {
	sys := cli.OS()
	sys.Engine = temporal.Engine{}
	cli.Exit(cli.Main(os.Args, sys))
}
