package plan

import (
	"fmt"
	"math"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/spec/ast"
	"github.com/flowrun/flowrun/pkg/spec/diag"
	"github.com/flowrun/flowrun/pkg/spec/expr"
)

// bound is a limit that is known before a run; the zero bound is none.
type bound struct {
	d    time.Duration
	word string
	t    *expr.Template // nil: it is cleanup_timeout, and not written
	p    *place         // whose it is
}

func (b bound) pos() diag.Pos {
	if b.t == nil {
		return b.p.pos()
	}
	return b.t.Pos
}

// String names it in a sentence.
func (b bound) String() string {
	if b.t == nil {
		return "cleanup_timeout, which is 1m unless it is written,"
	}
	d, _ := durationOf(b.t)
	return fmt.Sprintf("%s of %s of %s", b.word, event.FormatDuration(d), b.p.title())
}

// or is the shorter one of two bounds; of equal ones b, which is around the other.
func (b bound) or(inner bound) bound {
	if b.d == 0 || inner.d > 0 && inner.d < b.d {
		return inner
	}
	return b
}

// fixed is a limit as a bound.
func fixed(t *expr.Template, word string, p *place) bound {
	d, ok := durationOf(t)
	if !ok || d <= 0 {
		return bound{}
	}
	return bound{d, word, t, p}
}

// durationOf is a duration that is written as such.
func durationOf(t *expr.Template) (time.Duration, bool) {
	if t == nil || t.Shape != expr.Constant {
		return 0, false
	}
	d, err := event.Duration(t.Const)
	return d, err == nil
}

// cleanupLimit is cleanup_timeout where it is not written.
const cleanupLimit = time.Minute

// limits tells of limits that can never expire, for another one around them expires first or in the same instant, and of
// what follows from limits for retries.
func (w *warner) limits(u *unit) {
	inside := make([]bound, len(u.places)) // by number: what bounds the steps in the body of a step
	beside := make([]bound, len(u.places)) // what bounds the step with its handlers
	free := map[*expr.Template]bool{}      // default timeouts that can expire somewhere, as in a shield or a cleanup
	for _, p := range u.places {
		around := bound{}
		if q := p.parent; q != nil {
			switch {
			case p.role == finally, p.role == clause && onCancel(q.step.Handlers.Except[p.index].Match):
				around = cleanup(q)
			case p.role.section() >= clause.section(), p.role == child && q.keeps():
				around = beside[q.num]
			case p.role == child || p.role == do:
				around = inside[q.num].or(returning(q))
			default:
				around = inside[q.num]
			}
		}
		w.readiness(p, around)
		if p.step.Mode.Shield {
			around = bound{}
		}
		b := &p.step.Bounds
		total := around.or(fixed(b.Total, "the total_timeout", p))
		all := total.or(fixed(b.Timeout, "the timeout", p))
		beside[p.num], inside[p.num] = around, all
		w.never(b.Total, "this total_timeout", around)
		w.never(b.Timeout, "this timeout", total)
		if block := p.block(); block != nil {
			w.never(block.Return.After, "this return_after", all)
		}
		if d := p.step.Defaults; d != nil {
			w.pauses(d.Retry)
		}
		w.pauses(p.step.Retry)
		w.retry(p, total)
		if t := p.timeout(); t != b.Timeout && !total.before(t) {
			free[t] = true
		}
	}
	for _, p := range u.places {
		d := p.step.Defaults
		switch {
		case d == nil || free[d.Timeout]:
		case p.handled():
			w.never(d.Timeout, "this default", beside[p.num]) // handlers have it, too
		default:
			w.never(d.Timeout, "this default", inside[p.num])
		}
	}
}

// before says that b expires first, or in the same instant as t.
func (b bound) before(t *expr.Template) bool {
	d, ok := durationOf(t)
	return ok && b.d > 0 && b.d <= d
}

// never tells of a limit that another one makes vain.
func (w *warner) never(t *expr.Template, what string, around bound) {
	if !around.before(t) {
		return
	}
	d, _ := durationOf(t)
	w.say(diag.Diagnostic{
		Pos: t.Pos, Code: "timeout-never-expires", Text: fmt.Sprintf("%s of %s can never expire: %s comes first", what, event.FormatDuration(d), around),
		Help: "write a shorter one, or take it out", Other: around.pos(), OtherText: "this one comes first",
	})
}

// returning is what return_after of the wait q leaves to its children. In the last instant a child's own limit is first.
func returning(q *place) bound {
	b := q.block()
	if b.Kind != ast.Wait {
		return bound{}
	}
	out := fixed(b.Return.After, "return_after", q)
	if out.d > 0 {
		out.d++
	}
	return out
}

