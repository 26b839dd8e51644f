package cli

import (
	"io"
	"os"

	"github.com/urfave/cli/v2"
)

// colors says whether what goes to w gets colours: the flag, then NO_COLOR, FORCE_COLOR and TERM=dumb, then whether w is
// a terminal.
func (s *session) colors(c *cli.Context, w io.Writer) bool {
	switch c.String(flagColor) {
	case "always":
		return true
	case "never":
		return false
	}
	switch force := s.lookup("FORCE_COLOR"); {
	case s.lookup("NO_COLOR") != "", force == "0", force == "false":
		return false
	case force != "":
		return true
	case s.lookup("TERM") == "dumb", s.lookup("CI") != "":
		return false
	}
	return isTerminal(w)
}

// isTerminal takes every device for characters as a terminal, but the one that nobody reads.
func isTerminal(w io.Writer) bool {
	f, ok := file(w)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
