package executor_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor"
	"github.com/flowrun/flowrun/pkg/executor/event"
	report "github.com/flowrun/flowrun/pkg/report/plain"
	"github.com/flowrun/flowrun/pkg/steps"
)

// hostile are values that would do something if a shell, or a terminal, read them. M is the path of the file that must never
// appear.
func hostile() []string {
	return []string{
		"", " ", "\t", "\n", "\n\n", "a\nb", "a\r\nb", "plain", "é 日本 \u202e",
		"$(touch M)", "`touch M`", "$(touch M", "\\$(touch M)", "\\`touch M\\`", "$((`touch M`))", "${x:-$(touch M)}", "$[$(touch M)]",
		"; touch M", "; touch M;", "& touch M &", "&& touch M", "|| touch M", "| touch M", "> M", ">M", "<(touch M)", ">(touch M)",
		"\ntouch M\n", "x\ntouch M #", "\rtouch M\r",
		`"; touch M; "`, `'; touch M; '`, `"'; touch M; '"`, `'"; touch M; "'`, `\"; touch M; \"`, `x'"$(touch M)"'`, `$'\x3btouch M'`,
		`"$(touch M)"`, `"`, `'`, `\`, `\\`, `a\`, `a\\\`, `""`, `''`,
		"a[$(touch M)]", "a[`touch M`]=1", "x[$(touch M)]", "BASH_ENV=M", "() { :; }; touch M", "x=() { :;}; touch M",
		"-rf", "-", "--", "-n", "-e", "-e x", "-v", "-c", "-ctouch M", "--help", "-n\n", "!", "!touch", "!!", "(", ")", "))", "{", "}", "=", "-a", "-o", "-v x",
		"*", "?", "[a-z]*", "/*", "~", "~root", "{a,b}", "{1..3}", "$HOME", "${HOME}", "$$", "$0", "$@", "$*", "$#", "$?", "$!", "${FLOWRUN_VALUE_1}", "$FLOWRUN_VALUE_2",
		"${x}", "${{ x }}", "$${{ x }}", "}}", "%s%n%d", "\\n\\0101\\c", "END", "END\ntouch M", "<<END", "esac", ";;", "done", "fi", "# touch M", " #",
		"\x1b]0;owned\x07", "\x1b[2J\x1b[31mred", "\x1bP1$r\x1b\\", "\x07\x08\x7f", "\u009b2J", "\u009d0;x\u009c", "::set-env name=X::y",
		"a\x01b", "null", "1e1000", "<script>", "%0a", strings.Repeat("$(touch M)'\"\n", 800),
	}
}

const everyContext = `
set -x; set +x
# ${{ inputs.v }}
printf '[%s]\n' ${{ inputs.v }}
printf '[%s]\n' "${{ inputs.v }}" "a${{ inputs.v }}b" a${{ inputs.v }}'b'
x=${{ inputs.v }}; printf '[%s]\n' "$x" # ${{ inputs.v }}
export y=${{ inputs.v }} z="${{ inputs.v }}"; sh -c 'printf "[%s]\n" "$y" "$z" "$1"' sh ${{ inputs.v }}
cat <<END
${{ inputs.v }}
"${{ inputs.v }}" $(printf '%s.' ${{ inputs.v }} "${{ inputs.v }}") ${none:-${{ inputs.v }}}
END
	cat <<-END
	-${{ inputs.v }}
	END
case ${{ inputs.v }} in ${{ inputs.v }}) echo same ;; *) echo other ;; esac
case "x${{ inputs.v }}" in x"${{ inputs.v }}") echo same ;; *) echo other ;; esac
for i in ${{ inputs.v }} "${{ inputs.v }}"; do printf '[%s]\n' "$i"; done
if [ x${{ inputs.v }} = "x${{ inputs.v }}" ] && test x = x; then echo same; fi
[ ${{ inputs.v }} = x ] || echo no
printf '[%s]\n' ${none:-${{ inputs.v }}} "${none:-${{ inputs.v }}}" "${none-"${{ inputs.v }}"}"
f() { printf '[%s]\n' "$1" ${{ inputs.v }}; }; f ${{ inputs.v }}
(printf '[%s]\n' "$(printf '%s.' ${{ inputs.v }} "$(printf '%s.' "${{ inputs.v }}")")") | cat
{ cat 2>/dev/null <${{ inputs.v }} >/dev/null || true; } 2>/dev/null
awk -v n=1 '{ next }' </dev/null -- 2>/dev/null || true
while read -r line; do printf '[%s]\n' ${{ inputs.v }}; break; done <<END
${{ inputs.v }}
END
`

// written is what everyContext writes.
func everyContextWrites(v string) string {
	var b strings.Builder
	line := func(values ...string) {
		for _, v := range values {
			fmt.Fprintf(&b, "[%s]\n", v)
		}
	}
	line(v, v, "a"+v+"b", "a"+v+"b", v, v, v, v)
	fmt.Fprintf(&b, "%s\n\"%s\" %s.%s. %s\n", v, v, v, v, v)
	fmt.Fprintf(&b, "-%s\n", v)
	b.WriteString("same\nsame\n")
	line(v, v)
	b.WriteString("same\nno\n")
	line(v, v, v, v, v)
	line(v + "." + v + "..")
	line(v)
	return b.String()
}

const everyContextOfBash = `
[[ ${{ inputs.v }} == ${{ inputs.v }} && "${{ inputs.v }}" == "${{ inputs.v }}" ]] && echo same
[[ x${{ inputs.v }} =~ ^x${{ inputs.v }}$ ]] && echo same
[[ -n x${{ inputs.v }} && ! ${{ inputs.v }}x == ${{ inputs.v }} ]] && echo same
a=(${{ inputs.v }} "${{ inputs.v }}"); a+=(${{ inputs.v }}); printf '[%s]\n' "${a[@]}"
readonly r=${{ inputs.v }}; printf '[%s]\n' "$r"
cat <<<${{ inputs.v }}
cat <<<"x${{ inputs.v }}"
cat < <(printf '[%s]\n' ${{ inputs.v }})
`

func everyContextOfBashWrites(v string) string {
	return fmt.Sprintf("same\nsame\nsame\n[%s]\n[%s]\n[%s]\n[%s]\n%s\nx%s\n[%s]\n", v, v, v, v, v, v, v)
}

// TestInjectionIntoScripts: whatever a value is, in every place of a script it is that text, and nothing of it is run.
func TestInjectionIntoScripts(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	asSh := filepath.Join(t.TempDir(), "sh") // as on many systems
	if err := os.Symlink(bash, asSh); err != nil {
		t.Fatal(err)
	}
	for _, shell := range []struct {
		name, path, key, script string
		writes                  func(string) string
	}{
		{"sh", os.Getenv("PATH"), "sh", everyContext, everyContextWrites},
		{"sh is bash", filepath.Dir(asSh) + ":" + os.Getenv("PATH"), "sh", everyContext, everyContextWrites},
		{"bash", os.Getenv("PATH"), "bash", everyContext + everyContextOfBash, func(v string) string { return everyContextWrites(v) + everyContextOfBashWrites(v) }},
	} {
		t.Run(shell.name, func(t *testing.T) {
			t.Parallel()
			file := "flowrun: 1\ninputs: {v: {type: string}}\nsteps:\n  - shell: " + shell.key +
				"\n    dir: " + t.TempDir() + "\n    env: {PATH: \"" + shell.path + "\"}\n    capture_limit: 100MiB\n    run: |\n      " +
				strings.ReplaceAll(shell.script, "\n", "\n      ") + "\n"
			p := compileWith(t, steps.Builtin(), "injection.yaml", []byte(file), nil)
			marker := filepath.Join(t.TempDir(), "M")
			for i, v := range hostile() {
				if testing.Short() && i%8 > 0 {
					continue
				}
				v = strings.ReplaceAll(v, "M", marker)
				r, err := executor.Run(context.Background(), p, executor.Options{Inputs: map[string]any{"v": v}})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := os.Lstat(marker); err == nil {
					t.Fatalf("%.100q was run", v)
				}
				if r.Root.Err != nil {
					t.Errorf("%.100q: %s", v, r.Root.Err)
					continue
				}
				if want := strings.TrimSuffix(shell.writes(v), "\n"); r.Root.Value != want && r.Root.Value != strings.TrimSuffix(want, "\r") {
					t.Errorf("%.100q:\n got %.2000q\nwant %.2000q", v, r.Root.Value, want)
				}
			}
		})
	}
}

const everyPlace = `
flowrun: 1
inputs: {v: {type: string}, url: {type: string}}
steps:
  - gather:
      - {id: argv, run: [printf, "[%s]", "${{ inputs.v }}", "a${{ inputs.v }}"]}
      - {id: env, run: [printenv, V], env: {V: "${{ inputs.v }}"}}
      - {id: script_env, run: 'printf "[%s]" "$V"', env: {V: "${{ inputs.v }}"}}
      - {id: stdin, run: [cat], stdin: "${{ inputs.v }}"}
      - {id: dir, run: [pwd], dir: "no/${{ inputs.v }}"}
      - {id: program, run: ["${{ inputs.v }}", a]}
      - {id: script, run: 'echo ${{ inputs.v }} "${{ inputs.v }}"; echo >&2 ${{ inputs.v }}; false'}
      - {id: probe, steps: [{background: true, run: [sleep, "100"], ready: {run: 'echo ${{ inputs.v }} "${{ inputs.v }}"'}}]}
      - {id: echo, echo: "${{ inputs.v }}"}
      - {id: value, value: "${{ inputs.v }}"}
      - {id: name, name: "n ${{ inputs.v }}", run: ["false"]}
      - {id: fail, fail: "${{ inputs.v }}"}
      - {id: raise, fail: {type: Mine, message: "m ${{ inputs.v }}", data: {d: "${{ inputs.v }}"}}}
      - {id: url, http: "${{ inputs.url }}/${{ inputs.v }}?q=${{ inputs.v }}"}
      - {id: request, http: {method: POST, url: "${{ inputs.url }}", headers: {X: "${{ inputs.v }}"}, query: {q: "${{ inputs.v }}"}, json: "${{ inputs.v }}"}}
      - {id: form, http: {method: POST, url: "${{ inputs.url }}", form: {f: "${{ inputs.v }}"}}}
      - {id: save, http: {url: "${{ inputs.url }}", save: "saved/${{ inputs.v }}"}}
    return_exceptions: true