// cleanup is what bounds the cleanups of q. When a cancel comes in the middle of them its time begins anew, so it is double.
func cleanup(q *place) bound {
	t := q.step.Bounds.Cleanup
	if t == nil {
		return bound{d: 2 * cleanupLimit, p: q}
	}
	out := fixed(t, "the cleanup_timeout", q)
	out.d *= 2
	return out
}

// readiness looks at the limit of a service's probe.
func (w *warner) readiness(p *place, around bound) {
	if p.step.Mode.Ready == nil {
		return
	}
	for _, a := range p.step.Mode.Ready.Args {
		if a.Key.Text == "timeout" {
			w.never(a.Value, "this timeout", around)
		}
	}
}

// pauses looks at the pauses of a retry by themselves.
func (w *warner) pauses(r *ast.Retry) {
	if r == nil || r.Delay != nil {
		return
	}
	for _, x := range []struct {
		word string
		t    *expr.Template
	}{{"factor", r.Factor}, {"max_delay", r.MaxDelay}, {"jitter", r.Jitter}} {
		if x.t != nil {
			w.add(x.t.Pos, "retry-without-delay", "write delay: 1s beside it", "without delay there is no pause between attempts, and %s has no effect", x.word)
			return
		}
	}
}

const (
	fewAttempts  = 10            // with more of them, a limit is what is to end a retry
	manyAttempts = 100           // pauses behind that are not added up
	longPause    = 6 * time.Hour // kernel: an error that asks for more is not tried again
)

// retry looks at the retry in force for p, which is bounded by total.
func (w *warner) retry(p *place, total bound) {
	if r := p.retry(); r != nil && p.limited() && !p.inBack && p.timeout() == nil && total.d == 0 && unbounded(p) {
		w.say(diag.Diagnostic{
			Pos: r.Pos, Code: "retry-without-timeout", Text: "an attempt that hangs is never tried again, for it has no timeout",
			Help: "write a timeout beside the retry; it bounds one attempt",
		})
	}
	r := p.step.Retry
	if r == nil || r.Until != nil {
		return
	}
	attempts, ok := wholeOf(r.Attempts)
	if !ok {
		return
	}
	if attempts == 1 && !(p.limited() && p.rules != nil && p.rules.retry != nil) {
		w.add(r.Attempts.Pos, "retry-once", "write attempts: 2 to try it once more, or take the retry out",
			"attempts counts the first one: this is tried once, and never again")
	}
	delay, ok := durationOf(r.Delay)
	factor, isFactor := numberOf(r.Factor, 1)
	jitter, isJitter := numberOf(r.Jitter, 0)
	most, capped := durationOf(r.MaxDelay)
	if !ok || delay <= 0 || !isFactor || !isJitter || r.MaxDelay != nil && !capped {
		return
	}
	if !capped {
		most = math.MaxInt64 / 4
	}
	sum, least := 0.0, 0.0 // of the pauses, and with the best of luck
	for n := 1; n < min(attempts, manyAttempts); n++ {
		pause := min(float64(delay)*math.Pow(factor, float64(n-1)), float64(most))
		sum += pause
		least += pause * max(0, 1-jitter)
		if total.d > 0 && least >= float64(total.d) {
			if attempts <= fewAttempts {
				w.say(diag.Diagnostic{
					Pos: r.Attempts.Pos, Code: "pauses-too-long", Other: total.pos(), OtherText: "this one comes first",
					Text: fmt.Sprintf("only %d of %d attempts can begin: the pauses are longer than %s", n, attempts, total),
					Help: "write a shorter delay or a longer limit",
				})
			}
			return
		}
		if factor > 1 && !capped && sum > float64(longPause) && total.d == 0 {
			w.say(diag.Diagnostic{
				Pos: r.Factor.Pos, Code: "pauses-too-long",
				Text: fmt.Sprintf("the pauses grow and grow: after attempt %d they add up to %s", n, event.FormatDuration(time.Duration(sum).Round(time.Minute))),
				Help: "write max_delay: 5m, or a total_timeout",
			})
			return
		}
	}
}

// unbounded says that no computed limit is around p either.
func unbounded(p *place) bool {
	for q := p; q != nil; q = q.parent {
		if q.step.Bounds.Total != nil || q.step.Bounds.Timeout != nil {
			return false
		}
		if b := q.block(); b != nil && b.Return.After != nil {
			return false
		}
	}
	return true
}

func wholeOf(t *expr.Template) (int, bool) {
	if t == nil || t.Shape != expr.Constant {
		return 0, false
	}
	n, ok := t.Const.(int)
	return n, ok
}

func numberOf(t *expr.Template, otherwise float64) (float64, bool) {
	if t == nil {
		return otherwise, true
	}
	if f, ok := t.Const.(float64); ok && t.Shape == expr.Constant {
		return f, true
	}
	n, ok := wholeOf(t)
	return float64(n), ok
}
