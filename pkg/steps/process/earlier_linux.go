package process

import (
	"os"

	"github.com/flowrun/flowrun/pkg/steps/process/tree"
)

// Supervisor is the number of the process that ends what this one leaves when it dies; 0: there is none.
func Supervisor() int {
	if !tree.Supervised() {
		return 0
	}
	return os.Getppid()
}

// Sweep ends what runs have left of which nobody is alive, and says how many processes that were.
func Sweep() int { return tree.Sweep(tree.Inherited()) }
