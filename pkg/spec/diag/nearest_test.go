package diag

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"run", "validate", "plan", "version", "dry-run", "n"}
	for _, c := range []struct{ name, want string }{
		{"rnu", "run"},
		{"validat", "validate"},
		{"dry_run", "dry-run"},
		{"VERSION", "version"},
		{"versoin", "version"},
		{"nosuch", ""},
		{"nodry", ""},
		{"", ""},
		{"paln", "plan"},
		{"N", "n"},
		{"m", ""},
		{"nn", ""},
		{"ru", ""},
		{"é", ""},
		{"rum", "run"},
	} {
		if got := Nearest(c.name, known); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.name, got, c.want)
		}
	}
}
