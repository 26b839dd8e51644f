//go:build !unix

package cli

import "io/fs"

// private has nothing to ask a system without users' bits.
func private(string, fs.FileInfo) error { return nil }
