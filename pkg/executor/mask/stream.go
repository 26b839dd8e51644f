package mask

// Stream masks what comes in pieces. It is for one goroutine.
type Stream struct {
	set *Set
	to  func([]byte)
	// held is what may be the begin of a secret, with room for what may be the rest of it.
	held [2 * maxWord]byte
	n    int // of held
	// The bytes to come next that belong to a secret that was found already.
	cover int
	// masked: a secret reaches up to what comes next, and one that begins there is the same ***.
	masked bool
}

var mark = []byte(Mark)

// Stream makes a Stream that passes on to that function what it lets through, at once and in order; the
// function must not keep or change what it gets.
func (s *Set) Stream(to func([]byte)) *Stream { return &Stream{set: s, to: to} }

// Write takes the next bytes, which are the caller's again when it returns. It passes on all but an end that may be the
// begin of a secret, which is less than 32 bytes. That waits for as long as nothing comes: a program that prints a secret
// slowly must not get it through.
func (t *Stream) Write(b []byte) {
	if t.set == nil {
		if len(b) > 0 {
			t.to(b)
		}
		return
	}
	if t.n > 0 {
		old := t.n
		t.n += copy(t.held[t.n:old+min(len(b), maxWord)], b)
		if t.n < old+maxWord { // all of b
			t.settle(t.held[:t.n])
			return
		}
		// Whatever began in what was held back ends, or comes to nothing, in what is there now.
		t.pass(t.held[:t.n], old)
		t.n = 0
	}
	t.settle(b)
}

// settle passes on all of b but what it holds back. b may be what is held back.
func (t *Stream) settle(b []byte) {
	end := max(0, len(b)-maxWord+1)
	for end < len(b) && !t.set.begins(b[end:]) {
		end++
	}
	t.pass(b, end)
	t.n = copy(t.held[:], b[end:])
}

// Close passes on what is held back. Nothing comes after it.
func (t *Stream) Close() {
	t.pass(t.held[:t.n], t.n)
	t.n = 0
}

// pass passes on b up to end. No secret that begins before end ends behind b.
func (t *Stream) pass(b []byte, end int) {
	seen, masked := t.cover, t.masked // what is before seen is passed on, or masked
	for at := 0; at < end; {
		first, last := next(t.set, b, at, end)
		for at = first; at <= last && at < end; at++ {
			n := match(t.set, b[at:])
			if n == 0 {
				continue
			}
			if !masked || at > seen {
				t.plain(b[min(seen, at):at])
				t.to(mark)
				masked = true
			}
			seen = max(seen, at+n)
		}
	}
	if seen < end {
		t.plain(b[seen:end])
		seen, masked = end, false
	}
	t.cover, t.masked = seen-end, masked
}

func (t *Stream) plain(b []byte) {
	if len(b) > 0 {
		t.to(b)
	}
}
