package artifact_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/artifact"
	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// tree makes files: NAME is a file with its name in it, NAME* one that can be executed, NAME/ a folder, NAME>TO a link.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, n := range names {
		name, to, link := strings.Cut(n, ">")
		path := filepath.Join(dir, strings.TrimSuffix(name, "*"))
		mode := fs.FileMode(0o644)
		if strings.HasSuffix(name, "*") {
			mode = 0o755
		}
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case link:
			if err = os.Symlink(to, path); err != nil {
				t.Skip(err)
			}
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(path, 0o755)
		default:
			err = os.WriteFile(path, []byte(n), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// listed are the files in a folder, in the form of tree.
func listed(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		info, other := e.Info()
		if info.Mode()&0o100 != 0 && info.Mode().IsRegular() && runtime.GOOS != "windows" {
			name += "*"
		}
		names = append(names, filepath.ToSlash(name))
		return errors.Join(err, other)
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func store(t *testing.T) kind.Store {
	dir := t.TempDir()
	return artifact.Folder(func() (string, error) { return dir, nil }, true)
}

func paths(list []event.Artifact) string {
	var words []string
	for _, a := range list {
		words = append(words, a.Path)
	}
	return strings.Join(words, " ")
}

func TestKeep(t *testing.T) {
	t.Parallel()
	outside := tree(t, "secret")
	for _, c := range []struct{ name, tree, patterns, want string }{
		{"a file", "a b", "a", "a"},
		{"a pattern", "a.x b.x c", "*.x", "a.x b.x"},
		{"sorted, each once", "b a", "b a *", "a b"},
		{"below", "d/a d/e/b c", "d/**", "d/a d/e/b"},
		{"a folder is all in it", "d/a d/e/b d/.f d/.g/h c", "d", "d/.f d/.g/h d/a d/e/b"},
		{"an empty folder is nothing, and there", "d/ c", "d c", "c"},
		{"hidden", ".a b", "*", "b"},
		{"a link to a file", "a b>a", "b", "b"},
		{"a link to a folder", "d/a b>d", "b", "b/a"},
		{"a link in a folder", "d/a d/b>a", "d", "d/a d/b"},
		{"spaces and more", "d/a#ü?[x]", "d", "d/a#ü?[x]"},

		{"nothing", "a", "b", `nothing in DIR matches "b"`},
		{"nothing for one of them", "a", "a b", `nothing in DIR matches "b"`},
		{"no pattern", "a", "[a", `"[a" is not a pattern`},
		{"outside", "a", "../a", `"../a" leaves the folder`},
		{"absolute", "a", "/etc/passwd", `"/etc/passwd" leaves the folder`},
		{"a link that leads outside", "a>" + outside + "/secret", "a", "a is a link to nothing in the step's folder"},
		{"a link to a folder outside", "a>" + outside, "a/*", `nothing in DIR matches "a/*"`},
		{"a folder outside", "a>" + outside, "a", "a is a link to nothing in the step's folder"},
		{"a link to nothing", "d/a>b", "d", "d/a is a link to nothing in the step's folder"},
		{"a link to a folder in a folder", "e/a d/b>../e", "d", "d/b is a link to a folder: name that one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && strings.Contains(c.tree, "?") {
				t.Skip("no such names")
			}
			dir := tree(t, strings.Fields(c.tree)...)
			s := store(t)
			list, err := artifact.Keep(t.Context(), s, dir, strings.Fields(c.patterns))
			got := paths(list)
			if err != nil {
				got = strings.ReplaceAll(err.Error(), dir, "DIR")
			}
			if got != c.want {
				t.Fatalf("got %s, want %s", got, c.want)
			}
			to := t.TempDir()
			if err := artifact.Fetch(t.Context(), s, to, list); err != nil {
				t.Fatal(err)
			}
			if got := listed(t, to); got != paths(list) {
				t.Errorf("fetched %s", got)
			}
		})
	}
}

func TestKeepMany(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range artifact.Most + 1 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const want = "these are 2001 files, and a step can keep 2000: pack them into one, as with tar"
	if _, err := artifact.Keep(t.Context(), store(t), dir, []string{"*"}); err == nil || err.Error() != want {
		t.Error(err)
	}
}

// TestFetch: what is there is replaced, unless it is right, and what is beside it stays.
func TestFetch(t *testing.T) {
	t.Parallel()
	s := store(t)
	from := tree(t, "bin/tool*", "d/a")
	list, err := artifact.Keep(t.Context(), s, from, []string{"bin", "d"})
	if err != nil {
		t.Fatal(err)
	}
	outside := tree(t, "x")
	for _, c := range []struct{ name, tree, want string }{
		{"empty", "", "bin/tool* d/a"},
		{"beside others", "d/b bin/c", "bin/c bin/tool* d/a d/b"},
		{"over others", "bin/tool d/a*", "bin/tool* d/a"},
		{"over a link", "d/a>../bin/x bin/x", "bin/tool* bin/x d/a"},
		{"over a link to another place", "d/a>" + outside + "/x", "bin/tool* d/a"},
		{"over a folder", "d/a/b", "d/a cannot be fetched: *"},
		{"below a file", "d", "d/a cannot be fetched: *"},
		{"below a link to another place", "d>" + outside, "d/a cannot be fetched: *"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := tree(t, strings.Fields(c.tree)...)
			err := artifact.Fetch(t.Context(), s, to, list)
			if begin, any := strings.CutSuffix(c.want, "*"); any && strings.Contains(begin, ":") {
				if err == nil || !strings.HasPrefix(err.Error(), begin) {
					t.Error(err)
				}
				if part, _ := filepath.Glob(filepath.Join(to, "d", ".flowrun*")); len(part) > 0 {
					t.Errorf("left: %q", part)
				}
				return
			}
			if got := listed(t, to); got != c.want || err != nil {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
			if b, _ := os.ReadFile(filepath.Join(to, "d", "a")); string(b) != "d/a" {
				t.Errorf("it is %q", b)
			}
		})
	}
	if got := listed(t, outside); got != "x" {
		t.Errorf("outside: %s", got)
	}
}

