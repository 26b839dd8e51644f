// Package link reaches a Temporal server: where it is and who asks (the settings of Temporal's own tools, by its SDK's
// envconfig), what is encrypted, and what to type when it cannot be reached.
//
//	cli.Link ─► Options ─► client.Options ─► Dial ─► client.Client
//	                                           └───► Explain: why not, as a sentence
package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"github.com/flowrun/flowrun/pkg/cli"
)

// Options are the options of a client: those that the environment and Temporal's own settings file say, and
//
//   - TLS, unless the server is on this machine or TEMPORAL_TLS=false;
//   - the keys of the key file;
//   - nothing about this machine but its name and the number of this process;
//   - a logger that drops everything (see Logger).
//
// HostPort and Namespace are always set.
func Options(l cli.Link) (client.Options, error) {
	env := environment(l.Env)
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{EnvLookup: env})
	if err != nil {
		return client.Options{}, unreadable(env, err)
	}
	for _, name := range []string{"TEMPORAL_TLS", "TEMPORAL_TLS_DISABLE_HOST_VERIFICATION"} {
		if err := isBool(env, name); err != nil {
			return client.Options{}, err
		}
	}
	if profile.Address == "" {
		profile.Address = client.DefaultHostPort
	}
	if profile.Namespace == "" {
		profile.Namespace = client.DefaultNamespace
	}
	host, err := hostOf(profile.Address)
	if err != nil {
		return client.Options{}, err
	}
	switch here := isLoopback(host); {
	case profile.TLS == nil && !here:
		profile.TLS = &envconfig.ClientConfigTLS{}
	case profile.TLS != nil && profile.TLS.Disabled && !here && profile.APIKey != "":
		return client.Options{}, fmt.Errorf("everyone on the way to %s could read the API key (TLS is switched off: do without TEMPORAL_TLS=false, or without TEMPORAL_API_KEY)", profile.Address)
	}
	opt, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{}, fmt.Errorf("the settings of TLS are wrong: %w (see TEMPORAL_TLS_CLIENT_CERT_PATH, TEMPORAL_TLS_CLIENT_KEY_PATH and TEMPORAL_TLS_SERVER_CA_CERT_PATH)", err)
	}
	keys, err := ReadKeys(l)
	if err != nil {
		return client.Options{}, err
	}
	opt.DataConverter = keys.dataConverter()
	opt.FailureConverter = temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter:          opt.DataConverter,
		EncodeCommonAttributes: l.KeyFile != "",
	})
	opt.Identity = identity()
	opt.DisableWorkerEnvironmentInfo = true
	opt.Logger = Logger(nil)
	return opt, nil
}

// identity says in Temporal's own pages who did something.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("flowrun %d@%s", os.Getpid(), host)
}

// Logger writes what the SDK warns of, a line for each; nil: nowhere.
func Logger(w io.Writer) log.Logger {
	if w == nil {
		return log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	}
	return log.NewStructuredLogger(slog.New(calm{slog.NewTextHandler(w, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if (a.Key == "StackTrace" || a.Key == "PanicStack") && strings.Contains(a.Value.String(), "link.insist(") {
				return slog.Attr{} // a key that is missing is no bug
			}
			return a
		},
	})}))
}

// calm is a log without what is no trouble.
type calm struct{ slog.Handler }

// Handle implements slog.Handler. The SDK warns of each sign of life to which the answer is that the work is cancelled, and of
// payloads of which the server takes four times as much.
func (c calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "RecordActivityHeartbeat with error" || strings.HasPrefix(r.Message, "[TMPRL1103]") {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (c calm) WithAttrs(attrs []slog.Attr) slog.Handler { return calm{c.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (c calm) WithGroup(name string) slog.Handler { return calm{c.Handler.WithGroup(name)} }

// patience is how long a server may take for its first answers.
const patience = 10 * time.Second

// Dial reaches the server, and sees that the namespace is there. Errors are sentences for users.
func Dial(ctx context.Context, opt client.Options) (client.Client, error) {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := client.DialContext(bounded, opt)
	if err == nil {
		_, err = c.WorkflowService().DescribeNamespace(bounded, &workflowservice.DescribeNamespaceRequest{Namespace: opt.Namespace})
		if err == nil {
			return c, nil
		}
		c.Close()
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, Explain(err, opt)
}

// environment is a list of NAME=value, as envconfig reads it.
type environment []string

// Environ implements envconfig.EnvLookup.
func (e environment) Environ() []string { return slices.Clone(e) }

// LookupEnv implements envconfig.EnvLookup. A variable without a value is none: so shells and containers often unset
// one, and an empty address or certificate means nothing.
func (e environment) LookupEnv(name string) (string, bool) {
	for _, v := range slices.Backward(e) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value, value != ""
		}
	}
	return "", false
}

// isBool refuses what envconfig would pass over.
func isBool(env environment, name string) error {
	value, ok := env.LookupEnv(name)
	if ok && !slices.Contains([]string{"true", "false", "1", "0"}, strings.ToLower(value)) {
		return fmt.Errorf("%s is %q (it is true or false)", name, value)
	}
	return nil
}

// unreadable is why the settings cannot be read. What stands at a mistake in the file may be a key, and is not told.
func unreadable(env environment, err error) error {
	path, ok := env.LookupEnv("TEMPORAL_CONFIG_FILE")
	if !ok {
		path = envconfig.DefaultConfigFilePath()
	}
	var wrong toml.ParseError
	if errors.As(err, &wrong) {
		at := ""
		if wrong.LastKey != "" {
			at = fmt.Sprintf(", at or behind %s", wrong.LastKey)
		}
		return fmt.Errorf("line %d of the settings of Temporal in %q is no TOML%s (texts stand in quotes; TEMPORAL_CONFIG_FILE names another file)", wrong.Position.Line, path, at)
	}
	return fmt.Errorf("the settings of Temporal in %q: %w (TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE say what is read)", path, err)
}

// hostOf is the host of an address, which is HOST:PORT, or something that gRPC resolves, as dns:///HOST:PORT.
func hostOf(address string) (string, error) {
	rest := address
	if scheme, after, ok := strings.Cut(address, "://"); ok {
		if scheme == "http" || scheme == "https" {
			host := strings.TrimRight(after, "/")
			return "", fmt.Errorf("the address of Temporal is %q (it is HOST:PORT: TEMPORAL_ADDRESS=%s)", address, withPort(host))
		}
		rest = after[strings.LastIndexByte(after, '/')+1:]
	}
	if strings.HasPrefix(address, "unix:") || strings.HasPrefix(address, "unix-abstract:") {
		return "localhost", nil
	}
	host, _, err := net.SplitHostPort(rest)
	if err != nil || host == "" {
		return "", fmt.Errorf("the address of Temporal is %q (it is HOST:PORT: TEMPORAL_ADDRESS=%s)", address, withPort(rest))
	}
	return host, nil
}

// withPort is what was probably meant by an address.
func withPort(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), ""
	}
	if host == "" {
		host = "localhost"
	}
	if port == "" {
		port = "7233"
	}
	return net.JoinHostPort(host, port)
}

// isLoopback says whether nothing leaves this machine on the way to a host. A name that is looked up does not count: who answers
// for it may change.
func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
