package mask_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/pkg/executor/mask"
)

// TestSeal: a sealed text has no secret, and is what it was once it is unsealed.
func TestSeal(t *testing.T) {
	values := []string{"hunter2-hunter2", "p\"q'r s/t", strings.Repeat("long-secret-", 12), "", "tok1"}
	s := mask.New(values)
	for _, text := range []string{
		"", "plain", "hunter2-hunter2", "a hunter2-hunter2 b", "hunter2-hunter2hunter2-hunter2", "\x1a", "\x1a\x1a0.0.0.4;", "\x1ahunter2-hunter2\x1a",
		strings.Repeat("long-secret-", 12), "x" + strings.Repeat("long-secret-", 13), strings.Repeat("long-secret-", 5), `p\"q'r s/t`, "p%22q%27r+s%2Ft",
		"aHVudGVyMi1odW50ZXIy", "eGh1bnRlcjItaHVudGVyMg==", "tok1tok1 tok1", "hunter2-hunter2tok1", "68756e746572322d68756e74657232",
	} {
		sealed := s.Seal(text)
		if masked := s.Text(sealed); masked != sealed {
			t.Errorf("%q is sealed as %q, in which a secret is found", text, sealed)
		}
		back, err := s.Unseal(sealed)
		if err != nil || back != text {
			t.Errorf("%q, sealed as %q, is unsealed as %q, %v", text, sealed, back, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOf(rapid.SampledFrom(append(values[:3:3], "tok1", "x", "hunter2-", "\x1a", "0.0.0.1;", "secret-long", "é"))).Draw(t, "parts"), "")
		for _, s := range []*mask.Set{s, nil} {
			if back, err := s.Unseal(s.Seal(text)); err != nil || back != text {
				t.Fatalf("%q is unsealed as %q, %v", text, back, err)
			}
		}
	})
}

// TestUnsealOthers: another value of a secret stands in its place; what it does not have is an error, and no panic.
func TestUnsealOthers(t *testing.T) {
	s := mask.New([]string{"hunter2"})
	sealed := s.Seal("x hunter2")
	if text, err := mask.New([]string{"hunter3"}).Unseal(sealed); err != nil || text != "x hunter3" {
		t.Errorf("%q, %v", text, err)
	}
	for _, other := range []*mask.Set{nil, mask.New([]string{"none"})} {
		if text, err := other.Unseal(sealed); err == nil {
			t.Errorf("%q", text)
		}
	}
	for _, wrong := range []string{"\x1a", "\x1a1", "\x1a0.0.0.0.0;", "\x1a-1.0.0.1;", "\x1a0.99.0.1;", "\x1a0.0.5.2;", "\x1a9.0.0.1;", "\x1a0.0.0.99999999999999999999;"} {
		if text, err := s.Unseal(wrong); err == nil {
			t.Errorf("%q is unsealed as %q", wrong, text)
		}
	}
}
