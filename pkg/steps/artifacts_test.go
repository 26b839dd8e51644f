//go:build unix

package steps

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// shelf is a store in memory.
type shelf map[string]string

func (s shelf) Put(_ context.Context, name string, from io.Reader) error {
	b, err := io.ReadAll(from)
	if err == nil {
		s[name] = string(b)
	}
	return err
}

func (s shelf) Get(_ context.Context, name string) (io.ReadCloser, error) {
	text, ok := s[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func TestRunWithFiles(t *testing.T) {
	t.Parallel()
	const sum = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603" // of ab
	for _, c := range []struct{ name, args, want string }{
		{"kept", `{"run":"printf ab >a","artifacts":"a"}`, `[{"executable":false,"path":"a","sha256":"` + sum + `","size":2}]`},
		{"kept below its folder", `{"run":"printf ab >a","dir":"sub","artifacts":["a"]}`, `[{"executable":false,"path":"a","sha256":"` + sum + `","size":2}]`},
		{"fetched", `{"run":"test $(cat x/a) = ab","fetch":[{"path":"x/a","sha256":"` + sum + `"}],"artifacts":"x"}`, `[{"executable":false,"path":"x/a","sha256":"` + sum + `","size":2}]`},
		{"null", `{"run":"true","fetch":null,"artifacts":null}`, "null"},
		{"failed", `{"run":"printf ab >a; exit 3","artifacts":"a"}`, "ExitError: exit status 3"},
		{"nothing", `{"run":"true","artifacts":["sub/*"]}`, `OutputError: artifacts: nothing in DIR matches "sub/*"`},
		{"no pattern", `{"run":"true","artifacts":[".."]}`, `OutputError: artifacts: ".." leaves the folder`},
		{"no list", `{"run":"true","fetch":"a"}`, "ValueError: fetch: it must be a list of files, as steps.x.artifacts"},
		{"not there", `{"run":"true","fetch":[{"path":"a","sha256":"` + strings.Repeat("0", 64) + `"}]}`, "StartError: fetch: a cannot be fetched: the store does not have it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, _ := newCall(t, value(t, c.args).(map[string]any))
			if err := os.Mkdir(filepath.Join(call.Dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			}
			call.Store = shelf{"artifacts/" + sum: "ab"}
			o := newRunner().runWithFiles(t.Context(), call)
			got, err := event.Marshal(o.Extra[event.ExtraArtifacts])
			if err != nil {
				t.Fatal(err)
			}
			if o.Err != nil {
				got = []byte(strings.ReplaceAll(o.Err.Error(), call.Dir, "DIR"))
			}
			if string(got) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestRunWithoutStore: a step that would have nowhere to keep its files does not begin.
func TestRunWithoutStore(t *testing.T) {
	t.Parallel()
	call, _ := newCall(t, kind.Args{"run": "touch begun", "artifacts": []any{"begun"}})
	o := newRunner().runWithFiles(t.Context(), call)
	if o.Err == nil || o.Err.Type != event.StartError {
		t.Error(o.Err)
	}
	if _, err := os.Stat(filepath.Join(call.Dir, "begun")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it began")
	}
}