// TestFetchLeaves: a file that is right is not written again: a program that looks at its time would think that it is new.
func TestFetchLeaves(t *testing.T) {
	t.Parallel()
	s := store(t)
	dir := tree(t, "a")
	list, err := artifact.Keep(t.Context(), s, dir, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.Stat(filepath.Join(dir, "a"))
	if err := artifact.Fetch(t.Context(), s, dir, list); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(filepath.Join(dir, "a")); !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("it was written again")
	}
}

// TestStoreIsNotTrusted: what comes of a store is what was put there, or an error.
func TestStoreIsNotTrusted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := artifact.Folder(func() (string, error) { return dir, nil }, false)
	list, err := artifact.Keep(t.Context(), s, tree(t, "a"), []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "artifacts", "*"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	if err := os.WriteFile(files[0], []byte("b"), 0o600); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := artifact.Fetch(t.Context(), s, to, list); err == nil || err.Error() != "a cannot be fetched: what the store has is damaged" {
		t.Error(err)
	}
	if got := listed(t, to); got != "" {
		t.Errorf("left: %s", got)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := artifact.Fetch(t.Context(), s, to, list); err == nil || err.Error() != "a cannot be fetched: the store does not have it" {
		t.Error(err)
	}
}

// TestKeepWhatChanges: a file that changes while it is kept is not kept as what it is not.
func TestKeepWhatChanges(t *testing.T) {
	t.Parallel()
	dir := tree(t, "a")
	s := changing{store(t), filepath.Join(dir, "a")}
	_, err := artifact.Keep(t.Context(), s, dir, []string{"a"})
	if err == nil || err.Error() != "a cannot be kept: it was changed meanwhile" {
		t.Error(err)
	}
}

// changing changes a file before it is put.
type changing struct {
	kind.Store
	path string
}

func (c changing) Put(ctx context.Context, name string, from io.Reader) error {
	if err := os.WriteFile(c.path, []byte("other"), 0o644); err != nil {
		return err
	}
	return c.Store.Put(ctx, name, from)
}

func TestStopped(t *testing.T) {
	t.Parallel()
	s, dir := store(t), tree(t, "a")
	ctx, cancel := context.WithCancel(t.Context())
	list, err := artifact.Keep(ctx, s, dir, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := artifact.Keep(ctx, s, dir, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	to := t.TempDir()
	if err := artifact.Fetch(ctx, s, to, list); !errors.Is(err, context.Canceled) || listed(t, to) != "" {
		t.Errorf("%v, %s", err, listed(t, to))
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	a := map[string]any{"path": "a", "size": 1, "sha256": strings.Repeat("a", 64), "executable": true}
	b := map[string]any{"path": "d/b", "sha256": strings.Repeat("b", 64)}
	other := map[string]any{"path": "a", "sha256": strings.Repeat("b", 64)}
	at := func(path any) []any { return []any{map[string]any{"path": path, "sha256": strings.Repeat("a", 64)}} }
	const none = "it must be a list of files, as steps.x.artifacts"
	const noFile = "it must be a list of files, each with path and sha256, as steps.x.artifacts"
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, ""},
		{[]any{}, ""},
		{[]any{a, b}, "a d/b"},
		{[]any{[]any{a}, nil, []any{[]any{b}}}, "a d/b"},
		{[]any{a, []any{a}}, "a"},
		{a, "a"},
		{"a", none},
		{[]any{1}, none},
		{[]any{map[string]any{"path": "a"}}, noFile},
		{[]any{map[string]any{"path": "a", "sha256": "../" + strings.Repeat("a", 61)}}, noFile},
		{at(1), noFile},
		{at("../a"), `"../a" is no path below the step's folder`},
		{at("/a"), `"/a" is no path below the step's folder`},
		{at("a/../../b"), `"a/../../b" is no path below the step's folder`},
		{at("."), `"." is no path below the step's folder`},
		{at(""), `"" is no path below the step's folder`},
		{[]any{a, other}, `a is there twice, with other content: give one another path, as map(steps.x.artifacts, {path: "x/" + it.path, sha256: it.sha256})`},
	} {
		list, err := artifact.List(c.v)
		got := paths(list)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: got %s, want %s", c.v, got, c.want)
		}
	}
}

// TestRace: many fetch the same files into the same folder, while they are kept again.
func TestRace(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("a file that is open cannot be replaced")
	}
	s, dir, to := store(t), tree(t, "a", "d/b*"), t.TempDir()
	list, err := artifact.Keep(t.Context(), s, dir, []string{"*"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for n := range 8 {
		go func() {
			if n%2 == 0 {
				_, err := artifact.Keep(t.Context(), s, dir, []string{"*"})
				done <- err
				return
			}
			done <- artifact.Fetch(t.Context(), s, to, list)
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := strings.Fields(listed(t, to)); !slices.Equal(got, []string{"a", "d/b*"}) {
		t.Error(got)
	}
}