`

// TestInjectionElsewhere: a value does nothing anywhere else, and what people read of it has no control character.
func TestInjectionElsewhere(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, q.URL.Query().Get("q"), q.Header.Get("X"))
	}))
	defer server.Close()
	p := compileWith(t, steps.Builtin(), "injection.yaml", []byte(everyPlace), nil)
	marker := filepath.Join(t.TempDir(), "M")
	control := regexp.MustCompile(`[\x00-\x08\x0b-\x1f\x7f\x{80}-\x{9f}]`)
	for i, v := range append([]string{"a\x00b", "\x00", "$(touch M)\x00", strings.Repeat("x", 3<<20)}, hostile()...) {
		if testing.Short() && i%8 > 0 {
			continue
		}
		v = strings.ReplaceAll(v, "M", marker)
		var out bytes.Buffer
		show := report.New(&out, p, report.Options{Verbose: true})
		r, err := executor.Run(context.Background(), p, executor.Options{
			Inputs: map[string]any{"v": v, "url": server.URL}, Observe: []func(event.Event){show.Observe},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(marker); err == nil {
			t.Fatalf("%.100q was run", v)
		}
		if found := control.FindString(out.String()); found != "" {
			at := strings.Index(out.String(), found)
			t.Errorf("%.100q: %q is shown: %.200q", v, found, out.String()[max(0, at-80):])
		}
		if j, err := event.Marshal(r.Root.Value); err != nil || strings.ContainsAny(string(j), "\x00\x1b\n") {
			t.Errorf("%.100q: the document: %v", v, err)
		}
		got := map[string]any{}
		for _, c := range r.Root.Children[0].Children {
			if c.Err == nil {
				got[c.Def.ID] = c.Value
				continue
			}
			got[c.Def.ID] = c.Err.Type
		}
		want := map[string]any{
			"argv": "[" + v + "][a" + v + "]", "env": chomped(v), "script_env": "[" + v + "]", "stdin": chomp(v), "echo": v, "value": v,
			"dir": event.StartError, "script": event.ExitError, "name": event.ExitError, "raise": "Mine", "fail": event.FailError,
		}
		switch {
		case strings.Contains(v, "\x00"):
			for _, id := range []string{"argv", "env", "script_env", "script", "program", "name"} {
				want[id] = event.ValueError
			}
		case len(v) > 1<<20:
			for _, id := range []string{"argv", "env", "script_env", "script"} {
				want[id] = event.StartError
			}
			delete(want, "stdin") // too long to be read
		}
		for id, w := range want {
			if g := got[id]; g != w {
				t.Errorf("%s of %.100q: %.300q, want %.300q", id, v, g, w)
			}
		}
	}
}

// chomp is s without its last line break.
func chomp(s string) string {
	if t, ok := strings.CutSuffix(s, "\r\n"); ok {
		return t
	}
	return strings.TrimSuffix(s, "\n")
}

// chomped is what is left of a line that is s.
func chomped(s string) string { return chomp(s + "\n") }
