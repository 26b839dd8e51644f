package kernel

import (
	"hash/fnv"
	"math"
	"strconv"
	"time"

	"github.com/flowrun/flowrun/pkg/executor/event"
	"github.com/flowrun/flowrun/pkg/executor/plan"
)

// retryAct runs its child again and again: pauses lie between attempts, and in a pause nothing is held.
type retryAct struct {
	base
	N        *plan.Retry
	Child    id
	Attempts int
	Pausing  bool
	Last     *event.Error
}

func (a *retryAct) begin(k *Kernel) {
	s := k.step(&a.base)
	s.Attempt = 1
	if sl := k.own(a.Frame, a.N.Slot); sl != nil {
		sl.Attempt = 1
	}
	n, err := k.whole(&a.base, a.N.Attempts, "attempts", 1)
	if err != nil {
		k.failAttempt(&a.base, err)
		return
	}
	a.Attempts = n
	a.Child = k.begin(&a.base, a.N.Body, a.Frame)
}

func (a *retryAct) ended(k *Kernel, _ int32, o event.Outcome) {
	a.Child = 0
	s := k.step(&a.base)
	if a.Stop != nil || o.Status == event.Cancelled {
		o.Last = withAttempts(a.Last, int(s.Attempt))
		k.endAs(&a.base, o)
		return
	}
	again := false
	switch o.Status {
	case event.Succeeded:
		if a.N.Until == nil {
			k.end(&a.base, o)
			return
		}
		enough, err := k.condition(&a.base, a.N.Until, map[string]any{"value": o.Value, "attempt": int(s.Attempt)})
		if err == nil && enough {
			k.end(&a.base, o)
			return
		}
		if again = err == nil; again {
			err = event.Errorf(event.UntilError, "until was still false after attempt %d", s.Attempt)
		}
		o = k.failure(&a.base, err)
	case event.Failed:
		matched, err := k.retriable(&a.base, a.N.Match, o.Err)
		if err != nil {
			o = k.failure(&a.base, err)
		}
		again = matched
	default:
		panic("kernel: an attempt cannot be " + o.Status.String())
	}
	a.Last = o.Err
	wish := wished(o.Err)
	if !again || int(s.Attempt) >= a.Attempts || s.NoMore || wish > maxWish {
		o.Err = withAttempts(o.Err, int(s.Attempt))
		k.end(&a.base, o)
		return
	}
	pause, err := a.pause(k, s)
	if err != nil {
		k.fail(&a.base, err)
		return
	}
	pause = max(pause, wish)
	s.Phase = between
	k.emit(event.Event{
		Type: event.StepRetry, Path: s.path(k), Attempt: int(s.Attempt), Where: s.Place, In: pause,
		Outcome: event.Outcome{Err: o.Err},
	})
	a.Pausing = true
	k.timers.start(k, &a.base, pause)
}

// maxWish is the longest pause that an error can ask for. When it asks for more it is not tried again: a server that is
// away until tomorrow must not hold a run until then, and to come earlier than it says is of no use.
const maxWish = 6 * time.Hour

// wished is how long the next attempt is to wait at least, by the field retry_after (seconds) of what failed: the longest
// wish of a group.
func wished(e *event.Error) time.Duration {
	longest := 0.0
	for _, leaf := range e.Leaves() {
		switch v := leaf.Fields["retry_after"].(type) {
		case int:
			longest = max(longest, float64(v))
		case float64:
			longest = max(longest, v)
		}
	}
	return time.Duration(min(longest, 2*maxWish.Seconds()) * float64(time.Second))
}

// withAttempts is the last error of a retry, which says how often it was tried; nil stays nil.
func withAttempts(e *event.Error, n int) *event.Error {
	if e == nil {
		return nil
	}
	c := *e
	c.Attempts = n
	return &c
}

// retriable says whether an error is tried again: a group when every leaf is. That a step was lost is tried again only where
// it is named: who asks to be told of it (on_crash: fail) has a reason not to do it twice.
func (k *Kernel) retriable(b *base, list []plan.Match, e *event.Error) (bool, *event.Error) {
	for _, leaf := range e.Leaves() {
		if leaf.Type == event.LostError && len(list) == 0 {
			return false, nil
		}
		if ok, err := k.matches(b, list, leaf); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// fired: the pause is over. The next attempt begins with fresh steps, and queues at the back.
func (a *retryAct) fired(k *Kernel) {
	a.Pausing = false
	s := k.step(&a.base)
	s.Attempt++
	if sl := k.own(a.Frame, a.N.Slot); sl != nil {
		sl.Attempt = s.Attempt
	}
	clear(k.frames.All[a.Frame].Slots[a.N.From:a.N.To])
	k.queue.push(message{to: a.Self, kind: msgSignal})
}

func (a *retryAct) signalled(k *Kernel) {
	if a.Child == 0 && !a.Pausing {
		a.Child = k.begin(&a.base, a.N.Body, a.Frame)
	}
}

// pause is how long to wait before the next attempt: delay·factor^(n-1), capped, times 1±jitter.
func (a *retryAct) pause(k *Kernel, s *stepAct) (time.Duration, *event.Error) {
	var delay time.Duration
	if a.N.Delay != nil {
		d, err := k.duration(&a.base, a.N.Delay)
		if err == nil && d < 0 {
			err = event.Errorf(event.ValueError, "delay is %s, want at least 0", event.FormatDuration(d))
		}
		if err != nil {
			return 0, err
		}
		delay = d
	}
	factor, err := k.number(&a.base, a.N.Factor, "factor", 1)
	if err != nil {
		return 0, err
	}
	jitter, err := k.number(&a.base, a.N.Jitter, "jitter", 0)
	if err != nil {
		return 0, err
	}
	p := float64(delay) * math.Pow(factor, float64(s.Attempt-1))
	if a.N.MaxDelay != nil {
		most, err := k.duration(&a.base, a.N.MaxDelay)
		if err == nil && most <= 0 {
			err = event.Errorf(event.ValueError, "max_delay is %s, want more than 0", event.FormatDuration(most))
		}
		if err != nil {
			return 0, err
		}
		p = min(p, float64(most))
	}
	p *= 1 + min(jitter, 1)*k.chance(s)
	return time.Duration(max(0, min(p, math.MaxInt64/2))), nil
}

// chance is a number in [-1, 1) that hangs on the run, the step and the attempt alone, so that a replay pauses alike.
func (k *Kernel) chance(s *stepAct) float64 {
	h := fnv.New64a()
	h.Write([]byte(k.opt.RunID + "\x00" + s.path(k) + "\x00" + strconv.Itoa(int(s.Attempt))))
	x := h.Sum64()
	// The last bytes, those of the attempt, have hardly reached the upper half of an FNV sum: mix it (as MurmurHash3 does).
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	return float64(x>>11)/(1<<52) - 1
}

func (a *retryAct) cancel(k *Kernel, how force) {
	if a.Child == 0 {
		o := event.Stopped(a.Stop)
		o.Last = withAttempts(a.Last, int(k.step(&a.base).Attempt))
		k.end(&a.base, o)
		return
	}
	k.cancel(a.Child, a.Stop, how)
}
