package link

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"io"
	"strings"

	"github.com/flowrun/flowrun/pkg/spec/kind"
)

// With a key file all that a store keeps is encrypted:
//
//	"flowrun sealed 1 " KEY "\n" FILE     KEY is the id of the key (idOf), FILE 16 bytes of chance
//	chunk ...                             of 256 KiB of the text each; the last one has less, and may have nothing
//
// A chunk is a nonce, the text, and a tag. The tag is also one of the header, the name in the store, the number of the chunk, and whether
// it is the last: so none can be missing, moved, or of another file. With another format comes another number.
const (
	sealedBegin = "flowrun sealed 1 "
	fileLen     = 16
	headerLen   = len(sealedBegin) + 2*idLen + len("\n") + fileLen
	chunkLen    = 256 << 10
)

// Store is what s keeps of a run, encrypted if there is a key.
func (k *Keys) Store(s kind.Store, run string) kind.Store { return sealedStore{k, s, run} }

type sealedStore struct {
	keys *Keys
	kind.Store
	run string
}

// Put implements kind.Store.
func (s sealedStore) Put(ctx context.Context, name string, from io.Reader) error {
	if s.keys.first == "" {
		return s.Store.Put(ctx, name, from)
	}
	header := append([]byte(sealedBegin+s.keys.first+"\n"), make([]byte, fileLen)...)
	_, _ = rand.Read(header[headerLen-fileLen:]) // it has no error
	c := s.chunks(from, s.keys.all[s.keys.first], header, name)
	c.next, c.in = c.seal, make([]byte, chunkLen)
	c.left = header
	return s.Store.Put(ctx, name, c)
}

// Get implements kind.Store. The text is checked as it is read: what comes before an error is what was kept, and not all of it.
func (s sealedStore) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	in, err := s.Store.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	text, err := s.open(in, name)
	if err != nil {
		in.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{text, in}, nil
}

func (s sealedStore) open(in io.Reader, name string) (io.Reader, error) {
	header := make([]byte, headerLen)
	n, _, err := fill(in, header)
	if err != nil {
		return nil, err
	}
	rest, sealed := strings.CutPrefix(string(header[:n]), sealedBegin)
	switch {
	case !sealed && s.keys.first == "":
		return io.MultiReader(strings.NewReader(string(header[:n])), in), nil
	case !sealed:
		return nil, errNotSealed
	case n < headerLen:
		return nil, errCut
	}
	gcm, err := s.keys.of(rest[:2*idLen])
	if err != nil {
		return nil, err
	}
	c := s.chunks(in, gcm, header, name)
	c.next, c.in = c.open, make([]byte, chunkLen+gcm.Overhead())
	return c, nil
}

// chunks are those of a file that is read.
func (s sealedStore) chunks(from io.Reader, gcm cipher.AEAD, header []byte, name string) *chunks {
	file := string(header) + s.run + "/" + name + "\x00"
	return &chunks{from: from, gcm: gcm, file: []byte(file)}
}

// errCut is that of a file of which the end is missing.
const errCut = keyError("its end is missing")

// chunks reads a file chunk by chunk, and makes of each another one.
type chunks struct {
	from   io.Reader
	gcm    cipher.AEAD
	file   []byte // what all tags are of
	number uint64
	next   func(chunk []byte, last bool) ([]byte, error)
	in     []byte // the chunk
	out    []byte // what was made of it, and
	left   []byte // what nobody has read yet of that
	err    error  // behind that
}

// Read implements io.Reader.
func (c *chunks) Read(p []byte) (int, error) {
	for len(c.left) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		n, last, err := fill(c.from, c.in)
		if err == nil {
			c.out, err = c.next(c.in[:n], last)
		}
		if err == nil && last {
			err = io.EOF
		}
		if err == nil || err == io.EOF {
			c.left = c.out
		}
		c.err, c.number = err, c.number+1
	}
	n := copy(p, c.left)
	c.left = c.left[n:]
	return n, nil
}

func (c *chunks) seal(text []byte, last bool) ([]byte, error) {
	return c.gcm.Seal(c.out[:0], nil, text, c.tagged(last)), nil
}

func (c *chunks) open(chunk []byte, last bool) ([]byte, error) {
	if len(chunk) == 0 {
		return nil, errCut
	}
	text, err := c.gcm.Open(c.out[:0], nil, chunk, c.tagged(last))
	if err != nil {
		return nil, keyError("it was changed, or cut off, after it had been encrypted")
	}
	return text, nil
}

// tagged is what the tag of the chunk is of beside its text.
func (c *chunks) tagged(last bool) []byte {
	end := byte(0)
	if last {
		end = 1
	}
	return append(binary.BigEndian.AppendUint64(c.file[:len(c.file):len(c.file)], c.number), end)
}

// fill reads until b is full or nothing more comes. io.ReadFull would not tell the end from a connection that breaks.
func fill(in io.Reader, b []byte) (n int, end bool, err error) {
	for n < len(b) {
		m, err := in.Read(b[n:])
		n += m
		if err == io.EOF {
			return n, n < len(b), nil // if b is full, there is an empty one behind it
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}
