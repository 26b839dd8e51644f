package event

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
)

// Trace is the W3C trace context of a run: that in which flowrun itself was started, or one of its own. All of it is a
// function of the run, so that nothing has to be remembered.
type Trace struct {
	ID     string // 32 hexadecimal digits
	Parent string // the span in which flowrun was started, 16 digits; "": there is none
	Flags  string // 2 digits
	run    string
}

// TraceOf is the trace of a run that was started with that TRACEPARENT; "" if there was none. One that is not valid is none.
func TraceOf(runID, traceparent string) Trace {
	// Later versions may have more behind the flags, which is not passed on.
	if m := tracePattern.FindStringSubmatch(traceparent); m != nil &&
		m[1] != "ff" && (m[1] != "00" || m[5] == "") && m[2] != zeros[:32] && m[3] != zeros[:16] {
		return Trace{ID: m[2], Parent: m[3], Flags: m[4], run: runID}
	}
	return Trace{ID: Digest(16, "trace", runID), Flags: "01", run: runID}
}

// Attempt is the span of an attempt of a step.
func (t Trace) Attempt(step string, attempt int) string {
	return Digest(8, "span", t.run, step, strconv.Itoa(attempt))
}

// Span is another span of the run: words make it.
func (t Trace) Span(words ...string) string { return Digest(8, append([]string{t.run}, words...)...) }

// Traceparent is what an attempt hands on.
func (t Trace) Traceparent(step string, attempt int) string {
	return "00-" + t.ID + "-" + t.Attempt(step, attempt) + "-" + t.Flags
}

const zeros = "00000000000000000000000000000000"

var tracePattern = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

// Digest is n bytes of a hash over the words, as hexadecimal digits.
func Digest(n int, words ...string) string {
	h := sha256.New()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:n])
}
