package link_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
)

// TestDial reaches servers of all sorts, and says why not. HERE stands for the address.
func TestDial(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	cert, certFile, keyFile := ca.issue(t, "127.0.0.1")
	other, _, _ := ca.issue(t, "temporal.example.com")
	_, strangeCert, strangeKey := stranger.issue(t, "somebody")

	plain := serve(t, nil, server{})
	secure := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}}, server{})
	misnamed := serve(t, &tls.Config{Certificates: []tls.Certificate{other}}, server{})
	mutual := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool()}, server{})
	keyed := serve(t, nil, server{key: "sesame"})
	keyedTLS := serve(t, &tls.Config{Certificates: []tls.Certificate{cert}}, server{key: "sesame"})
	noTemporal := serve(t, nil)
	page := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(page.Close)
	none := filepath.Join(t.TempDir(), "none.toml")
	silent := listen(t) // takes connections, and says nothing

	const nobody = "127.0.0.1:1" // a port that was free a moment ago may be another's by now
	const known = "TEMPORAL_TLS_SERVER_CA_CERT_PATH="
	for _, tc := range []struct {
		name, address string
		env           []string
		want          string // of the error
	}{
		{"no TLS", plain, nil, ""},
		{"TLS", secure, []string{known + ca.file}, ""},
		{"TLS, another name", misnamed, []string{known + ca.file, "TEMPORAL_TLS_SERVER_NAME=temporal.example.com"}, ""},
		{"TLS on both sides", mutual, []string{known + ca.file, "TEMPORAL_TLS_CLIENT_CERT_PATH=" + certFile, "TEMPORAL_TLS_CLIENT_KEY_PATH=" + keyFile}, ""},
		{"API key", keyedTLS, []string{known + ca.file, "TEMPORAL_API_KEY=sesame"}, ""},
		{"API key on this machine", keyed, []string{"TEMPORAL_TLS=false", "TEMPORAL_API_KEY=sesame"}, ""},

		{"certificate missing", mutual, []string{known + ca.file}, "(it may want a certificate that it knows: TEMPORAL_TLS_CLIENT_CERT_PATH"},
		{"certificate of a stranger", mutual, []string{known + ca.file, "TEMPORAL_TLS_CLIENT_CERT_PATH=" + strangeCert, "TEMPORAL_TLS_CLIENT_KEY_PATH=" + strangeKey}, "(it may want a certificate that it knows: TEMPORAL_TLS_CLIENT_CERT_PATH"},
		{"TLS where there is none", plain, []string{"TEMPORAL_TLS=true"}, "the server at HERE speaks no TLS (TEMPORAL_TLS=false"},
		{"no TLS where there is", secure, nil, "(it may want TLS: TEMPORAL_TLS=true)"},
		{"server of a stranger", secure, []string{"TEMPORAL_TLS=true", known + stranger.file}, "the certificate of the Temporal server at HERE is not trusted: certificate signed by unknown authority"},
		{"server of another name", misnamed, []string{known + ca.file}, "is not trusted: cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs (TEMPORAL_TLS_SERVER_CA_CERT_PATH"},
		{"nobody", nobody, nil, "there is no Temporal server at HERE (TEMPORAL_ADDRESS names another one; to try it out: temporal server start-dev)"},
		{"silence", silent.Addr().String(), nil, "nothing answers at HERE (is it the right address?"},
		{"pages", strings.TrimPrefix(page.URL, "http://"), nil, "what answers at HERE is no Temporal server (its port is mostly 7233"},
		{"another service", noTemporal, nil, "what answers at HERE is no Temporal server, or a very old one: unknown service"},
		{"API key missing", keyed, nil, `HERE does not let you into the namespace "default": invalid token (who you are is said by TEMPORAL_API_KEY`},
		{"API key wrong", keyed, []string{"TEMPORAL_TLS=false", "TEMPORAL_API_KEY=open"}, "invalid token (who"},
		{"no namespace", plain, []string{"TEMPORAL_NAMESPACE=nightly"}, `there is no namespace "nightly" on the Temporal server at HERE (TEMPORAL_NAMESPACE names another one; to make this one: temporal operator namespace create -n nightly)`},
		{"namespace of others", plain, []string{"TEMPORAL_NAMESPACE=closed"}, `does not let you into the namespace "closed": Request unauthorized (who`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			opt, err := link.Options(cli.Link{Env: append(tc.env, "TEMPORAL_ADDRESS="+tc.address, "TEMPORAL_CONFIG_FILE="+none)})
			if err != nil {
				t.Fatal(err)
			}
			opt.ConnectionOptions.GetSystemInfoTimeout = time.Minute
			if tc.name == "silence" {
				opt.ConnectionOptions.GetSystemInfoTimeout = 50 * time.Millisecond
			}
			c, err := link.Dial(t.Context(), opt)
			if err == nil {
				c.Close()
			}
			want := strings.ReplaceAll(tc.want, "HERE", tc.address)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestDialStopped: who presses Ctrl-C is told nothing about servers.
func TestDialStopped(t *testing.T) {
	opt, err := link.Options(cli.Link{Env: []string{"TEMPORAL_ADDRESS=" + listen(t).Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	if _, err := link.Dial(ctx, opt); err != stopped {
		t.Errorf("got %v", err)
	}
}

// TestExplain is about what no test brings about on every machine.
func TestExplain(t *testing.T) {
	opt := client.Options{HostPort: "temporal.example.com:7233", Namespace: "default"}
	for _, tc := range []struct {
		err  error
		want string
	}{
		{serviceerror.NewUnavailable("no children to pick from"), "nothing is known of the host of temporal.example.com:7233 (TEMPORAL_ADDRESS names another one)"},
		{
			serviceerror.NewUnavailable(`connection error: desc = "transport: Error while dialing: dial tcp 192.0.2.1:7233: connect: no route to host"`),
			"the Temporal server at temporal.example.com:7233 cannot be reached: dial tcp 192.0.2.1:7233: connect: no route to host (TEMPORAL_ADDRESS names another one)",
		},
		{fmt.Errorf("a query: %w", serviceerror.NewResourceExhausted(0, "too many requests")), "the Temporal server at temporal.example.com:7233: too many requests"},
		{errors.New("unexpected"), "the Temporal server at temporal.example.com:7233: unexpected"},
		{fmt.Errorf("here: %w", context.Canceled), "here: context canceled"},
	} {
		if got := link.Explain(tc.err, opt); got.Error() != tc.want {
			t.Errorf("got  %v\nwant %s", got, tc.want)
		}
	}
	if err := link.Explain(nil, opt); err != nil {
		t.Error(err)
	}
}
