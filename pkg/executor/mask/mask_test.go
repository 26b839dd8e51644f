package mask

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

const key = `-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACBKyVqV6Yp0tY3jv0r1lPvTqEv3rWm1W0y9m0Tq1y8xQwAAAJgN4h0FDeId
short
BQAAAAtzc2gtZWQyNTUxOQAAACBKyVqV6Yp0tY3jv0r1lPvTqEv3rWm1W0y9m0Tq1y8xQw==
-----END OPENSSH PRIVATE KEY-----
`

func TestText(t *testing.T) {
	for _, c := range []struct{ name, secrets, in, want string }{
		{"alone", "hunter2", "hunter2", "***"},
		{"inside", "hunter2", "a hunter2 b", "a *** b"},
		{"none", "hunter2", "hunter1 unter2 hunter", "hunter1 unter2 hunter"},
		{"twice", "hunter2", "hunter2 hunter2", "*** ***"},
		{"what touches is one", "hunter2", "hunter2hunter2", "***"},
		{"what overlaps is one", "abcab", "abcabcab", "***"},
		{"the longer of two", "hunter2|hunter2-and-more", "hunter2-and-more hunter2-and", "*** ***-and"},
		{"one inside of another", "inner|the-inner-one", "the-inner-on the-inner-one", "the-***-on ***"},
		{"shortest", "1234", "012345", "0***5"},
		{"too short is none", "abc", "abc", "abc"},
		{"no value", "", "abc", "abc"},
		{"blanks around", " hunter2\n", "x hunter2 x\n", "x *** x\n"},
		{"JSON", `pass"wo\rd`, `{"p":"pass\"wo\\rd"}`, `{"p":"***"}`},
		{"JSON of HTML", `pa<ss>`, `{"p":"pa\u003css\u003e"}`, `{"p":"***"}`},
		{"JSON in ASCII", "pässwörd", `{"p":"p\u00e4ssw\u00f6rd"}`, `{"p":"***"}`},
		{"JSON in ASCII beyond 16 bits", "pass😀word", `"pass\ud83d\ude00word"`, `"***"`},
		{"query", "p&ss w/rd", "?a=p%26ss+w%2Frd&b", "?a=***&b"},
		{"query in lower case", "p&ss w/rd", "?a=p%26ss+w%2frd&b", "?a=***&b"},
		{"query with %20", "p&ss w/rd", "?a=p%26ss%20w%2Frd&b", "?a=***&b"},
		{"path", "p&ss w/rd", "/p&ss%20w%2Frd/b", "/***/b"},
		{"path in lower case", "p&ss w/rd", "/p&ss%20w%2frd/b", "/***/b"},
		{"trace of bash", "it's me", `+ echo 'it'\''s me'`, `+ echo '***'`},
		{"trace of dash", "it's me", `+ echo 'it'"'"'s me'`, `+ echo '***'`},
		{"hex", "hunter2", "0x68756e74657232!", "0x***!"},
		{"hex in upper case", "hun\u00fcter", "68756EC3BC746572", "***"},
		{"base64 alone", "hunter2", "aHVudGVyMg==", "***"},
		{"base64 without padding", "hunter2", "aHVudGVyMg", "***"},
		{"base64 of a short one", "abcd", "YWJjZA==", "***"},
		{"base64 for URLs", "???>>>???", "Pz8_Pj4-Pz8_", "***"},
		{"short base64 is none", "abcd", "AGFiY2Q", "AGFiY2Q"},
		{"a line of several", key, "key b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW", "key ***"},
		{"a short line of several", key, "a short story", "a short story"},
		{"all of several lines", key, key + "!", "***!"},
		{"indented lines", key, "  " + strings.ReplaceAll(strings.TrimSpace(key), "\n", "\n  "), "  ***\n  ***\n  ***\n  short\n  ***\n  ***"},
		{"several lines in JSON", key, strings.ReplaceAll(key, "\n", `\n`), `***\n`},
		{"a part of a long one", "0123456789abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789abcdefghijklmnopqrstuvwxyz", "***wxyz"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := New(strings.Split(c.secrets, "|"))
			if got := s.Text(c.in); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := streamed(s, c.in, func(int) int { return 1 }); got != c.want {
				t.Errorf("byte by byte: %q, want %q", got, c.want)
			}
		})
	}
}

func TestNothingToMask(t *testing.T) {
	if s := New([]string{"", "abc"}); s != nil {
		t.Fatal("a Set of nothing")
	}
	var s *Set
	if got := s.Text("text"); got != "text" {
		t.Error(got)
	}
	if got := streamed(s, "text", func(int) int { return 3 }); got != "text" {
		t.Error(got)
	}
}

