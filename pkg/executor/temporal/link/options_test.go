package link_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/flowrun/flowrun/pkg/cli"
	"github.com/flowrun/flowrun/pkg/executor/temporal/link"
)

// TestOptions: what the settings come to. SETTINGS stands for a file that has the settings of the case.
func TestOptions(t *testing.T) {
	for _, tc := range []struct {
		name     string
		env      string // split at blanks
		settings string
		want     string // address namespace tls|plain, or the error
	}{
		{name: "nothing", want: "localhost:7233 default plain"},
		{name: "namespace", env: "TEMPORAL_NAMESPACE=ci", want: "localhost:7233 ci plain"},
		{name: "empty is nothing", env: "TEMPORAL_ADDRESS= TEMPORAL_NAMESPACE= TEMPORAL_API_KEY= TEMPORAL_TLS=", want: "localhost:7233 default plain"},
		{name: "the last one counts", env: "TEMPORAL_ADDRESS=a:1 TEMPORAL_ADDRESS=b:2", want: "b:2 default tls"},

		// TLS is on unless nothing leaves this machine.
		{name: "IPv4", env: "TEMPORAL_ADDRESS=127.1.2.3:7233", want: "127.1.2.3:7233 default plain"},
		{name: "IPv6", env: "TEMPORAL_ADDRESS=[::1]:7233", want: "[::1]:7233 default plain"},
		{name: "mapped", env: "TEMPORAL_ADDRESS=[::ffff:127.0.0.1]:7233", want: "[::ffff:127.0.0.1]:7233 default plain"},
		{name: "name here", env: "TEMPORAL_ADDRESS=Temporal.LocalHost.:7233", want: "Temporal.LocalHost.:7233 default plain"},
		{name: "resolver here", env: "TEMPORAL_ADDRESS=dns:///localhost:7233", want: "dns:///localhost:7233 default plain"},
		{name: "socket", env: "TEMPORAL_ADDRESS=unix:///run/temporal.sock", want: "unix:///run/temporal.sock default plain"},
		{name: "all addresses", env: "TEMPORAL_ADDRESS=0.0.0.0:7233", want: "0.0.0.0:7233 default tls"},
		{name: "name", env: "TEMPORAL_ADDRESS=temporal.example.com:7233", want: "temporal.example.com:7233 default tls"},
		{name: "looks like here", env: "TEMPORAL_ADDRESS=localhost.example.com:7233", want: "localhost.example.com:7233 default tls"},
		{name: "resolver", env: "TEMPORAL_ADDRESS=dns:///temporal:7233", want: "dns:///temporal:7233 default tls"},
		{name: "off by hand", env: "TEMPORAL_ADDRESS=temporal:7233 TEMPORAL_TLS=FALSE", want: "temporal:7233 default plain"},
		{name: "on by hand", env: "TEMPORAL_TLS=1", want: "localhost:7233 default tls"},
		{name: "a key wants TLS", env: "TEMPORAL_API_KEY=sesame", want: "localhost:7233 default tls"},
		{name: "a key here", env: "TEMPORAL_API_KEY=sesame TEMPORAL_TLS=0", want: "localhost:7233 default plain"},
		{
			name: "a key for all to read", env: "TEMPORAL_ADDRESS=temporal:7233 TEMPORAL_API_KEY=sesame TEMPORAL_TLS=0",
			want: "everyone on the way to temporal:7233 could read the API key (TLS is switched off: do without TEMPORAL_TLS=false, or without TEMPORAL_API_KEY)",
		},

		{name: "file", env: "TEMPORAL_CONFIG_FILE=SETTINGS", settings: "[profile.default]\naddress = 'a:1'\nnamespace = 'ci'", want: "a:1 ci tls"},
		{name: "file and environment", env: "TEMPORAL_CONFIG_FILE=SETTINGS TEMPORAL_ADDRESS=b:2", settings: "[profile.default]\naddress = 'a:1'\nnamespace = 'ci'", want: "b:2 ci tls"},
		{name: "profile", env: "TEMPORAL_CONFIG_FILE=SETTINGS TEMPORAL_PROFILE=cloud", settings: "[profile.cloud]\naddress = 'a:1'", want: "a:1 default tls"},
		{name: "no such profile", env: "TEMPORAL_CONFIG_FILE=SETTINGS TEMPORAL_PROFILE=cloud", settings: "[profile.default]", want: `the settings of Temporal in "SETTINGS": unable to find profile cloud in config data (TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE say what is read)`},
		{
			name: "a key without quotes", env: "TEMPORAL_CONFIG_FILE=SETTINGS", settings: "[profile.default]\nnamespace = 'ci'\napi_key = sesame\n",
			want: `line 3 of the settings of Temporal in "SETTINGS" is no TOML, at or behind profile.default.api_key (texts stand in quotes; TEMPORAL_CONFIG_FILE names another file)`,
		},

		{name: "URL", env: "TEMPORAL_ADDRESS=https://temporal.example.com/", want: `the address of Temporal is "https://temporal.example.com/" (it is HOST:PORT: TEMPORAL_ADDRESS=temporal.example.com:7233)`},
		{name: "no port", env: "TEMPORAL_ADDRESS=temporal", want: `the address of Temporal is "temporal" (it is HOST:PORT: TEMPORAL_ADDRESS=temporal:7233)`},
		{name: "no host", env: "TEMPORAL_ADDRESS=:7233", want: `the address of Temporal is ":7233" (it is HOST:PORT: TEMPORAL_ADDRESS=localhost:7233)`},
		{name: "IPv6 alone", env: "TEMPORAL_ADDRESS=::1", want: `the address of Temporal is "::1" (it is HOST:PORT: TEMPORAL_ADDRESS=[::1]:7233)`},
		{name: "perhaps", env: "TEMPORAL_TLS=no", want: `TEMPORAL_TLS is "no" (it is true or false)`},
		{name: "perhaps not", env: "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION=yes", want: `TEMPORAL_TLS_DISABLE_HOST_VERIFICATION is "yes" (it is true or false)`},
		{name: "half a certificate", env: "TEMPORAL_TLS_CLIENT_CERT_PATH=cert.pem", want: "the settings of TLS are wrong: invalid TLS config: if either client cert or key path is present, other must be present too (see TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH and TEMPORAL_TLS_SERVER_CA_CERT_PATH)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "temporal.toml")
			if err := os.WriteFile(file, []byte(tc.settings), 0o600); err != nil {
				t.Fatal(err)
			}
			env := append([]string{"TEMPORAL_CONFIG_FILE=" + file + ".none"}, strings.Fields(strings.ReplaceAll(tc.env, "SETTINGS", file))...)
			opt, err := link.Options(cli.Link{Env: env})
			got := fmt.Sprint(err)
			if err == nil {
				tls := "plain"
				if opt.ConnectionOptions.TLS != nil {
					tls = "tls"
				}
				got = strings.Join([]string{opt.HostPort, opt.Namespace, tls}, " ")
			}
			if want := strings.ReplaceAll(tc.want, "SETTINGS", file); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestIdentity: what Temporal's pages say of who works there is the program, its process and the machine.
func TestIdentity(t *testing.T) {
	opt, err := link.Options(cli.Link{})
	if err != nil {
		t.Fatal(err)
	}
	if host, _ := os.Hostname(); opt.Identity != fmt.Sprintf("flowrun %d@%s", os.Getpid(), host) || !opt.DisableWorkerEnvironmentInfo {
		t.Errorf("identity %q, environment hidden: %t", opt.Identity, opt.DisableWorkerEnvironmentInfo)
	}
}

func TestLogger(t *testing.T) {
	var b strings.Builder
	l := link.Logger(&b)
	l.Info("polls")
	l.Warn("lost\x1b[31m", "queue", "a b")
	link.Logger(nil).Error("nobody hears this")
	if got, want := b.String(), `level=WARN msg="lost\x1b[31m" queue="a b"`+"\n"; !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 1 {
		t.Errorf("got  %swant %s", got, want)
	}
}
