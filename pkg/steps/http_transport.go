package steps

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	connectTimeout = 30 * time.Second // for TCP, and again for TLS: a step without a timeout must not wait for a dead host
	maxHeaderBytes = 1 << 20
)

// transport is the way of one attempt. It keeps no connection for later: nothing of a step may outlive it, and net/http
// would try again by itself on a kept connection that broke, which is for the step's own retry to decide. HTTP/2 gains
// nothing with one request for a connection.
func transport(r *request, env []string, w *wires) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  proxy(env),
		DialContext:            w.dial,
		TLSClientConfig:        r.tls,
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableKeepAlives:      true,
		// A file on the disk is what the server has, not what is packed in it.
		DisableCompression: r.save != "",
		Protocols:          protocols,
	}
}

// wires are the connections of one attempt. net/http dials with a context of its own that outlives the request, for
// another request might use the connection; here none would, so the attempt's context rules.
type wires struct {
	ctx   context.Context
	mu    sync.Mutex
	open  []net.Conn
	over  bool
	dials sync.WaitGroup
}

func (w *wires) dial(_ context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	if w.over {
		w.mu.Unlock()
		return nil, context.Canceled
	}
	w.dials.Add(1)
	w.mu.Unlock()
	defer w.dials.Done()
	d := net.Dialer{Timeout: connectTimeout}
	c, err := patiently(w.ctx, func() (net.Conn, error) { return d.DialContext(w.ctx, network, addr) })
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, c)
	return c, nil
}

// close ends every connection. The context has been cancelled before.
func (w *wires) close() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.dials.Wait()
	for _, c := range w.open {
		_ = c.Close()
	}
}

// badRedirect is a redirect that is not followed.
type badRedirect struct{ why string }

func (b badRedirect) Error() string { return b.why }

// redirect decides on a redirect: http.Client.CheckRedirect.
func (r *request) redirect(req *http.Request, via []*http.Request) error {
	status, to := req.Response.StatusCode, address(req.URL)
	switch {
	case r.redirects == 0 || slices.Contains(r.expect, status):
		return http.ErrUseLastResponse
	case len(via) > r.redirects:
		return badRedirect{fmt.Sprintf("more than %s", times(r.redirects, "redirect"))}
	case req.URL.Scheme != r.url.Scheme:
		return badRedirect{fmt.Sprintf("it redirects from %s to %s: write that URL if it is meant", r.url.Scheme, to)}
	}
	req.URL.RawQuery = escapeQuery(req.URL.RawQuery)
	req.Header.Del("Referer") // would tell where the step came from
	other := func(q *http.Request) bool { return origin(q.URL) != origin(r.url) }
	if !other(req) && !slices.ContainsFunc(via, other) {
		return nil
	}
	// What the step wrote is meant for the host that it named: header fields and bodies may hold secrets.
	if req.Body != nil {
		return badRedirect{fmt.Sprintf("it wants the body to be sent to %s: write that URL if it is meant", to)}
	}
	accept := req.Header.Values("Accept")
	req.Header = http.Header{"User-Agent": {userAgent}}
	if len(accept) > 0 {
		req.Header["Accept"] = accept
	}
	return nil
}

// origin is the host and the port of u.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// address is u for a message: bounded, and without what people hide in it.
func address(u *url.URL) string {
	return head((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

func times(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