// A secret is found in base64 whatever is around it, but for the characters that it shares with that.
func TestBase64InsideOfMore(t *testing.T) {
	const secret = "correct horse battery staple?>~ and more than forty-eight bytes of it"
	s := New([]string{secret})
	for _, code := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for before := range 7 {
			for after := range 4 {
				all := code.EncodeToString([]byte(strings.Repeat("x", before) + secret + strings.Repeat("y", after)))
				got := s.Text(all)
				if !strings.Contains(got, Mark) || len(got) > len(Mark)+12+8 {
					t.Errorf("%d before, %d after: %s became %s", before, after, all, got)
				}
			}
		}
	}
}

// Write passes on what can be no secret at once: a question without a newline is seen.
func TestStreamHoldsBackOnlySecrets(t *testing.T) {
	var out strings.Builder
	stream := New([]string{"hunter2", key}).Stream(func(b []byte) { out.Write(b) })
	for _, c := range []struct{ write, want string }{
		{"Continue? [y/N] ", "Continue? [y/N] "},
		{"the hunt", "the "},
		{"er", ""},
		{"s, hunter", "hunters, "},
		{"2", "***"},
		{"hunter2.", "."},
		{"-----BEGIN", ""},
		{" OPENSSH PRIVATE KEY--", "***"},
		{"", ""},
		{"hunter", ""},
	} {
		out.Reset()
		stream.Write([]byte(c.write))
		if out.String() != c.want {
			t.Errorf("%q gave %q, want %q", c.write, out.String(), c.want)
		}
	}
	out.Reset()
	if stream.Close(); out.String() != "hunter" {
		t.Errorf("Close gave %q", out.String())
	}
}

// covered is text with every byte that is in a word masked: slow and simple.
func covered(s *Set, text string) string {
	in := make([]bool, len(text))
	for _, w := range s.words {
		for at := range len(text) {
			if strings.HasPrefix(text[at:], w) {
				for i := range len(w) {
					in[at+i] = true
				}
			}
		}
	}
	var b strings.Builder
	for i := range len(text) {
		if !in[i] {
			b.WriteByte(text[i])
		} else if i == 0 || !in[i-1] {
			b.WriteString(Mark)
		}
	}
	return b.String()
}

// streamed writes text in pieces of the lengths that next gives.
func streamed(s *Set, text string, next func(rest int) int) string {
	var out strings.Builder
	stream := s.Stream(func(b []byte) { out.Write(b) })
	buf := []byte{}
	for text != "" {
		n := min(max(next(len(text)), 1), len(text))
		buf = append(buf[:0], text[:n]...)
		stream.Write(buf)
		for i := range buf {
			buf[i] = 'h' // the caller's again
		}
		text = text[n:]
	}
	stream.Close()
	return out.String()
}

// TestChunks: however a text is cut, what comes out is every byte of every word masked.
func TestChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("ab")), 4, 80, -1)
		words := rapid.StringMatching(`[a-c ="'\n]{4,40}`)
		values := rapid.SliceOfN(rapid.OneOf(letters, words), 1, 4).Draw(t, "values")
		var pieces []string
		for _, v := range values {
			pieces = append(pieces, forms(v)...)
			pieces = append(pieces, v[:len(v)/2], v[len(v)/2:])
		}
		texts := rapid.OneOf(rapid.SampledFrom(append(pieces, " ")), letters, rapid.String())
		text := strings.Join(rapid.SliceOfN(texts, 0, 8).Draw(t, "texts"), "")
		s := New(values)
		if s == nil {
			t.Skip()
		}
		want := covered(s, text)
		if got := s.Text(text); got != want {
			t.Fatalf("%q: Text gave %q, want %q", text, got, want)
		}
		lengths := rapid.IntRange(1, 70)
		if got := streamed(s, text, func(int) int { return lengths.Draw(t, "length") }); got != want {
			t.Fatalf("%q: a Stream gave %q, want %q", text, got, want)
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add("hunter2", "hunter2-and-more", "the hunter2 is a hunter2-and-mor", uint64(1))
	f.Add("aaaa", "aaaaaaaab", strings.Repeat("a", 70)+"b", uint64(2))
	f.Add(key, "abcd", strings.ReplaceAll(key, "\n", "\r\n"), uint64(3))
	f.Add(key, "pa\"ss", base64.StdEncoding.EncodeToString([]byte("x"+key)), uint64(4))
	f.Add("\xff\xfe\x00\x01", " \n\t    ", "\xff\xfe\x00\x01\xff\xfe\x00", uint64(5))
	f.Fuzz(func(t *testing.T, one, two, text string, seed uint64) {
		if len(one)+len(two) > 4<<10 || len(text) > 4<<10 {
			return
		}
		s := New([]string{one, two})
		if s == nil {
			return
		}
		want := covered(s, text)
		if got := s.Text(text); got != want {
			t.Errorf("Text gave %q, want %q", got, want)
		}
		random := rand.New(rand.NewPCG(seed, 0))
		if got := streamed(s, text, func(int) int { return 1 + random.IntN(1+random.IntN(80)) }); got != want {
			t.Errorf("a Stream gave %q, want %q", got, want)
		}
	})
}

