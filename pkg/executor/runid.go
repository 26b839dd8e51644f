package executor

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// crockford is Crockford's base 32: no I, L, O, U; its order is that of the bytes.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewRunID makes an id for a run that begins at t, in the form of a ULID: 48 bits of milliseconds and 80 random
// bits as 26 letters and digits. Ids sort by time.
func NewRunID(t time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(t.UnixMilli())<<16)
	rand.Read(b[6:]) // never fails: it ends the program instead
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var id [26]byte
	for i := len(id) - 1; i >= 0; i-- {
		id[i] = crockford[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(id[:])
}

// startOf is when a run of that id began, by the clock of who made the id; now if nobody knows.
func startOf(id string) time.Time {
	const digits = 10 // of 48 bits
	var ms int64
	for i := range min(len(id), digits) {
		n := strings.IndexByte(crockford, id[i])
		if n < 0 {
			return time.Now()
		}
		ms = ms<<5 | int64(n)
	}
	return time.UnixMilli(ms)
}
