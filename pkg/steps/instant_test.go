package steps

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// builtin is the kind of a name.
func builtin(t testing.TB, name string) *kind.Kind {
	t.Helper()
	i := slices.IndexFunc(Builtin(), func(k *kind.Kind) bool { return k.Name == name })
	if i < 0 {
		t.Fatalf("there is no kind %s", name)
	}
	return Builtin()[i]
}

// value reads a test's JSON.
func value(t testing.TB, text string) any {
	t.Helper()
	v, err := event.Decode([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func TestKindsAreWellFormed(t *testing.T) {
	var names []string
	for _, k := range Builtin() {
		names = append(names, k.Name)
		if (k.Instant == nil) == (k.Run == nil) {
			t.Errorf("%s: exactly one of Instant and Run must be set", k.Name)
		}
		if k.Title == "" || k.Description == "" {
			t.Errorf("%s: no title or description", k.Name)
		}
		if k.Keys[0].Name != k.Name {
			t.Errorf("%s: the first key is %s", k.Name, k.Keys[0].Name)
		}
		for _, key := range k.Keys {
			if !json.Valid([]byte(key.Schema)) {
				t.Errorf("%s.%s: the schema is no JSON: %s", k.Name, key.Name, key.Schema)
			}
			if key.Description == "" || len(key.Examples) == 0 {
				t.Errorf("%s.%s: no description or example", k.Name, key.Name)
			}
		}
	}
	if got := strings.Join(names, " "); got != "run http sleep value echo fail ready" {
		t.Errorf("kinds: %s", got)
	}
}

// say is an Instant in one line.
func say(i kind.Instant) string {
	var b strings.Builder
	v, err := event.Marshal(i.Value)
	if err != nil {
		return err.Error()
	}
	fmt.Fprintf(&b, "%s", v)
	if i.Err != nil {
		e, _ := event.Marshal(i.Err)
		b.Reset()
		b.Write(e)
	}
	if i.Output != "" {
		fmt.Fprintf(&b, " out %q", i.Output)
	}
	if i.After != 0 {
		fmt.Fprintf(&b, " after %s", i.After)
	}
	return b.String()
}

func TestInstant(t *testing.T) {
	wrong := func(text string) string {
		b, _ := event.Marshal(text)
		return `{"type":"ValueError","message":` + string(b) + `,"step":""}`
	}
	for _, c := range []struct{ kind, arg, want string }{
		{"value", `null`, `null`},
		{"value", `{"b":[1,2.5,"x",true,null],"a":{}}`, `{"a":{},"b":[1,2.5,"x",true,null]}`},

		{"echo", `"hello"`, `"hello" out "hello\n"`},
		{"echo", `""`, `"" out "\n"`},
		{"echo", `"two\nlines\n"`, `"two\nlines\n" out "two\nlines\n\n"`},
		{"echo", `7`, `"7" out "7\n"`},
		{"echo", `1e21`, `"1000000000000000000000" out "1000000000000000000000\n"`},
		{"echo", `0.1`, `"0.1" out "0.1\n"`},
		{"echo", `null`, `"null" out "null\n"`},
		{"echo", `{"b":"<a & b>","a":[1]}`, `"{\"a\":[1],\"b\":\"<a & b>\"}" out "{\"a\":[1],\"b\":\"<a & b>\"}\n"`},

		{"sleep", `"2s"`, `null after 2s`},
		{"sleep", `"1m30s"`, `null after 1m30s`},
		{"sleep", `"0ms"`, `null`},
		{"sleep", `"0"`, `null`},
		{"sleep", `0`, `null`},
		{"sleep", `0.0`, `null`},
		{"sleep", `2`, `null after 2s`},
		{"sleep", `0.25`, `null after 250ms`},
		{"sleep", `-1`, wrong(`sleep: -1s is negative`)},
		{"sleep", `-0.5`, wrong(`sleep: -500ms is negative`)},
		{"sleep", `"-1s"`, wrong(`sleep: -1s is negative`)},
		{"sleep", `"soon"`, wrong(`sleep: "soon" is not a duration such as 500ms, 30s or 1h30m`)},
		{"sleep", `"10"`, wrong(`sleep: "10" is not a duration such as 500ms, 30s or 1h30m`)},
		{"sleep", `1e300`, wrong(`sleep: 1e+300 seconds is out of range`)},

		{"fail", `"no space"`, `{"type":"FailError","message":"no space","step":""}`},
		{"fail", `""`, `{"type":"FailError","message":"","step":""}`},
		{"fail", `{"message":"m"}`, `{"type":"FailError","message":"m","step":""}`},
		{"fail", `{"type":"QuotaError"}`, `{"type":"QuotaError","message":"","step":""}`},
		{"fail", `{"type":"a.b_2","message":"m","data":{"k":[1]}}`, `{"type":"a.b_2","message":"m","step":"","data":{"k":[1]}}`},
		{"fail", `{"type":"E","message":404}`, `{"type":"E","message":"404","step":""}`},
		{
			"fail", `{"type":"ExitError","message":"exit status 3","step":"tests[1]","attempts":2,"exit_code":3,"leaves":[],"errors":[]}`,
			`{"type":"ExitError","message":"exit status 3","step":"tests[1]","attempts":2,"exit_code":3}`,
		},
		{
			"fail", `{"type":"ExceptionGroup","message":"2 steps failed","step":"g","errors":[{"type":"A","message":"a"},{"type":"ExceptionGroup","message":"1 step failed","errors":[{"type":"B","message":"b"}]}]}`,
			`{"type":"ExceptionGroup","message":"2 steps failed","step":"g","errors":[{"type":"A","message":"a","step":""},{"type":"ExceptionGroup","message":"1 step failed","step":"","errors":[{"type":"B","message":"b","step":""}]}]}`,
		},
		{"fail", `{"type":"ExceptionGroup","message":"m"}`, wrong(`fail: an ExceptionGroup needs errors, the list of its members`)},
		{"fail", `{"type":"ExceptionGroup","errors":[]}`, wrong(`fail: an ExceptionGroup needs errors, the list of its members`)},
		{"fail", `{"type":"ExceptionGroup","errors":["x"]}`, wrong(`fail: errors[0] is a text and no error`)},
		{
			"fail", `{"type":"ExceptionGroup","errors":[{"type":"A"},{"type":"CancelledError"}]}`,
			wrong(`fail: errors[1]: a CancelledError cannot be raised: it is how a step ends that was told to stop`),
		},
		{"fail", `{"type":"CancelledError","message":"m"}`, wrong(`fail: a CancelledError cannot be raised: it is how a step ends that was told to stop`)},
		{"fail", `{"type":"not a name"}`, wrong(`fail: "not a name" is no name for a type of error: letters, digits, _ and . without a digit in front`)},
		{"fail", `{"type":7}`, wrong(`fail: the type must be a text, not a number`)},
		{"fail", `null`, wrong(`fail: null is no error: give a text, or a mapping with type and message`)},
		{"fail", `[]`, wrong(`fail: a list is no error: give a text, or a mapping with type and message`)},
	} {
		arg := value(t, c.arg)
		if got := say(builtin(t, c.kind).Instant(kind.Args{c.kind: arg})); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.kind, c.arg, got, c.want)
		}
		if after, _ := event.Marshal(arg); string(after) != canonical(t, c.arg) {
			t.Errorf("%s: %s: the argument was changed to %s", c.kind, c.arg, after)
		}
	}
}

func canonical(t *testing.T, text string) string {
	b, err := event.Marshal(value(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ kind, args, want string }{
		{"sleep", `{"sleep":"2s"}`, ``},
		{"sleep", `{"sleep":0}`, ``},
		{"sleep", `{}`, ``},
		{"sleep", `{"sleep":2}`, `sleep bad-duration 2 has no unit: write "2s"`},
		{"sleep", `{"sleep":0.5}`, `sleep bad-duration 0.5 has no unit: write "0.5s"`},
		{"sleep", `{"sleep":"-1s"}`, `sleep bad-duration -1s is negative`},
		{"sleep", `{"sleep":"x"}`, `sleep bad-duration "x" is not a duration such as 500ms, 30s or 1h30m`},
		{"fail", `{"fail":"text"}`, ``},
		{"fail", `{"fail":{"message":"m"}}`, ``},
		{"fail", `{"fail":{"type":"My.Error"}}`, ``},
		{"fail", `{"fail":{"type":"1st"}}`, `fail bad-error-type "1st" is no name for a type of error: letters, digits, _ and . without a digit in front`},
		{"fail", `{"fail":{"type":"CancelledError"}}`, `fail bad-error-type a CancelledError cannot be raised: it is how a step ends that was told to stop`},
		{"fail", `{"fail":{"type":"ExceptionGroup"}}`, `fail bad-error-type an ExceptionGroup is made by blocks: write fail with an error that is one, as ${{ steps.x.error }}`},
		{"http", `{"http":"https://example.com/x"}`, ``},
		{"http", `{"http":"example.com"}`, `http bad-url "example.com" is no URL to ask: it must begin with http:// or https://`},
		{"http", `{"http":{"url":"http://x","method":"POST","json":{}}}`, ``},
		{
			"http", `{"http":{"url":"x","method":"CONNECT","max_bytes":"1MB","headers":{"Te":"x"}}}`,
			"http.url bad-url \"x\" is no URL to ask: it must begin with http:// or https://\n" +
				"http.method bad-value CONNECT makes a tunnel and not a request\n" +
				"http.headers bad-value headers: Te is made from the connection and the body and cannot be written\n" +
				"http.max_bytes bad-size \"1MB\" is no size: write one as 64KiB, 10MiB or 1GiB",
		},
		{"run", `{"run":"make"}`, ``},
		{"run", `{"run":["",""]}`, `run bad-value the first item of run is the program and cannot be empty`},
		{"run", `{"run":"x","shell":["node"]}`, `shell bad-value no item of shell holds {0}, the place of the script's file: write for example ["node", "{0}"]`},
		{"run", `{"run":"x","shell":["node","--file={0}"]}`, ``},
		{
			"run", `{"run":"x","stop":{"signal":"INT","grace":5},"capture_limit":"1MB"}`,
			"stop bad-duration 5 has no unit: write \"5s\"\ncapture_limit bad-size \"1MB\" is no size: write one as 64KiB, 10MiB or 1GiB",
		},
		{"run", `{"run":"x","stop":{"grace":0},"capture_limit":4096}`, ``},
	} {
		var got []string
		args := value(t, c.args).(map[string]any)
		builtin(t, c.kind).Check(args, func(key, code, text string) { got = append(got, key+" "+code+" "+text) })
		if s := strings.Join(got, "\n"); s != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.kind, c.args, s, c.want)
		}
	}
}

// What the schema of a duration takes and what Go's parser takes is the same.
func TestDurationSchema(t *testing.T) {
	var doc struct{ Pattern string }
	if err := json.Unmarshal([]byte(durationSchema), &doc); err != nil {
		t.Fatal(err)
	}
	pattern := regexp.MustCompile(doc.Pattern)
	for _, s := range []string{"2s", "1m30s", "0", ".5s", "1.s", "1.5h2m", "50ms", "3us", "3µs", "9ns", " 2s ", "", "s", "2", "2 s", "-2s", "+2s", "1d", "1.5", "2S", ".s"} {
		if _, err := event.Duration(s); pattern.MatchString(s) != (err == nil) {
			t.Errorf("%q: the schema says %t, Duration says %v", s, pattern.MatchString(s), err)
		}
	}
	if d, err := duration(float64(0.1)); d != 100*time.Millisecond || err != nil {
		t.Errorf("0.1: %v, %v", d, err)
	}
}
