package link_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
)

// The three keys of these tests.
var (
	keyA = bytes.Repeat([]byte{0xaa}, 32)
	keyB = bytes.Repeat([]byte{0xfb}, 32)
	keyC = bytes.Repeat([]byte{0x0c}, 32)
)

// optionsOf are those of a client with a key file of these lines; none: without one.
func optionsOf(t *testing.T, lines ...string) client.Options {
	t.Helper()
	l := cli.Link{}
	if len(lines) > 0 {
		l.KeyFile = write(t, "keys", []byte(strings.Join(lines, "\n")))
	}
	opt, err := link.Options(l)
	if err != nil {
		t.Fatal(err)
	}
	return opt
}

// TestKeys: who can read what whom has written.
func TestKeys(t *testing.T) {
	a, b := hex.EncodeToString(keyA), base64.StdEncoding.EncodeToString(keyB)
	files := map[string][]string{
		"none":      nil,
		"A":         {"# made for a test", "", a},
		"A windows": {"\ufeff" + strings.ToUpper(a) + "\r"},
		"B":         {b},
		"B other":   {base64.RawURLEncoding.EncodeToString(keyB)},
		"A then B":  {a, b},
		"B then A":  {b, "  " + a + "  "},
		"C":         {hex.EncodeToString(keyC)},
	}
	const stranger = "which is not in"
	for _, tc := range []struct {
		writer, reader string
		want           string // of the error
	}{
		{"none", "none", ""},
		{"A", "A", ""},
		{"A", "A windows", ""},
		{"B", "B other", ""},
		// The steps of a change from A to B.
		{"A", "A then B", ""},
		{"A then B", "A", ""},
		{"A then B", "B then A", ""},
		{"B then A", "A then B", ""},
		{"B then A", "B", ""},
		{"B", "B then A", ""},
		{"B then A", "A", stranger},

		{"A", "C", stranger},
		{"A", "none", "(give the file of that key with --key-file)"},
		{"none", "A", "it is not encrypted"},
	} {
		value := map[string]any{"text": "the moon", "n": 1.5, "list": []any{nil, true}}
		p, err := optionsOf(t, files[tc.writer]...).DataConverter.ToPayload(value)
		if err != nil {
			t.Fatal(err)
		}
		if hidden := !bytes.Contains(p.GetData(), []byte("moon")); hidden != (tc.writer != "none") {
			t.Errorf("%s: %s", tc.writer, p)
		}
		opt := optionsOf(t, files[tc.reader]...)
		var got map[string]any
		err = opt.DataConverter.FromPayload(p, &got)
		switch {
		case tc.want == "":
			if err != nil || fmt.Sprint(got) != fmt.Sprint(value) {
				t.Errorf("%s to %s: %v, %v", tc.writer, tc.reader, got, err)
			}
		case err == nil || !strings.Contains(err.Error(), tc.want):
			t.Errorf("%s to %s:\ngot  %v\nwant %s", tc.writer, tc.reader, err, tc.want)
		default:
			if text := link.Explain(err, opt).Error(); !strings.HasPrefix(text, "what the run holds cannot be read: it is ") {
				t.Errorf("%s to %s: %s", tc.writer, tc.reader, text)
			}
		}
	}
}

// vital is what a workflow cannot go on without.
type vital struct{ Text string }

func (vital) Vital() {}

// TestVital: a worker that lacks the key for what is vital to a workflow panics, so that the workflow waits for another
// one; and its log has no stack of that. Everything else, and everywhere else, is an error.
func TestVital(t *testing.T) {
	a, c := hex.EncodeToString(keyA), hex.EncodeToString(keyC)
	payloads, err := optionsOf(t, a).DataConverter.ToPayloads(vital{"x"})
	if err != nil {
		t.Fatal(err)
	}
	type converterOf = func(client.Options) converter.DataConverter
	outside := func(opt client.Options) converter.DataConverter { return opt.DataConverter }
	activity := func(opt client.Options) converter.DataConverter {
		return opt.DataConverter.(converter.ContextAware).WithContext(t.Context())
	}
	workflow := func(opt client.Options) converter.DataConverter {
		return opt.DataConverter.(converter.ContextAware).WithWorkflowContext(nil)
	}
	const lacks = "which is not in"
	var log strings.Builder
	for _, tc := range []struct {
		name   string
		key    string
		of     converterOf
		to     any
		err    string
		panics bool
	}{
		{"with the key", a, workflow, new(vital), "", false},
		{"workflow", c, workflow, new(vital), lacks, true},
		{"a signal", c, workflow, new(struct{ Text string }), lacks, false},
		{"activity", c, activity, new(vital), lacks, false},
		{"client", c, outside, new(vital), lacks, false},
		{"workflow, another mistake", a, workflow, new(struct {
			vital
			Text int
		}), "unable to decode", false},
	} {
		func() {
			defer func() {
				p := recover()
				if (p != nil) != tc.panics || tc.panics && !strings.Contains(fmt.Sprint(p), tc.err) {
					t.Errorf("%s: %v", tc.name, p)
				}
				if tc.panics {
					link.Logger(&log).Error("Workflow panic", "StackTrace", string(debug.Stack()), "Error", p)
				}
			}()
			err := tc.of(optionsOf(t, tc.key)).FromPayloads(payloads, tc.to)
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: %v", tc.name, err)
			}
		}()
	}
	if strings.Contains(log.String(), "keys.go") || !strings.Contains(log.String(), lacks) {
		t.Errorf("the log has %s", log.String())
	}
	log.Reset()
	link.Logger(&log).Error("Workflow panic", "StackTrace", string(debug.Stack()))
	if !strings.Contains(log.String(), "keys_test.go") {
		t.Errorf("the log has no stack of a bug: %s", log.String())
	}
}

