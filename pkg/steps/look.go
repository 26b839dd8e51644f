package steps

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/diag"
)

// lookPath finds a program as the child would: with the PATH of the step, relative to the step's folder.
func lookPath(name, folder string, env []string) (string, *event.Error) {
	if isPath(name) {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(folder, path)
		}
		for _, p := range withExtensions(path, env) {
			found, err := runnable(p)
			if found {
				return p, nil
			}
			if err != nil {
				return "", event.Errorf(event.StartError, "%s cannot be run: %v", name, err)
			}
		}
		hint := ""
		if near := nearest(filepath.Base(name), []string{filepath.Dir(path)}); near != "" {
			hint = "; " + diag.DidYouMean(strings.TrimSuffix(name, filepath.Base(name))+near)
		}
		return "", event.Errorf(event.StartError, "%s was not found in %s%s", name, folder, hint)
	}
	found, refused := search(name, folder, env)
	path := variable(env, "PATH")
	switch {
	case found != "":
		return found, nil
	case refused != nil:
		return "", event.Errorf(event.StartError, "%s cannot be run: %v", name, refused)
	case strings.ContainsAny(name, " \t"):
		return "", event.Errorf(event.StartError, "command %q was not found in PATH (%s): for a command line write run as a text, not as a list", name, path)
	default:
		return "", event.Errorf(event.StartError, "command %q was not found in PATH (%s)%s", name, path, didYouMean(name, folder, path))
	}
}

// inPath is the file of the command in the PATH of the step; "" if there is none.
func inPath(name, folder string, env []string) string {
	found, _ := search(name, folder, env)
	return found
}

// search looks for a command; refused says why one that is there is not it.
func search(name, folder string, env []string) (found string, refused error) {
	for dir := range strings.SplitSeq(variable(env, "PATH"), string(filepath.ListSeparator)) {
		if dir == "" {
			continue
		}
		for _, p := range withExtensions(within(dir, folder)+string(filepath.Separator)+name, env) {
			if absent(p) {
				continue
			}
			switch ok, err := runnable(p); {
			case ok:
				return p, nil
			case err != nil && refused == nil:
				refused = fmt.Errorf("%s: %w", p, err)
			}
		}
	}
	return "", refused
}

func isPath(name string) bool {
	return strings.ContainsRune(name, '/') || strings.ContainsRune(name, filepath.Separator)
}

// within is a folder of PATH, which may be relative to the step's.
func within(dir, folder string) string {
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(folder, dir)
}

// didYouMean is the end of a message about a command that is not there.
func didYouMean(name, folder, path string) string {
	if ok, _ := runnable(filepath.Join(folder, name)); ok {
		return "; the one in the step's folder is ./" + name
	}
	var dirs []string
	for dir := range strings.SplitSeq(path, string(filepath.ListSeparator)) {
		if dir != "" {
			dirs = append(dirs, within(dir, folder))
		}
	}
	if near := nearest(name, dirs); near != "" {
		return "; " + diag.DidYouMean(near)
	}
	return ""
}

// How much is looked at for a suggestion.
const (
	maxFolders = 50
	maxNames   = 20000
)

// nearest is the program in one of the folders whose name is most like name; "" if none is.
func nearest(name string, dirs []string) string {
	var names []string
	dirs = dirs[:min(len(dirs), maxFolders)]
	for _, dir := range dirs {
		f, err := os.Open(dir)
		if err != nil || len(names) >= maxNames {
			continue
		}
		more, _ := f.Readdirnames(maxNames - len(names))
		_ = f.Close()
		names = append(names, more...)
	}
	slices.Sort(names) // what the system lists has no order
	for range 3 {      // the most alike may be no program
		near := diag.Nearest(name, names)
		if near == "" {
			return ""
		}
		for _, dir := range dirs {
			if ok, _ := runnable(filepath.Join(dir, near)); ok {
				return near
			}
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == near })
	}
	return ""
}

var errNotExecutable = errors.New("it is not executable (chmod +x)")

// runnable says whether the file can be started; err says why a file that is there cannot.
func runnable(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return false, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, errors.New("it is a folder")
	case runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		return false, errNotExecutable
	default:
		return true, nil
	}
}

func withExtensions(path string, env []string) []string {
	if runtime.GOOS != "windows" || filepath.Ext(path) != "" {
		return []string{path}
	}
	var out []string
	for _, ext := range filepath.SplitList(variable(env, "PATHEXT")) {
		out = append(out, path+ext)
	}
	return out
}

// variable is the value of the last variable of that name, which is the one that counts.
func variable(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		if n, value, _ := strings.Cut(v, "="); n == name || runtime.GOOS == "windows" && strings.EqualFold(n, name) {
			return value
		}
	}
	return ""
}
