//go:build !linux

// Command record makes a moving picture of a run, on Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "record: pictures are made on Linux")
	os.Exit(1)
}