// TestKeysAlways: the same value is never the same text, and what was changed is refused, wherever it was.
func TestKeysAlways(t *testing.T) {
	k, err := link.ReadKeys(cli.Link{KeyFile: write(t, "keys", []byte(hex.EncodeToString(keyA)))})
	if err != nil {
		t.Fatal(err)
	}
	plain := &commonpb.Payload{Metadata: map[string][]byte{converter.MetadataEncoding: []byte("json/plain")}, Data: []byte(`"x"`)}
	sealed, err := k.Encode([]*commonpb.Payload{plain, plain})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(sealed[0].GetData(), sealed[1].GetData()) {
		t.Error("two payloads are equal")
	}
	if got := sealed[0].GetMetadata(); string(got[converter.MetadataEncoding]) != "binary/encrypted" || len(got) != 2 {
		t.Errorf("metadata %s", got)
	}
	for i := range sealed[0].GetData() {
		changed := bytes.Clone(sealed[0].GetData())
		changed[i] ^= 1
		if _, err := k.Decode([]*commonpb.Payload{{Metadata: sealed[0].GetMetadata(), Data: changed}}); err == nil || !strings.Contains(err.Error(), "it was changed") {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	for _, short := range [][]byte{nil, sealed[0].GetData()[:20]} {
		if _, err := k.Decode([]*commonpb.Payload{{Metadata: sealed[0].GetMetadata(), Data: short}}); err == nil {
			t.Errorf("%d bytes were taken", len(short))
		}
	}
}

// TestKeysFailure: what a failure says is no more to be seen than a value.
func TestKeysFailure(t *testing.T) {
	for _, lines := range [][]string{nil, {hex.EncodeToString(keyA)}} {
		opt := optionsOf(t, lines...)
		f := opt.FailureConverter.ErrorToFailure(temporal.NewApplicationError("the moon", "Kind", "the sun"))
		if open := strings.Contains(f.String(), "the moon"); open != (lines == nil) {
			t.Errorf("%d keys: %s", len(lines), f)
		}
		var back *temporal.ApplicationError
		if err := opt.FailureConverter.FailureToError(f); !errors.As(err, &back) || back.Message() != "the moon" {
			t.Errorf("%d keys: %v", len(lines), err)
		}
	}
}

// TestLacksKey: that a worker lacks a key can be told from an activity's failure, though its text cannot be read.
func TestLacksKey(t *testing.T) {
	a, c := optionsOf(t, hex.EncodeToString(keyA)), optionsOf(t, hex.EncodeToString(keyC))
	payloads, err := a.DataConverter.ToPayloads("x")
	if err != nil {
		t.Fatal(err)
	}
	back := func(err error) error {
		return a.FailureConverter.FailureToError(c.FailureConverter.ErrorToFailure(err))
	}
	if err := back(fmt.Errorf("an activity: %w", c.DataConverter.FromPayloads(payloads, new(string)))); !link.LacksKey(err) {
		t.Errorf("not found in: %v", err)
	}
	if err := back(errors.New("another")); link.LacksKey(err) || !strings.Contains(err.Error(), link.Encrypted) {
		t.Errorf("found in: %v", err)
	}
}

// TestReadKeys: what is wrong with a key file. Nothing of a line is ever shown.
func TestReadKeys(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", `there is no key in the key file "FILE" (make one with: openssl rand -hex 32)`},
		{"comments", "# a\n\n", `there is no key in the key file "FILE" (make one with: openssl rand -hex 32)`},
		{"short", "# a\nabcd", `line 2 of the key file "FILE" is no key of 32 bytes in hex or base64 (make one with: openssl rand -hex 32)`},
		{"long", strings.Repeat("ab", 33), `line 1 of the key file "FILE" is no key of 32 bytes in hex or base64 (make one with: openssl rand -hex 32)`},
		{"word", "correct horse battery staple", `line 1 of the key file "FILE" is no key of 32 bytes in hex or base64 (make one with: openssl rand -hex 32)`},
	} {
		path := write(t, "keys", []byte(tc.text))
		if _, err := link.ReadKeys(cli.Link{KeyFile: path}); fmt.Sprint(err) != strings.ReplaceAll(tc.want, "FILE", path) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if _, err := link.ReadKeys(cli.Link{KeyFile: "none/such"}); fmt.Sprint(err) != `there is no key file "none/such" (make one with: openssl rand -hex 32 > FILE)` {
		t.Error(err)
	}
	pipe := cli.Link{KeyFile: "/dev/fd/63", Keys: func() ([]byte, error) { return []byte(hex.EncodeToString(keyA)), nil }}
	if _, err := link.ReadKeys(pipe); err != nil {
		t.Error(err)
	}
	if _, err := link.ReadKeys(cli.Link{KeyFile: t.TempDir()}); err == nil || !strings.HasPrefix(err.Error(), "the key file cannot be read: ") {
		t.Error(err)
	}
}
