package link_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
	"github.com/flowrun/flowrun/pkg/spec/kind"
	"github.com/flowrun/flowrun/pkg/testenv"
)

// sealing is the store of the run 01A over a shelf, with keys; none: without a key file.
func sealing(t *testing.T, s testenv.Shelf, keys ...[]byte) kind.Store {
	t.Helper()
	return keysOf(t, keys...).Store(s, "01A")
}

func keysOf(t *testing.T, keys ...[]byte) *link.Keys {
	t.Helper()
	l := cli.Link{}
	if len(keys) > 0 {
		var lines []string
		for _, k := range keys {
			lines = append(lines, hex.EncodeToString(k))
		}
		l.KeyFile = write(t, "keys", []byte(strings.Join(lines, "\n")))
	}
	k, err := link.ReadKeys(l)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// got is what a store has under a name.
func got(t *testing.T, s kind.Store, name string) (string, error) {
	t.Helper()
	in, err := s.Get(t.Context(), name)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(in)
	return string(text), errors.Join(err, in.Close())
}

func put(t *testing.T, s kind.Store, name, text string) {
	t.Helper()
	if err := s.Put(t.Context(), name, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
}

// TestSealedStore: who can read what whom has kept.
func TestSealedStore(t *testing.T) {
	type keys [][]byte
	const text = "the moon"
	for _, tc := range []struct {
		name           string
		writer, reader keys
		want           string // of the error
	}{
		{"no key", nil, nil, ""},
		{"one key", keys{keyA}, keys{keyA}, ""},
		{"a key comes", keys{keyA}, keys{keyB, keyA}, ""},
		{"a key goes", keys{keyB, keyA}, keys{keyB}, ""},
		{"another key", keys{keyA}, keys{keyB}, "which is not in"},
		{"none", keys{keyA}, nil, "(give the file of that key with --key-file)"},
		{"not encrypted", nil, keys{keyA}, "it is not encrypted, and whoever has a key file takes nothing else"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			on := testenv.Shelf{}
			put(t, sealing(t, on, tc.writer...), "a", text)
			if seen := strings.Contains(on["a"], text); seen != (tc.writer == nil) {
				t.Errorf("kept as %q", on["a"])
			}
			s := sealing(t, on, tc.reader...)
			switch all, err := got(t, s, "a"); {
			case tc.want == "" && (err != nil || all != text):
				t.Errorf("%q, %v", all, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Error(err)
			}
			if _, err := s.Get(t.Context(), "none"); !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		})
	}
}

const (
	chunk  = 256 << 10
	sealed = chunk + 12 + 16 // with nonce and tag
	header = 46
)

// TestSealedSizes: what goes in comes out, however it is read, and the same text is never kept in the same way.
func TestSealedSizes(t *testing.T) {
	on := testenv.Shelf{}
	s := sealing(t, on, keyA)
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 3*chunk + 7} {
		text := strings.Repeat("0123456789abcde", n/15+1)[:n]
		for _, in := range []io.Reader{strings.NewReader(text), iotest.DataErrReader(iotest.HalfReader(strings.NewReader(text)))} {
			before := on["a"]
			if err := s.Put(t.Context(), "a", in); err != nil {
				t.Fatal(err)
			}
			if on["a"] == before {
				t.Errorf("%d bytes are kept as before", n)
			}
			if want := header + n + 28*(n/chunk+1); len(on["a"]) != want {
				t.Errorf("%d bytes are kept as %d, want %d", n, len(on["a"]), want)
			}
			if all, err := got(t, s, "a"); err != nil || all != text {
				t.Errorf("%d bytes: %d, %v", n, len(all), err)
			}
		}
	}
	if err := s.Put(t.Context(), "b", iotest.TimeoutReader(strings.NewReader(strings.Repeat("x", chunk)))); !errors.Is(err, iotest.ErrTimeout) || on["b"] != "" {
		t.Errorf("%v, and %d bytes are kept of what broke off", err, len(on["b"]))
	}
}

// TestSealedIsNotTrusted: what was changed, cut, put together in another way or moved is an error, and nothing of it that was changed is
// ever read.
func TestSealedIsNotTrusted(t *testing.T) {
	on := testenv.Shelf{}
	s := sealing(t, on, keyA)
	text := strings.Repeat("a", chunk) + strings.Repeat("b", chunk) + "c"
	put(t, s, "x", text)
	put(t, s, "other", strings.Repeat("d", chunk)+"e")
	all, other := on["x"], on["other"]
	begin, first, second, last := all[:header], all[header:header+sealed], all[header+sealed:header+2*sealed], all[header+2*sealed:]
	for _, tc := range []struct{ name, file, want string }{
		{"nothing", "", "it is not encrypted"},
		{"cut in the header", begin[:header-1], "its end is missing"},
		{"without chunks", begin, "its end is missing"},
		{"without the last chunk", begin + first + second, "its end is missing"},
		{"cut in the last chunk", all[:len(all)-1], "it was changed, or cut off"},
		{"cut in a chunk", all[:header+sealed+sealed/2], "it was changed, or cut off"},
		{"longer", all + "x", "it was changed, or cut off"},
		{"twice the last chunk", all + last, "it was changed, or cut off"},
		{"another order", begin + second + first + last, "it was changed, or cut off"},
		{"one chunk less", begin + first + last, "it was changed, or cut off"},
		{"one chunk more", begin + first + first + second + last, "it was changed, or cut off"},
		{"a chunk of another file", begin + other[header:header+sealed] + second + last, "it was changed, or cut off"},
		{"the header of another file", other[:header] + first + second + last, "it was changed, or cut off"},
		{"all of another file", other, "it was changed, or cut off"},
	} {
		on["x"] = tc.file
		all, err := got(t, s, "x")
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if !strings.HasPrefix(text, all) {
			t.Errorf("%s: %d bytes that nobody has kept", tc.name, len(all))
		}
	}
	on["x"] = all
	if _, err := got(t, keysOf(t, keyA).Store(on, "01B"), "x"); err == nil {
		t.Error("it was taken for that of another run")
	}
	put(t, s, "x", "short")
	short := []byte(on["x"])
	for i := range short {
		changed := bytes.Clone(short)
		changed[i] ^= 1
		on["x"] = string(changed)
		if all, err := got(t, s, "x"); err == nil || all != "" {
			t.Errorf("byte %d: %q, %v", i, all, err)
		}
	}
}
