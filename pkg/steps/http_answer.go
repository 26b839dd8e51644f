package steps

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/flowrun/flowrun/pkg/executor/event"
)

const (
	maxExcerpt  = 1 << 10         // of a body in the message of an error
	excerptWait = 2 * time.Second // for that body: the status alone says enough
)

// answered is the outcome of a request that was answered. cancel ends the connection.
func (r *request) answered(resp *http.Response, cancel context.CancelFunc) event.Outcome {
	o := r.judge(resp, cancel)
	o.Extra = extra(resp)
	return o
}

func (r *request) judge(resp *http.Response, cancel context.CancelFunc) event.Outcome {
	if !r.expected(resp.StatusCode) {
		defer time.AfterFunc(excerptWait, cancel).Stop()
		return event.Failure(r.httpError(resp, excerpt(resp.Body)))
	}
	if resp.ContentLength > int64(r.max) && resp.Request.Method != http.MethodHead {
		return event.Failure(r.tooLong())
	}
	if r.save != "" {
		if err := r.store(resp.Body); err != nil {
			return event.Failure(err)
		}
		return event.Success(r.save)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit(r.max)))
	switch {
	case err != nil:
		return event.Failure(r.broken(err, len(body)))
	case len(body) > r.max:
		return event.Failure(r.tooLong())
	}
	v, failed := r.decode(resp.Header.Get("Content-Type"), body)
	if failed != nil {
		return event.Failure(failed)
	}
	return event.Success(v)
}

func (r *request) expected(status int) bool {
	if r.expect == nil {
		return status >= 200 && status <= 299
	}
	return slices.Contains(r.expect, status)
}

// limit is one byte more than n, to see that there is more.
func limit(n int) int64 { return int64(min(n, math.MaxInt-1)) + 1 }

// extra is what steps.x has besides the value. Names of header fields are in small letters, for they have no case.
func extra(resp *http.Response) map[string]any {
	headers := make(map[string]any, len(resp.Header))
	for name, values := range resp.Header {
		headers[strings.ToLower(clean([]byte(name)))] = clean([]byte(strings.Join(values, ", ")))
	}
	return map[string]any{"http": map[string]any{"status": resp.StatusCode, "headers": headers}}
}

func (r *request) fail(typ, format string, args ...any) *event.Error {
	return event.Errorf(typ, "%s: %s", r.said(), fmt.Sprintf(format, args...))
}

// httpError is an answer that is no success.
func (r *request) httpError(resp *http.Response, why string) *event.Error {
	status := strings.TrimSpace(strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))
	if why != "" {
		status += ": " + why
	}
	e := r.fail(event.HTTPError, "%s", status)
	e.Fields = map[string]any{"status": resp.StatusCode}
	if seconds, ok := retryAfter(resp.Header, time.Now()); ok {
		e.Fields["retry_after"] = seconds
	}
	return e
}

// excerpt is the begin of a body that is no value, as text that moves no terminal.
func excerpt(body io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(body, maxExcerpt+1))
	more := ""
	if len(b) > maxExcerpt {
		b = b[:maxExcerpt]
		b, more = b[:wholeRunes(b)], "..."
	}
	s := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' && c != '\t' {
			return utf8.RuneError
		}
		return c
	}, strings.ReplaceAll(clean(b), "\r\n", "\n"))
	return strings.TrimSpace(s) + more
}

// retryAfter is the server's wish for a pause in seconds: a number, or an instant, which is measured by the server's own clock if
// it shows one.
func retryAfter(h http.Header, now time.Time) (int, bool) {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return int(n), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		now = t
	}
	return int(math.Ceil(min(max(0, at.Sub(now).Seconds()), math.MaxInt32))), true
}

func (r *request) tooLong() *event.Error {
	help := "raise max_bytes, or write the body to a file by save"
	if r.save != "" {
		help = "raise max_bytes"
	}
	return r.fail(event.OutputError, "the body is longer than max_bytes (%s): %s", event.FormatSize(r.max), help)
}

// broken is the error of a body that does not come to its end. n bytes of it were read.
func (r *request) broken(err error, n int) *event.Error {
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return r.fail(event.OutputError, "the body cannot be decompressed: %v", err)
	}
	return r.fail(event.ConnectionError, "the connection broke after %s of the body: %s", times(n, "byte"), brokenBy(err))
}

