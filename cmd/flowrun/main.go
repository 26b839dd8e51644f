// Command flowrun runs workflow files.
package main

import (
	"os"

	"github.com/flowrun/flowrun/pkg/cli"
	_ "github.com/flowrun/flowrun/pkg/steps/process/supervisor" // two processes, so that a run leaves none
)

func main() { cli.Exit(cli.Main(os.Args, cli.OS())) }
