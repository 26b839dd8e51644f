//go:build !linux

package process

// Conceal keeps the memory and the environment of this process from others of the same user, where a system can.
func Conceal() {}
