// Command flowrun runs workflow files.
package main

import (
	"os"

	"github.com/flowrun/flowrun/pkg/cli"
)

func main() { cli.Exit(cli.Main(os.Args, cli.OS())) }
