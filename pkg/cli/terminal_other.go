//go:build !unix

package cli

import (
	"io"

	"github.com/flowrun/flowrun/pkg/report/tty"
)

// terminalSize is not known here.
func terminalSize(io.Writer) (columns, rows int) { return 0, 0 }

func inForeground(io.Writer) bool { return true }

func follow(*tty.Screen) (stop func()) { return func() {} }
