package steps

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	first := idempotencyKey(kind.Call{RunID: "01K", Step: "a", Attempt: 1})
	if again := idempotencyKey(kind.Call{RunID: "01K", Step: "a", Attempt: 2}); again != first {
		t.Errorf("attempts differ: %s, %s", first, again)
	}
	for _, other := range []kind.Call{{RunID: "01K", Step: "b"}, {RunID: "01L", Step: "a"}, {RunID: "01", Step: "Ka"}} {
		if idempotencyKey(other) == first {
			t.Errorf("%+v has the same key", other)
		}
	}
}

func TestTraceparent(t *testing.T) {
	t.Parallel()
	const in = "4bf92f3577b34da6a3ce929d0e0e4736"
	own := regexp.MustCompile("^00-([0-9a-f]{32})-([0-9a-f]{16})-01$")
	call := kind.Call{RunID: "01K", Step: "a", Attempt: 1}
	first := own.FindStringSubmatch(traceparent(call))
	if first == nil {
		t.Fatalf("%s", traceparent(call))
	}
	call.Attempt = 2
	if second := own.FindStringSubmatch(traceparent(call)); second == nil || second[1] != first[1] || second[2] == first[2] {
		t.Errorf("the second attempt: %s", second)
	}
	call.Attempt = 1
	for _, c := range []struct{ parent, want string }{
		{"00-" + in + "-00f067aa0ba902b7-00", "00-" + in + "-" + first[2] + "-00"},
		{"00-" + in + "-00f067aa0ba902b7-01", "00-" + in + "-" + first[2] + "-01"},
		{"cc-" + in + "-00f067aa0ba902b7-01-more", "00-" + in + "-" + first[2] + "-01"},
		// What is not valid begins a trace.
		{"", first[0]},
		{"00-" + in + "-00f067aa0ba902b7-01-more", first[0]},
		{"ff-" + in + "-00f067aa0ba902b7-01", first[0]},
		{"00-" + in + "-0000000000000000-01", first[0]},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", first[0]},
		{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", first[0]},
		{"00-" + in + "-00f067aa0ba902b7", first[0]},
	} {
		call.Env = []string{"TRACEPARENT=" + c.parent}
		if got := traceparent(call); got != c.want {
			t.Errorf("%q: %s, want %s", c.parent, got, c.want)
		}
	}
}

// TestHTTPIdempotencyKey: a request that may change something says which one it is.
func TestHTTPIdempotencyKey(t *testing.T) {
	t.Parallel()
	seen := make(chan []string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { seen <- q.Header["Idempotency-Key"] }))
	defer s.Close()
	key := idempotencyKey(httpCall(t, s.URL))
	for _, c := range []struct {
		method string
		header any
		want   string
	}{
		{"GET", "", ""},
		{"HEAD", "", ""},
		{"OPTIONS", "", ""},
		{"POST", "", key},
		{"PUT", "", key},
		{"PATCH", "", key},
		{"DELETE", "", key},
		{"POST", "mine", "mine"},
		{"POST", nil, ""},
		{"GET", "mine", "mine"},
	} {
		request := map[string]any{"url": s.URL, "method": c.method}
		if c.header != "" {
			request["headers"] = map[string]any{"idempotency-key": c.header}
		}
		if o := runHTTP(context.Background(), httpCall(t, request)); o.Err != nil {
			t.Errorf("%s: %v", c.method, o.Err)
			continue
		}
		got := ""
		if all := <-seen; len(all) > 0 {
			got = all[0]
		}
		if got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.method, c.header, got, c.want)
		}
	}
}
