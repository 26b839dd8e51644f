//go:build unix

package steps

import (
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

func TestParseOutputs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, want string }{
		{"", `{}`},
		{"\n\n", `{}`},
		{"a=1\nb-2=x=y\n_c=", `{"_c":"","a":"1","b-2":"x=y"}`},
		{"a=1\r\nb=2\r\n", `{"a":"1","b":"2"}`},
		{"\ufeffa=1\n", `{"a":"1"}`},
		{"a=1\na=2\n", `{"a":"2"}`},
		{"a= \" ${{ x }} $(y)\x1b[0m \n", `{"a":" \" ${{ x }} $(y)` + `\u001b` + `[0m "}`},
		{"a=x<<y\n", `{"a":"x<<y"}`},
		{"a<<E\nx\n\ny=1\nE\nb=2\n", `{"a":"x\n\ny=1","b":"2"}`},
		{"a<<E\nE", `{"a":""}`},
		{"a<<=\nx\n=\n", `{"a":"x"}`},
		{`{"a": 1, "b": [true, null], "c": {"d e": "x"}}` + "\n", `{"a":1,"b":[true,null],"c":{"d e":"x"}}`},
		{" \n{}", `{}`},

		{"a=1\nb\n", `$FLOWRUN_OUTPUT, line 2: "b" has no =: write key=value, or key<<END for several lines`},
		{"a b=1\n", `$FLOWRUN_OUTPUT, line 1: "a b" is no name of an output: it has letters, digits, _ and -, and begins with a letter or _`},
		{"=1\n", `$FLOWRUN_OUTPUT, line 1: "" is no name of an output: it has letters, digits, _ and -, and begins with a letter or _`},
		{"1<<E\nE\n", `$FLOWRUN_OUTPUT, line 1: "1" is no name of an output: it has letters, digits, _ and -, and begins with a letter or _`},
		{"a=1\nb<<E\nx\n", `$FLOWRUN_OUTPUT, line 2: no line "E" ends the value of b`},
		{"b<<\nx\n", `$FLOWRUN_OUTPUT, line 1: a word is missing after <<: the line that ends the value`},
		{"a=1\nb=\xff\n", `$FLOWRUN_OUTPUT, line 2: it is not UTF-8`},
		{"b<<E\n\xff\nE\n", `$FLOWRUN_OUTPUT, line 1: the value of b is not UTF-8`},
		{`{"a": 1`, `$FLOWRUN_OUTPUT begins with { and is not JSON: it ends in the middle of a value: it begins with "{\"a\": 1"`},
		{`{"a": 1} {}`, `$FLOWRUN_OUTPUT begins with { and is not JSON: invalid character '{' after top-level value at line 1, column 10: it begins with "{\"a\": 1} {}"`},
		{`{"a b": 1}`, `$FLOWRUN_OUTPUT: "a b" is no name of an output: it has letters, digits, _ and -, and begins with a letter or _`},
		{`{"": 1}`, `$FLOWRUN_OUTPUT: "" is no name of an output: it has letters, digits, _ and -, and begins with a letter or _`},
		{"{\"a\": \"\xff\"}", `$FLOWRUN_OUTPUT is not UTF-8`},
	} {
		v, failed := parseOutputs([]byte(c.file))
		got := ""
		if failed != nil {
			got = failed.Message
		} else {
			b, err := event.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			got = string(b)
		}
		if got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.file, got, c.want)
		}
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ script, want string }{
		{`true`, `outputs {}`},
		{`echo a=1 >> "$FLOWRUN_OUTPUT"; echo b=2 >> "$FLOWRUN_OUTPUT"`, `outputs {"a":"1","b":"2"}`},
		{`echo a=1 > "$FLOWRUN_OUTPUT"; exit 3`, `ExitError`},
		{`echo oops > "$FLOWRUN_OUTPUT"`, `OutputError: $FLOWRUN_OUTPUT, line 1: "oops" has no =: write key=value, or key<<END for several lines`},
		{`mkdir "$FLOWRUN_OUTPUT"; touch "$FLOWRUN_OUTPUT/x"`, `OutputError: $FLOWRUN_OUTPUT is no file any more: write to it, and do not replace it`},
		{`ln -s /etc/passwd "$FLOWRUN_OUTPUT"`, `OutputError: $FLOWRUN_OUTPUT is no file any more: write to it, and do not replace it`},
		{`mkfifo "$FLOWRUN_OUTPUT"`, `OutputError: $FLOWRUN_OUTPUT is no file any more: write to it, and do not replace it`},
		{`head -c 1048577 /dev/zero > "$FLOWRUN_OUTPUT"`, `OutputError: $FLOWRUN_OUTPUT has 1048577 bytes, and at most 1MiB are read: write large data to a file and give its path`},
		{`ls -ld "${FLOWRUN_OUTPUT%/*}" | cut -c1-10 | grep -qx drwx------`, `outputs {}`},
	} {
		t.Run(c.script, func(t *testing.T) {
			t.Parallel()
			call, _ := newCall(t, kind.Args{"run": c.script})
			o := newRunner().runWithOutputs(t.Context(), call)
			got := ""
			if outputs, ok := o.Extra["outputs"]; ok {
				b, _ := event.Marshal(outputs)
				got = "outputs " + string(b)
			}
			if o.Err != nil {
				got += o.Err.Type + ": " + o.Err.Message
			}
			if !strings.HasPrefix(got, c.want) || strings.Contains(c.want, ":") && got != c.want {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
			if o.Extra["stdout"] == nil {
				t.Errorf("no standard output: %v", o.Extra)
			}
		})
	}
}