func TestSetIsForAll(t *testing.T) {
	s := New([]string{"hunter2", key})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 100 {
				if got := streamed(s, "a hunter2 b", func(int) int { return 4 }); got != "a *** b" {
					t.Error(got)
				}
			}
		})
	}
	wait.Wait()
}

// keys are n values as private keys are: of that many bytes, in lines.
func keys(n, size int) []string {
	random := rand.New(rand.NewPCG(1, 2))
	list := make([]string, n)
	for i := range list {
		raw := make([]byte, size*3/4)
		for j := range raw {
			raw[j] = byte(random.Uint32())
		}
		text := base64.StdEncoding.EncodeToString(raw)
		var b strings.Builder
		b.WriteString("-----BEGIN OPENSSH PRIVATE KEY-----\n")
		for len(text) > 70 {
			b.WriteString(text[:70] + "\n")
			text = text[70:]
		}
		list[i] = b.String() + text + "\n-----END OPENSSH PRIVATE KEY-----\n"
	}
	return list
}

// Fifty keys of 4 KiB: what they take is a small multiple of their forms.
func TestMemory(t *testing.T) {
	values := keys(50, 4<<10)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := New(values)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if took := int(after.HeapAlloc) - int(before.HeapAlloc); took > 16<<20 {
		t.Errorf("%d KiB for %d words", took>>10, len(s.words))
	}
	for _, v := range values {
		if got := s.Text(v); got != Mark {
			t.Fatal(got)
		}
	}
}

// log is text as programs print it.
func log(size int) []byte {
	random := rand.New(rand.NewPCG(3, 4))
	var b bytes.Buffer
	for b.Len() < size {
		fmt.Fprintf(&b, "2026-01-02T03:04:05.%03dZ INFO  pkg/server/handler_%d.go:%d: GET /api/v1/items/%x took %dms, status=200\n",
			random.IntN(1000), random.IntN(20), random.IntN(900), random.Uint64(), random.IntN(500))
	}
	return b.Bytes()[:size]
}

func TestWriteAllocatesNothing(t *testing.T) {
	stream := New([]string{"hunter2", key}).Stream(func([]byte) {})
	chunk := append(log(8<<10), "hunter2 and -----BEGIN OPENSSH"...)
	if n := testing.AllocsPerRun(100, func() { stream.Write(chunk) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	s, text := New([]string{"hunter2", key}), string(log(8<<10))
	if n := testing.AllocsPerRun(100, func() { s.Text(text) }); n != 0 {
		t.Errorf("Text: %v allocations", n)
	}
}

func BenchmarkStream(b *testing.B) {
	token := "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	for _, c := range []struct {
		name    string
		secrets []string
		text    []byte
	}{
		{"none", nil, log(64 << 10)},
		{"token", []string{token}, log(64 << 10)},
		{"four-letters", []string{"pass"}, log(64 << 10)},
		{"key", keys(1, 2600), log(64 << 10)},
		{"ten", append(keys(4, 2600), token, "hunter22", "correct horse", "5ecret-number", "https://u:p@host/x", "AKIAIOSFODNN7EXAMPLE"), log(64 << 10)},
		{"fifty-keys", keys(50, 4<<10), log(64 << 10)},
		{"full-of-it", []string{token}, bytes.Repeat([]byte(token+" is it\n"), 1000)},
		{"one-letter", []string{strings.Repeat("a", 4<<10), strings.Repeat("a", 30) + "b"}, bytes.Repeat([]byte("a"), 64<<10)},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := 0
			stream := New(c.secrets).Stream(func(b []byte) { n += len(b) })
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				stream.Write(c.text)
			}
		})
	}
}

// Lines, one at a time.
func BenchmarkLines(b *testing.B) {
	stream := New([]string{"ghp_16C7e42F292c6912E7710c838347Ae178B4a"}).Stream(func([]byte) {})
	lines := bytes.SplitAfter(log(64<<10), []byte("\n"))
	b.SetBytes(64 << 10)
	for b.Loop() {
		for _, l := range lines {
			stream.Write(l)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, c := range []struct {
		name    string
		secrets []string
	}{
		{"token", []string{"ghp_16C7e42F292c6912E7710c838347Ae178B4a"}},
		{"key", keys(1, 2600)},
		{"fifty-keys", keys(50, 4<<10)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				New(c.secrets)
			}
		})
	}
}
