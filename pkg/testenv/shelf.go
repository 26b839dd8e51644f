package testenv

import (
	"context"
	"io"
	"io/fs"
	"strings"
)

// Shelf is a store in memory (kind.Store): what is kept, by name.
type Shelf map[string]string

// Put keeps what is read, unless reading fails.
func (s Shelf) Put(_ context.Context, name string, from io.Reader) error {
	b, err := io.ReadAll(from)
	if err == nil {
		s[name] = string(b)
	}
	return err
}

// Get gives what is kept; fs.ErrNotExist: nothing is.
func (s Shelf) Get(_ context.Context, name string) (io.ReadCloser, error) {
	text, ok := s[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}
