package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
)

// Encrypted is what the SDK has in the place of the text of a failure that was written with another key.
const Encrypted = "Encoded failure"

// Explain is what a call to the server failed with, as a sentence that says what to type.
func Explain(err error, opt client.Options) error {
	var key keyError
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &key):
		return fmt.Errorf("what the run holds cannot be read: %w", key)
	}
	var namespace *serviceerror.NamespaceNotFound
	text, code := said(err)
	switch {
	case errors.As(err, &namespace):
		return fmt.Errorf("there is no namespace %q on the Temporal server at %s (TEMPORAL_NAMESPACE names another one; to make this one: temporal operator namespace create -n %[1]s)", opt.Namespace, opt.HostPort)
	case code == codes.Unauthenticated, code == codes.PermissionDenied:
		return fmt.Errorf("the Temporal server at %s does not let you into the namespace %q: %s (who you are is said by TEMPORAL_API_KEY, or by TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH)", opt.HostPort, opt.Namespace, text)
	case code == codes.Unimplemented:
		return fmt.Errorf("what answers at %s is no Temporal server, or a very old one: %s (TEMPORAL_ADDRESS names another one)", opt.HostPort, text)
	case code == codes.DeadlineExceeded:
		return fmt.Errorf("nothing answers at %s (is it the right address? TEMPORAL_ADDRESS names another one)", opt.HostPort)
	case code == codes.Unavailable:
		return unreachable(text, opt)
	}
	return fmt.Errorf("the Temporal server at %s: %s", opt.HostPort, text)
}

// unreachable is why there is no connection. gRPC has only a text for that, made of those of crypto/tls, crypto/x509,
// net and its own; TestDial brings them about.
func unreachable(text string, opt client.Options) error {
	secure := opt.ConnectionOptions.TLS != nil
	has := func(part string) bool { return strings.Contains(text, part) }
	at := opt.HostPort
	switch {
	case has("failed to verify certificate"):
		return fmt.Errorf("the certificate of the Temporal server at %s is not trusted: %s (TEMPORAL_TLS_SERVER_CA_CERT_PATH is the file of who signed it, TEMPORAL_TLS_SERVER_NAME the name in it)", at, behind(text, "x509: "))
	case has("does not look like a TLS handshake"):
		return fmt.Errorf("the server at %s speaks no TLS (TEMPORAL_TLS=false does without; everyone on the way can then read along)", at)
	case has("HTTP/1.1 header"), has("HTTP status code"), has("malformed HTTP"):
		return fmt.Errorf("what answers at %s is no Temporal server (its port is mostly 7233; 8233 and 8080 have its pages)", at)
	case hungUp(text) && secure:
		return fmt.Errorf("the server at %s hangs up: %s (it may want a certificate that it knows: TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH)", at, behind(text, "server preface: "))
	case hungUp(text):
		return fmt.Errorf("the server at %s hangs up: %s (it may want TLS: TEMPORAL_TLS=true)", at, behind(text, "server preface: "))
	case has("refused"):
		return fmt.Errorf("there is no Temporal server at %s (TEMPORAL_ADDRESS names another one; to try it out: temporal server start-dev)", at)
	case has("no children to pick from"), has("produced zero addresses"), has("no such host"):
		return fmt.Errorf("nothing is known of the host of %s (TEMPORAL_ADDRESS names another one)", at)
	}
	return fmt.Errorf("the Temporal server at %s cannot be reached: %s (TEMPORAL_ADDRESS names another one)", at, behind(text, "dialing: "))
}

// hungUp says whether the server took the connection and then closed it. Who writes at that moment is told so by the
// system, each in its words; who reads is told by gRPC, with the reason if the server gave one.
func hungUp(text string) bool {
	return slices.ContainsFunc([]string{"server preface", "broken pipe", "connection reset", "forcibly closed", "was aborted"}, func(sign string) bool {
		return strings.Contains(text, sign)
	})
}

// said is the text of an error, without what was put around it on this side, and its code.
func said(err error) (string, codes.Code) {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	s := serviceerror.ToStatus(err)
	return strings.TrimSuffix(s.Message(), "."), s.Code()
}

// behind is what follows mark in text; all of it, when there is none.
func behind(text, mark string) string {
	if _, after, ok := strings.Cut(text, mark); ok {
		return strings.TrimSuffix(after, `"`)
	}
	return text
}
