package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"
)

// state is the folder in which runs have theirs: that of --state-dir, or of the user. One that the user has not named
// and that cannot be written, as in a container without a home, is replaced by one for temporary files, which is said.
func (s *session) state(c *cli.Context) (string, error) {
	if dir := c.String(flagState); dir != "" {
		dir, err := filepath.Abs(dir)
		if err == nil {
			err = writable(dir)
		}
		if err != nil {
			return "", fault{fmt.Errorf("--%s: %w", flagState, err)}
		}
		return dir, nil
	}
	dir, err := s.userState()
	if err == nil {
		err = writable(dir)
	}
	if err == nil {
		return dir, nil
	}
	temp := tempState()
	if other := writable(temp); other != nil {
		return "", fault{fmt.Errorf("there is no folder for runs: %w; %w (--%s names another)", err, other, flagState)}
	}
	fmt.Fprintf(s.Stderr, "flowrun: %v: the run is kept in %s (--%s names another folder)\n", err, temp, flagState)
	return temp, nil
}

// machineFolder is the folder that --semaphore-dir names; "": none is named. It is not made: nobody else would be there.
func machineFolder(c *cli.Context) (string, error) {
	dir := c.String(flagSemaphores)
	if dir == "" {
		return "", nil
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fault{err}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", usage("name a folder that the runs share", "--%s: %s is no folder", flagSemaphores, quote(dir))
	}
	return dir, nil
}

// userState is where programs keep what outlives a run, by the rules of XDG.
func (s *session) userState() (string, error) {
	if dir := s.lookup("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "flowrun"), nil
	}
	home := s.lookup("HOME")
	if home == "" {
		home = s.lookup("USERPROFILE")
	}
	if !filepath.IsAbs(home) {
		return "", errors.New("there is no HOME")
	}
	return filepath.Join(home, ".local", "state", "flowrun"), nil
}

// tempState stands in for a folder of the user that cannot be written.
func tempState() string {
	return filepath.Join(os.TempDir(), "flowrun-"+strconv.Itoa(os.Getuid()))
}

// writable makes the folder if need be, for this user alone.
func writable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := safe(dir); err != nil {
		return err
	}
	return access(dir)
}

// safe refuses a folder that others could write to: they could put links in the place of logs, and the numbers of other
// processes into journals.
func safe(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return &unsafeError{dir, "it is a link: name the folder itself"}
	case !info.IsDir():
		return &unsafeError{dir, "it is no folder"}
	}
	return private(dir, info)
}

// unsafeError is why a folder is not used.
type unsafeError struct{ dir, text string }

// Error implements error.
func (e *unsafeError) Error() string { return "use " + e.dir + ": " + e.text }
