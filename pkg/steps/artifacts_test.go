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
	"testing/synctest"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/testenv"
)

func TestRunWithFiles(t *testing.T) {
	t.Parallel()
	const sum = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603" // of ab
	const ab = `[{"executable":false,"path":"a","sha256":"` + sum + `","size":2}]`
	for _, c := range []struct{ name, args, want string }{
		{"kept", `{"run":"printf ab >a","artifacts":"a"}`, ab},
		{"kept below its folder", `{"run":"printf ab >a","dir":"sub","artifacts":["a"]}`, ab},
		{"fetched", `{"run":"test $(cat x/a) = ab","fetch":[{"path":"x/a","sha256":"` + sum + `"}],"artifacts":"x"}`, `[{"executable":false,"path":"x/a","sha256":"` + sum + `","size":2}]`},
		{"null", `{"run":"true","fetch":null,"artifacts":null}`, "null"},
		{"failed", `{"run":"printf ab >a; exit 3","artifacts":"a"}`, "ExitError: exit status 3 " + ab},
		{"failed before it had them all", `{"run":"printf ab >a; exit 3","artifacts":["b","a","c"]}`, "ExitError: exit status 3 " + ab},
		{"failed before it had any", `{"run":"exit 3","artifacts":"a"}`, "ExitError: exit status 3 []"},
		{
			"failed, and they cannot be kept", `{"run":"printf ab >a; ln -s b c; exit 3","artifacts":["a","c"]}`,
			"ExitError: exit status 3; artifacts: c is a link to nothing in the step's folder []",
		},
		{"died", `{"run":"printf ab >a; kill -9 $$","artifacts":"a"}`, "ExitError: killed by SIGKILL; out of memory? " + ab},
		{
			"bad outputs", `{"run":"printf ab >a; echo x >$FLOWRUN_OUTPUT","artifacts":"a"}`,
			`OutputError: $FLOWRUN_OUTPUT, line 1: "x" has no =: write key=value, or key<<END for several lines ` + ab,
		},
		{"never begun", `{"run":["./none"],"artifacts":["../a"]}`, "StartError: ./none was not found in DIR"},
		{"nothing", `{"run":"true","artifacts":["sub/*"]}`, `OutputError: artifacts: nothing in DIR matches "sub/*" []`},
		{"nothing for one", `{"run":"printf ab >a","artifacts":["sub/*","a"]}`, `OutputError: artifacts: nothing in DIR matches "sub/*" ` + ab},
		{"no pattern", `{"run":"true","artifacts":[".."]}`, `OutputError: artifacts: ".." leaves the folder []`},
		{"no list", `{"run":"true","fetch":"a"}`, "ValueError: fetch: it must be a list of files, as steps.x.artifacts"},
		{"not there", `{"run":"true","fetch":[{"path":"a","sha256":"` + strings.Repeat("0", 64) + `"}]}`, "StartError: fetch: a cannot be fetched: the store does not have it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			call, _ := newCall(t, value(t, c.args).(map[string]any))
			if err := os.Mkdir(filepath.Join(call.Dir, "sub"), 0o755); err != nil {
				t.Fatal(err)
			}
			call.Store = testenv.Shelf{"artifacts/" + sum: "ab"}
			o := newRunner().runWithFiles(t.Context(), call)
			got, err := event.Marshal(o.Extra[event.ExtraArtifacts])
			if err != nil {
				t.Fatal(err)
			}
			if o.Err != nil {
				text := strings.ReplaceAll(o.Err.Error(), call.Dir, "DIR")
				if o.Extra != nil {
					text += " " + string(got)
				}
				got = []byte(text)
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

// TestStoppedWithFiles: an attempt that is told to stop keeps what it has made by then.
func TestStoppedWithFiles(t *testing.T) {
	t.Parallel()
	call, said := newCall(t, kind.Args{"run": "echo ab >a; echo made; sleep 100", "artifacts": "a"})
	call.Store = testenv.Shelf{}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-said.lines
		stop()
	}()
	o := newRunner().runWithFiles(ctx, call)
	if list := o.Artifacts(); len(list) != 1 || list[0].Path != "a" {
		t.Errorf("%v, %v", list, o.Err)
	}
}

// TestKeepWhenStopped: a store that is slow holds nobody up who is told to stop, for long, nor who is to end at once.
func TestKeepWhenStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		kill bool
		want time.Duration
	}{{"stopped", false, time.Minute + whenStopped}, {"killed", true, time.Minute + time.Second}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				time.AfterFunc(time.Minute, stop)
				kill := make(chan struct{})
				if c.kill {
					time.AfterFunc(time.Minute+time.Second, func() { close(kill) })
				}
				begin := time.Now()
				_, err := keep(ctx, kind.Call{Store: endless{}, Kill: kill}, dir, []string{"a"})
				if took := time.Since(begin); took != c.want || !errors.Is(err, context.Canceled) {
					t.Errorf("after %s: %v, want %s", took, err, c.want)
				}
			})
		})
	}
}

// endless is a store that never has it all.
type endless struct{ kind.Store }

func (endless) Put(ctx context.Context, _ string, _ io.Reader) error {
	<-ctx.Done()
	return ctx.Err()
}
