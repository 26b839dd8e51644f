package diag

import "testing"

func TestSuggest(t *testing.T) {
	many := []string{"attempts", "capture", "delay", "env", "factor", "jitter", "match", "needs", "retry", "run", "until"}
	for _, c := range []struct {
		name  string
		known []string
		want  string
	}{
		{"x", nil, ""},
		{"tiemout", []string{"timeout"}, "did you mean timeout?"},
		{"nosuch", []string{"timeout"}, "there is only timeout"},
		{"nosuch", many[:2], "there are attempts and capture"},
		{"nosuch", many[:8], "there are attempts, capture, delay, env, factor, jitter, match and needs"},
		{"rents", many, "there are env, needs, retry and 8 more"},
		{"", many, "there are env, run, delay and 8 more"},
	} {
		if got := Suggest(c.name, c.known); got != c.want {
			t.Errorf("Suggest(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCertain(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"tiemout", "timeout"},
		{"delays", "delay"},
		{"stop", ""},     // of step and shop
		{"Step", "step"}, // it is that, whatever else is near
		{"nosuch", ""},
		{"siheld", "shield"}, // not shell, which is two letters away
	} {
		if got := Certain(c.name, []string{"timeout", "delay", "step", "shop", "shell", "shield"}); got != c.want {
			t.Errorf("Certain(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}
