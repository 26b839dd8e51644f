package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// idempotencyKey is the same for every attempt at a step, also in a run that goes on after a crash, and no other step has it.
func idempotencyKey(call kind.Call) string { return digest(16, "idempotency", call.RunID, call.Step) }

// traceparent is the W3C trace context of an attempt. The trace is that in which flowrun itself was started, or one for
// the run; each attempt is a span of its own. All of it is a function of the run, so that nothing has to be remembered.
func traceparent(call kind.Call) string {
	trace, flags := digest(16, "trace", call.RunID), "01"
	// Later versions may have more behind the flags, which is not passed on.
	if m := tracePattern.FindStringSubmatch(variable(call.Env, "TRACEPARENT")); m != nil &&
		m[1] != "ff" && (m[1] != "00" || m[5] == "") && m[2] != zeros[:32] && m[3] != zeros[:16] {
		trace, flags = m[2], m[4]
	}
	return "00-" + trace + "-" + digest(8, "span", call.RunID, call.Step, strconv.Itoa(call.Attempt)) + "-" + flags
}

const zeros = "00000000000000000000000000000000"

var tracePattern = regexp.MustCompile(`^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$`)

// digest is n bytes of a hash over the words, as hexadecimal digits.
func digest(n int, words ...string) string {
	h := sha256.New()
	for _, w := range words {
		h.Write([]byte(w))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:n])
}