func brokenBy(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the server closed it"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	default:
		return err.Error()
	}
}

// store writes the body to the file, which is there whole or as it was before.
func (r *request) store(body io.Reader) *event.Error {
	name := filepath.Join(filepath.Dir(r.save), fmt.Sprintf(".%s.%08x", filepath.Base(r.save), rand.Uint32()))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return r.fail(event.OutputError, "save: %v", err)
	}
	defer os.Remove(name) // is gone when all went well
	in := &source{Reader: io.LimitReader(body, limit(r.max))}
	out := bufio.NewWriterSize(f, 64<<10)
	n, err := io.Copy(out, in)
	failed := errors.Join(out.Flush(), f.Close())
	switch {
	case in.err != nil:
		return r.broken(in.err, int(n))
	case n > int64(r.max):
		return r.tooLong()
	case err != nil || failed != nil:
		return r.fail(event.OutputError, "save: %v", errors.Join(err, failed))
	}
	if err := os.Rename(name, r.save); err != nil {
		return r.fail(event.OutputError, "save: %v", err)
	}
	return nil
}

// source remembers why reading failed, which io.Copy does not tell from why writing did.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// decode makes the value of a body.
func (r *request) decode(contentType string, body []byte) (any, *event.Error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(contentType)), ";")
	}
	if media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json") {
		if len(body) == 0 {
			return nil, nil
		}
		v, err := decode(body)
		if err != nil {
			return nil, r.fail(event.OutputError, "the body is not JSON, as it says it is: %v: it begins with %s", err, head(clean(body)))
		}
		return v, nil
	}
	if utf8.Valid(body) {
		return string(body), nil
	}
	switch strings.ToLower(params["charset"]) {
	case "iso-8859-1", "latin1": // a byte is a code point
		out := make([]rune, len(body))
		for i, c := range body {
			out[i] = rune(c)
		}
		return string(out), nil
	}
	if media == "" {
		media = "of no type"
	}
	return nil, r.fail(event.OutputError, "the body (%s, %s) is no text in UTF-8: write it to a file by save", clean([]byte(media)), times(len(body), "byte"))
}

// unanswered is the outcome of a request without an answer, or with a redirect that is not followed.
func (r *request) unanswered(resp *http.Response, err error) event.Outcome {
	var bad badRedirect
	if errors.As(err, &bad) && resp != nil {
		o := event.Failure(r.httpError(resp, bad.why))
		o.Extra = extra(resp)
		return o
	}
	return event.Failure(r.fail(event.ConnectionError, "%s", r.noAnswer(err)))
}

// noAnswer says why there is no answer, in words.
func (r *request) noAnswer(err error) string {
	var (
		name      *net.DNSError
		unknown   x509.UnknownAuthorityError
		otherHost x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		slow      net.Error
		outer     interface{ Unwrap() error }
	)
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Sprintf("the host %s was not found", name.Name)
	case errors.As(err, &name):
		return fmt.Sprintf("the host %s cannot be looked up: %s", name.Name, name.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused: nothing listens there"
	case errors.As(err, &unknown):
		return "the server's certificate is signed by nobody who is trusted: name the signer's file by tls: {ca: FILE}"
	case errors.As(err, &otherHost), errors.As(err, &invalid):
		return "the server's certificate is not valid: " + innermost(err)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return "the server does not speak TLS: http:// instead of https://?"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset before an answer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection without an answer"
	case errors.As(err, &slow) && slow.Timeout():
		return fmt.Sprintf("no connection within %s", event.FormatDuration(connectTimeout))
	}
	if errors.As(err, &outer) {
		err = outer.Unwrap() // url.Error repeats the method and the whole URL
	}
	text := clean([]byte(err.Error()))
	if _, wrong, ok := strings.Cut(text, "transport connection broken: "); ok {
		return "the answer is not HTTP: " + wrong
	}
	return text
}

func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// clean is b to be shown: events are JSON, so what is no UTF-8 is replaced.
func clean(b []byte) string { return strings.ToValidUTF8(string(b), "\uFFFD") }
