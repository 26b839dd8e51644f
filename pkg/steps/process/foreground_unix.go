//go:build unix

package process

import "os"

// InForeground says whether this program is the one that the terminal f belongs to now. It is if nobody says otherwise: a
// terminal that is not that of this session has no foreground.
func InForeground(f *os.File) bool {
	now, err := foreground(int(f.Fd()))
	return err != nil || ours(now)
}
